/*
 * --enable-sandbox and --enable-seccomp, as far as they come before Node: ../hardening/prepare.c. Node does the rest, directly before it says
 * that it is ready.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../hardening/hardening.h"
#include "slirp.h"

int harden_prepare(const Settings *settings) {
  Hardening hardening = {.has_sandbox = settings->has_sandbox, .has_seccomp = settings->has_seccomp, .userns = -1, .netns = -1};
  const char *step = "";
  if (!settings->has_sandbox && !settings->has_seccomp) return -1;
  if (settings->kind == BY_PID || settings->kind == BY_PATH) {
    /* The child has entered them just now; that they have gone since is for their watch to tell. */
    const Options options = {.channel = -1, .pid = settings->pid, .netns = settings->path, .userns = settings->userns};
    namespace_open(&options, &hardening.netns, &hardening.userns);
    hardening.path = settings->path;
  }
  const int warden = hardening_prepare(&hardening, &step);
  if (warden >= 0) return warden;
  fprintf(stderr, "sandbox: %s: %s\ndo_slirp is exiting\ndo_slirp failed\nparent failed\n", step, strerror(-warden));
  exit(1);
}

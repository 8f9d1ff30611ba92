/*
 * Becoming Node (../node/start.c), with what it is told by arguments. Of the environment Node gets what is meant for it, NETLOOM_ variables:
 * NODE_OPTIONS of whoever starts a container is not.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../node/start.h"
#include "slirp.h"

extern char **environ;

/* NAME=VALUE arguments, and a final NULL; more than there are below. */
#define ARGUMENTS_MAX 32

typedef struct {
  char *values[ARGUMENTS_MAX];
  size_t count;
} Arguments;

__attribute__((format(printf, 2, 3))) static void add(Arguments *arguments, const char *format, ...) {
  va_list list;
  va_start(list, format);
  if (arguments->count + 1 == ARGUMENTS_MAX || vasprintf(&arguments->values[arguments->count++], format, list) < 0) abort();
  va_end(list);
}

static _Noreturn void fail(const char *what, int error) {
  fprintf(stderr, "netloom: Node.js cannot be started from %s: %s\ndo_slirp failed\nparent failed\n", what, strerror(error));
  exit(1);
}

static void add_addresses(Arguments *arguments, const Settings *settings) {
  char text[INET6_ADDRSTRLEN];
  add(arguments, "cidr=%s/%d", inet_ntop(AF_INET, &settings->network, text, sizeof text), settings->prefix);
  if (settings->has_outbound) add(arguments, "outbound4=%s", inet_ntop(AF_INET, &settings->outbound, text, sizeof text));
  /* An interface is followed: its name goes along. */
  unsigned char any[sizeof(struct in6_addr)];
  if (settings->has_outbound && inet_pton(AF_INET, settings->outbound_text, any) != 1)
    add(arguments, "outbound-interface4=%s", settings->outbound_text);
  if (settings->has_outbound6 && inet_pton(AF_INET6, settings->outbound6_text, any) != 1)
    add(arguments, "outbound-interface6=%s", settings->outbound6_text);
  if (settings->has_outbound6) add(arguments, "outbound6=%s", inet_ntop(AF_INET6, &settings->outbound6, text, sizeof text));
}

/* Descriptors that Node is to have. */
static void add_descriptor(Arguments *arguments, const char *name, int descriptor) {
  if (descriptor < 0) return;
  fcntl(descriptor, F_SETFD, 0);
  add(arguments, "%s=%d", name, descriptor);
}

static void add_all(Arguments *arguments, const Settings *settings, const Tap *tap, int api) {
  const char *slash = strrchr(settings->program, '/');
  add(arguments, "name=%s", slash == NULL ? settings->program : slash + 1);
  add_descriptor(arguments, "tap", tap->descriptor);
  add_descriptor(arguments, "api", api);
  add_descriptor(arguments, "exit", settings->exit_descriptor);
  add_descriptor(arguments, "ready", settings->ready_descriptor);
  add(arguments, "features=%d%d%d%d", tap->vnet, tap->csum, tap->tso, tap->uso);
  add(arguments, "mtu=%d", settings->mtu);
  add_addresses(arguments, settings);
  if (settings->has_ipv6) add(arguments, "ipv6");
  if (settings->has_host_loopback) add(arguments, "host-loopback");
  if (settings->has_dns) add(arguments, "dns");
  if (settings->has_sandbox) add(arguments, "sandbox");
  if (settings->has_seccomp) add(arguments, "seccomp");
  if (settings->kind == BY_PID) add(arguments, "pid=%d", settings->pid);
  if (settings->kind == BY_PATH) add(arguments, "netns=%s", settings->path);
}

static char **own_environment(void) {
  static char *kept[ARGUMENTS_MAX];
  size_t count = 0;
  for (char **variable = environ; *variable != NULL && count + 1 < ARGUMENTS_MAX; variable++)
    if (strncmp(*variable, "NETLOOM_", strlen("NETLOOM_")) == 0) kept[count++] = *variable;
  return kept;
}

void node_exec(const Settings *settings, const Tap *tap, int api) {
  char folder[PATH_MAX];
  Arguments arguments = {.count = 0};
  const int error = start_folder(folder);
  if (error < 0) fail("/proc/self/exe", -error);
  add_all(&arguments, settings, tap, api);
  add_descriptor(&arguments, "warden", harden_prepare(settings));
  char **const environment = own_environment();
  signal(SIGPIPE, SIG_DFL);
  fail(folder, -start_node(folder, "slirp4netns.cjs", arguments.values, environment));
}

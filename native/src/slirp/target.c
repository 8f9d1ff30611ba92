/*
 * Where frames come from: the TAP of a namespace, made by a child that enters it (the launcher's code, and its messages: channel.c), a TAP
 * that the caller has opened, or a socket on which BESS (a software switch) sends a frame a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../pass.h"
#include "slirp.h"

/* Longest message of the channel, and a final zero. */
#define MESSAGE_MAX 97

/* Steps of the launcher, in slirp4netns' words. */
static const struct {
  const char *step, *words;
} WORDS[] = {
    {"userns-join", "setns(CLONE_NEWNET)"},
    {"netns-join", "setns(CLONE_NEWNET)"},
    {"tun-open", "open(\"/dev/net/tun\")"},
    {"tun-create", "ioctl(TUNSETIFF)"},
    {"tun-vnet", "ioctl(TUNSETVNETHDRSZ)"},
    {"lo", "cannot set device up"},
    {"up", "cannot set device up"},
    {"mtu", "cannot set MTU"},
    {"mac", "cannot set MAC address"},
    {"address", "cannot set device address"},
    {"netmask", "cannot set device netmask"},
    {"route", "set route"},
};

static _Noreturn void fail_path(const Settings *settings, const char *kind, int error) {
  if (settings->kind == BY_PATH)
    fprintf(stderr, "%s: %s\n", strcmp(kind, "user") == 0 && settings->userns != NULL ? settings->userns : settings->path, strerror(error));
  else
    fprintf(stderr, "/proc/%d/ns/%s: %s\n", settings->pid, kind, strerror(error));
  fputs("child failed(1)\n", stderr);
  exit(1);
}

static _Noreturn void fail(const Settings *settings, const char *step, int error) {
  /* A file that is none of a namespace. */
  if (strcmp(step, "netns-open") == 0 && error == EINVAL) step = "netns-join";
  if (strcmp(step, "pid") == 0 || strcmp(step, "netns-open") == 0) fail_path(settings, "net", error == ESRCH ? ENOENT : error);
  if (strcmp(step, "userns-open") == 0) fail_path(settings, "user", error);
  const char *words = step;
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
    if (strcmp(WORDS[i].step, step) == 0) words = WORDS[i].words;
  fprintf(stderr, "%s: %s\nchild failed(1)\n", words,
          strcmp(step, "netns-join") == 0 && error == EEXIST ? "it is the network namespace that slirp4netns itself is in" : strerror(error));
  exit(1);
}

/* The child: what the launcher does for `netloom attach`, with slirp4netns' addresses. */
static _Noreturn void make_tap(const Settings *settings, int channel) {
  Options options = {.channel = channel,
                     .mtu = settings->mtu,
                     .has_plain_flags = true,
                     .address = settings_address(settings, 100),
                     .netmask = settings->netmask,
                     .gateway = settings_address(settings, 2),
                     .has_mac = settings->mac_text != NULL,
                     .pid = settings->pid,
                     .netns = settings->path,
                     .userns = settings->userns};
  Tap tap;
  snprintf(options.ifname, sizeof options.ifname, "%s", settings->ifname);
  memcpy(options.mac, settings->mac, sizeof options.mac);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  namespace_join(&options);
  interface_open_tap(&options, &tap);
  if (settings->configures) interface_configure(&options);
  channel_send_tap(&options, &tap);
  fprintf(stderr, "sent tapfd=%d for %s\n", tap.descriptor, settings->ifname);
  _exit(0);
}

/* What the child has said; it has ended. */
static void take_message(const Settings *settings, const char *text, Tap *tap) {
  char step[MESSAGE_MAX];
  int vnet, csum, tso, uso, error;
  if (sscanf(text, "error %96s %d", step, &error) == 2) fail(settings, step, error);
  if (tap->descriptor < 0 || sscanf(text, "tap vnet=%d csum=%d tso=%d uso=%d", &vnet, &csum, &tso, &uso) != 4) return;
  tap->vnet = vnet != 0;
  tap->csum = csum != 0;
  tap->tso = tso != 0;
  tap->uso = uso != 0;
}

static void open_in_namespace(const Settings *settings, Tap *tap) {
  char text[MESSAGE_MAX];
  int ends[2], status = 0;
  pid_t child = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 || (child = fork()) < 0) {
    perror("fork");
    exit(1);
  }
  if (child == 0) make_tap(settings, ends[1]);
  close(ends[1]);
  const ssize_t length = pass_receive(ends[0], text, sizeof text, &tap->descriptor);
  close(ends[0]);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (length > 0) take_message(settings, text, tap);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && tap->descriptor >= 0) return;
  if (WIFEXITED(status))
    fprintf(stderr, "child failed(%d)\n", WEXITSTATUS(status));
  else
    fprintf(stderr, "child failed(wstatus=%d, !WIFEXITED)\n", status);
  exit(1);
}

/* The caller's: a TAP, or anything that has a frame a message. */
static void adopt(const Settings *settings, Tap *tap) {
  tap->descriptor = settings->tap;
  const int flags = fcntl(tap->descriptor, F_GETFL);
  if (flags >= 0 && fcntl(tap->descriptor, F_SETFL, flags | O_NONBLOCK) == 0) {
    interface_adopt(tap);
    return;
  }
  fprintf(stderr, "TAPFD %d: %s\n", tap->descriptor, strerror(errno));
  exit(1);
}

static void accept_bess(const Settings *settings, Tap *tap) {
  const char *step = "";
  const int listener = socket_file_listen(settings->path, SOCK_SEQPACKET, &step);
  if (listener >= 0) {
    fprintf(stderr, "Waiting for connection to %s\n", settings->path);
    step = "accept";
    tap->descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }
  if (tap->descriptor < 0) {
    if (errno == ENAMETOOLONG) fprintf(stderr, "the specified BESS socket path is too long (>= %d)\n", SOCKET_PATH_MAX);
    else fprintf(stderr, "child_bess: %s: %s\n", step, strerror(errno));
    fputs("child failed(1)\n", stderr);
    exit(1);
  }
  close(listener);
  fprintf(stderr, "sent \"tapfd\"=%d (not really TAP) for %s\n", tap->descriptor, settings->path);
}

void target_open(const Settings *settings, Tap *tap) {
  *tap = (Tap){.descriptor = -1};
  if (settings->kind == BY_TAP)
    adopt(settings, tap);
  else if (settings->kind == BY_BESS)
    accept_bess(settings, tap);
  else
    open_in_namespace(settings, tap);
  fprintf(stderr, "received tapfd=%d\n", tap->descriptor);
}

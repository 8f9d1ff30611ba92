/*
 * The launcher's end of the channel to Node: one text message each way at a time, one descriptor with the first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher.h"
#include "pass.h"

/* Longest message: a step's name and an errno. */
#define MESSAGE_MAX 96

/* A descriptor that cannot be passed is told; when Node is gone, nobody is there to be. */
static void send_descriptor(const Options *options, const char *text, int pass) {
  const int error = pass_send(options->channel, text, strlen(text), pass, 0);
  if (error < 0) channel_fail(options, "pass", -error);
}

static bool send_text(const Options *options, const char *text, int pass) {
  return pass_send(options->channel, text, strlen(text), pass, 0) >= 0;
}

static bool send_errno(const Options *options, const char *kind, const char *step, int error) {
  char text[MESSAGE_MAX];
  snprintf(text, sizeof text, "%s%s%s %d", kind, *step ? " " : "", step, error);
  return send_text(options, text, -1);
}

/* Node turns the step and the errno into a line with a remedy. When Node is gone, nobody is there to be told. */
void channel_fail(const Options *options, const char *step, int error) {
  send_errno(options, "error", step, error);
  _exit(1);
}

void channel_warn(const Options *options, const char *step, int error) {
  if (!send_errno(options, "warn", step, error)) _exit(1);
}

void channel_send_exec(const Options *options, int error) { send_errno(options, "exec", "", error); }

void channel_send_tap(const Options *options, const Tap *tap) {
  char text[MESSAGE_MAX];
  snprintf(text, sizeof text, "tap vnet=%d csum=%d tso=%d uso=%d", tap->vnet, tap->csum, tap->tso, tap->uso);
  send_descriptor(options, text, tap->descriptor);
}

void channel_send_socket(const Options *options, const char *name, int descriptor) {
  char text[MESSAGE_MAX];
  snprintf(text, sizeof text, "socket %s", name);
  send_descriptor(options, text, descriptor);
}

void channel_await_go(const Options *options) {
  char text[8];
  ssize_t length;
  do length = recv(options->channel, text, sizeof text, 0);
  while (length < 0 && errno == EINTR);
  if (length != 2 || memcmp(text, "go", 2) != 0) _exit(1);
}

void channel_send_command(const Options *options, pid_t process) {
  char text[MESSAGE_MAX];
  snprintf(text, sizeof text, "command %d", (int)process);
  if (!send_text(options, text, -1)) _exit(1);
}

/* When Node has gone, its end of the channel says so next. */
void channel_send_runs(const Options *options) { send_text(options, "runs", -1); }

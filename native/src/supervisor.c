/*
 * What the launcher becomes when the command has a PID namespace of its own: the process that Node has started, waits
 * for, and ends the sandbox by. It lives outside of that namespace, beside netloom, and is the parent of process 1
 * (init.c) and of the command.
 *
 *     Node ── supervisor ─┬─ process 1 ─── what the command left behind
 *                         └─ command ───── its children
 *
 * The command is in the process group, session and terminal that the user started netloom in, so what is typed reaches
 * it and us alike, as if it had been started without us; all signals are blocked here. What Node has to say comes over
 * the channel:
 *
 *     Node                supervisor
 *     go              ->  lets the command begin
 *                     <-  runs               (or `exec ERRNO` of the command's own)
 *     signal N        ->  is sent to the command
 *     the end         ->  everything is ended
 *
 * When the command has ended, what it left behind may finish within a moment; then all is ended, and we end as the
 * command did.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "launcher.h"

/* How long what the command left behind may go on: a `tee` that has to write what is in its pipe (ms). */
#define GRACE 500
/*
 * How long the end of what was killed is waited for: a process outside may be slow to take notice of its children in
 * there (ms).
 */
#define PATIENCE 2000
/* Longest message of Node's: "signal 64". */
#define WORD_MAX 16

enum { CHANNEL, SIGNALS, GATE, LIFELINE, TERMINAL, COUNT };

typedef struct {
  const Options *options;
  int descriptors[COUNT];
  Init init;
  pid_t command;
  bool has_ended, is_empty; /* The command, process 1. */
  int status;
} Supervisor;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void reap(Supervisor *self) {
  int status;
  for (pid_t process; (process = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (process == self->init.process) self->is_empty = true;
    if (process != self->command) continue;
    self->has_ended = true;
    self->status = status;
  }
}

/* Waits for process 1 until then; false: it is still there. */
static bool await_init(Supervisor *self, int64_t limit) {
  struct pollfd child = {.fd = self->descriptors[SIGNALS], .events = POLLIN};
  struct signalfd_siginfo ignored;
  for (;;) {
    reap(self);
    const int64_t left = limit - now();
    if (self->is_empty || left <= 0) return self->is_empty;
    if (poll(&child, 1, (int)left) > 0) (void)!read(child.fd, &ignored, sizeof ignored);
  }
}

static void end_all(Supervisor *self) {
  kill(self->init.process, SIGKILL);
  await_init(self, now() + PATIENCE);
}

/*
 * Shells that have made groups of their own the terminal's, and cannot name ours in there, leave it with a group that
 * has ended: whoever started us could read nothing from it any more. A group that lives is somebody's.
 */
static void restore_terminal(const Supervisor *self) {
  const int terminal = self->descriptors[TERMINAL];
  const pid_t group = terminal < 0 ? -1 : tcgetpgrp(terminal);
  if (group > 0 && group != getpgrp() && kill(-group, 0) < 0 && errno == ESRCH) tcsetpgrp(terminal, getpgrp());
}

static _Noreturn void end_like(int status) {
  const struct rlimit no_core = {0, 0};
  if (!WIFSIGNALED(status)) _exit(WEXITSTATUS(status));
  const int number = WTERMSIG(status);
  sigset_t set;
  setrlimit(RLIMIT_CORE, &no_core);
  signal(number, SIG_DFL);
  raise(number);
  sigemptyset(&set);
  sigaddset(&set, number);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  _exit(128 + number);
}

/* False: Node has gone, or wants the end. */
static bool obey(const Supervisor *self) {
  char word[WORD_MAX + 1];
  const ssize_t length = recv(self->descriptors[CHANNEL], word, WORD_MAX, MSG_DONTWAIT);
  if (length < 0) return errno == EAGAIN || errno == EINTR;
  word[length] = '\0';
  if (strcmp(word, "go") == 0) return send(self->descriptors[GATE], "", 1, MSG_NOSIGNAL) == 1;
  if (strncmp(word, "signal ", 7) != 0) return false;
  /* Its number cannot be another process's: only we can take notice of its end. */
  if (!self->has_ended) kill(self->command, atoi(word + 7));
  return true;
}

/* The command's end of the gate closes on exec. */
static void gate_closed(Supervisor *self) {
  channel_send_runs(self->options);
  close(self->descriptors[GATE]);
  self->descriptors[GATE] = -1;
}

static void serve(Supervisor *self) {
  struct signalfd_siginfo ignored;
  for (reap(self); !self->has_ended && !self->is_empty; reap(self)) {
    struct pollfd polls[GATE + 1];
    for (int i = 0; i <= GATE; i++) polls[i] = (struct pollfd){.fd = self->descriptors[i], .events = i == GATE ? 0 : POLLIN};
    if (poll(polls, GATE + 1, -1) < 0) continue;
    if (polls[SIGNALS].revents != 0) (void)!read(self->descriptors[SIGNALS], &ignored, sizeof ignored);
    if (polls[GATE].revents != 0) gate_closed(self);
    if (polls[CHANNEL].revents != 0 && !obey(self)) return;
  }
}

static _Noreturn void become_command(const Options *options, int gate) {
  char go;
  if (read(gate, &go, 1) != 1) _exit(1);
  signal_scope_enter();
  sandbox_exec(options);
}

/* All but what is in `descriptors`, which is in the same order as before. */
static void let_go(Supervisor *self, Options *options) {
  descriptors_keep(self->descriptors, COUNT);
  options->channel = self->descriptors[CHANNEL];
  self->init.lifeline = self->descriptors[LIFELINE];
  if (chdir("/") < 0) _exit(1);
  options_rename(options, "netloom-super");
  prctl(PR_SET_DUMPABLE, 0);
}

void supervisor_serve(const Options *options, const Tap *tap, const Init *init) {
  int gate[2];
  sigset_t all, before, child;
  Options own = *options;
  Supervisor self = {.options = &own, .init = *init};
  sigfillset(&all);
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) < 0) channel_fail(options, "supervisor", errno);
  sigprocmask(SIG_SETMASK, &all, &before);
  self.command = fork();
  if (self.command < 0) channel_fail(options, "supervisor", errno);
  if (self.command == 0) {
    close(gate[0]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    become_command(options, gate[1]);
  }
  close(gate[1]);
  const int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) channel_fail(options, "supervisor", errno);
  channel_send_command(options, self.command);
  channel_send_tap(options, tap);
  const int kept[COUNT] = {options->channel, signals, gate[0], init->lifeline, open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)};
  memcpy(self.descriptors, kept, sizeof kept);
  let_go(&self, &own);
  serve(&self);
  if (self.has_ended) {
    init_tell(&self.init);
    await_init(&self, now() + GRACE);
  }
  if (!self.is_empty) end_all(&self);
  restore_terminal(&self);
  end_like(self.has_ended ? self.status : SIGKILL);
}

/*
 * Process 1 of the sandbox's PID namespace. See pid_namespaces(7).
 *
 * It takes the processes whose parents have ended, and does nothing else: when it ends, the kernel ends every other
 * process of the namespace. It ends when the supervisor (supervisor.c) does, whatever ended that. Signals do not concern
 * it: the kernel keeps from process 1 all that it has no handler for, but SIGKILL and SIGSTOP from outside.
 *
 *     supervisor                    process 1
 *     "there is a /proc"        ->  hides from those inside
 *     "the command has ended"   ->  ends when the last process has
 *     end of the lifeline       ->  ends
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"
#include "launcher.h"

static bool hear(int lifeline) {
  char word;
  ssize_t length;
  do length = read(lifeline, &word, 1);
  while (length < 0 && errno == EINTR);
  return length == 1;
}

static _Noreturn void serve(const Options *options, int lifeline) {
  /* The supervisor's end is in the lifeline too; but whoever takes this process over could ignore that. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  options_rename(options, "netloom-init");
  /* Then the kernel keeps no zombies for us. */
  signal(SIGCHLD, SIG_IGN);
  if (chdir("/") < 0) _exit(1);
  lifeline = descriptors_keep(&lifeline, 1);
  if (!hear(lifeline)) _exit(1);
  /* Whoever is root inside cannot trace it now: ptrace(2) asks for a capability outside instead. */
  prctl(PR_SET_DUMPABLE, 0);
  if (hear(lifeline))
    while (waitpid(-1, NULL, 0) >= 0 || errno == EINTR) continue;
  _exit(0);
}

static int enter(void) {
  const int namespace = open("/proc/1/ns/pid", O_RDONLY | O_CLOEXEC);
  if (namespace < 0) return errno;
  const int error = setns(namespace, CLONE_NEWPID) < 0 ? errno : 0;
  close(namespace);
  return error;
}

int init_start(const Options *options, const Views *views, Init *init) {
  int ends[2], error;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return errno;
  /* Not unshare(), which would have our own children in the namespace where it turns out that we do without. */
  init->process = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
  error = init->process < 0 ? errno : 0;
  if (init->process == 0) {
    close(ends[0]);
    serve(options, ends[1]);
  }
  close(ends[1]);
  init->lifeline = ends[0];
  if (error == 0) error = views_mount(views, init->process);
  if (error == 0) error = enter();
  if (error == 0) init_tell(init);
  if (error != 0) {
    close(init->lifeline);
    if (init->process > 0) waitpid(init->process, NULL, 0);
  }
  return error;
}

void init_tell(const Init *init) { (void)!send(init->lifeline, "", 1, MSG_NOSIGNAL); }

/*
 * Signals with their sender. Node tells only a signal's number, but whoever passes signals on to a child has to know whether
 * the terminal sent one (si_code SI_KERNEL: the child, in the same process group, got it too) or another process did.
 *
 *     handler, any thread -> write(pipe, {signo, code, pid}) -> signalRead(fd)
 *
 * Dispositions belong to the process, so one context at a time can have them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "context.h"

/* Standard signals are 1 to 31, one bit each. */
#define SIGNAL_LIMIT 32

/* Below PIPE_BUF, so written whole or not at all. */
typedef struct {
  int32_t signo, code, pid;
} Record;

static _Atomic(Context *) owner;
static atomic_int write_end = -1;
static atomic_int running; /* Handlers between reading write_end and having written to it. */
static int read_end = -1;
static uint32_t installed;
static struct sigaction previous[SIGNAL_LIMIT];

static void on_signal(int signo, siginfo_t *info, void *machine) {
  const int error = errno;
  (void)machine;
  atomic_fetch_add(&running, 1);
  const int descriptor = atomic_load(&write_end);
  if (descriptor >= 0) {
    const Record record = {signo, info->si_code, info->si_pid};
    /* A full pipe drops it: thousands of signals are unread then. */
    const ssize_t written = write(descriptor, &record, sizeof record);
    (void)written;
  }
  atomic_fetch_sub(&running, 1);
  errno = error;
}

/* One thread that takes it is enough. Node blocks SIGUSR1 in all of them at --disable-sigusr1. */
static void unblock(int signo) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signo);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* signalStart(mask): bit n is signal n. Returns the descriptor to wait on; -EBUSY when it runs already. */
static int32_t signal_start(Context *context, const int32_t *argument) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  Context *nobody = NULL;
  int ends[2];
  if (context->arena == NULL) return -EBADF; /* Closed: nobody would stop it. */
  if (!atomic_compare_exchange_strong(&owner, &nobody, context)) return -EBUSY;
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
    const int error = errno;
    atomic_store(&owner, NULL);
    return -error;
  }
  read_end = ends[0];
  installed = 0;
  atomic_store(&write_end, ends[1]);
  sigfillset(&action.sa_mask);
  for (int signo = 1; signo < SIGNAL_LIMIT; signo++) {
    if (((uint32_t)argument[0] >> signo & 1) == 0) continue;
    if (sigaction(signo, &action, &previous[signo]) < 0) {
      const int error = errno;
      signal_stop(context, NULL);
      return -error;
    }
    installed |= (uint32_t)1 << signo;
    unblock(signo);
  }
  return read_end;
}

/* signalUsual(number): the signal has its default effect from now on. */
static int32_t signal_usual(Context *context, const int32_t *argument) {
  (void)context;
  const struct sigaction usual = {.sa_handler = SIG_DFL};
  if (sigaction(argument[0], &usual, NULL) < 0) return -errno;
  unblock(argument[0]);
  return 0;
}

/* signalRead(fd): 1 with scratch[0] = signal, [1] = si_code, [2] = sender's pid; 0 when there is none. */
static int32_t signal_read(Context *context, const int32_t *argument) {
  Record record;
  const ssize_t length = read(argument[0], &record, sizeof record);
  if (length < 0) return errno == EAGAIN ? 0 : -errno;
  if (length != sizeof record) return 0;
  context->scratch[0] = record.signo;
  context->scratch[1] = record.code;
  context->scratch[2] = record.pid;
  return 1;
}

/* signalStop(): the dispositions are what they were, the pipe is closed. Nothing happens when another context has them. */
int32_t signal_stop(Context *context, const int32_t *argument) {
  (void)argument;
  if (atomic_load(&owner) != context) return 0;
  for (int signo = 1; signo < SIGNAL_LIMIT; signo++)
    if (installed >> signo & 1) sigaction(signo, &previous[signo], NULL);
  installed = 0;
  const int descriptor = atomic_exchange(&write_end, -1);
  /* Another thread may be inside the handler with the descriptor in hand; it is there for one write. */
  while (atomic_load(&running) != 0) sched_yield();
  close(descriptor);
  close(read_end);
  atomic_store(&owner, NULL);
  return 0;
}

const Method signal_methods[] = {
    {"signalStart", 1, signal_start},
    {"signalRead", 1, signal_read},
    {"signalStop", 0, signal_stop},
    {"signalUsual", 1, signal_usual},
    {NULL, 0, NULL},
};

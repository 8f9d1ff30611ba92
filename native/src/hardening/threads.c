/*
 * Something done on every thread of this process. Capabilities and Landlock domains are each thread's own, and Node has a dozen threads
 * that are no business of ours; so a signal interrupts them, as the C library does it for setuid() (nptl(7)): signal 33, which neither
 * glibc nor musl lets anybody block.
 *
 *     caller                                other threads
 *     signal 33 to each in /proc/self/task  ->  work(), done
 *     waits for all of them, but those that end
 *     again, until a pass finds no thread that has not done it: one that was just being made
 *     work(), after which /proc may be out of reach
 *
 * A thread that is made by one that has done it has it too: both are inherited.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hardening.h"

#define SIGNAL 33
/* Threads of one process that are remembered; Node has 11 and up to some 40 with workers. */
#define MAX_THREADS 1024
/* How long to wait between two looks (ns), and how often: 10 s at least. A thread that has not done it by
 * then is stopped, or its work hangs; on a machine with ten programs that compute for each core 2 s were too few. */
#define PAUSE 100000
#define MOST_PAUSES 100000

/* struct sigaction as the kernel has it; the C library's function refuses signal 33. */
struct kernel_action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

static int (*job)(const void *argument);
static const void *job_argument;
static atomic_int failure;
/* Those that were found, and whether each has done it. */
static int threads[MAX_THREADS];
static atomic_bool is_done[MAX_THREADS];
static atomic_size_t thread_count;

static void interrupted(int number) {
  const int saved = errno, self = (int)syscall(SYS_gettid);
  (void)number;
  const int error = job(job_argument);
  if (error < 0) atomic_store(&failure, error);
  for (size_t i = 0; i < atomic_load(&thread_count); i++)
    if (threads[i] == self) atomic_store(&is_done[i], true);
  errno = saved;
}

/* sigaction() of the C library knows the way back from a handler; so one is set for another signal, and copied. */
static int take_signal(struct kernel_action *before) {
  struct sigaction wanted = {.sa_handler = interrupted, .sa_flags = SA_RESTART}, old;
  struct kernel_action action;
  if (sigaction(SIGRTMAX, &wanted, &old) < 0) return -errno;
  const long copied = syscall(SYS_rt_sigaction, SIGRTMAX, NULL, &action, sizeof action.mask);
  const int error = copied < 0 ? -errno : 0;
  sigaction(SIGRTMAX, &old, NULL);
  if (error < 0) return error;
  return syscall(SYS_rt_sigaction, SIGNAL, &action, before, sizeof action.mask) < 0 ? -errno : 0;
}

static bool has_ended(int thread) { return syscall(SYS_tgkill, getpid(), thread, 0) < 0; }

static bool await_all(void) {
  const struct timespec pause = {.tv_nsec = PAUSE};
  size_t done = 0;
  for (int waited = 0; waited < MOST_PAUSES; waited++) {
    while (done < atomic_load(&thread_count) && (atomic_load(&is_done[done]) || has_ended(threads[done]))) done++;
    if (done == atomic_load(&thread_count)) return true;
    nanosleep(&pause, NULL);
  }
  return false;
}

static bool is_known(int thread) {
  for (size_t i = 0; i < atomic_load(&thread_count); i++)
    if (threads[i] == thread) return true;
  return false;
}

static void add(int thread, bool has_done) {
  const size_t place = atomic_load(&thread_count);
  threads[place] = thread;
  atomic_store(&is_done[place], has_done);
  atomic_store(&thread_count, place + 1);
}

/* One pass: how many threads were new, or -errno. */
static int signal_new_threads(void) {
  DIR *list = opendir("/proc/self/task");
  if (list == NULL) return -errno;
  int sent = 0, error = 0;
  for (struct dirent *entry; error == 0 && (entry = readdir(list)) != NULL;) {
    const int thread = atoi(entry->d_name);
    if (thread <= 0 || is_known(thread)) continue;
    if (atomic_load(&thread_count) == MAX_THREADS) {
      error = -EMFILE;
      continue;
    }
    add(thread, false);
    if (syscall(SYS_tgkill, getpid(), thread, SIGNAL) == 0) sent++; /* Else it has ended. */
  }
  closedir(list);
  return error < 0 ? error : sent;
}

int threads_each(int (*work)(const void *argument), const void *argument) {
  struct kernel_action before;
  int sent;
  job = work;
  job_argument = argument;
  atomic_store(&thread_count, 0);
  atomic_store(&failure, 0);
  int error = take_signal(&before);
  if (error < 0) return error;
  add((int)syscall(SYS_gettid), true);
  while (error == 0 && (sent = signal_new_threads()) != 0) {
    if (sent < 0)
      error = sent;
    else if (!await_all())
      error = -ETIMEDOUT;
    else
      error = atomic_load(&failure);
  }
  syscall(SYS_rt_sigaction, SIGNAL, &before, NULL, sizeof before.mask);
  return error < 0 ? error : work(argument);
}

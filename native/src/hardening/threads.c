/*
 * Something done on every thread of this process. Capabilities and Landlock domains are each thread's own, and Node has a dozen threads
 * that are no business of ours; so a signal interrupts them, as the C library does it for setuid() (nptl(7)): signal 33, which neither
 * glibc nor musl lets anybody block.
 *
 *     caller                                other threads
 *     signal 33 to each in /proc/self/task  ->  work(), count
 *     waits for the count
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
/* A thread that does not answer within so long has ended just then, or never will (ms). */
#define PATIENCE 2000

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
static atomic_int answers, failure;

static void interrupted(int number) {
  const int saved = errno;
  (void)number;
  const int error = job(job_argument);
  if (error < 0) atomic_store(&failure, error);
  atomic_fetch_add(&answers, 1);
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

static bool await_answers(int wanted) {
  const struct timespec pause = {.tv_nsec = 100000};
  for (int waited = 0; atomic_load(&answers) < wanted; waited++) {
    if (waited > PATIENCE * 10) return false;
    nanosleep(&pause, NULL);
  }
  return true;
}

static bool is_known(const int *threads, size_t count, int thread) {
  for (size_t i = 0; i < count; i++)
    if (threads[i] == thread) return true;
  return false;
}

/* One pass: how many threads were new, or -errno. */
static int signal_new_threads(int *threads, size_t *count) {
  DIR *list = opendir("/proc/self/task");
  if (list == NULL) return -errno;
  int sent = 0, error = 0;
  for (struct dirent *entry; error == 0 && (entry = readdir(list)) != NULL;) {
    const int thread = atoi(entry->d_name);
    if (thread <= 0 || is_known(threads, *count, thread)) continue;
    if (*count == MAX_THREADS) error = -EMFILE;
    if (error < 0 || syscall(SYS_tgkill, getpid(), thread, SIGNAL) < 0) continue; /* It has ended. */
    threads[(*count)++] = thread;
    sent++;
  }
  closedir(list);
  return error < 0 ? error : sent;
}

int threads_each(int (*work)(const void *argument), const void *argument) {
  static int threads[MAX_THREADS];
  struct kernel_action before;
  size_t count = 0;
  int sent, total = 0;
  job = work;
  job_argument = argument;
  atomic_store(&answers, 0);
  atomic_store(&failure, 0);
  int error = take_signal(&before);
  if (error < 0) return error;
  threads[count++] = (int)syscall(SYS_gettid);
  while (error == 0 && (sent = signal_new_threads(threads, &count)) != 0) {
    total += sent;
    if (sent < 0)
      error = sent;
    else if (!await_answers(total))
      error = -ETIMEDOUT;
    else
      error = atomic_load(&failure);
  }
  syscall(SYS_rt_sigaction, SIGNAL, &before, NULL, sizeof before.mask);
  return error < 0 ? error : work(argument);
}

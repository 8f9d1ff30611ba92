/*
 * Closing what a process of ours has inherited and has no use for: it would keep somebody's pipe from ending.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static void close_from(unsigned first) {
  if (syscall(SYS_close_range, first, UINT_MAX, 0) == 0) return;
  for (long descriptor = (long)first, limit = sysconf(_SC_OPEN_MAX); descriptor < limit; descriptor++) close((int)descriptor);
}

/* The kept ones move up out of each other's way before they move down. */
int descriptors_keep(int *kept, int count) {
  for (int i = 0; i < count; i++)
    if (kept[i] >= 0 && kept[i] < count) kept[i] = fcntl(kept[i], F_DUPFD, count);
  for (int i = 0; i < count; i++) {
    if (kept[i] < 0 || dup2(kept[i], i) < 0)
      close(i);
    else
      kept[i] = i;
  }
  close_from((unsigned)count);
  return kept[0];
}

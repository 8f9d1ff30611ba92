/*
 * What a process can do that Node has no function for: pidfds, how many descriptors there may be, giving pages back, closing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "context.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* What getrandom(2) never gives a part of (bytes). */
#define RANDOM_MAX 256

static int32_t close_descriptor(Context *context, const int32_t *argument) {
  (void)context;
  return close(argument[0]) < 0 ? -errno : 0;
}

bool descriptor_is_within(const Context *context, int descriptor, int share) {
  return context->descriptors == 0 || descriptor < context->descriptors / SHARE_ALL * share;
}

/*
 * A descriptor that was just opened for a guest or a stranger, and is to be one of `share` quarters of those that there may be: it is closed, and
 * the outcome is -1 with EMFILE, where it is beyond. The kernel gives the lowest number that is free, so its number says how many are open at
 * least, whoever has opened them, and nobody has to count.
 */
int descriptor_admit(const Context *context, int descriptor, int share) {
  if (descriptor < 0 || descriptor_is_within(context, descriptor, share)) return descriptor;
  close(descriptor);
  errno = EMFILE;
  return -1;
}

/* descriptorLimit(count): from now on so many may be open for others; the rest is for what this process needs itself. 0: no limit. */
static int32_t descriptor_limit(Context *context, const int32_t *argument) {
  if (argument[0] < 0) return -EINVAL;
  context->descriptors = argument[0];
  return 0;
}

/* descriptorRoom(): 0 when there is a descriptor for one more published connection, -EMFILE or -ENFILE when there is not. */
static int32_t descriptor_room(Context *context, const int32_t *argument) {
  (void)argument;
  const int next = descriptor_admit(context, fcntl(context->epoll, F_DUPFD_CLOEXEC, 0), SHARE_PUBLISHED);
  if (next < 0) return -errno;
  close(next);
  return 0;
}

/* pidfdOpen(pid): a descriptor that is readable once the process has ended; it closes on exec. */
static int32_t pidfd_open_of(Context *context, const int32_t *argument) {
  (void)context;
  const long descriptor = syscall(SYS_pidfd_open, argument[0], 0);
  return descriptor < 0 ? -errno : (int32_t)descriptor;
}

/* raiseFileLimit(): the soft limit becomes the hard one; returns what is in force then. */
static int32_t raise_file_limit(Context *context, const int32_t *argument) {
  struct rlimit limit;
  (void)context, (void)argument;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  if (limit.rlim_cur != limit.rlim_max) {
    const struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int32_t)limit.rlim_cur;
}

/* releasePages(at, length): the whole pages inside the range go back to the kernel and read as zero from then on. */
static int32_t release_pages(Context *context, const int32_t *argument) {
  uint8_t *start = arena_range(context, argument[0], argument[1]);
  if (start == NULL) return -EFAULT;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  const uintptr_t first = ((uintptr_t)start + page - 1) & ~(page - 1);
  const uintptr_t last = ((uintptr_t)start + (uintptr_t)argument[1]) & ~(page - 1);
  if (last <= first) return 0;
  return madvise((void *)first, last - first, MADV_DONTNEED) < 0 ? -errno : 0;
}

/* random(count): scratch[0..count): words that nobody can guess. */
static int32_t random_words(Context *context, const int32_t *argument) {
  const size_t length = sizeof *context->scratch * (size_t)argument[0];
  if (argument[0] < 0 || length > RANDOM_MAX) return -EINVAL;
  /* So few bytes come as a whole, once the kernel has gathered any. */
  return getrandom(context->scratch, length, 0) < 0 ? -errno : 0;
}

const Method process_methods[] = {
    {"closeDescriptor", 1, close_descriptor},
    {"descriptorLimit", 1, descriptor_limit},
    {"descriptorRoom", 0, descriptor_room},
    {"pidfdOpen", 1, pidfd_open_of},
    {"raiseFileLimit", 0, raise_file_limit},
    {"random", 1, random_words},
    {"releasePages", 2, release_pages},
    {NULL, 0, NULL},
};

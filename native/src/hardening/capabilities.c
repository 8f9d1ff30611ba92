/*
 * Capabilities of one thread, given up for good. See capabilities(7), "Capability bounding set", and prctl(2).
 *
 * Root gets at exec what its bounding set holds; so that has to shrink, too, and no_new_privs ends set-user-ID programs.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hardening.h"

#define CAPABILITY_BITS 64

static int capget_self(struct __user_cap_data_struct data[2]) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  return syscall(SYS_capget, &header, data) < 0 ? -errno : 0;
}

/* An ordinary user may not (EPERM), and has nothing to lose. */
static int reduce_bounding_set(uint64_t kept) {
  for (int bit = 0; bit < CAPABILITY_BITS; bit++) {
    const int is_held = prctl(PR_CAPBSET_READ, bit, 0, 0, 0);
    if (is_held < 0) return 0; /* There are no more. */
    if (is_held == 0 || (kept >> bit & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) < 0) return errno == EPERM ? 0 : -errno;
  }
  return 0;
}

int capabilities_reduce(uint64_t kept) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  int error = reduce_bounding_set(kept);
  if (error < 0) return error;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) return -errno; /* Absent before Linux 4.3. */
  error = capget_self(data);
  if (error < 0) return error;
  for (int word = 0; word < 2; word++) {
    const uint32_t mask = (uint32_t)(kept >> (32 * word));
    data[word].permitted &= mask;
    data[word].effective = data[word].permitted;
    data[word].inheritable = 0;
  }
  return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int capabilities_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0; }

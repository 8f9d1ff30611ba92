/*
 * User and network namespaces: making our own, and joining somebody's. See user_namespaces(7), setns(2), ioctl_ns(2).
 *
 * Making needs no privilege: a new user namespace gives all capabilities over what is created with it, and its id maps may
 * hold the one line that maps our own id (for more see idmap.c), once setgroups() is given up (so that nobody can drop
 * a group that denies access).
 *
 * Joining a network namespace takes CAP_SYS_ADMIN in the user namespace that owns it. That one is asked of the kernel
 * (NS_GET_USERNS), because a process may live in a deeper user namespace than the owner of its network.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "launcher.h"

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

/* 0 or an errno. The kernel takes a map in one write. */
static int write_file(int folder, const char *path, const char *text) {
  const int file = openat(folder, path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const ssize_t written = write(file, text, strlen(text));
  const int error = written < 0 ? errno : 0;
  close(file);
  return error;
}

static int write_map(int folder, const char *path, unsigned inside, unsigned outside) {
  char line[32];
  snprintf(line, sizeof line, "%u %u 1", inside, outside);
  return write_file(folder, path, line);
}

static void map_own(const Options *options, int proc, uid_t user, gid_t group) {
  int error = write_file(proc, "self/setgroups", "deny");
  if (error != 0 && error != ENOENT) channel_fail(options, "setgroups", error); /* Absent before Linux 3.19, where it was not needed. */
  error = write_map(proc, "self/uid_map", options->maps_root ? 0 : user, user);
  if (error != 0) channel_fail(options, "uidmap", error);
  error = write_map(proc, "self/gid_map", options->maps_root ? 0 : group, group);
  if (error != 0) channel_fail(options, "gidmap", error);
}

void namespace_create(const Options *options, int proc, int flags, const Mapper *mapper) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(CLONE_NEWUSER | flags) < 0) channel_fail(options, "unshare", errno);
  if (options->uid_map != NULL)
    idmap_write(options, mapper);
  else
    map_own(options, proc, user, group);
}

void namespace_unshare(const Options *options, int flags) {
  if (unshare(flags) < 0) channel_fail(options, "unshare", errno);
}

/*
 * A namespace file that somebody names, and may have put something else in place of: nothing is opened for real (a FIFO
 * would block, a device act) before it is known to be one of nsfs. -1 and errno on failure.
 */
static int open_namespace(const char *path) {
  char again[32];
  struct statfs type;
  const int handle = open(path, O_PATH | O_CLOEXEC);
  if (handle < 0) return -1;
  int descriptor = -1;
  if (fstatfs(handle, &type) == 0) {
    errno = EINVAL;
    snprintf(again, sizeof again, "/proc/self/fd/%d", handle);
    if (type.f_type == NSFS_MAGIC) descriptor = open(again, O_RDONLY | O_CLOEXEC);
  }
  const int error = errno;
  close(handle);
  errno = error;
  return descriptor;
}

static bool is_own(int namespace, const char *own) {
  struct stat theirs, ours;
  if (fstat(namespace, &theirs) < 0 || stat(own, &ours) < 0) return false;
  return theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

/* Both through one handle of the process's folder, so that a reused pid cannot mix two processes. */
static void open_process(const Options *options, int *net, int *user) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", options->pid);
  const int process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (process < 0) channel_fail(options, "pid", errno == ENOENT ? ESRCH : errno);
  *net = openat(process, "ns/net", O_RDONLY | O_CLOEXEC);
  if (*net < 0) channel_fail(options, "netns-open", errno);
  *user = options->userns == NULL ? ioctl(*net, NS_GET_USERNS) : open_namespace(options->userns);
  if (*user < 0 && options->userns == NULL) *user = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
  if (*user < 0) channel_fail(options, "userns-open", errno);
  close(process);
}

static void open_paths(const Options *options, int *net, int *user) {
  *net = open_namespace(options->netns);
  if (*net < 0) channel_fail(options, "netns-open", errno);
  /* An owner outside our hierarchy cannot be had (EPERM); joining the network will say so. */
  *user = options->userns == NULL ? ioctl(*net, NS_GET_USERNS) : open_namespace(options->userns);
  if (*user < 0 && options->userns != NULL) channel_fail(options, "userns-open", errno);
}

void namespace_open(const Options *options, int *net, int *user) {
  if (options->pid != 0)
    open_process(options, net, user);
  else
    open_paths(options, net, user);
}

void namespace_join(const Options *options) {
  int net, user, error = 0;
  namespace_open(options, &net, &user);
  /* A default route through a TAP in the namespace that we run in would cut off the host, and the stack with it. */
  if (is_own(net, "/proc/self/ns/net")) channel_fail(options, "netns-join", EEXIST);
  /*
   * Inside, whoever is root there may trace us as long as we are dumpable, and we still hold the host's files and our
   * user's rights: ptrace(2) then asks for a capability on the outside instead.
   */
  prctl(PR_SET_DUMPABLE, 0);
  if (user >= 0 && !is_own(user, "/proc/self/ns/user") && setns(user, CLONE_NEWUSER) < 0) error = errno;
  if (setns(net, CLONE_NEWNET) < 0) channel_fail(options, error != 0 ? "userns-join" : "netns-join", error != 0 ? error : errno);
  if (user >= 0) close(user);
  close(net);
}

/*
 * A root of its own, as slirp4netns' users know it from /proc/PID/root: a tmpfs with two folders.
 *
 *     /      tmpfs, empty otherwise
 *     /etc   the host's, with all that is mounted below it; what the host mounts later appears here, too (slave)
 *     /run   the same: resolv.conf is often a link to there
 *
 * All is read-only, without set-user-ID, devices and programs. Where resolv.conf leads to a file outside both (as WSL has it) that
 * file alone is there, too, at its own path.
 *
 * pivot_root(2) moves the root of every task that had the old one; so it is enough that one process of the mount namespace calls it. New
 * and old root are the same folder then, one mounted over the other, so that no name is left of the old one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hardening.h"

/* Where the new root is made. It hides what is there, from those in this mount namespace, until the pivot. */
#define STAGE "/tmp"
#define RESOLV_CONF "/etc/resolv.conf"
/* As many links as path_resolution(7) follows. */
#define MAX_LINKS 40
#define CLOSED (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* struct mount_attr of linux/mount.h, which does not go together with sys/mount.h. */
struct attributes {
  uint64_t set, clear, propagation, userns;
};
#define ATTRIBUTE_CLOSED 0xf /* MOUNT_ATTR_RDONLY, _NOSUID, _NODEV, _NOEXEC */

static const char *const SHARED[] = {"/etc", "/run"};
#define SHARED_COUNT (sizeof SHARED / sizeof *SHARED)

int sandbox_root_unshare(const char **step) {
  *step = "unshare";
  if (unshare(CLONE_NEWNS) < 0) return -errno;
  *step = "slave";
  return mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ? -errno : 0;
}

/* Without the call (before Linux 5.12) the topmost mount alone, with the flags that it has: those of a user namespace cannot be cleared. */
static int close_mounts(const char *path) {
  const struct attributes attributes = {.set = ATTRIBUTE_CLOSED};
  struct statvfs found;
  if (syscall(SYS_mount_setattr, -1, path, AT_RECURSIVE, &attributes, sizeof attributes) == 0) return 0;
  if (errno != ENOSYS && errno != EPERM) return -errno; /* EPERM: what a container's filter says in place of ENOSYS. */
  unsigned long flags = MS_REMOUNT | MS_BIND | CLOSED;
  if (statvfs(path, &found) < 0) return -errno;
  if (found.f_flag & ST_NOATIME) flags |= MS_NOATIME;
  if (found.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
  if (found.f_flag & ST_RELATIME) flags |= MS_RELATIME;
  return mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

static int share(const char *path) {
  char target[PATH_MAX];
  snprintf(target, sizeof target, STAGE "%s", path);
  if (mkdir(target, 0755) < 0) return -errno;
  if (access(path, F_OK) < 0) return 0;
  if (mount(path, target, NULL, MS_BIND | MS_REC, NULL) < 0) return -errno;
  if (mount(NULL, target, NULL, MS_SLAVE | MS_REC, NULL) < 0) return -errno;
  return close_mounts(target);
}

static bool is_shared(const char *path) {
  for (size_t i = 0; i < SHARED_COUNT; i++) {
    const size_t length = strlen(SHARED[i]);
    if (strncmp(path, SHARED[i], length) == 0 && (path[length] == '/' || path[length] == '\0')) return true;
  }
  return false;
}

/* The folders above a file of the new root. */
static int make_folders(char *path) {
  for (char *slash = strchr(path + strlen(STAGE) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    const int error = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
    *slash = '/';
    if (error < 0) return error;
  }
  return 0;
}

/* `path` is outside of what is shared: a link to what is inside after all (/var/run), so that changes are seen, else the file itself. */
static int share_resolv_conf(const char *path) {
  char real[PATH_MAX], target[PATH_MAX + sizeof STAGE];
  if (realpath(path, real) == NULL) return 0; /* It leads nowhere. */
  snprintf(target, sizeof target, STAGE "%s", path);
  const int error = make_folders(target);
  if (error < 0) return error;
  if (is_shared(real)) return symlink(real, target) < 0 ? -errno : 0;
  const int file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return -errno;
  close(file);
  if (mount(real, target, NULL, MS_BIND, NULL) < 0) return -errno;
  return close_mounts(target);
}

/* Takes "." and ".." out of an absolute path, as text. */
static void normalize(char *path) {
  char *end = path;
  for (const char *at = path; *at != '\0';) {
    while (*at == '/') at++;
    const size_t length = strcspn(at, "/");
    if (length == 2 && memcmp(at, "..", 2) == 0) {
      while (end > path && *--end != '/') continue;
    } else if (length > 0 && !(length == 1 && *at == '.')) {
      *end++ = '/';
      memmove(end, at, length);
      end += length;
    }
    at += length;
  }
  *end = '\0';
}

/* Follows the links one by one to the first that leaves what is shared. */
static int follow_resolv_conf(void) {
  char path[PATH_MAX] = RESOLV_CONF, link[PATH_MAX], joined[2 * PATH_MAX];
  for (int links = 0; links < MAX_LINKS; links++) {
    if (!is_shared(path)) return share_resolv_conf(path);
    const ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) return 0; /* A file, or nothing. */
    link[length] = '\0';
    if (*link == '/')
      snprintf(joined, sizeof joined, "%s", link);
    else
      snprintf(joined, sizeof joined, "%.*s/%s", (int)(strrchr(path, '/') - path), path, link);
    normalize(joined);
    if (strlen(joined) >= sizeof path) return 0;
    strcpy(path, joined);
  }
  return 0;
}

static int pivot(const char **step) {
  *step = "pivot";
  if (chdir(STAGE) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
  *step = "detach";
  if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) return -errno;
  *step = "read-only";
  return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | CLOSED, NULL) < 0 ? -errno : 0;
}

int sandbox_root_enter(const char **step) {
  *step = "tmpfs";
  umask(0);
  if (mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k") < 0) return -errno;
  *step = "bind";
  for (size_t i = 0; i < SHARED_COUNT; i++) {
    const int error = share(SHARED[i]);
    if (error < 0) return error;
  }
  *step = "resolv.conf";
  const int error = follow_resolv_conf();
  return error < 0 ? error : pivot(step);
}

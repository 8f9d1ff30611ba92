/*
 * A root of its own, as slirp4netns' users know it from /proc/PID/root: a tmpfs with two folders.
 *
 *     /      tmpfs, empty otherwise
 *     /etc   the host's, with all that is mounted below it; what the host mounts later appears here, too (slave)
 *     /run   empty but for the folder of each file that resolv.conf leads to: a network manager puts another file in its place. Of that folder the
 *            files alone can be seen: sockets (systemd-resolved's, NetworkManager's) and folders are covered
 *
 * All is read-only, without set-user-ID, devices and programs. Where resolv.conf leads to a file outside both (as WSL has it), or one directly in
 * /run, that file alone is there, too, at its own path. Where it leads to another folder of /run later, that is not followed.
 *
 * pivot_root(2) moves the root of every task that had the old one; so it is enough that one process of the mount namespace calls it. New
 * and old root are the same folder then, one mounted over the other, so that no name is left of the old one.
 */
#include <dirent.h>
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

/* What covers something, until the new root is made. */
#define NO_FILE STAGE "/file"
#define NO_FOLDER STAGE "/folder"

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

static bool is_below(const char *path, const char *folder) {
  const size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
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

/* The folder `path` of the host at `target`. What is mounted there comes along: it may hide what nobody shall see. */
static int bind_folder(const char *path, const char *target) {
  if (mount(path, target, NULL, MS_BIND | MS_REC, NULL) < 0) return -errno;
  return mount(NULL, target, NULL, MS_SLAVE | MS_REC, NULL) < 0 ? -errno : 0;
}

/* All but files and links. */
static int cover_others(const char *folder) {
  DIR *list = opendir(folder);
  char path[2 * PATH_MAX];
  struct stat found;
  int error = list == NULL ? -errno : 0;
  for (struct dirent *entry; error == 0 && (entry = readdir(list)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (lstat(path, &found) < 0 || S_ISREG(found.st_mode) || S_ISLNK(found.st_mode)) continue;
    if (mount(S_ISDIR(found.st_mode) ? NO_FOLDER : NO_FILE, path, NULL, MS_BIND, NULL) < 0 && errno != ENOENT) error = -errno;
  }
  if (list != NULL) closedir(list);
  return error;
}

/* A file alone, as it is now; a link as a link. */
static int share_file(const char *path) {
  char target[PATH_MAX + sizeof STAGE], link[PATH_MAX];
  snprintf(target, sizeof target, STAGE "%s", path);
  const int error = make_folders(target);
  if (error < 0) return error;
  const ssize_t length = readlink(path, link, sizeof link - 1);
  if (length >= 0) {
    link[length] = '\0';
    return symlink(link, target) < 0 && errno != EEXIST ? -errno : 0;
  }
  if (access(path, F_OK) < 0) return 0;
  const int file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return errno == EEXIST ? 0 : -errno;
  close(file);
  if (mount(path, target, NULL, MS_BIND, NULL) < 0) return -errno;
  return close_mounts(target);
}

/* The folder of a file of /run. */
static int share_folder_of(const char *path) {
  char folder[PATH_MAX], target[PATH_MAX + sizeof STAGE];
  const size_t length = (size_t)(strrchr(path, '/') - path);
  memcpy(folder, path, length);
  folder[length] = '\0';
  DIR *list = opendir(folder); /* Of one that cannot be listed it is not known what to cover. */
  if (strcmp(folder, "/run") == 0 || list == NULL) return share_file(path);
  closedir(list);
  snprintf(target, sizeof target, STAGE "%s", folder);
  int error = make_folders(target);
  if (error < 0) return error;
  if (mkdir(target, 0755) < 0) return errno == EEXIST ? 0 : -errno;
  error = bind_folder(folder, target);
  if (error == 0) error = cover_others(target);
  return error < 0 ? error : close_mounts(target);
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

/* The path without links of the folder that a file is in, where it is there: /var/run/x is /run/x. */
static void resolve_folder(char path[PATH_MAX]) {
  char real[PATH_MAX], joined[2 * PATH_MAX];
  char *slash = strrchr(path, '/');
  *slash = '\0';
  const bool is_there = realpath(*path == '\0' ? "/" : path, real) != NULL;
  *slash = '/';
  if (!is_there) return;
  snprintf(joined, sizeof joined, "%s%s", strcmp(real, "/") == 0 ? "" : real, slash);
  if (strlen(joined) < PATH_MAX) strcpy(path, joined);
}

/* What a link names, from where it lies, with the links that its folder is reached by at their place. */
static bool follow(char path[PATH_MAX], const char *link) {
  char joined[2 * PATH_MAX];
  if (*link == '/')
    snprintf(joined, sizeof joined, "%s", link);
  else
    snprintf(joined, sizeof joined, "%.*s/%s", (int)(strrchr(path, '/') - path), path, link);
  normalize(joined);
  if (strlen(joined) >= PATH_MAX || *joined == '\0') return false;
  strcpy(path, joined);
  return true;
}

/* Follows the links one by one, and lets each file on the way be there. */
static int follow_resolv_conf(void) {
  char path[PATH_MAX] = RESOLV_CONF, link[PATH_MAX], named[PATH_MAX];
  for (int links = 0; links < MAX_LINKS; links++) {
    strcpy(named, path);
    resolve_folder(path);
    if (!is_below(path, "/etc")) {
      const int error = is_below(path, "/run") ? share_folder_of(path) : share_file(path);
      if (error < 0) return error;
    }
    /* The name of the link goes by another way (/var/run), which is not in the new root. */
    if (strcmp(named, path) != 0 && !is_below(named, "/etc") && !is_below(named, "/run")) {
      char target[PATH_MAX + sizeof STAGE];
      snprintf(target, sizeof target, STAGE "%s", named);
      const int error = make_folders(target);
      if (error < 0) return error;
      if (symlink(path, target) < 0 && errno != EEXIST) return -errno;
    }
    const ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) return 0; /* A file, or nothing. */
    link[length] = '\0';
    if (!follow(path, link)) return 0;
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
  if (mkdir(STAGE "/etc", 0755) < 0 || mkdir(STAGE "/run", 0755) < 0 || mkdir(NO_FOLDER, 0) < 0) return -errno;
  const int file = open(NO_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  if (file < 0) return -errno;
  close(file);
  int error = bind_folder("/etc", STAGE "/etc");
  if (error == 0) error = close_mounts(STAGE "/etc");
  if (error < 0) return error;
  *step = "resolv.conf";
  error = follow_resolv_conf();
  if (error < 0) return error;
  if (unlink(NO_FILE) < 0 || rmdir(NO_FOLDER) < 0) return -errno;
  return pivot(step);
}

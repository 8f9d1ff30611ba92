/*
 * The mount namespace of `run`, and becoming the command. See mount_namespaces(7), path_resolution(7), getrlimit(2).
 *
 * The host's files are all there and stay as they are; only resolv.conf is covered by a file of our own:
 *
 *     /etc/resolv.conf (a file or a link)  <-bind-  resolv.conf in a tmpfs that is mounted nowhere any more
 *
 * The tmpfs covers /etc for the moment in which the file is written; nobody else is in this mount namespace to see it.
 * The name itself is covered, not what a link leads to: that often does not exist in a container, and on the host its
 * owner replaces it by rename, which would take our mount away with the old file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

#define FOLDER "/etc"
#define NAME "resolv.conf"
#define PATH FOLDER "/" NAME

/* One file, or the upper layer of one folder: a limit against a command that fills it (bytes). */
#define TMPFS_OPTIONS "mode=0755,size=1m"

static const char *by_descriptor(char text[32], int descriptor) {
  snprintf(text, 32, "/proc/self/fd/%d", descriptor);
  return text;
}

static int write_resolv_conf(const char *path, const char *server) {
  const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return errno;
  const int error = fchmod(file, 0644) < 0 || dprintf(file, "nameserver %s\n", server) < 0 ? errno : 0;
  close(file);
  return error;
}

/* Covers the existing name `target` (O_PATH) with a file in the tmpfs that is FOLDER now. */
static int bind_over(int target, const char *server) {
  char from[32], to[32];
  const int failed = write_resolv_conf(PATH, server);
  if (failed != 0) return failed;
  const int source = open(PATH, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) return errno;
  const int error = mount(by_descriptor(from, source), by_descriptor(to, target), "none", MS_BIND, NULL) < 0 ? errno : 0;
  close(source);
  return error;
}

/*
 * There is no such name in /etc: an overlay adds one without writing to the folder below. Needs Linux 5.11. It comes to lie on
 * the tmpfs that holds its upper layer, so that one stays. A folder with mounts of its own cannot be a lower layer (EINVAL).
 */
static int overlay_folder(int folder, const char *server) {
  char layers[160], lower[32], path[32];
  const int upper = open(FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (upper < 0) return errno;
  if (mkdir(FOLDER "/upper", 0755) < 0 || mkdir(FOLDER "/work", 0755) < 0) return errno;
  by_descriptor(path, upper);
  snprintf(layers, sizeof layers, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", by_descriptor(lower, folder), path, path);
  int error = write_resolv_conf(FOLDER "/upper/" NAME, server);
  if (error == 0 && mount("overlay", lower, "overlay", MS_NOSUID | MS_NODEV, layers) < 0) error = errno;
  close(upper);
  return error;
}

/* 0 or an errno, with /etc as it was. */
static int cover_resolv_conf(const char *server) {
  const int folder = open(FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  const int target = openat(folder, NAME, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  int error = target < 0 && errno != ENOENT ? errno : 0;
  if (error == 0 && mount("tmpfs", FOLDER, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, TMPFS_OPTIONS) < 0) error = errno;
  if (error == 0) {
    error = target < 0 ? overlay_folder(folder, server) : bind_over(target, server);
    if (target >= 0 || error != 0) umount2(FOLDER, MNT_DETACH);
  }
  if (target >= 0) close(target);
  close(folder);
  return error;
}

void sandbox_mounts(const Options *options) {
  /* What the host mounts later shows up inside, as for its other processes; nothing that is mounted here reaches the host. */
  if (mount("none", "/", "none", MS_REC | MS_SLAVE, NULL) < 0) channel_fail(options, "mount", errno);
  if (options->dns == NULL) return;
  const int error = cover_resolv_conf(options->dns);
  if (error != 0) channel_warn(options, "resolv", error);
}

/* Node has raised the soft limit of its own. */
static void lower_open_files(const Options *options) {
  struct rlimit limit;
  if (options->open_files < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  const rlim_t wanted = (rlim_t)options->open_files;
  limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* As the program that the user started: what it inherited, minus what is ours, which closes on exec. */
void sandbox_exec(const Options *options) {
  lower_open_files(options);
  execvp(options->command[0], options->command);
  const int error = errno;
  channel_send_exec(options, error);
  _exit(error == ENOENT ? 127 : 126);
}

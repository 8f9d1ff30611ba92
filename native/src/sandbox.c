/*
 * The mount namespace of `run`, and becoming the command. See mount_namespaces(7), path_resolution(7), getrlimit(2).
 *
 * The host's files are all there and stay as they are; only resolv.conf is covered by a file of our own. A mount on the name
 * itself would not last: the kernel takes it away, in every namespace, when the host puts another file or link in the name's
 * place (rename(2)), as network managers do when a VPN comes up. So there is an overlay on the folder, which stays:
 *
 *     /etc  <-overlay-  resolv.conf in a tmpfs, over the host's /etc
 *
 * Its price: another file that the host replaces is seen inside as it was, if it has been looked at there before.
 *
 * Where the kernel has no overlay for us (before Linux 5.11), or the folder has mounts of its own (in a container, where nobody
 * replaces what is mounted), the name is covered after all:
 *
 *     /etc/resolv.conf (a file or a link)  <-bind-  resolv.conf in a tmpfs that is mounted nowhere any more
 *
 * The tmpfs covers /etc for the moment in which the file is written; nobody else is in this mount namespace to see it.
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

static int write_resolv_conf(const char *path, const Options *options) {
  const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return errno;
  int error = fchmod(file, 0644) < 0 || dprintf(file, "nameserver %s\n", options->dns) < 0 ? errno : 0;
  if (error == 0 && options->search != NULL && dprintf(file, "search %s\n", options->search) < 0) error = errno;
  if (error == 0 && options->resolver_options != NULL && dprintf(file, "options %s\n", options->resolver_options) < 0) error = errno;
  close(file);
  return error;
}

/* Covers the existing name `target` (O_PATH) with a file in the tmpfs that is FOLDER now. */
static int bind_over(int target, const Options *options) {
  char from[32], to[32];
  const int failed = write_resolv_conf(PATH, options);
  if (failed != 0) return failed;
  const int source = open(PATH, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) return errno;
  const int error = mount(by_descriptor(from, source), by_descriptor(to, target), "none", MS_BIND, NULL) < 0 ? errno : 0;
  close(source);
  return error;
}

/*
 * An overlay covers the name, or adds it, without writing to the folder below. Needs Linux 5.11. It comes to lie on the tmpfs
 * that holds its upper layer, so that one stays. A folder with mounts of its own cannot be a lower layer (EINVAL).
 */
static int overlay_folder(int folder, const Options *options) {
  char layers[160], lower[32], path[32];
  const int upper = open(FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (upper < 0) return errno;
  int error = mkdir(FOLDER "/upper", 0755) < 0 || chmod(FOLDER "/upper", 0755) < 0 || mkdir(FOLDER "/work", 0755) < 0 ? errno : 0;
  by_descriptor(path, upper);
  snprintf(layers, sizeof layers, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", by_descriptor(lower, folder), path, path);
  if (error == 0) error = write_resolv_conf(FOLDER "/upper/" NAME, options);
  if (error == 0 && mount("overlay", lower, "overlay", MS_NOSUID | MS_NODEV, layers) < 0) error = errno;
  close(upper);
  return error;
}

/* 0 or an errno, with /etc as it was. */
static int cover_resolv_conf(const Options *options) {
  const int folder = open(FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  const int target = openat(folder, NAME, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  int error = target < 0 && errno != ENOENT ? errno : 0;
  if (error == 0 && mount("tmpfs", FOLDER, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, TMPFS_OPTIONS) < 0) error = errno;
  if (error == 0) {
    error = overlay_folder(folder, options);
    const bool is_bound = error != 0 && target >= 0;
    if (is_bound) error = bind_over(target, options);
    if (is_bound || error != 0) umount2(FOLDER, MNT_DETACH);
  }
  if (target >= 0) close(target);
  close(folder);
  return error;
}

void sandbox_mounts(const Options *options) {
  /* What the host mounts later shows up inside, as for its other processes; nothing that is mounted here reaches the host. */
  if (mount("none", "/", "none", MS_REC | MS_SLAVE, NULL) < 0) channel_fail(options, "mount", errno);
  if (options->dns == NULL) return;
  const int error = cover_resolv_conf(options);
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

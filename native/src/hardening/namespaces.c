/*
 * The namespaces of the process that is hardened: a mount namespace that takes what the host mounts, and gives nothing back, and for an ordinary
 * user a user namespace that owns it. A child makes them and hands over a descriptor of each, so that what cannot be had leaves no trace:
 *
 *     ordinary user    1. a user namespace of its own, below ours. The target's is beside it, so the target's root has no capability over what is in
 *                         it, and can neither trace it nor open its memory, though the user may be the same
 *                      2. where none may be made, or nothing be mounted in it (AppArmor), the target's, as slirp4netns does: its root can
 *     root             the one that it is in: a container engine's root, or the machine's. One below would be owned by that user, who has all
 *                      capabilities over it, even one whose own were taken away; what is in ours is traced with CAP_SYS_PTRACE alone
 *
 * Whoever has the same user in a namespace above can trace it unless the machine forbids that (Yama); and can end it by a signal, wherever it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../pass.h"
#include "hardening.h"

/* A step's name and an errno. */
#define MESSAGE_MAX 64
#define USER_FILE "/proc/self/ns/user"
#define MOUNT_FILE "/proc/self/ns/mnt"

typedef enum { OWN, OF_TARGET, SAME } Owner;

static int write_file(const char *path, const char *text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  const int error = write(file, text, strlen(text)) < 0 ? -errno : 0;
  close(file);
  return error;
}

/* Root inside, who keeps at exec the one capability that its bounding set has; outside the user that it is. */
static int make_own(const char **step) {
  char uids[32], gids[32];
  snprintf(uids, sizeof uids, "0 %u 1", (unsigned)geteuid());
  snprintf(gids, sizeof gids, "0 %u 1", (unsigned)getegid());
  *step = "userns-create";
  if (unshare(CLONE_NEWUSER) < 0) return -errno;
  *step = "userns-map";
  int error = write_file("/proc/self/setgroups", "deny");
  if (error == -ENOENT) error = 0; /* Before Linux 3.19. */
  if (error == 0) error = write_file("/proc/self/uid_map", uids);
  return error < 0 ? error : write_file("/proc/self/gid_map", gids);
}

static int make(const Hardening *hardening, Owner owner, const char **step) {
  int error = 0;
  if (owner == OWN) error = make_own(step);
  if (owner == OF_TARGET) {
    *step = "userns-join";
    error = setns(hardening->userns, CLONE_NEWUSER) < 0 ? -errno : 0;
  }
  return error < 0 ? error : sandbox_root_unshare(step);
}

static int send_namespace(int channel, const char *path) {
  const int namespace = open(path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0) return -errno;
  const int error = pass_send(channel, "ok", 2, namespace, 0);
  close(namespace);
  return error < 0 ? error : 0;
}

static _Noreturn void make_and_send(const Hardening *hardening, Owner owner, int channel) {
  char text[MESSAGE_MAX];
  const char *step = "";
  int error = make(hardening, owner, &step);
  if (error == 0) {
    step = "namespace-open";
    error = send_namespace(channel, USER_FILE);
    if (error == 0) error = send_namespace(channel, MOUNT_FILE);
  }
  snprintf(text, sizeof text, "%s %d", step, error);
  if (error < 0) pass_send(channel, text, strlen(text), -1, 0);
  _exit(error < 0);
}

/* A descriptor, or -errno, and where. */
static int receive_namespace(int channel, const char **step) {
  static char failed[MESSAGE_MAX];
  char text[MESSAGE_MAX];
  int descriptor, error = EPIPE;
  const ssize_t length = pass_receive(channel, text, sizeof text, &descriptor);
  if (length > 0 && descriptor >= 0) return descriptor;
  if (length > 0 && sscanf(text, "%63s %d", failed, &error) == 2) {
    *step = failed;
    return error;
  }
  return -error;
}

static int obtain(const Hardening *hardening, Owner owner, Namespaces *made, const char **step) {
  int ends[2], status;
  *step = "namespaces";
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
  const pid_t child = fork();
  if (child == 0) make_and_send(hardening, owner, ends[1]);
  close(ends[1]);
  made->user = child < 0 ? -errno : receive_namespace(ends[0], step);
  made->mount = made->user < 0 ? made->user : receive_namespace(ends[0], step);
  close(ends[0]);
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (made->mount < 0 && made->user >= 0) close(made->user);
  return made->mount < 0 ? made->mount : 0;
}

int namespaces_make(const Hardening *hardening, Namespaces *made, const char **step) {
  if (geteuid() == 0) {
    const int error = obtain(hardening, SAME, made, step);
    if (error == 0) close(made->user);
    made->user = -1;
    return error;
  }
  const int error = obtain(hardening, OWN, made, step);
  if (error == 0 || hardening->userns < 0) return error;
  return obtain(hardening, OF_TARGET, made, step);
}

int namespaces_enter(const Namespaces *namespaces, const char **step) {
  *step = "userns-enter";
  if (namespaces->user >= 0 && setns(namespaces->user, CLONE_NEWUSER) < 0) return -errno;
  *step = "mountns-enter";
  return setns(namespaces->mount, CLONE_NEWNS) < 0 ? -errno : 0;
}

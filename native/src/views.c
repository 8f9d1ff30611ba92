/*
 * The sandbox's own /proc and message queues, mounted where its root cannot take them away. See mount_namespaces(7),
 * "Restrictions on mount namespaces": mounts that come from the mount namespace of an outer user namespace are locked.
 * So they have to be there before the sandbox's mount namespace is made, and be made with rights that it will not have,
 * while the namespaces that they show (PID, IPC) are its own. Only a process that stays in the outer user namespace can
 * do that: it has all rights over the inner one.
 *
 *     launcher, now in the inner user namespace      this process, in the outer one
 *     the PID of process 1                       ->  enters its PID and IPC namespaces, and mounts
 *                                                <-  0, or why there can be no /proc (errno)
 */
#include "views.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher.h"

/* The kernel wants a new /proc to be restricted as the one in sight is. */
static unsigned long flags_of_proc(void) {
  struct statvfs seen;
  unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (statvfs("/proc", &seen) < 0) return flags;
  if (seen.f_flag & ST_RDONLY) flags |= MS_RDONLY;
  if (seen.f_flag & ST_NOATIME) flags |= MS_NOATIME;
  if (seen.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
  return flags | (seen.f_flag & (ST_NOATIME | ST_RELATIME) ? 0 : MS_STRICTATIME);
}

static int enter(int proc, pid_t process, const char *kind, int type) {
  char path[32];
  snprintf(path, sizeof path, "%d/ns/%s", (int)process, kind);
  const int namespace = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0) return errno;
  const int error = setns(namespace, type) < 0 ? errno : 0;
  close(namespace);
  return error;
}

/* What shows a PID namespace is mounted by a process in it: our child. */
static int mount_views(int proc, pid_t process) {
  int error = enter(proc, process, "ipc", CLONE_NEWIPC), status;
  if (error == 0) error = enter(proc, process, "pid", CLONE_NEWPID);
  if (error != 0) return error;
  const pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (mount("proc", "/proc", "proc", flags_of_proc(), NULL) < 0) _exit(errno);
    /* There may be no such folder. */
    mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    _exit(0);
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

void views_prepare(const Options *options, int proc, Views *views) {
  int ends[2];
  pid_t process;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) channel_fail(options, "views", errno);
  views->process = fork();
  if (views->process < 0) channel_fail(options, "views", errno);
  if (views->process == 0) {
    close(ends[0]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(ends[1], &process, sizeof process) != sizeof process) _exit(1);
    const int error = mount_views(proc, process);
    (void)!write(ends[1], &error, sizeof error);
    _exit(0);
  }
  close(ends[1]);
  views->gate = ends[0];
}

int views_mount(const Views *views, pid_t process) {
  int error;
  if (send(views->gate, &process, sizeof process, MSG_NOSIGNAL) != sizeof process) error = EPIPE;
  else if (recv(views->gate, &error, sizeof error, MSG_WAITALL) != sizeof error) error = EPIPE;
  close(views->gate);
  while (waitpid(views->process, NULL, 0) < 0 && errno == EINTR) continue;
  return error;
}

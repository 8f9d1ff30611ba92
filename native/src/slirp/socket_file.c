/*
 * A listening socket with a file in the file system, and somebody who takes the file away again. Nothing in this process could: it may be
 * killed, and with --enable-sandbox the file is out of its reach. So a child without any descriptor but one end of a pipe waits until
 * nobody has the other end any more, removes the file if it is still ours, and ends.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "slirp.h"

/* Nobody else's business: callers are of the same user. */
#define SOCKET_UMASK 0177

/* All but standard input. */
static void close_others(void) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, 1U, ~0U, 0U) == 0) return;
#endif
  /* Before Linux 5.9. */
  DIR *open_files = opendir("/proc/self/fd");
  for (const struct dirent *entry = NULL; open_files != NULL && (entry = readdir(open_files)) != NULL;) {
    const int descriptor = atoi(entry->d_name);
    if (descriptor > STDIN_FILENO && descriptor != dirfd(open_files)) close(descriptor);
  }
}

static _Noreturn void remove_at_end(int pipe_end, const char *path, const struct stat *ours) {
  struct stat now;
  sigset_t all;
  char byte;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  setsid();
  dup2(pipe_end, STDIN_FILENO);
  close_others();
  if (*path == '/' && chdir("/") < 0) _exit(1);
  while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) continue;
  if (lstat(path, &now) == 0 && now.st_dev == ours->st_dev && now.st_ino == ours->st_ino) unlink(path);
  _exit(0);
}

/* 0, or -1 and errno. The end of the pipe that this process keeps has no name: it is open as long as the process is. */
static int guard(const char *path) {
  struct stat ours;
  int ends[2];
  if (lstat(path, &ours) < 0 || pipe2(ends, O_CLOEXEC) < 0) return -1;
  const pid_t child = fork();
  if (child == 0) remove_at_end(ends[0], path, &ours);
  close(ends[0]);
  return child < 0 ? -1 : fcntl(ends[1], F_SETFD, 0);
}

static int bind_file(int descriptor, const struct sockaddr_un *name, const char **step) {
  *step = "bind";
  unlink(name->sun_path);
  const mode_t before = umask(SOCKET_UMASK);
  const int status = bind(descriptor, (const struct sockaddr *)name, sizeof *name);
  umask(before);
  if (status < 0 || guard(name->sun_path) < 0) return -1;
  *step = "listen";
  return listen(descriptor, SOMAXCONN);
}

int socket_file_listen(const char *path, int type, const char **step) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  *step = "socket";
  if (strlen(path) >= sizeof name.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(name.sun_path, path);
  const int descriptor = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (descriptor < 0 || bind_file(descriptor, &name, step) == 0) return descriptor;
  const int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

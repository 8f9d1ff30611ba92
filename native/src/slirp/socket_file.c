/*
 * A listening socket with a file in the file system, and somebody who takes the file away again. Nothing in this process could: it may be
 * killed, and with --enable-sandbox the file is out of its reach. So a child with one end of a pipe and the file itself, and no other
 * descriptor, waits until nobody has the other end any more, removes the file if it is still ours, and ends.
 *
 * The file is held open (O_PATH): as long as it is, no other file is given its inode number, and two files with the same device and inode are
 * one. A successor may bind the path anew while the child is on its way.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
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

/* Of the child: the end of the pipe, and the file. */
#define PIPE STDIN_FILENO
#define HELD STDOUT_FILENO

/* All but those two. */
static void close_others(void) {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, HELD + 1U, ~0U, 0U) == 0) return;
#endif
  /* Before Linux 5.9. */
  DIR *open_files = opendir("/proc/self/fd");
  for (const struct dirent *entry = NULL; open_files != NULL && (entry = readdir(open_files)) != NULL;) {
    const int descriptor = atoi(entry->d_name);
    if (descriptor > HELD && descriptor != dirfd(open_files)) close(descriptor);
  }
}

static bool is_ours(const char *path) {
  struct stat ours, now;
  if (fstat(HELD, &ours) < 0 || lstat(path, &now) < 0) return false;
  return now.st_dev == ours.st_dev && now.st_ino == ours.st_ino;
}

/* The two descriptors may stand on each other's place: both are moved out of the way first. */
static bool take_places(int pipe_end, int file) {
  const int high_pipe = fcntl(pipe_end, F_DUPFD, HELD + 1);
  const int high_file = fcntl(file, F_DUPFD, HELD + 1);
  return high_pipe >= 0 && high_file >= 0 && dup2(high_pipe, PIPE) >= 0 && dup2(high_file, HELD) >= 0;
}

static _Noreturn void remove_at_end(int pipe_end, int file, const char *path) {
  sigset_t all;
  char byte;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  setsid();
  if (!take_places(pipe_end, file)) _exit(1);
  close_others();
  if (*path == '/' && chdir("/") < 0) _exit(1);
  while (read(PIPE, &byte, 1) < 0 && errno == EINTR) continue;
  if (is_ours(path)) unlink(path);
  _exit(0);
}

/* 0, or -1 and errno. The end of the pipe that this process keeps has no name: it is open as long as the process is. */
static int guard(const char *path) {
  int ends[2];
  const int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return -1;
  if (pipe2(ends, O_CLOEXEC) < 0) {
    close(file);
    return -1;
  }
  const pid_t child = fork();
  if (child == 0) remove_at_end(ends[0], file, path);
  close(file);
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

/*
 * Maps of many IDs (user_namespaces(7), newuidmap(1)). A process inside may map its own ID alone; others take a
 * privilege outside: root's, or that of setuid programs, which let users have what /etc/subuid and /etc/subgid give
 * them. So a process stays outside, and writes the maps of the one that has left:
 *
 *     this process                   mapper
 *     unshare()
 *     "is inside"                ->  newuidmap PID MAP, newgidmap PID MAP
 *                                    or, as root and for the inner one of two: /proc/PID/uid_map, gid_map
 *                                <-  which failed, and why (errno)
 *
 * With such maps setgroups(2) is left allowed: newgidmap's to decide.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "idmap.h"
#include "launcher.h"

/* Numbers of a map: three a line, and as many lines as subordinate-ids.ts makes (MAX_LINES). */
#define NUMBERS_MAX (3 * 64)
#define DIGITS 11

typedef struct {
  const Options *options;
  int proc;
  bool is_inner;
  pid_t process; /* Whose maps they are. */
} Duty;

typedef struct {
  int failed; /* 0: neither; 'u' or 'g' */
  int error;
} Report;

/* The numbers of "INSIDE:OUTSIDE:COUNT,..." one by one; how many. */
static int split(char *text, char *numbers[NUMBERS_MAX]) {
  int count = 0;
  char *rest;
  for (char *number = strtok_r(text, ":,", &rest); number != NULL && count < NUMBERS_MAX; number = strtok_r(NULL, ":,", &rest))
    numbers[count++] = number;
  return count;
}

static int write_map(const Duty *duty, const char *name, char *numbers[], int count) {
  char path[32], text[NUMBERS_MAX * (DIGITS + 1)];
  size_t length = 0;
  snprintf(path, sizeof path, "%d/%s", (int)duty->process, name);
  for (int i = 0; i < count; i++) {
    const char *number = numbers[duty->is_inner && i % 3 == 1 ? i - 1 : i];
    length += (size_t)snprintf(text + length, sizeof text - length, "%s%c", number, i % 3 == 2 ? '\n' : ' ');
  }
  const int file = openat(duty->proc, path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const int error = write(file, text, length) < 0 ? errno : 0;
  close(file);
  return error;
}

/* What the program has to say about its reasons is not in our words: Node has those. */
static _Noreturn void become_helper(const char *helper, pid_t process, char *numbers[], int count, int failure) {
  char target[16];
  char *arguments[NUMBERS_MAX + 3] = {(char *)helper, target};
  snprintf(target, sizeof target, "%d", (int)process);
  memcpy(arguments + 2, numbers, (size_t)count * sizeof *numbers);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard < 3; standard++) dup2(null, standard);
  execv(helper, arguments);
  const int error = errno;
  (void)!write(failure, &error, sizeof error);
  _exit(127);
}

static int run_helper(const char *helper, pid_t process, char *numbers[], int count) {
  int failure[2], status = 0, error = 0;
  if (pipe2(failure, O_CLOEXEC) < 0) return errno;
  const pid_t child = fork();
  if (child == 0) become_helper(helper, process, numbers, count, failure[1]);
  if (child < 0) error = errno;
  close(failure[1]);
  if (child > 0) {
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (status != 0 && read(failure[0], &error, sizeof error) != sizeof error) error = EPERM;
  }
  close(failure[0]);
  return error;
}

static int map(const Duty *duty, const char *name, const char *helper, const char *text) {
  char *numbers[NUMBERS_MAX];
  char *copy = strdup(text);
  if (copy == NULL) return ENOMEM;
  const int count = split(copy, numbers);
  const bool may = helper == NULL || duty->is_inner;
  const int error = may ? write_map(duty, name, numbers, count) : run_helper(helper, duty->process, numbers, count);
  free(copy);
  return error;
}

static _Noreturn void serve(const Duty *duty, int gate) {
  const Options *options = duty->options;
  char word;
  Report report = {.failed = 0};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (read(gate, &word, 1) != 1) _exit(1);
  report.error = map(duty, "uid_map", options->uid_helper, options->uid_map);
  if (report.error != 0) report.failed = 'u';
  if (report.failed == 0) {
    report.error = map(duty, "gid_map", options->gid_helper, options->gid_map);
    if (report.error != 0) report.failed = 'g';
  }
  (void)!write(gate, &report, sizeof report);
  _exit(0);
}

void idmap_prepare(const Options *options, int proc, bool is_inner, Mapper *mapper) {
  const Duty duty = {.options = options, .proc = proc, .is_inner = is_inner, .process = getpid()};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) channel_fail(options, "idmap", errno);
  mapper->process = fork();
  if (mapper->process < 0) channel_fail(options, "idmap", errno);
  if (mapper->process == 0) {
    close(ends[0]);
    serve(&duty, ends[1]);
  }
  close(ends[1]);
  mapper->gate = ends[0];
}

void idmap_write(const Options *options, const Mapper *mapper) {
  Report report;
  if (send(mapper->gate, "", 1, MSG_NOSIGNAL) != 1 || recv(mapper->gate, &report, sizeof report, MSG_WAITALL) != sizeof report)
    channel_fail(options, "idmap", EPIPE);
  close(mapper->gate);
  while (waitpid(mapper->process, NULL, 0) < 0 && errno == EINTR) continue;
  if (report.failed == 'u') channel_fail(options, options->uid_helper == NULL ? "uidmap" : "newuidmap", report.error);
  if (report.failed == 'g') channel_fail(options, options->gid_helper == NULL ? "gidmap" : "newgidmap", report.error);
}

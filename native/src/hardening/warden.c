/*
 * The warden: a small process beside the one that is hardened, for the few things that one can do no longer. It sees nothing of what a
 * sandbox sends, and takes three words, each a message of a SOCK_SEQPACKET pair:
 *
 *     Node                warden
 *     root           ->                 gives everybody in its mount namespace the new root (sandbox_root.c), once
 *                    <-   ok
 *     next           ->                 looks for a process in the network namespace
 *                    <-   process       + a pidfd, which is readable when that process has ended
 *                    <-   none
 *     signal N       ->                 sends it to the command, and to nobody else: it was given a pidfd of that
 *                    <-   ok
 *                    <-   error STEP ERRNO      to any of them
 *                    <-   unnamed       unasked: the file that stood for the network namespace does so no longer (slirp4netns, by path)
 *     end            ->                 kills the command, if that still runs, and ends
 *
 * It is outside of the other one's namespaces, where the processes of a sandbox and the host's mounts are seen as whoever started us sees them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../pass.h"
#include "hardening.h"

/* Longest message: a step's name and an errno. */
#define MESSAGE_MAX 96
/* Longest word. */
#define WORD_MAX 15
#define SIGNAL_WORD "signal "
/* What looking into the namespaces of the target's processes takes (ptrace(2), "PTRACE_MODE_READ"). */
#define WARDEN_CAPABILITIES (UINT64_C(1) << 19) /* CAP_SYS_PTRACE */

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

typedef struct {
  int channel;
  int proc;   /* /proc */
  int mounts; /* /proc/self/mountinfo, as long as the file of the namespace is watched; else -1. */
  const WardenDuty *duty;
} Warden;

/* Without a descriptor that fails only where nobody listens any more, which the next recv() tells. */
static int answer(const Warden *warden, const char *text, int pass) { return pass_send(warden->channel, text, strlen(text), pass, 0); }

static void answer_error(const Warden *warden, const char *step, int error) {
  char text[MESSAGE_MAX];
  snprintf(text, sizeof text, "error %s %d", step, -error);
  answer(warden, text, -1);
}

static bool is_inside(const Warden *warden, const char *pid) {
  char path[32];
  struct stat found;
  snprintf(path, sizeof path, "%.16s/ns/net", pid);
  return fstatat(warden->proc, path, &found, 0) == 0 && found.st_ino == warden->duty->inode && found.st_dev == warden->duty->device;
}

/* A pidfd, -1 when there is no process, or -errno. A PID may be given to another process until it is held; so it is looked at again. */
static int find_process(const Warden *warden) {
  const int again = openat(warden->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *list = again < 0 ? NULL : fdopendir(again);
  if (list == NULL) return -errno;
  int found = 0;
  for (struct dirent *entry; found == 0 && (entry = readdir(list)) != NULL;) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !is_inside(warden, entry->d_name)) continue;
    const int process = (int)syscall(SYS_pidfd_open, atoi(entry->d_name), 0);
    if (process < 0 && errno != ESRCH) found = -errno;
    if (process < 0) continue;
    if (is_inside(warden, entry->d_name))
      found = process;
    else
      close(process);
  }
  closedir(list);
  return found;
}

/* What other programs of the user's have in flight counts, too (unix(7), ETOOMANYREFS). */
static void answer_next(const Warden *warden) {
  const int process = find_process(warden);
  const int error = process > 0 ? answer(warden, "process", process) : process;
  if (error < 0) answer_error(warden, "next", error);
  if (process == 0) answer(warden, "none", -1);
  if (process > 0) close(process);
}

static _Noreturn void give_root(const Warden *warden) {
  const char *step = "root";
  int error = namespaces_enter(warden->duty->namespaces, &step);
  if (error == 0) error = sandbox_root_enter(&step);
  if (error < 0) answer_error(warden, step, error);
  _exit(error < 0);
}

/* By a child, which enters the namespaces; what it needs for that is given up with the first time. */
static void answer_root(const Warden *warden) {
  int status = -1;
  const pid_t child = warden->duty->namespaces == NULL ? -1 : fork();
  if (child == 0) give_root(warden);
  if (child < 0) answer_error(warden, "root", -EPERM);
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (status != 0) return;
  const int error = capabilities_reduce(WARDEN_CAPABILITIES);
  if (error < 0)
    answer_error(warden, "capabilities", error);
  else
    answer(warden, "ok", -1);
}

static void answer_signal(const Warden *warden, const char *number) {
  const long outcome = syscall(SYS_pidfd_send_signal, warden->duty->command, atoi(number), NULL, 0);
  if (outcome < 0)
    answer_error(warden, "signal", -errno);
  else
    answer(warden, "ok", -1);
}

/* What was inherited would keep a pipe from ending, or the TAP from going. */
static void close_inherited(const Warden *warden) {
  const Namespaces *namespaces = warden->duty->namespaces;
  const int kept[] = {warden->channel, warden->proc, warden->mounts, warden->duty->command, namespaces == NULL ? -1 : namespaces->user,
                      namespaces == NULL ? -1 : namespaces->mount};
  int highest = 2;
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    if (kept[i] > highest) highest = kept[i];
  for (int descriptor = 3; descriptor < highest; descriptor++) {
    bool is_kept = false;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) is_kept |= descriptor == kept[i];
    if (!is_kept) close(descriptor);
  }
  if (syscall(SYS_close_range, highest + 1, UINT_MAX, 0) < 0) {
    for (long descriptor = highest + 1, limit = sysconf(_SC_OPEN_MAX); descriptor < limit; descriptor++) close((int)descriptor);
  }
  const int null = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; standard++)
    if (null < 0 || dup2(null, standard) < 0) close(standard);
  if (null > 2) close(null);
}

static bool is_named(const Warden *warden) {
  struct stat found;
  return stat(warden->duty->path, &found) == 0 && found.st_ino == warden->duty->inode && found.st_dev == warden->duty->device;
}

/*
 * Returns when there is a word to be read; says so before that when the file of the namespace names it no longer, once. The kernel tells of
 * every change to the mounts (proc(5), /proc/PID/mountinfo).
 */
static void watch_path(Warden *warden) {
  while (warden->mounts >= 0) {
    struct pollfd waiting[] = {{.fd = warden->channel, .events = POLLIN}, {.fd = warden->mounts, .events = POLLPRI}};
    if (!is_named(warden)) {
      answer(warden, "unnamed", -1);
      close(warden->mounts);
      warden->mounts = -1;
      return;
    }
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[0].revents != 0) return;
  }
}

_Noreturn void warden_serve(const WardenDuty *duty) {
  static const int IGNORED[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE};
  Warden warden = {.channel = duty->channel, .duty = duty};
  char word[WORD_MAX + 1];
  /* A terminal's or a group's signals are for the other one; its end is ours. */
  for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++) signal(IGNORED[i], SIG_IGN);
  prctl(PR_SET_NAME, "netloom-warden");
  prctl(PR_SET_DUMPABLE, 0);
  capabilities_no_new_privileges();
  warden.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  warden.mounts = duty->path == NULL ? -1 : open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  close_inherited(&warden);
  if (chdir("/") < 0) _exit(1);
  for (;;) {
    watch_path(&warden);
    const ssize_t length = recv(warden.channel, word, WORD_MAX, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    word[length] = '\0';
    if (strcmp(word, "root") == 0) answer_root(&warden);
    if (strcmp(word, "next") == 0) answer_next(&warden);
    if (strncmp(word, SIGNAL_WORD, sizeof SIGNAL_WORD - 1) == 0) answer_signal(&warden, word + sizeof SIGNAL_WORD - 1);
  }
  /*
   * The kernel tells a child of its parent's death by a signal of the parent's (PR_SET_PDEATHSIG), which its Landlock domain does not let
   * out. One that has ended is not there any more.
   */
  if (duty->command >= 0) syscall(SYS_pidfd_send_signal, duty->command, SIGKILL, NULL, 0);
  _exit(0);
}

/*
 * What makes a compromise of the running process worth little: no capabilities, no way to gain any, none of the host's files, and
 * none of the system calls that lead elsewhere. See capabilities(7), pivot_root(2), seccomp(2), landlock(7).
 *
 *                              before Node starts (one thread)               in Node, when it has loaded everything
 *     netloom-slirp4netns      mount namespace, warden, capabilities          pivot by the warden, seccomp
 *     netloom run, attach      -                                              capabilities, Landlock, seccomp: over all threads
 *
 * Everything here returns 0 or more, or -errno.
 */
#ifndef NETLOOM_HARDENING_H
#define NETLOOM_HARDENING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All that a process of ours may keep: it listens on low ports for others. */
#define KEPT_CAPABILITIES (UINT64_C(1) << 10) /* CAP_NET_BIND_SERVICE */

typedef struct {
  bool has_sandbox; /* --enable-sandbox */
  bool has_seccomp; /* --enable-seccomp */
  int userns;       /* Of the target, to be entered first unless we are root; -1: none. */
  int netns;        /* Of the target: whose processes the warden finds; -1: not known. */
} Hardening;

/*
 * For a program with one thread, last before it becomes Node: afterwards the process has KEPT_CAPABILITIES at most, cannot gain any, and
 * has a child, the warden (warden.c). Returns the descriptor to it, which stays open on exec. On failure -errno, and *step says where.
 * Our working directory is / from then on.
 */
int hardening_prepare(const Hardening *hardening, const char **step);

/* capabilities.c. Of the calling thread: all sets become `kept` at most, no_new_privs. */
int capabilities_reduce(uint64_t kept);
int capabilities_no_new_privileges(void);

/* sandbox_root.c: a mount namespace that takes what the host mounts, and gives nothing back. */
int sandbox_root_unshare(const char **step);
/* A new root with /etc and /run alone, for everybody in the mount namespace. Needs CAP_SYS_ADMIN. */
int sandbox_root_enter(const char **step);

/* warden.c: serves the other end of `channel` until that is closed. */
typedef struct {
  int channel;
  dev_t device;  /* Of the network namespace whose processes are asked for, */
  ino_t inode;   /* as stat(2) has it. */
  bool may_root; /* Whether the mount namespace is ours to give another root. */
  int command;   /* A pidfd of the one process that signals may be sent to; -1: none. */
} WardenDuty;
_Noreturn void warden_serve(const WardenDuty *duty);

/* threads.c: calls `work` on every thread of the process; 0, or the first failure. Without that many threads none is left out. */
int threads_each(int (*work)(const void *argument), const void *argument);

/* rings.c: no io_uring for what this program becomes, nor any new privileges. */
int rings_refuse(void);

/* seccomp.c: over all threads. */
int seccomp_install(void);

/* landlock.c: over all threads; -EOPNOTSUPP or -ENOSYS where the kernel has none. `rules` are lines of text. */
int landlock_install(const char *rules);

#endif

/*
 * What makes a compromise of the running process worth little: no capabilities, no way to gain any, none of the host's files, and
 * none of the system calls that lead elsewhere. See capabilities(7), pivot_root(2), seccomp(2), landlock(7).
 *
 *                              before Node starts (one thread)               in Node, when it has loaded everything
 *     netloom-slirp4netns      namespaces, warden, capabilities               pivot by the warden, seccomp
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
  int userns;       /* Of the target, where there can be none of our own; -1: none. */
  int netns;        /* Of the target: whose processes the warden finds; -1: not known. */
  const char *path; /* The file of that, which may go; NULL: none. */
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

/* namespaces.c: descriptors, which close on exec. */
typedef struct {
  int user; /* -1: ours */
  int mount;
} Namespaces;
int namespaces_make(const Hardening *hardening, Namespaces *made, const char **step);
/* All capabilities over the mount namespace are the caller's then. */
int namespaces_enter(const Namespaces *namespaces, const char **step);

/* sandbox_root.c: a mount namespace that takes what the host mounts, and gives nothing back. */
int sandbox_root_unshare(const char **step);
/* A new root with /etc, and what resolv.conf leads to in /run, for everybody in the mount namespace. Needs CAP_SYS_ADMIN. */
int sandbox_root_enter(const char **step);

/* warden.c: serves the other end of `channel` until that is closed. */
typedef struct {
  int channel;
  dev_t device;  /* Of the network namespace whose processes are asked for, */
  ino_t inode;   /* as stat(2) has it. */
  const char *path;            /* The file of it, of whose end it tells; NULL: none. */
  const Namespaces *namespaces; /* Of the process that is to have another root; NULL: that keeps the one it has. */
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

/*
 * Which system call has which fate in the filter of seccomp.c. Made from what the whole test suite calls on every Node that it is run with, and from
 * what the C library, libuv and V8 call beside it. Three ways to be refused, by what a mistake in this list would cost:
 *
 *     KILL            the rest: another program, process, namespace, root; the kernel itself; a user's files, by ways that nobody here takes
 *     NOT_PERMITTED   EPERM: harmless by itself, or tried by a runtime that goes on without it
 *     NOT_THERE       ENOSYS: the same, where the caller knows another way, as from an older kernel
 *
 * Calls that are newer than this list are NOT_THERE: a C library that learns one has to find its way on older kernels anyway.
 */
#ifndef NETLOOM_SECCOMP_RULES_H
#define NETLOOM_SECCOMP_RULES_H

#include <sys/syscall.h>

typedef enum {
  KILL,
  ALLOW,
  NOT_PERMITTED,
  NOT_THERE,
  /* By their arguments: seccomp.c. */
  SOCKET,
  SOCKET_PAIR,
  THREAD,      /* clone() */
  OWN_PROCESS, /* The first argument is our PID. */
  OWN_LIMITS,  /* It is that, or 0. */
  RING,        /* io_uring_enter(): where there is a ring already */
  FCNTL,
  IOCTL,
} Fate;

typedef struct {
  uint32_t call;
  Fate fate;
} Rule;

/* Those may be newer than the headers; their numbers are the same on every architecture since Linux 5.1. */
enum {
  CALL_IO_URING_SETUP = 425,
  CALL_IO_URING_ENTER = 426,
  CALL_CLONE3 = 435,
  CALL_CLOSE_RANGE = 436,
  CALL_OPENAT2 = 437,
  CALL_FACCESSAT2 = 439,
  CALL_EPOLL_PWAIT2 = 441,
  CALL_LANDLOCK_CREATE_RULESET = 444,
  CALL_LANDLOCK_ADD_RULE = 445,
  CALL_LANDLOCK_RESTRICT_SELF = 446,
  CALL_FUTEX_WAITV = 449,
  CALL_CACHESTAT = 451,
  CALL_FCHMODAT2 = 452,
  CALL_MAP_SHADOW_STACK = 453,
  CALL_FUTEX_WAKE = 454,
  CALL_FUTEX_WAIT = 455,
  CALL_FUTEX_REQUEUE = 456,
  CALL_MSEAL = 462,
  CALL_UNKNOWN = 470, /* From here on. */
};

static const Rule RULES[] = {
    /* What moves packets, and waits for them. */
    {__NR_read, ALLOW}, {__NR_readv, ALLOW}, {__NR_write, ALLOW}, {__NR_writev, ALLOW}, {__NR_recvfrom, ALLOW}, {__NR_recvmsg, ALLOW},
    {__NR_recvmmsg, ALLOW}, {__NR_sendto, ALLOW}, {__NR_sendmsg, ALLOW}, {__NR_sendmmsg, ALLOW}, {__NR_splice, ALLOW}, {__NR_epoll_pwait, ALLOW},
    {CALL_EPOLL_PWAIT2, ALLOW}, {__NR_epoll_ctl, ALLOW}, {__NR_epoll_create1, ALLOW}, {__NR_eventfd2, ALLOW}, {__NR_timerfd_create, ALLOW},
    {__NR_timerfd_settime, ALLOW}, {__NR_timerfd_gettime, ALLOW}, {__NR_ppoll, ALLOW}, {__NR_pselect6, ALLOW},

    /* Sockets. */
    {__NR_socket, SOCKET}, {__NR_socketpair, SOCKET_PAIR}, {__NR_bind, ALLOW}, {__NR_connect, ALLOW}, {__NR_listen, ALLOW}, {__NR_accept, ALLOW},
    {__NR_accept4, ALLOW}, {__NR_shutdown, ALLOW}, {__NR_setsockopt, ALLOW}, {__NR_getsockopt, ALLOW}, {__NR_getsockname, ALLOW},
    {__NR_getpeername, ALLOW},

    /* Descriptors. */
    {__NR_close, ALLOW}, {CALL_CLOSE_RANGE, ALLOW}, {__NR_dup, ALLOW}, {__NR_dup3, ALLOW}, {__NR_pipe2, ALLOW}, {__NR_fcntl, FCNTL},
    {__NR_ioctl, IOCTL}, {__NR_memfd_create, ALLOW},

    /* Files, as far as Landlock or the root lets them be seen: opened, read, written, looked at, the control socket's taken away. */
    {__NR_openat, ALLOW}, {__NR_pread64, ALLOW}, {__NR_preadv, ALLOW}, {__NR_preadv2, ALLOW}, {__NR_pwrite64, ALLOW}, {__NR_pwritev, ALLOW},
    {__NR_pwritev2, ALLOW}, {__NR_lseek, ALLOW}, {__NR_fstat, ALLOW}, {__NR_newfstatat, ALLOW}, {__NR_statx, ALLOW}, {__NR_statfs, ALLOW},
    {__NR_fstatfs, ALLOW}, {__NR_faccessat, ALLOW}, {CALL_FACCESSAT2, ALLOW}, {__NR_readlinkat, ALLOW}, {__NR_getdents64, ALLOW},
    {__NR_getcwd, ALLOW}, {__NR_unlinkat, ALLOW}, {__NR_ftruncate, ALLOW}, {__NR_fallocate, ALLOW}, {__NR_fadvise64, ALLOW}, {__NR_fsync, ALLOW},
    {__NR_fdatasync, ALLOW}, {__NR_flock, ALLOW}, {__NR_sendfile, ALLOW}, {__NR_umask, ALLOW}, {__NR_inotify_init1, ALLOW},
    {__NR_inotify_add_watch, ALLOW}, {__NR_inotify_rm_watch, ALLOW},

    /* Memory. V8 makes code. */
    {__NR_mmap, ALLOW}, {__NR_munmap, ALLOW}, {__NR_mprotect, ALLOW}, {__NR_mremap, ALLOW}, {__NR_madvise, ALLOW}, {__NR_brk, ALLOW},
    {__NR_msync, ALLOW}, {__NR_mincore, ALLOW}, {__NR_mlock, ALLOW}, {__NR_munlock, ALLOW}, {__NR_membarrier, ALLOW}, {__NR_pkey_alloc, ALLOW},
    {__NR_pkey_free, ALLOW}, {__NR_pkey_mprotect, ALLOW}, {CALL_MSEAL, ALLOW},

    /* Threads. */
    {__NR_clone, THREAD}, {__NR_futex, ALLOW}, {CALL_FUTEX_WAITV, ALLOW}, {CALL_FUTEX_WAKE, ALLOW}, {CALL_FUTEX_WAIT, ALLOW},
    {CALL_FUTEX_REQUEUE, ALLOW}, {__NR_set_robust_list, ALLOW}, {__NR_set_tid_address, ALLOW}, {__NR_rseq, ALLOW}, {__NR_sched_yield, ALLOW},
    {__NR_sched_getaffinity, ALLOW}, {__NR_sched_getparam, ALLOW}, {__NR_sched_getscheduler, ALLOW}, {__NR_sched_get_priority_max, ALLOW},
    {__NR_sched_get_priority_min, ALLOW}, {__NR_getpriority, ALLOW}, {__NR_getcpu, ALLOW}, {__NR_exit, ALLOW}, {__NR_exit_group, ALLOW},
    {__NR_restart_syscall, ALLOW},

    /* Signals: to ourselves alone. The warden sends those that are for the command. */
    {__NR_rt_sigaction, ALLOW}, {__NR_rt_sigprocmask, ALLOW}, {__NR_rt_sigreturn, ALLOW}, {__NR_rt_sigpending, ALLOW}, {__NR_rt_sigsuspend, ALLOW},
    {__NR_rt_sigtimedwait, ALLOW}, {__NR_sigaltstack, ALLOW}, {__NR_signalfd4, ALLOW}, {__NR_kill, OWN_PROCESS}, {__NR_tgkill, OWN_PROCESS},
    {__NR_rt_sigqueueinfo, OWN_PROCESS}, {__NR_rt_tgsigqueueinfo, OWN_PROCESS}, {__NR_tkill, NOT_PERMITTED}, {__NR_wait4, ALLOW},
    {__NR_waitid, ALLOW},

    /* Time, chance, and who we are. */
    {__NR_clock_gettime, ALLOW}, {__NR_clock_getres, ALLOW}, {__NR_clock_nanosleep, ALLOW}, {__NR_nanosleep, ALLOW}, {__NR_gettimeofday, ALLOW},
    {__NR_times, ALLOW}, {__NR_getrandom, ALLOW}, {__NR_getpid, ALLOW}, {__NR_getppid, ALLOW}, {__NR_gettid, ALLOW}, {__NR_getuid, ALLOW},
    {__NR_geteuid, ALLOW}, {__NR_getgid, ALLOW}, {__NR_getegid, ALLOW}, {__NR_getresuid, ALLOW}, {__NR_getresgid, ALLOW}, {__NR_getgroups, ALLOW},
    {__NR_getpgid, ALLOW}, {__NR_getsid, ALLOW}, {__NR_capget, ALLOW}, {__NR_uname, ALLOW}, {__NR_sysinfo, ALLOW}, {__NR_getrusage, ALLOW},
    {__NR_getrlimit, ALLOW}, {__NR_prlimit64, OWN_LIMITS},

    /* Threads are named and given a priority by these; the second network of a process that is hardened tries the others. */
    {__NR_prctl, NOT_PERMITTED}, {__NR_setpriority, NOT_PERMITTED}, {__NR_sched_setaffinity, NOT_PERMITTED}, {__NR_sched_setparam, NOT_PERMITTED},
    {__NR_sched_setscheduler, NOT_PERMITTED}, {__NR_sched_setattr, NOT_PERMITTED}, {__NR_sched_getattr, NOT_PERMITTED}, {__NR_seccomp, NOT_PERMITTED},
    {CALL_LANDLOCK_CREATE_RULESET, NOT_PERMITTED}, {CALL_LANDLOCK_ADD_RULE, NOT_PERMITTED}, {CALL_LANDLOCK_RESTRICT_SELF, NOT_PERMITTED},
    {__NR_personality, NOT_PERMITTED}, {__NR_setrlimit, NOT_PERMITTED}, {__NR_capset, NOT_PERMITTED}, {__NR_setsid, NOT_PERMITTED},
    {__NR_setpgid, NOT_PERMITTED}, {__NR_setitimer, NOT_PERMITTED}, {__NR_getitimer, NOT_PERMITTED},

    /* What a user's program might do to files, and this one does not. */
    {__NR_mkdirat, NOT_PERMITTED}, {__NR_mknodat, NOT_PERMITTED}, {__NR_linkat, NOT_PERMITTED}, {__NR_symlinkat, NOT_PERMITTED},
    {__NR_renameat2, NOT_PERMITTED}, {__NR_truncate, NOT_PERMITTED}, {__NR_fchmod, NOT_PERMITTED}, {__NR_fchmodat, NOT_PERMITTED},
    {CALL_FCHMODAT2, NOT_PERMITTED}, {__NR_fchown, NOT_PERMITTED}, {__NR_fchownat, NOT_PERMITTED}, {__NR_utimensat, NOT_PERMITTED},
    {__NR_chdir, NOT_PERMITTED}, {__NR_fchdir, NOT_PERMITTED}, {__NR_getxattr, NOT_PERMITTED}, {__NR_lgetxattr, NOT_PERMITTED},
    {__NR_fgetxattr, NOT_PERMITTED}, {__NR_listxattr, NOT_PERMITTED}, {__NR_sync, NOT_PERMITTED}, {__NR_syncfs, NOT_PERMITTED},

    /* clone3() has its flags in memory, where a filter cannot look; io_uring would do system calls that no filter sees. */
    {CALL_CLONE3, NOT_THERE}, {CALL_IO_URING_SETUP, NOT_THERE}, {CALL_IO_URING_ENTER, RING}, {CALL_OPENAT2, NOT_THERE}, {CALL_CACHESTAT, NOT_THERE},
    {CALL_MAP_SHADOW_STACK, NOT_THERE}, {__NR_copy_file_range, NOT_THERE}, {__NR_get_mempolicy, NOT_THERE}, {__NR_mbind, NOT_THERE},
    {__NR_set_mempolicy, NOT_THERE}, {__NR_readahead, NOT_THERE}, {__NR_sync_file_range, NOT_THERE}, {__NR_mlock2, NOT_THERE},
    {__NR_tee, NOT_THERE}, {__NR_vmsplice, NOT_THERE},

#ifdef __x86_64__
    /* Older ways to the same. */
    {__NR_epoll_wait, ALLOW}, {__NR_epoll_create, ALLOW}, {__NR_poll, ALLOW}, {__NR_select, ALLOW}, {__NR_dup2, ALLOW}, {__NR_pipe, ALLOW},
    {__NR_eventfd, ALLOW}, {__NR_signalfd, ALLOW}, {__NR_inotify_init, ALLOW}, {__NR_open, ALLOW}, {__NR_stat, ALLOW}, {__NR_lstat, ALLOW},
    {__NR_access, ALLOW}, {__NR_readlink, ALLOW}, {__NR_getdents, ALLOW}, {__NR_unlink, ALLOW}, {__NR_rmdir, ALLOW}, {__NR_time, ALLOW},
    {__NR_getpgrp, ALLOW}, {__NR_pause, ALLOW}, {__NR_arch_prctl, ALLOW}, {__NR_fork, NOT_PERMITTED}, {__NR_vfork, NOT_PERMITTED},
    {__NR_alarm, NOT_PERMITTED}, {__NR_mkdir, NOT_PERMITTED}, {__NR_mknod, NOT_PERMITTED}, {__NR_link, NOT_PERMITTED}, {__NR_symlink, NOT_PERMITTED},
    {__NR_rename, NOT_PERMITTED}, {__NR_renameat, NOT_PERMITTED}, {__NR_creat, NOT_PERMITTED}, {__NR_chmod, NOT_PERMITTED}, {__NR_chown, NOT_PERMITTED},
    {__NR_lchown, NOT_PERMITTED}, {__NR_utime, NOT_PERMITTED}, {__NR_utimes, NOT_PERMITTED}, {__NR_futimesat, NOT_PERMITTED},
#endif
};
#define RULE_COUNT (sizeof RULES / sizeof *RULES)

#endif

/*
 * The system calls that the running process has no use for and that lead elsewhere: other programs, other processes, other namespaces,
 * other roots, the kernel itself. See seccomp(2), "SECCOMP_FILTER_FLAG_TSYNC": the filter is every thread's at once.
 *
 *     another architecture (int 0x80, x32)     killed: its numbers mean other calls
 *     KILLED                                   killed, all threads, SIGSYS
 *     clone() with a namespace's flag          killed
 *     REFUSED                                  EPERM, or ENOSYS: what the C library, libuv or V8 may try, and do without
 *     anything else                            as before
 *
 * clone3() has its flags in memory, where a filter cannot look, so it is not there at all (ENOSYS), and the C library makes its
 * threads by clone(). io_uring would do system calls that no filter sees.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hardening.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

/* Newer than the headers may be; these numbers are the same on every architecture since Linux 5.1. */
#ifndef __NR_open_tree
#define __NR_open_tree 428
#define __NR_move_mount 429
#define __NR_fsopen 430
#define __NR_fsconfig 431
#define __NR_fsmount 432
#define __NR_fspick 433
#endif
#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal 424
#define __NR_io_uring_setup 425
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif

static const int KILLED[] = {
    /* slirp4netns' list, */
    __NR_execve, __NR_execveat, __NR_pidfd_getfd, __NR_pidfd_open, __NR_pidfd_send_signal, __NR_ptrace, __NR_process_vm_readv,
    __NR_process_vm_writev, __NR_delete_module, __NR_finit_module, __NR_init_module, __NR_chroot, __NR_fsconfig, __NR_fsmount,
    __NR_fsopen, __NR_fspick, __NR_mount, __NR_move_mount, __NR_open_tree, __NR_pivot_root, __NR_umount2, __NR_open_by_handle_at,
    __NR_name_to_handle_at, __NR_setns, __NR_unshare, __NR_kexec_load, __NR_reboot,
#ifdef __NR_lookup_dcookie
    __NR_lookup_dcookie,
#endif
#ifdef __NR_umount
    __NR_umount,
#endif
#ifdef __NR_kexec_file_load
    __NR_kexec_file_load,
#endif
    /* and what is of the same kinds. */
    __NR_mount_setattr, __NR_open_tree_attr, __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_add_key, __NR_request_key, __NR_keyctl,
    __NR_acct, __NR_swapon, __NR_swapoff, __NR_quotactl, __NR_kcmp, __NR_sethostname, __NR_setdomainname, __NR_settimeofday,
    __NR_clock_settime,
};
#define KILLED_COUNT (sizeof KILLED / sizeof *KILLED)

static const struct {
  int call, error;
} REFUSED[] = {
    {__NR_prctl, EPERM},           /* Threads are named by it. */
    {__NR_clone3, ENOSYS},
    {__NR_io_uring_setup, ENOSYS}, /* libuv, where it is switched on. */
    {__NR_personality, EPERM},
};
#define REFUSED_COUNT (sizeof REFUSED / sizeof *REFUSED)

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* Of the first argument the lower half, on the machines named above. */
#define ARGUMENT_0 offsetof(struct seccomp_data, args[0])
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, field)
#define IF_EQUAL(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise)
#define IF_SET(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, value, then, otherwise)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

#define MOST_INSTRUCTIONS (16 + 2 * KILLED_COUNT + 2 * REFUSED_COUNT)

/* Each call that has a fate of its own is two instructions, so that no jump is far. */
static unsigned short build(struct sock_filter *code) {
  struct sock_filter *at = code;
  *at++ = (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch));
  *at++ = (struct sock_filter)IF_EQUAL(ARCHITECTURE, 1, 0);
  *at++ = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
  *at++ = (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
  /* -1 is no call; a tracer writes it there to skip one. */
  *at++ = (struct sock_filter)IF_EQUAL(0xffffffff, 2, 0);
  *at++ = (struct sock_filter)IF_SET(X32_BIT, 0, 1);
  *at++ = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
#endif
  for (size_t i = 0; i < KILLED_COUNT; i++) {
    *at++ = (struct sock_filter)IF_EQUAL((uint32_t)KILLED[i], 0, 1);
    *at++ = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
  }
  for (size_t i = 0; i < REFUSED_COUNT; i++) {
    *at++ = (struct sock_filter)IF_EQUAL((uint32_t)REFUSED[i].call, 0, 1);
    *at++ = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | (uint32_t)REFUSED[i].error);
  }
  *at++ = (struct sock_filter)IF_EQUAL(__NR_clone, 0, 3);
  *at++ = (struct sock_filter)LOAD(ARGUMENT_0);
  *at++ = (struct sock_filter)IF_SET(NAMESPACES, 0, 1);
  *at++ = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
  *at++ = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
  return (unsigned short)(at - code);
}

int seccomp_install(void) {
  struct sock_filter code[MOST_INSTRUCTIONS];
  const struct sock_fprog program = {.len = build(code), .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  const long outcome = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (outcome < 0) return -errno;
  /* The number of a thread with a filter of its own, which could not be brought into line. */
  return outcome == 0 ? 0 : -EBUSY;
}

#else
int seccomp_install(void) { return -ENOSYS; }
#endif

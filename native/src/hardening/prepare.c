/*
 * Before Node starts: the order of things. Node cannot do this for itself, for namespaces are left and entered, and capabilities given up,
 * by one thread at a time, and Node has several from its first instant. Nor can it all be done here, for Node and what it loads are
 * below the old root. So the namespaces are made here, the last step is left to the warden, and Node starts without any capability.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hardening.h"

/*
 * The owner of a mount namespace is the user namespace that it is made in. An ordinary user makes it in the target's, where
 * entering gives all capabilities; the user stays who it is, so that its files stay its own.
 */
static int enter(const Hardening *hardening, const char **step) {
  *step = "userns-join";
  if (geteuid() != 0 && hardening->userns >= 0 && setns(hardening->userns, CLONE_NEWUSER) < 0) return -errno;
  return sandbox_root_unshare(step);
}

int hardening_prepare(const Hardening *hardening, const char **step) {
  int ends[2];
  const int error = hardening->has_sandbox ? enter(hardening, step) : 0;
  if (error < 0) return error;
  *step = "warden";
  struct stat netns = {.st_ino = 0}; /* There is none like that. */
  if (hardening->netns >= 0 && fstat(hardening->netns, &netns) < 0) return -errno;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0) return -errno;
  const pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) {
    const WardenDuty duty = {ends[1], netns.st_dev, netns.st_ino, hardening->has_sandbox, -1};
    warden_serve(&duty);
  }
  close(ends[1]);
  if (chdir("/") < 0) return -errno;
  *step = "capabilities";
  const int reduced = hardening->has_sandbox ? capabilities_reduce(KEPT_CAPABILITIES) : 0;
  if (reduced < 0) return reduced;
  *step = "no_new_privs";
  const int locked = hardening->has_sandbox ? capabilities_no_new_privileges() : 0;
  if (locked < 0) return locked;
  *step = "seccomp";
  const int refused = hardening->has_seccomp ? rings_refuse() : 0;
  return refused < 0 ? refused : ends[0];
}

/*
 * Before Node starts: the order of things. Node cannot do this for itself, for namespaces are left and entered, and capabilities given up,
 * by one thread at a time, and Node has several from its first instant. Nor can it all be done here, for Node and what it loads are
 * below the old root. So the namespaces are made here, the last step is left to the warden, which stays outside of them, and Node starts without
 * any capability.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hardening.h"

static int give_up(const Namespaces *namespaces, const char **step) {
  int error = namespaces_enter(namespaces, step);
  if (error < 0) return error;
  close(namespaces->user);
  close(namespaces->mount);
  *step = "capabilities";
  error = capabilities_reduce(KEPT_CAPABILITIES);
  if (error < 0) return error;
  *step = "no_new_privs";
  return capabilities_no_new_privileges();
}

int hardening_prepare(const Hardening *hardening, const char **step) {
  Namespaces namespaces = {-1, -1};
  int ends[2];
  const int error = hardening->has_sandbox ? namespaces_make(hardening, &namespaces, step) : 0;
  if (error < 0) return error;
  *step = "warden";
  struct stat netns = {.st_ino = 0}; /* There is none like that. */
  if (hardening->netns >= 0 && fstat(hardening->netns, &netns) < 0) return -errno;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0) return -errno;
  const pid_t child = fork();
  if (child < 0) return -errno;
  if (child == 0) {
    const WardenDuty duty = {.channel = ends[1],
                             .device = netns.st_dev,
                             .inode = netns.st_ino,
                             .path = hardening->path,
                             .namespaces = hardening->has_sandbox ? &namespaces : NULL,
                             .command = -1};
    warden_serve(&duty);
  }
  close(ends[1]);
  const int locked = hardening->has_sandbox ? give_up(&namespaces, step) : 0;
  if (locked < 0) return locked;
  if (chdir("/") < 0) return -errno;
  *step = "seccomp";
  const int refused = hardening->has_seccomp ? rings_refuse() : 0;
  return refused < 0 ? refused : ends[0];
}

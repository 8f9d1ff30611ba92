/*
 * Connections between processes of one machine, and who is at their other end: what the kernel says of it, which no answer can forge.
 * See unix(7), SO_PEERCRED; pidfd_send_signal(2).
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "context.h"

#ifndef SO_PEERPIDFD /* Linux 6.5 */
#define SO_PEERPIDFD 77
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* unixConnect(at, length): a non-blocking SOCK_STREAM socket that is connected to the path in the arena; -EAGAIN: too many wait there. */
static int32_t unix_connect(Context *context, const int32_t *argument) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = arena_range(context, argument[0], argument[1]);
  if (path == NULL) return -EFAULT;
  if (argument[1] <= 0 || (size_t)argument[1] >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, (size_t)argument[1]);
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
  const int32_t outcome = -errno;
  close(descriptor);
  return outcome;
}

/* peerCredentials(fd): scratch[0] PID, 0 for one that is not seen from here, [1] UID: of who listened, as it did so. */
static int32_t peer_credentials(Context *context, const int32_t *argument) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(argument[0], SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
  context->scratch[0] = (int32_t)peer.pid;
  context->scratch[1] = (int32_t)peer.uid;
  return 0;
}

/* peerPidfd(fd): a pidfd of that process; -ENOPROTOOPT: this kernel has none to give. */
static int32_t peer_pidfd(Context *context, const int32_t *argument) {
  int descriptor;
  socklen_t length = sizeof descriptor;
  (void)context;
  if (getsockopt(argument[0], SOL_SOCKET, SO_PEERPIDFD, &descriptor, &length) < 0) return -errno;
  return descriptor;
}

/* pidfdSignal(pidfd, signal): to that process and no other; -ESRCH: it has ended. */
static int32_t pidfd_signal(Context *context, const int32_t *argument) {
  (void)context;
  return syscall(SYS_pidfd_send_signal, argument[0], argument[1], NULL, 0) < 0 ? -errno : 0;
}

const Method peer_methods[] = {
    {"unixConnect", 2, unix_connect},
    {"peerCredentials", 1, peer_credentials},
    {"peerPidfd", 1, peer_pidfd},
    {"pidfdSignal", 2, pidfd_signal},
    {NULL, 0, NULL},
};

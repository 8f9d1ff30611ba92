/*
 * Sockets of the namespace that Node keeps: a socket stays in the namespace that it was made in, so these are how the stack reaches into it
 * without leaving a process there. Two of TCP, of which direct.c makes more, and one that lists who listens (sock_diag(7)).
 */
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher.h"

static void send_seed(const Options *options, const char *name, int family, int type, int protocol) {
  const int descriptor = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  /* What needs them is done without. */
  if (descriptor < 0) return;
  channel_send_socket(options, name, descriptor);
  close(descriptor);
}

void seeds_send(const Options *options) {
  send_seed(options, "tcp", AF_INET, SOCK_STREAM, 0);
  send_seed(options, "tcp", AF_INET, SOCK_STREAM, 0);
  send_seed(options, "diag", AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}

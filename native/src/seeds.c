/*
 * Sockets of the namespace that Node keeps: a socket stays in the namespace that it was made in, so these are how the stack reaches into it
 * without leaving a process there. Two of TCP, of which direct.c makes more, and one that lists who listens (sock_diag(7)).
 */
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher.h"

static void send_seed(const Options *options, const char *name, int descriptor) {
  /* What needs them is done without. */
  if (descriptor < 0) return;
  channel_send_socket(options, name, descriptor);
  close(descriptor);
}

void seeds_send(const Options *options) {
  for (int i = 0; i < 2; i++) send_seed(options, "tcp", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  send_seed(options, "diag", netlink_open(SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
}

/*
 * Netlink sockets in a namespace that may be hostile (netlink(7)). Who is root there may send to any of its sockets, in the kernel's name as far
 * as the text of a message goes. A socket that is connected to the kernel hears nobody else: netlink_getsockbyportid() refuses them.
 */
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher.h"

int netlink_open(int flags, int protocol) {
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol);
  if (descriptor < 0 || connect(descriptor, (const struct sockaddr *)&kernel, sizeof kernel) == 0) return descriptor;
  close(descriptor);
  return -1;
}

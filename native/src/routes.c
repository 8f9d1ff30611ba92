/*
 * A socket to the kernel's routing tables: who has which address. See rtnetlink(7). Messages are put together and taken apart in TypeScript.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "context.h"

#ifndef NETLINK_GET_STRICT_CHK /* Linux 4.20 */
#define NETLINK_GET_STRICT_CHK 12
#endif

/*
 * routesOpen(groups): non-blocking, for sendMessage and receiveMessage; hears of changes to `groups` (RTMGRP_*). It is connected to the kernel,
 * so that nobody else can send to it; and dumps are filtered as asked, where the kernel knows how to.
 */
static int32_t routes_open(Context *context, const int32_t *argument) {
  const int one = 1;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = (uint32_t)argument[0]};
  (void)context;
  const int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (descriptor < 0) return -errno;
  setsockopt(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0) {
    address.nl_groups = 0;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0) return descriptor;
  }
  const int32_t outcome = -errno;
  close(descriptor);
  return outcome;
}

/* interfaceIndex(length): the number of the interface whose name is at the beginning of the scratch. By a socket that every process may have. */
static int32_t interface_index(Context *context, const int32_t *argument) {
  struct ifreq request = {0};
  if (argument[0] <= 0 || (size_t)argument[0] >= sizeof request.ifr_name) return -ENODEV;
  memcpy(request.ifr_name, context->scratch, (size_t)argument[0]);
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  const int32_t outcome = ioctl(descriptor, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
  close(descriptor);
  return outcome;
}

const Method routes_methods[] = {
    {"routesOpen", 1, routes_open},
    {"interfaceIndex", 1, interface_index},
    {NULL, 0, NULL},
};

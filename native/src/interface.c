/*
 * The TAP: opened with as much offload as the kernel has and is asked for, and configured at once, because whoever waits for it may
 * look as soon as it appears. See Documentation/networking/tuntap.rst, netdevice(7), rtnetlink's elder sister SIOCADDRT.
 *
 *     IFF_VNET_HDR     every frame is preceded by a virtio_net_hdr
 *     TUN_F_CSUM       the guest may leave checksums to us
 *     TUN_F_TSO4, 6    ... and hand over TCP segments of up to 64 KiB
 *     TUN_F_USO4, 6    ... and trains of UDP datagrams (Linux 6.2)
 *
 * Nothing else is asked for: super-segments inside a tunnel (TUN_F_UDP_TUNNEL_GSO, Linux 6.17) above all, which nobody behind us could cut.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* virtio_net_hdr without num_buffers; what TypeScript expects. */
#define VNET_HEADER_LENGTH 10
/*
 * Frames that wait for us; the kernel's default is 1,000. Nobody slows down a sender of datagrams when there is no more room, and a busy
 * machine can keep us waiting for 20 ms: that is 2,000 datagrams of 1,400 bytes at 1 Gbit/s.
 */
#define QUEUE_LENGTH 2000

#define CSUM TUN_F_CSUM
#define TSO (TUN_F_TSO4 | TUN_F_TSO6)
#define USO (TUN_F_USO4 | TUN_F_USO6)

static void enable_offload(bool cuts_segments, Tap *tap) {
  static const unsigned CHOICES[] = {CSUM | TSO | USO, CSUM | TSO, CSUM, 0};
  /* The device refuses as a whole what it does not know. A persistent one may have kept a previous owner's choice: set 0 too. */
  for (size_t i = cuts_segments ? 2 : 0; i < sizeof CHOICES / sizeof *CHOICES; i++) {
    if (ioctl(tap->descriptor, TUNSETOFFLOAD, (unsigned long)CHOICES[i]) < 0) continue;
    tap->csum = (CHOICES[i] & CSUM) != 0;
    tap->tso = (CHOICES[i] & TSO) != 0;
    tap->uso = (CHOICES[i] & USO) != 0;
    return;
  }
}

static int create(const Options *options, const Tap *tap, int flags) {
  struct ifreq request = {0};
  memcpy(request.ifr_name, options->ifname, sizeof request.ifr_name);
  request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags);
  return ioctl(tap->descriptor, TUNSETIFF, &request);
}

void interface_open_tap(const Options *options, Tap *tap) {
  *tap = (Tap){.descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (tap->descriptor < 0) channel_fail(options, "tun-open", errno);
  tap->vnet = create(options, tap, IFF_VNET_HDR) == 0;
  if (!tap->vnet && errno == EINVAL && create(options, tap, 0) == 0) errno = 0;
  else if (!tap->vnet) channel_fail(options, "tun-create", errno);
  if (tap->vnet) {
    int length = VNET_HEADER_LENGTH;
    if (ioctl(tap->descriptor, TUNSETVNETHDRSZ, &length) < 0) channel_fail(options, "tun-vnet", errno);
    enable_offload(options->cuts_segments, tap);
  } else {
    ioctl(tap->descriptor, TUNSETOFFLOAD, 0UL);
  }
}

void interface_adopt(Tap *tap) {
  struct ifreq request = {0};
  int length = VNET_HEADER_LENGTH;
  if (ioctl(tap->descriptor, TUNGETIFF, &request) < 0 || (request.ifr_flags & IFF_VNET_HDR) == 0) return;
  tap->vnet = ioctl(tap->descriptor, TUNSETVNETHDRSZ, &length) == 0;
  if (tap->vnet) enable_offload(false, tap);
}

static struct ifreq named(const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return request;
}

static void set(const Options *options, int socket, unsigned long what, struct ifreq *request, const char *step) {
  if (ioctl(socket, what, request) < 0) channel_fail(options, step, errno);
}

static void set_up(const Options *options, int socket, const char *name, const char *step) {
  struct ifreq request = named(name);
  if (!options->has_plain_flags) set(options, socket, SIOCGIFFLAGS, &request, step);
  request.ifr_flags |= IFF_UP | IFF_RUNNING;
  set(options, socket, SIOCSIFFLAGS, &request, step);
}

static void set_address(const Options *options, int socket, unsigned long what, struct in_addr address, const char *step) {
  struct ifreq request = named(options->ifname);
  const struct sockaddr_in value = {.sin_family = AF_INET, .sin_addr = address};
  memcpy(&request.ifr_addr, &value, sizeof value);
  set(options, socket, what, &request, step);
}

static void add_default_route(const Options *options, int socket) {
  const struct sockaddr_in any = {.sin_family = AF_INET};
  const struct sockaddr_in gateway = {.sin_family = AF_INET, .sin_addr = options->gateway};
  struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char *)options->ifname};
  memcpy(&route.rt_dst, &any, sizeof any);
  memcpy(&route.rt_genmask, &any, sizeof any);
  memcpy(&route.rt_gateway, &gateway, sizeof gateway);
  /* EEXIST: this very route, which a persistent TAP has kept. */
  if (ioctl(socket, SIOCADDRT, &route) < 0 && errno != EEXIST) channel_fail(options, "route", errno);
}

/* By rtnetlink(7): the ioctl wants a privilege of the host. What fails is no reason to fail. */
static void lengthen_queue(const Options *options) {
  struct {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr attribute;
    uint32_t length;
  } request = {
      .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_REQUEST},
      .link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(options->ifname)},
      .attribute = {.rta_len = RTA_LENGTH(sizeof request.length), .rta_type = IFLA_TXQLEN},
      .length = QUEUE_LENGTH,
  };
  const int netlink = netlink_open(0, NETLINK_ROUTE);
  if (netlink < 0) return;
  (void)!send(netlink, &request, sizeof request, MSG_DONTWAIT);
  close(netlink);
}

/* MTU and MAC come before `up`, so that the link-local address and the first frames already have them. */
void interface_configure(const Options *options) {
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) channel_fail(options, "lo", errno);
  set_up(options, control, "lo", "lo");
  struct ifreq request = named(options->ifname);
  request.ifr_mtu = options->mtu;
  set(options, control, SIOCSIFMTU, &request, "mtu");
  lengthen_queue(options);
  if (options->has_mac) {
    request = named(options->ifname);
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, options->mac, sizeof options->mac);
    set(options, control, SIOCSIFHWADDR, &request, "mac");
  }
  set_address(options, control, SIOCSIFADDR, options->address, "address");
  set_address(options, control, SIOCSIFNETMASK, options->netmask, "netmask");
  set_up(options, control, options->ifname, "up");
  add_default_route(options, control);
  close(control);
  if (options->prefix6 != 0) interface6_configure(options);
}

void interface_open(const Options *options, Tap *tap) {
  interface_open_tap(options, tap);
  interface_configure(options);
}

/* A read-only /proc/sys: it stays as it is, and Node has the words for that. */
static void set_sysctl(const Options *options, const char *path, const char *value, const char *step) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  int error = file < 0 ? errno : 0;
  if (file >= 0) {
    if (write(file, value, strlen(value)) < 0) error = errno;
    close(file);
  }
  if (error != 0) channel_warn(options, step, error);
}

/* Lets the one mapped group open ping sockets, so that an unprivileged ping works inside. */
void interface_ping_group(const Options *options, gid_t group) {
  char range[32];
  snprintf(range, sizeof range, "%u %u", group, group);
  set_sysctl(options, "/proc/sys/net/ipv4/ping_group_range", range, "pinggroup");
}

/* Nobody else has ports in the namespace: its servers listen on 80 whoever they run as (Linux 4.11). */
void interface_low_ports(const Options *options) {
  set_sysctl(options, "/proc/sys/net/ipv4/ip_unprivileged_port_start", "0", "lowports");
}

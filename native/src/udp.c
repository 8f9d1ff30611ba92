/*
 * Host UDP and ping sockets: datagrams, and the errors that came back for them. See udp(7), icmp(7), ip(7) IP_RECVERR.
 *
 * Every socket asks for errors in full (a queue that keeps the ICMP type, its sender and the start of what was sent) and for
 * the TTL and TOS of what arrives. A ping socket (SOCK_DGRAM, IPPROTO_ICMP) sends and receives whole echo messages; the
 * kernel sets their identifier and checksum, and knows it as the socket's port.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h> /* Uses struct timespec without declaring it. */

#include "context.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* scratch words of errorReceive(): after the fixed ones, how many bytes of the sent datagram follow, the error's own TTL, and those bytes. */
#define QUOTE_LENGTH 14
#define ERROR_TTL 15
#define QUOTE 16
/* Bytes of the sent datagram that are kept: an error has up to 576, both IP headers and its own included (RFC 1812, 4.3.2.3). */
#define QUOTE_MAX (576 - 20 - 8 - 20)

static int enable(int descriptor, int level, int option) {
  const int one = 1;
  return setsockopt(descriptor, level, option, &one, sizeof one);
}

/* Only IP_RECVERR is needed to be right; a kernel that refuses the others just tells less. */
int datagram_prepare(const Context *context, int descriptor, int family) {
  const int off = 0;
  enable(descriptor, SOL_SOCKET, SO_BROADCAST);
  if (family == AF_INET) {
    if (context->mutes_multicast) setsockopt(descriptor, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof off);
    enable(descriptor, IPPROTO_IP, IP_RECVTTL);
    enable(descriptor, IPPROTO_IP, IP_RECVTOS);
    return enable(descriptor, IPPROTO_IP, IP_RECVERR);
  }
  if (context->mutes_multicast) setsockopt(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off);
  enable(descriptor, IPPROTO_IPV6, IPV6_V6ONLY); /* The same port may be open for IPv4. */
  enable(descriptor, IPPROTO_IPV6, IPV6_RECVHOPLIMIT);
  enable(descriptor, IPPROTO_IPV6, IPV6_RECVTCLASS);
  return enable(descriptor, IPPROTO_IPV6, IPV6_RECVERR);
}

/* A socket on `port` of the outbound address, or of every local one; on a free port when that is taken or not ours to have. */
static int32_t open_on(const Context *context, int family, int protocol, int port) {
  const int descriptor = descriptor_admit(context, socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), SHARE_ALL);
  if (descriptor < 0) return -errno;
  int outcome = datagram_prepare(context, descriptor, family);
  if (outcome == 0) outcome = outbound_bind(context, descriptor, family, port);
  if (outcome < 0 && port != 0 && (errno == EADDRINUSE || errno == EACCES || errno == EPERM)) 
    outcome = outbound_bind(context, descriptor, family, 0);
  if (outcome == 0) return descriptor;
  const int32_t error = outbound_error(errno);
  close(descriptor);
  return error;
}

/* udpOpen(4 | 6, port) */
static int32_t udp_open(Context *context, const int32_t *argument) {
  if (argument[0] != 4 && argument[0] != 6) return -EINVAL;
  return open_on(context, argument[0] == 4 ? AF_INET : AF_INET6, IPPROTO_UDP, argument[1]);
}

/* pingOpen(4 | 6, identifier): -EACCES when ping_group_range does not include one of our groups. */
static int32_t ping_open(Context *context, const int32_t *argument) {
  if (argument[0] == 4) return open_on(context, AF_INET, IPPROTO_ICMP, argument[1]);
  return argument[0] == 6 ? open_on(context, AF_INET6, IPPROTO_ICMPV6, argument[1]) : -EINVAL;
}

/* udpConnect(fd, a0, a1, a2, a3, port, scope) */
static int32_t udp_connect(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  const socklen_t length = address_load_scoped(&address, argument + 1, argument[5], argument[6]);
  (void)context;
  return connect(argument[0], (struct sockaddr *)&address, length) < 0 ? -errno : 0;
}

/*
 * udpSend(fd, at, length, segment, a0, a1, a2, a3, port): segment > 0 sends datagrams of that size and a last shorter one
 * in one call (UDP_SEGMENT); port 0 sends to where the socket is connected. A ping socket ignores the port, but not its zero.
 */
static int32_t udp_send(Context *context, const int32_t *argument) {
  const int32_t segment = argument[3], port = argument[8];
  struct sockaddr_storage address;
  struct iovec data = {arena_range(context, argument[1], argument[2]), (size_t)argument[2]};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
  } control;
  if (data.iov_base == NULL) return -EFAULT;
  if (port != 0) {
    message.msg_name = &address;
    message.msg_namelen = address_load(&address, argument + 4, port);
  }
  if (segment > 0) {
    const uint16_t size = (uint16_t)segment;
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header = (struct cmsghdr){.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof size)};
    memcpy(CMSG_DATA(&control.header), &size, sizeof size);
  }
  const ssize_t sent = sendmsg(argument[0], &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? outbound_error(errno) : (int32_t)sent;
}

/* datagramHeader(fd, 4 | 6, hops, tos, dont_fragment): of all that is sent from now on. A datagram too long for its path is -EMSGSIZE then. */
static int32_t datagram_header(Context *context, const int32_t *argument) {
  const int descriptor = argument[0], is_v4 = argument[1] == 4, level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
  const int discover = argument[4] != 0 ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT; /* IPv6 has the same numbers. */
  (void)context;
  if (!is_v4 && argument[1] != 6) return -EINVAL;
  if (setsockopt(descriptor, level, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, &argument[2], sizeof argument[2]) < 0) return -errno;
  if (setsockopt(descriptor, level, is_v4 ? IP_MULTICAST_TTL : IPV6_MULTICAST_HOPS, &argument[2], sizeof argument[2]) < 0) return -errno;
  if (setsockopt(descriptor, level, is_v4 ? IP_TOS : IPV6_TCLASS, &argument[3], sizeof argument[3]) < 0) return -errno;
  return setsockopt(descriptor, level, is_v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &discover, sizeof discover) < 0 ? -errno : 0;
}

/* TTL or hop limit and TOS or traffic class, from the control messages of a datagram; both families name them apart. */
void datagram_fields(struct msghdr *message, int32_t *ttl, int32_t *tos) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    const int is_v4 = header->cmsg_level == IPPROTO_IP, is_v6 = header->cmsg_level == IPPROTO_IPV6;
    int value = 0;
    if (is_v4 && header->cmsg_type == IP_TOS) {
      *tos = *(uint8_t *)CMSG_DATA(header); /* One byte; the others are ints. */
      continue;
    }
    if (header->cmsg_len < CMSG_LEN(sizeof value)) continue;
    memcpy(&value, CMSG_DATA(header), sizeof value);
    if ((is_v4 && header->cmsg_type == IP_TTL) || (is_v6 && header->cmsg_type == IPV6_HOPLIMIT)) *ttl = value;
    if (is_v6 && header->cmsg_type == IPV6_TCLASS) *tos = value;
  }
}

/* One datagram, and in the scratch what udpReceive() says; `message` has room for its control messages, and has them then. */
int32_t datagram_receive(Context *context, const int32_t *argument, struct msghdr *message) {
  struct sockaddr_storage source = {0};
  struct iovec data = {arena_range(context, argument[1], argument[2]), (size_t)argument[2]};
  int32_t *scratch = context->scratch;
  if (data.iov_base == NULL) return -EFAULT;
  message->msg_name = &source;
  message->msg_namelen = sizeof source;
  message->msg_iov = &data;
  message->msg_iovlen = 1;
  const ssize_t length = recvmsg(argument[0], message, MSG_DONTWAIT);
  if (length < 0) return -errno;
  if (message->msg_flags & MSG_TRUNC) return -EMSGSIZE;
  address_store(scratch, &scratch[4], (struct sockaddr *)&source);
  scratch[5] = scratch[6] = -1;
  datagram_fields(message, &scratch[5], &scratch[6]);
  return (int32_t)length;
}

/* udpReceive(fd, at, length): scratch[0..3] source, [4] port, [5] TTL, [6] TOS. A datagram that does not fit is -EMSGSIZE, and gone. */
static int32_t udp_receive(Context *context, const int32_t *argument) {
  char control[256] __attribute__((aligned(8)));
  struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
  return datagram_receive(context, argument, &message);
}

static const struct sock_extended_err *find_error(struct msghdr *message) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    const int is_v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
    const int is_v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
    if (is_v4 || is_v6) return (const struct sock_extended_err *)CMSG_DATA(header);
  }
  return NULL;
}

/*
 * errorReceive(fd): 1, or 0 when the queue is empty. scratch[0] errno, [1] origin (SO_EE_ORIGIN_*), [2] ICMP type, [3] code,
 * [4] info (the MTU of a too-big), [5..8] where it was sent to, [9] that port, [10..13] who reported it,
 * [14] how many bytes of what was sent follow from word 16 on (an echo message or TCP segment from its header on, a UDP payload),
 * [15] the TTL that the error arrived with, -1 when the kernel does not tell.
 */
static int32_t error_receive(Context *context, const int32_t *argument) {
  struct sockaddr_storage destination = {0};
  int32_t *scratch = context->scratch, port, tos;
  char control[512] __attribute__((aligned(8)));
  struct iovec quote = {scratch + QUOTE, QUOTE_MAX};
  struct msghdr message = {.msg_name = &destination,
                           .msg_namelen = sizeof destination,
                           .msg_iov = &quote,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  const ssize_t length = recvmsg(argument[0], &message, MSG_ERRQUEUE | MSG_DONTWAIT);
  if (length < 0) return errno == EAGAIN ? 0 : -errno;
  const struct sock_extended_err *error = find_error(&message);
  if (error == NULL) return -EBADMSG;
  scratch[0] = (int32_t)error->ee_errno;
  scratch[1] = error->ee_origin;
  scratch[2] = error->ee_type;
  scratch[3] = error->ee_code;
  scratch[4] = (int32_t)error->ee_info;
  address_store(scratch + 5, &scratch[9], (struct sockaddr *)&destination);
  address_store(scratch + 10, &port, SO_EE_OFFENDER(error));
  scratch[QUOTE_LENGTH] = (int32_t)length;
  scratch[ERROR_TTL] = -1;
  datagram_fields(&message, &scratch[ERROR_TTL], &tos);
  return 1;
}

const Method udp_methods[] = {
    {"udpOpen", 2, udp_open},
    {"pingOpen", 2, ping_open},
    {"udpConnect", 7, udp_connect},
    {"udpSend", 9, udp_send},
    {"datagramHeader", 5, datagram_header},
    {"udpReceive", 3, udp_receive},
    {"errorReceive", 1, error_receive},
    {NULL, 0, NULL},
};

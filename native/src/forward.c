/*
 * UDP port forwards: a socket that hears from new clients, and one for each client, connected to it, which the kernel prefers from then on
 * (udp(7); SO_REUSEPORT, socket(7): only sockets of one user may share a port). So each client has a queue, errors and a header of its own,
 * and its answers come from the address that it has sent to (ip(7), IP_PKTINFO), whichever of the host's that is.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "context.h"

/* scratch words of udpFirst(): the client as udpReceive() has it, and the address that it has sent to. */
#define CLIENT_PORT 4
#define LOCAL 7

static int32_t fail_closing(int descriptor) {
  const int error = errno;
  close(descriptor);
  return -error;
}

/*
 * udpListen(a0, a1, a2, a3, port, scope): a socket; its address, and its port when 0 was asked for, in scratch[0..4]. One of IPv6 takes IPv6 only.
 * The port is shared only after it was found to be free.
 */
static int32_t udp_listen(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  socklen_t length = address_load_scoped(&address, argument, argument[4], argument[5]);
  const int one = 1, is_v4 = address.ss_family == AF_INET;
  const int opened = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  const int descriptor = descriptor_admit(context, opened, SHARE_PUBLISHED);
  if (descriptor < 0) return -errno;
  if (datagram_prepare(context, descriptor, address.ss_family) < 0) return fail_closing(descriptor);
  const int option = is_v4 ? IP_PKTINFO : IPV6_RECVPKTINFO;
  if (setsockopt(descriptor, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, option, &one, sizeof one) < 0) return fail_closing(descriptor);
  datagram_room(descriptor);
  if (bind(descriptor, (struct sockaddr *)&address, length) < 0) return fail_closing(descriptor);
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0) return fail_closing(descriptor);
  length = sizeof address;
  if (getsockname(descriptor, (struct sockaddr *)&address, &length) < 0) return fail_closing(descriptor);
  address_store(context->scratch, &context->scratch[4], (const struct sockaddr *)&address);
  return descriptor;
}

/* The address of ours that a datagram was sent to: one that we can send from, where it was sent to many. */
static void read_local(struct msghdr *message, int32_t *words) {
  memset(words, 0, 4 * sizeof *words);
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    struct sockaddr_storage local = {0};
    int32_t port;
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      local.ss_family = AF_INET;
      ((struct sockaddr_in *)&local)->sin_addr = ((struct in_pktinfo *)CMSG_DATA(header))->ipi_spec_dst;
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      const struct in6_addr *target = &((struct in6_pktinfo *)CMSG_DATA(header))->ipi6_addr;
      if (IN6_IS_ADDR_MULTICAST(target)) continue;
      local.ss_family = AF_INET6;
      ((struct sockaddr_in6 *)&local)->sin6_addr = *target;
    } else {
      continue;
    }
    address_store(words, &port, (struct sockaddr *)&local);
  }
}

/* udpFirst(fd, at, length): one datagram, as udpReceive() takes it, and in scratch[7..10] the address that it was sent to. */
static int32_t udp_first(Context *context, const int32_t *argument) {
  char control[512] __attribute__((aligned(8)));
  struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
  const int32_t length = datagram_receive(context, argument, &message);
  if (length >= 0) read_local(&message, &context->scratch[LOCAL]);
  return length;
}

static int is_any(const struct sockaddr_storage *address) {
  if (address->ss_family == AF_INET) return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
  return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/*
 * udpAnswer(fd): a socket for one client alone, on the port of fd: who that is, and which address of ours it has sent to, in the scratch as
 * udpFirst() leaves it there. Without such an address (0) it is that of fd, and where fd has every one that of outboundAddress().
 */
static int32_t udp_answer(Context *context, const int32_t *argument) {
  struct sockaddr_storage own = {0}, local, client;
  socklen_t length = sizeof own;
  int32_t words[4], port;
  const int one = 1;
  const int32_t *scratch = context->scratch;
  if (getsockname(argument[0], (struct sockaddr *)&own, &length) < 0) return -errno;
  address_store(words, &port, (struct sockaddr *)&own);
  const int is_told = (scratch[LOCAL] | scratch[LOCAL + 1] | scratch[LOCAL + 2] | scratch[LOCAL + 3]) != 0;
  /* Of a link-local address: the interface that its clients are behind. */
  const int32_t scope = own.ss_family == AF_INET6 ? (int32_t)((struct sockaddr_in6 *)&own)->sin6_scope_id : 0;
  const socklen_t local_length = address_load_scoped(&local, is_told ? &scratch[LOCAL] : words, port, scope);
  const socklen_t client_length = address_load_scoped(&client, scratch, scratch[CLIENT_PORT], scope);
  const int opened = socket(own.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  const int descriptor = descriptor_admit(context, opened, SHARE_PUBLISHED);
  if (descriptor < 0) return -errno;
  if (datagram_prepare(context, descriptor, own.ss_family) < 0) return fail_closing(descriptor);
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) < 0) return fail_closing(descriptor);
  const int bound = is_told || !is_any(&own) ? bind(descriptor, (struct sockaddr *)&local, local_length)
                                             : outbound_bind(context, descriptor, own.ss_family, port);
  if (bound < 0) return fail_closing(descriptor);
  if (connect(descriptor, (struct sockaddr *)&client, client_length) < 0) {
    const int32_t error = outbound_error(errno);
    close(descriptor);
    return error;
  }
  return descriptor;
}

const Method forward_methods[] = {
    {"udpListen", 6, udp_listen},
    {"udpFirst", 3, udp_first},
    {"udpAnswer", 1, udp_answer},
    {NULL, 0, NULL},
};

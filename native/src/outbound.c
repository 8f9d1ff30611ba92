/*
 * Which of the host's addresses sockets towards the host's network are bound to: one for each family, or none, which leaves the choice to
 * the routes. See ip(7), IP_BIND_ADDRESS_NO_PORT.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "context.h"

/* outboundAddress(a0, a1, a2, a3): of the family that it has. */
static int32_t outbound_address(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  address_load(&address, argument, 0);
  context->outbound[address.ss_family == AF_INET6] = address;
  context->is_outbound_missing[address.ss_family == AF_INET6] = 0;
  return 0;
}

/* outboundMissing(4 | 6): until there is an address, sockets of the family are bound to nothing, which fails as if the host had none. */
static int32_t outbound_missing(Context *context, const int32_t *argument) {
  context->is_outbound_missing[argument[0] == 6] = 1;
  return 0;
}

/* outboundMulticast(is_heard_here): whether what UDP sockets send to groups comes to those of this host who listen. */
static int32_t outbound_multicast(Context *context, const int32_t *argument) {
  context->mutes_multicast = argument[0] == 0;
  return 0;
}

/* Binds a socket to the address of its family, or to any, and to a port; 0: any. Returns what bind() does. */
int outbound_bind(const Context *context, int descriptor, int family, int port) {
  struct sockaddr_storage address = context->outbound[family == AF_INET6];
  if (context->is_outbound_missing[family == AF_INET6]) {
    errno = EADDRNOTAVAIL;
    return -1;
  }
  address.ss_family = (sa_family_t)family;
  if (family == AF_INET) {
    ((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)port);
    return bind(descriptor, (struct sockaddr *)&address, sizeof(struct sockaddr_in));
  }
  ((struct sockaddr_in6 *)&address)->sin6_port = htons((uint16_t)port);
  return bind(descriptor, (struct sockaddr *)&address, sizeof(struct sockaddr_in6));
}

/* The same for a socket that is about to connect: where there is no such address nothing is bound, and ports are shared among peers. */
int outbound_bind_connecting(const Context *context, int descriptor, int family) {
  const int one = 1;
  const int which = family == AF_INET6;
  if (context->outbound[which].ss_family == AF_UNSPEC && !context->is_outbound_missing[which]) return 0;
  setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  return outbound_bind(context, descriptor, family, 0);
}

/*
 * -errno of a call that sends, binds or connects to the host's network. Without an address of its own to send from (IPv6 switched off, or
 * --outbound-addr gone) this host has no way there, which is to be told at once: EADDRNOTAVAIL is also what a lack of free ports is called.
 */
int32_t outbound_error(int error) { return error == EADDRNOTAVAIL ? -ENETUNREACH : -error; }

/* The same of a TCP connect, which is what may lack ports: a datagram socket lacks none here, and looks for an address the same way. */
int32_t outbound_connect_error(const Context *context, const struct sockaddr_storage *address, socklen_t length, int error) {
  if (error != EADDRNOTAVAIL) return -error;
  const int probe = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return -error;
  int outcome = context == NULL ? 0 : outbound_bind(context, probe, address->ss_family, 0);
  if (outcome == 0) outcome = connect(probe, (const struct sockaddr *)address, length);
  const int32_t status = outcome < 0 ? outbound_error(errno) : -error;
  close(probe);
  return status;
}

const Method outbound_methods[] = {
    {"outboundAddress", 4, outbound_address},
    {"outboundMissing", 1, outbound_missing},
    {"outboundMulticast", 1, outbound_multicast},
    {NULL, 0, NULL},
};

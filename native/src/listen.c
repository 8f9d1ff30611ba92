/*
 * Listening TCP sockets of the host: port forwards. See tcp(7), accept(2).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "context.h"

static int32_t fail_closing(int descriptor) {
  const int error = errno;
  close(descriptor);
  return -error;
}

/* What getsockname or accept has said: four address words and the port, into the scratch. */
static void tell(Context *context, const struct sockaddr_storage *address) {
  address_store(context->scratch, &context->scratch[4], (const struct sockaddr *)address);
}

/*
 * tcpListen(a0, a1, a2, a3, port, backlog, scope): a listening descriptor; the address it has, and its port when 0 was asked for, in
 * scratch[0..4]. A listener of IPv6 takes IPv6 only.
 */
static int32_t tcp_listen(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  socklen_t length = address_load_scoped(&address, argument, argument[4], argument[6]);
  const int one = 1;
  const int opened = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  const int descriptor = descriptor_admit(context, opened, SHARE_PUBLISHED);
  if (descriptor < 0) return -errno;
  /*
   * What is accepted inherits both (sk_clone), which spares two calls a connection; connect_to() of tcp.c says what they are for. After
   * accept(2) it were too late for the second: of urgent bytes that came before, the kernel would have skipped one.
   */
  if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) return fail_closing(descriptor);
  if (setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one) < 0) return fail_closing(descriptor);
  if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) return fail_closing(descriptor);
  if (address.ss_family == AF_INET6 && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0)
    return fail_closing(descriptor);
  if (bind(descriptor, (struct sockaddr *)&address, length) < 0 || listen(descriptor, argument[5]) < 0) return fail_closing(descriptor);
  length = sizeof address;
  if (getsockname(descriptor, (struct sockaddr *)&address, &length) < 0) return fail_closing(descriptor);
  tell(context, &address);
  return descriptor;
}

/*
 * tcpAccept(fd): the descriptor of the next connection, set up as those that tcpConnect makes; who it is from, in scratch[0..4], and in [5]
 * whether it is the last one that there is a descriptor for. It is the caller's all the same: closed, it would be a reset.
 */
static int32_t tcp_accept(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  const int descriptor = accept4(argument[0], (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return -errno;
  tell(context, &address);
  context->scratch[5] = !descriptor_is_within(context, descriptor + 1, SHARE_PUBLISHED);
  return descriptor;
}

const Method listen_methods[] = {
    {"tcpListen", 7, tcp_listen},
    {"tcpAccept", 1, tcp_accept},
    {NULL, 0, NULL},
};

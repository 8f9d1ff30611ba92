/*
 * Host TCP sockets. See tcp(7), socket(7).
 *
 * Towards the guest the host kernel keeps the bytes: tcpPeek() copies from SO_PEEK_OFF on and moves it forward, and
 * tcpDiscard() takes off the front what the guest has acknowledged, which moves the peek offset back by as much.
 *
 *     receive queue  | discarded |  peeked, not acknowledged  |  not peeked yet  |
 *                                ^ front                      ^ front + SO_PEEK_OFF
 *
 * What is not about connecting works on an AF_UNIX stream too (streamPair), which has had peek offsets since Linux 3.4.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "context.h"

static int32_t result(ssize_t outcome) { return outcome < 0 ? -errno : (int32_t)outcome; }

/* close() may set errno; the first failure is the one to tell. */
static int32_t fail_closing(int descriptor) {
  const int error = errno;
  close(descriptor);
  return -error;
}

static int set_hop_limit(int descriptor, int family, int hops) {
  if (family == AF_INET) return setsockopt(descriptor, IPPROTO_IP, IP_TTL, &hops, sizeof hops);
  return setsockopt(descriptor, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops);
}

/* Whether the ICMPv6 error that ends a connect is queued: IPv4's is, asked for or not (Linux 5.9). Off again, the queue is emptied. */
static int queue_errors6(int descriptor, int is_wanted) {
  return setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVERR, &is_wanted, sizeof is_wanted);
}

/* A descriptor whose connect may be in progress. hops: TTL or hop limit, 0 for the host's own; `from` NULL: from any address. */
static int32_t connect_to(const Context *context, const Context *from, const struct sockaddr_storage *address, socklen_t length, int hops) {
  const int one = 1;
  const int opened = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  const int descriptor = descriptor_admit(context, opened, SHARE_ALL);
  if (descriptor < 0) return -errno;
  /* The guest's TCP has already decided what makes a segment: another Nagle would only add delay. */
  if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) return fail_closing(descriptor);
  /* RFC 9293, 3.8.5: the guest is told where the urgent byte is (tcpMark). Left out of the stream, it would count for the peek offset all the same. */
  if (setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one) < 0) return fail_closing(descriptor);
  if (hops != 0 && set_hop_limit(descriptor, address->ss_family, hops) < 0) return fail_closing(descriptor);
  if (hops != 0 && address->ss_family == AF_INET6) queue_errors6(descriptor, 1); /* Refused, the guest is told less. */
  int outcome = from == NULL ? 0 : outbound_bind_connecting(from, descriptor, address->ss_family);
  if (outcome == 0) outcome = connect(descriptor, (const struct sockaddr *)address, length);
  if (outcome == 0 || errno == EINPROGRESS) return descriptor;
  const int32_t error = outbound_connect_error(from, address, length, errno);
  close(descriptor);
  return error;
}

/*
 * tcpConnect(a0, a1, a2, a3, port, hops)
 * The ICMP error that ends a connect is in the error queue then; errorReceive() of udp.c takes it.
 */
static int32_t tcp_connect(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  const socklen_t length = address_load(&address, argument, argument[4]);
  return connect_to(context, context, &address, length, argument[5]);
}

/* tcpConnectScoped(a0, a1, a2, a3, port, scope) */
static int32_t tcp_connect_scoped(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  const socklen_t length = address_load_scoped(&address, argument, argument[4], argument[5]);
  return connect_to(context, NULL, &address, length, 0);
}

/* tcpConnected(fd): an IPv6 connect has succeeded. From now on errors are hints; asked for, they would end the connection (RFC 1122, 4.2.3.9). */
static int32_t tcp_connected(Context *context, const int32_t *argument) {
  (void)context;
  return result(queue_errors6(argument[0], 0));
}

/* socketError(fd): the pending error as a positive errno, 0 for none; reading clears it. */
static int32_t socket_error(Context *context, const int32_t *argument) {
  int error = 0;
  socklen_t length = sizeof error;
  (void)context;
  return getsockopt(argument[0], SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? -errno : error;
}

static int32_t tcp_send(Context *context, const int32_t *argument) {
  const void *data = arena_range(context, argument[1], argument[2]);
  if (data == NULL) return -EFAULT;
  return result(send(argument[0], data, (size_t)argument[2], MSG_NOSIGNAL | MSG_DONTWAIT));
}

/*
 * tcpSendUrgent(fd, at): one byte, which is urgent. By itself: MSG_OOB marks the last byte that a call was able to take. A service of ours, behind an
 * AF_UNIX stream, knows no such thing.
 */
static int32_t tcp_send_urgent(Context *context, const int32_t *argument) {
  int domain = AF_UNIX;
  socklen_t size = sizeof domain;
  const void *data = arena_range(context, argument[1], 1);
  if (data == NULL) return -EFAULT;
  if (getsockopt(argument[0], SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0) return -errno;
  return result(send(argument[0], data, 1, MSG_NOSIGNAL | MSG_DONTWAIT | (domain == AF_UNIX ? 0 : MSG_OOB)));
}

/*
 * tcpMark(fd): bytes in front of the urgent byte in the receive queue, -1 when none is known. The kernel tells whether the front is the mark, but
 * where it is only a socket without SO_OOBINLINE, as the length of what can be read up to it; that is one for the time of one call. Meanwhile it could
 * skip an urgent byte that the front stands at, which is why that case is asked for first.
 */
static int32_t tcp_mark(Context *context, const int32_t *argument) {
  const int descriptor = argument[0], off = 0, on = 1;
  int is_at_mark = 0, all = 0, before = 0;
  (void)context;
  if (ioctl(descriptor, SIOCATMARK, &is_at_mark) < 0) return -1;
  if (is_at_mark) return 0;
  if (ioctl(descriptor, FIONREAD, &all) < 0 || setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &off, sizeof off) < 0) return -1;
  const int outcome = ioctl(descriptor, FIONREAD, &before);
  if (setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) < 0 || outcome < 0) return -1;
  return before < all ? before : -1;
}

static int32_t receive(Context *context, const int32_t *argument, int flags) {
  void *data = arena_range(context, argument[1], argument[2]);
  if (data == NULL) return -EFAULT;
  return result(recv(argument[0], data, (size_t)argument[2], flags | MSG_DONTWAIT));
}

static int32_t tcp_peek(Context *context, const int32_t *argument) { return receive(context, argument, MSG_PEEK); }

static int32_t tcp_receive(Context *context, const int32_t *argument) { return receive(context, argument, 0); }

/*
 * With MSG_TRUNC, tcp(7) drops the bytes instead of copying them. An AF_UNIX stream copies them all the same: EFAULT, and they stay.
 * Then a small buffer takes them. Stops early at the end of what is queued.
 */
static ssize_t discard_some(int descriptor, size_t length) {
  char unread[4096];
  const ssize_t taken = recv(descriptor, NULL, length, MSG_TRUNC | MSG_DONTWAIT);
  if (taken >= 0 || errno != EFAULT) return taken;
  return recv(descriptor, unread, length < sizeof unread ? length : sizeof unread, MSG_DONTWAIT);
}

static int32_t discard(int descriptor, int32_t length) {
  int32_t gone = 0;
  while (gone < length) {
    const ssize_t taken = discard_some(descriptor, (size_t)(length - gone));
    if (taken == 0) break;
    if (taken > 0)
      gone += (int32_t)taken;
    else if (errno != EINTR)
      return gone > 0 || errno == EAGAIN ? gone : -errno;
  }
  return gone;
}

static int32_t tcp_discard(Context *context, const int32_t *argument) {
  (void)context;
  return argument[1] < 0 ? -EINVAL : discard(argument[0], argument[1]);
}

static int peek_offset(int descriptor, int offset) {
  return setsockopt(descriptor, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
}

static int32_t tcp_peek_offset(Context *context, const int32_t *argument) {
  (void)context;
  return result(peek_offset(argument[0], argument[1]));
}

/*
 * tcpRoom(fd): bytes that a send would surely take, 0 while the kernel calls the socket not writable (less than a third of the send
 * buffer free, sk_stream_is_writeable). Buffers are charged with their overhead, so three quarters of what is free count. An AF_UNIX
 * stream has nothing queued of its own: its bytes are charged to WMEM_ALLOC until the other end has read them.
 */
static int32_t tcp_room(Context *context, const int32_t *argument) {
  uint32_t memory[SK_MEMINFO_VARS];
  socklen_t size = sizeof memory;
  (void)context;
  if (getsockopt(argument[0], SOL_SOCKET, SO_MEMINFO, memory, &size) < 0) return -errno;
  const uint32_t limit = memory[SK_MEMINFO_SNDBUF];
  const uint32_t queued = memory[memory[SK_MEMINFO_WMEM_QUEUED] != 0 ? SK_MEMINFO_WMEM_QUEUED : SK_MEMINFO_WMEM_ALLOC];
  if (queued >= limit || limit - queued < queued / 2) return 0;
  const uint32_t room = (limit - queued) / 4 * 3;
  return room > INT32_MAX ? INT32_MAX : (int32_t)room;
}

/* The largest send buffer that may be asked for, overhead included: twice wmem_max. 0 when that cannot be found out. */
static uint32_t largest_send_buffer(void) {
  static atomic_uint known;
  uint32_t largest = known;
  if (largest != 0) return largest;
  const int most = INT32_MAX / 2;
  socklen_t size = sizeof largest;
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return 0;
  if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &most, sizeof most) == 0 &&
      getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &largest, &size) == 0)
    known = largest;
  close(descriptor);
  return largest;
}

/*
 * tcpMakeRoom(fd, bytes): raises SO_SNDBUF so that `bytes` more fit behind what is queued: twice as many, for the overhead. It never
 * lowers it, which the kernel would do for a buffer that has grown beyond what may be asked for. 1 when it was raised.
 */
static int32_t tcp_make_room(Context *context, const int32_t *argument) {
  uint32_t memory[SK_MEMINFO_VARS];
  socklen_t size = sizeof memory;
  (void)context;
  if (argument[1] < 0) return -EINVAL;
  if (getsockopt(argument[0], SOL_SOCKET, SO_MEMINFO, memory, &size) < 0) return -errno;
  const uint32_t largest = largest_send_buffer();
  uint32_t wanted = memory[SK_MEMINFO_WMEM_QUEUED] + 2 * (uint32_t)argument[1];
  if (wanted > largest) wanted = largest;
  if (wanted <= memory[SK_MEMINFO_SNDBUF]) return 0;
  const int half = (int)((wanted + 1) / 2);
  return setsockopt(argument[0], SOL_SOCKET, SO_SNDBUF, &half, sizeof half) < 0 ? -errno : 1;
}

/* Timeouts in a row without an answer that make a silence: 1.4 s at least. A path may lose one segment and the next. */
#define RETRANSMITS_IN_VAIN 3
/* A keep-alive whose questions nobody answers shall not end the socket before whoever has asked for it does: as late as can be asked for (s, times). */
#define KEEP_ALIVE_INTERVAL 75
#define KEEP_ALIVE_PROBES 127
#define KEEP_ALIVE_MOST 32767

static int32_t clamp(uint32_t ms) { return ms > INT32_MAX ? INT32_MAX : (int32_t)ms; }

static int tcp_state(int descriptor, struct tcp_info *info, int *queued) {
  socklen_t size = sizeof *info;
  memset(info, 0, sizeof *info);
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, &size) < 0) return -errno;
  return ioctl(descriptor, SIOCOUTQ, queued) < 0 ? -errno : 0;
}

/* What is on its way has been sent again in vain: a peer with a closed window acknowledges probes, and has nothing unacknowledged. */
static int is_in_vain(const struct tcp_info *info) { return info->tcpi_unacked > 0 && info->tcpi_retransmits >= RETRANSMITS_IN_VAIN; }

/*
 * The keep-alive timer counts from what was heard last, so with a time that has passed already the kernel asks at once, and then as often. Bytes that
 * are on their way ask by themselves.
 */
static void ask_peer(int descriptor, int32_t silence) {
  const int on = 1, interval = KEEP_ALIVE_INTERVAL, probes = KEEP_ALIVE_PROBES;
  const int idle = silence / 1000 > KEEP_ALIVE_MOST ? KEEP_ALIVE_MOST : silence / 1000;
  if (idle < 1 || setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) < 0 ||
      setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes) < 0 ||
      setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0)
    return;
  (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
}

/* tcpSilence(fd, asks): ms since the peer was heard; 0 while bytes are on their way to it and not sent in vain. See Relay of tcp/stack.ts. */
static int32_t tcp_silence(Context *context, const int32_t *argument) {
  struct tcp_info info;
  int queued = 0;
  (void)context;
  const int status = tcp_state(argument[0], &info, &queued);
  if (status < 0) return status;
  if (queued > 0) return is_in_vain(&info) ? clamp(info.tcpi_last_ack_recv) : 0;
  const uint32_t last = info.tcpi_last_ack_recv < info.tcpi_last_data_recv ? info.tcpi_last_ack_recv : info.tcpi_last_data_recv;
  if (argument[1] != 0) ask_peer(argument[0], clamp(last));
  return clamp(last);
}

/* tcpStalled(fd): 1 when what is on its way has been sent again in vain. */
static int32_t tcp_stalled(Context *context, const int32_t *argument) {
  struct tcp_info info;
  int queued = 0;
  (void)context;
  const int status = tcp_state(argument[0], &info, &queued);
  return status < 0 ? status : queued > 0 && is_in_vain(&info);
}

/* tcpReceiveBuffer(fd, bytes): fixes SO_RCVBUF, which the kernel doubles, and with it the window: no more autotuning. */
static int32_t tcp_receive_buffer(Context *context, const int32_t *argument) {
  (void)context;
  return result(setsockopt(argument[0], SOL_SOCKET, SO_RCVBUF, &argument[1], sizeof argument[1]));
}

static int32_t count_of(int descriptor, unsigned long what) {
  int count = 0;
  return ioctl(descriptor, what, &count) < 0 ? -errno : count;
}

/* tcpUnsent(fd): bytes that were sent, and that the far end has not acknowledged. */
static int32_t tcp_unsent(Context *context, const int32_t *argument) {
  (void)context;
  return count_of(argument[0], SIOCOUTQ);
}

/* tcpUnread(fd): bytes that have arrived, and that nobody has taken. */
static int32_t tcp_unread(Context *context, const int32_t *argument) {
  (void)context;
  return count_of(argument[0], FIONREAD);
}

static int32_t tcp_shutdown(Context *context, const int32_t *argument) {
  (void)context;
  return result(shutdown(argument[0], SHUT_WR));
}

/* tcpReset(fd): closes with RST, whatever is queued. */
static int32_t tcp_reset(Context *context, const int32_t *argument) {
  const struct linger now = {.l_onoff = 1, .l_linger = 0};
  (void)context;
  if (setsockopt(argument[0], SOL_SOCKET, SO_LINGER, &now, sizeof now) < 0) return fail_closing(argument[0]);
  return result(close(argument[0]));
}

/* ::1, or 127.0.0.1 in IPv6 form where there is no ::1: the protocol's code is that of an AF_INET6 socket all the same. */
static const int32_t LOOPBACK[3][4] = {{0, 0, 0xffff, 0x7f000001}, {0, 0, 0, 1}, {0, 0, 0xffff, 0x7f000001}};

/* Time limits, so that a firewall cannot hang the start. */
static int probe_socket(int family) {
  const struct timeval limit = {.tv_sec = 1, .tv_usec = 0};
  const int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (descriptor < 0) return -1;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  return descriptor;
}

/* Fills `pair` with the two ends of a connection over loopback. 0, or -1 and errno. */
static int connect_pair(int listener, int family, const int32_t *words, int pair[2]) {
  struct sockaddr_storage address, peer;
  socklen_t length = family == AF_INET6 ? address_load_v6(&address, words, 0) : address_load(&address, words, 0);
  socklen_t peer_length = sizeof peer;
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0) return -1;
  if (getsockname(listener, (struct sockaddr *)&address, &length) < 0) return -1;
  if (connect(pair[0], (struct sockaddr *)&address, length) < 0) return -1;
  length = sizeof address;
  if (getsockname(pair[0], (struct sockaddr *)&address, &length) < 0) return -1;
  pair[1] = accept4(listener, (struct sockaddr *)&peer, &peer_length, SOCK_CLOEXEC);
  if (pair[1] < 0) return -1;
  /* Anybody on this host may have connected to the port first. */
  if (peer_length == length && memcmp(&peer, &address, length) == 0) return 0;
  errno = EAGAIN;
  return -1;
}

static int shows(int descriptor, const char *expected) {
  char seen[8];
  const ssize_t length = (ssize_t)strlen(expected);
  return recv(descriptor, seen, (size_t)length, MSG_PEEK) == length && memcmp(seen, expected, (size_t)length) == 0;
}

/* Peeks advance, taking bytes off the front moves the offset back, and setting it again rewinds. */
static int32_t peeks_well(int pair[2]) {
  if (send(pair[1], "abcdefgh", 8, MSG_NOSIGNAL) != 8) return -errno;
  char whole[8]; /* All of it must have come, or the peeks below would be short. */
  if (recv(pair[0], whole, sizeof whole, MSG_PEEK | MSG_WAITALL) != sizeof whole) return -errno;
  if (peek_offset(pair[0], 0) < 0) return 0;
  if (!shows(pair[0], "abc") || !shows(pair[0], "de")) return 0;
  if (discard(pair[0], 2) != 2 || !shows(pair[0], "fg")) return 0;
  return peek_offset(pair[0], 1) == 0 && shows(pair[0], "def");
}

static int32_t probe(int family, const int32_t *words) {
  int pair[2] = {probe_socket(family), -1};
  const int listener = probe_socket(family);
  const int is_connected = pair[0] >= 0 && listener >= 0 && connect_pair(listener, family, words, pair) == 0;
  const int32_t outcome = is_connected ? peeks_well(pair) : -errno;
  if (listener >= 0) close(listener);
  if (pair[0] >= 0) close(pair[0]);
  if (pair[1] >= 0) close(pair[1]);
  return outcome;
}

/* probePeekOffset(4 | 6): 1 when this kernel's TCP honours SO_PEEK_OFF, 0 when not (before Linux 6.9, for IPv6 a bit later). */
static int32_t probe_peek_offset(Context *context, const int32_t *argument) {
  static atomic_int known[2]; /* 0 is not known yet, else 1 + the answer; the same for every thread. */
  (void)context;
  if (argument[0] != 4 && argument[0] != 6) return -EINVAL;
  const int index = argument[0] == 6, family = index ? AF_INET6 : AF_INET;
  if (known[index] != 0) return known[index] - 1;
  int32_t outcome = probe(family, LOOPBACK[index]);
  if (outcome == -EADDRNOTAVAIL && index == 1) outcome = probe(family, LOOPBACK[2]);
  if (outcome == -EAFNOSUPPORT) outcome = 0; /* A kernel without IPv6 has no such sockets to peek into. */
  if (outcome >= 0) known[index] = 1 + outcome;
  return outcome;
}

const Method tcp_methods[] = {
    {"tcpConnect", 6, tcp_connect},
    {"tcpConnectScoped", 6, tcp_connect_scoped},
    {"tcpConnected", 1, tcp_connected},
    {"socketError", 1, socket_error},
    {"tcpSend", 3, tcp_send},
    {"tcpPeek", 3, tcp_peek},
    {"tcpReceive", 3, tcp_receive},
    {"tcpDiscard", 2, tcp_discard},
    {"tcpPeekOffset", 2, tcp_peek_offset},
    {"tcpRoom", 1, tcp_room},
    {"tcpMakeRoom", 2, tcp_make_room},
    {"tcpSendUrgent", 2, tcp_send_urgent},
    {"tcpMark", 1, tcp_mark},
    {"tcpSilence", 2, tcp_silence},
    {"tcpStalled", 1, tcp_stalled},
    {"tcpReceiveBuffer", 2, tcp_receive_buffer},
    {"tcpUnsent", 1, tcp_unsent},
    {"tcpUnread", 1, tcp_unread},
    {"tcpShutdown", 1, tcp_shutdown},
    {"tcpReset", 1, tcp_reset},
    {"probePeekOffset", 1, probe_peek_offset},
    {NULL, 0, NULL},
};

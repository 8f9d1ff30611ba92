/* Request/response: one byte there, one byte back, on connections that stay open (netperf's TCP_RR and UDP_RR).
 *
 *   rr server tcp|udp ADDRESS PORT CONNECTIONS
 *   rr client tcp|udp ADDRESS PORT CONNECTIONS LIMIT      LIMIT: `5s`, or a number of rounds
 *
 * With one connection both sides block in recv, which is the fewest system calls there can be; with more, both wait in
 * epoll and every connection has one request under way. A datagram that is lost is sent again after 200 ms and counted
 * as a failure; the byte numbers the request, so that a late reply is not taken for the next one. */
#define _GNU_SOURCE
#include "samples.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define LOST_NS 200000000ull    /* a datagram without a reply for this long is lost */
#define GIVE_UP_NS 10000000000ull /* a TCP connection without a reply for this long has failed */

struct flow {
  int fd;
  unsigned char number;
  uint64_t sent;
};

static void no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int listener(int type, struct sockaddr_in address) {
  int one = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (type == SOCK_STREAM && listen(fd, 1024) < 0) fail("listen");
  return fd;
}

static void serve_datagrams(int fd) {
  for (;;) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    unsigned char byte;
    if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&peer, &size) == 1) sendto(fd, &byte, 1, 0, (struct sockaddr *)&peer, size);
  }
}

static void serve_one(int listening) {
  int fd = accept(listening, NULL, NULL);
  unsigned char byte;
  if (fd < 0) fail("accept");
  no_delay(fd);
  while (recv(fd, &byte, 1, 0) == 1)
    if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1) break;
  close(fd);
}

static void serve_many(int listening) {
  int poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, ready[64];
  if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event) < 0) fail("epoll");
  for (;;) {
    int count = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < count; i++) {
      unsigned char byte;
      int fd = ready[i].data.fd;
      if (fd == listening) {
        int accepted = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (accepted < 0) continue;
        no_delay(accepted);
        event.data.fd = accepted;
        epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event);
      } else if (recv(fd, &byte, 1, 0) != 1 || send(fd, &byte, 1, MSG_NOSIGNAL) != 1) {
        close(fd);
      }
    }
  }
}

static void request(struct flow *flow) {
  flow->number++;
  flow->sent = now_ns();
  if (send(flow->fd, &flow->number, 1, MSG_NOSIGNAL) != 1) fail("send");
}

/* Sends again what is lost; returns how many were. A TCP connection that is silent for too long ends the program. */
static uint64_t sweep(struct flow *flows, int connections, int type) {
  uint64_t lost = 0, now = now_ns();
  for (int i = 0; i < connections; i++) {
    uint64_t silent = now - flows[i].sent;
    if (type == SOCK_STREAM && silent > GIVE_UP_NS) errno = ETIMEDOUT, fail("recv");
    if (type == SOCK_STREAM || silent < LOST_NS) continue;
    lost++;
    request(&flows[i]);
  }
  return lost;
}

static void client(int type, struct sockaddr_in address, int connections, struct limit limit) {
  static struct flow flows[CONNECTIONS_MAX];
  struct epoll_event ready[64] = {0};
  struct timeval patience = {.tv_usec = LOST_NS / 1000};
  struct samples first, samples;
  uint64_t failures = 0, swept, warm, started = 0, now;
  int poll = epoll_create1(EPOLL_CLOEXEC);
  samples_open(&first);
  samples_open(&samples);
  for (int i = 0; i < connections; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &flows[i]};
    flows[i].fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (flows[i].fd < 0) fail("socket");
    if (connect(flows[i].fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    if (type == SOCK_STREAM) no_delay(flows[i].fd);
    setsockopt(flows[i].fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (epoll_ctl(poll, EPOLL_CTL_ADD, flows[i].fd, &event) < 0) fail("epoll");
  }
  ready[0].data.ptr = &flows[0];
  swept = warm = now_ns();
  for (int i = 0; i < connections; i++) request(&flows[i]);
  do {
    int count = connections == 1 ? 1 : epoll_wait(poll, ready, 64, LOST_NS / 1000000);
    for (int i = 0; i < count; i++) {
      struct flow *flow = ready[i].data.ptr;
      unsigned char byte;
      ssize_t length = recv(flow->fd, &byte, 1, connections == 1 ? 0 : MSG_DONTWAIT);
      if (length == 0) errno = ECONNRESET, fail("recv");
      if (length < 0 && errno != EAGAIN) fail("recv");
      if (length < 0 || byte != flow->number) continue;
      now = now_ns();
      samples_add(started ? &samples : &first, now - flow->sent);
      if (!started && now - warm > WARM_UP_NS) started = now;
      request(flow);
    }
    now = now_ns();
    if (now - swept > LOST_NS / 2) swept = now, failures += sweep(flows, connections, type);
    /* Nothing at all came back during the warm-up: the first requests are being lost, and time still has to pass. */
    if (!started && now - warm > GIVE_UP_NS) errno = ETIMEDOUT, fail("recv");
  } while (!started || !limit_reached(&limit, samples.count, now - started));
  samples_print(&first, &samples, (double)(now - started) / 1e9, failures);
}

int main(int argc, char **argv) {
  if (argc < 6 || (strcmp(argv[1], "client") == 0 && argc < 7)) errno = EINVAL, fail("usage: rr server|client tcp|udp ADDRESS PORT CONNECTIONS [LIMIT]");
  int type = strcmp(argv[2], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM, connections = atoi(argv[5]);
  struct sockaddr_in address = address_parse(argv[3], argv[4]);
  if (connections < 1 || connections > CONNECTIONS_MAX) errno = EINVAL, fail("connections");
  if (strcmp(argv[1], "client") == 0) {
    client(type, address, connections, limit_parse(argv[6]));
  } else {
    int fd = listener(type, address);
    if (type == SOCK_DGRAM) serve_datagrams(fd);
    else if (connections == 1) serve_one(fd);
    else serve_many(fd);
  }
  return 0;
}

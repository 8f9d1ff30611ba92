/* Connect/request/response: a connection for each exchange (netperf's TCP_CRR).
 *
 *   crr server ADDRESS PORT
 *   crr client ADDRESS PORT CONCURRENCY LIMIT             LIMIT: `5s`, or a number of transactions
 *
 * A transaction is connect, one byte there, one byte back, the server's end, ours: timed from the connect call to the moment
 * the end has been read. The server closes first, as in HTTP/1.0, so that TIME-WAIT stays on the side that has one port. A
 * transaction that is refused, reset or silent for 3 s is a failure, and is replaced by a new one. */
#define _GNU_SOURCE
#include "samples.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONCURRENCY_MAX 1024
#define SILENT_NS 3000000000ull
#define FAILURES_MAX 1000 /* something is plainly broken: stop and say so */

enum phase { CONNECTING, REPLY, END };

struct transaction {
  int fd;
  enum phase phase;
  uint64_t begun;
};

static void serve(struct sockaddr_in address) {
  int one = 1, poll = epoll_create1(EPOLL_CLOEXEC), listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, ready[64];
  if (poll < 0 || listening < 0) fail("socket");
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listening, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listening, 4096) < 0) fail("listen");
  epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
  for (;;) {
    int count = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < count; i++) {
      unsigned char byte;
      int fd = ready[i].data.fd;
      if (fd == listening) {
        event.data.fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (event.data.fd < 0) continue;
        setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
      } else {
        if (recv(fd, &byte, 1, 0) == 1) send(fd, &byte, 1, MSG_NOSIGNAL);
        close(fd);
      }
    }
  }
}

/* Returns 0, or -1 when the connect failed at once. */
static int begin(struct transaction *transaction, int poll, const struct sockaddr_in *address) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = transaction};
  int one = 1;
  transaction->begun = now_ns();
  transaction->phase = CONNECTING;
  transaction->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (transaction->fd < 0) fail("socket");
  setsockopt(transaction->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(transaction->fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno != EINPROGRESS) return -1;
  if (epoll_ctl(poll, EPOLL_CTL_ADD, transaction->fd, &event) < 0) fail("epoll");
  return 0;
}

/* Takes a transaction as far as it goes now: 1 finished, 0 under way, -1 failed. */
static int advance(struct transaction *transaction, uint32_t events) {
  unsigned char byte = 1;
  if (transaction->phase == CONNECTING) {
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return 0;
    if (send(transaction->fd, &byte, 1, MSG_NOSIGNAL) != 1) return -1;
    transaction->phase = REPLY;
  }
  for (;;) {
    ssize_t length = recv(transaction->fd, &byte, 1, 0);
    if (length < 0) return errno == EAGAIN ? 0 : -1;
    if (length == 0) return transaction->phase == END ? 1 : -1;
    transaction->phase = END;
  }
}

static void client(struct sockaddr_in address, int concurrency, struct limit limit) {
  static struct transaction transactions[CONCURRENCY_MAX];
  struct epoll_event ready[64];
  struct samples first, samples;
  uint64_t failures = 0, warm = now_ns(), swept = warm, started = 0, now = warm;
  int poll = epoll_create1(EPOLL_CLOEXEC), error = 0;
  if (poll < 0) fail("epoll");
  samples_open(&first);
  samples_open(&samples);
  for (int i = 0; i < concurrency; i++)
    if (begin(&transactions[i], poll, &address) < 0) fail("connect");
  while (!started || !limit_reached(&limit, samples.count + failures, now - started)) {
    int count = epoll_wait(poll, ready, 64, 100);
    now = now_ns();
    for (int i = 0; i < count; i++) {
      struct transaction *transaction = ready[i].data.ptr;
      int result = advance(transaction, ready[i].events);
      if (result == 0) continue;
      if (result < 0) failures++, error = errno;
      else samples_add(started ? &samples : &first, now_ns() - transaction->begun);
      close(transaction->fd);
      if (begin(transaction, poll, &address) < 0) fail("connect");
    }
    if (now - swept > SILENT_NS / 10) {
      swept = now;
      for (int i = 0; i < concurrency; i++) {
        if (now < transactions[i].begun + SILENT_NS) continue;
        failures++, error = ETIMEDOUT;
        close(transactions[i].fd);
        if (begin(&transactions[i], poll, &address) < 0) fail("connect");
      }
    }
    if (failures > FAILURES_MAX) errno = error, fail("too many failures, the last one");
    if (!started && now - warm > WARM_UP_NS) started = now;
  }
  samples_print(&first, &samples, (double)(now - started) / 1e9, failures);
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "server") == 0) {
    serve(address_parse(argv[2], argv[3]));
  } else if (argc == 6 && strcmp(argv[1], "client") == 0) {
    int concurrency = atoi(argv[4]);
    if (concurrency < 1 || concurrency > CONCURRENCY_MAX) errno = EINVAL, fail("concurrency");
    client(address_parse(argv[2], argv[3]), concurrency, limit_parse(argv[5]));
  } else {
    errno = EINVAL, fail("usage: crr server ADDRESS PORT | crr client ADDRESS PORT CONCURRENCY LIMIT");
  }
  return 0;
}

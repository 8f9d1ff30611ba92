/* Connections that are opened, and then do nothing.
 *
 *   crowd server ADDRESS PORT
 *   crowd client ADDRESS PORT COUNT SECONDS
 *
 * A connection is open when its server's first byte has arrived: one that only some listener's backlog has taken is not. The client
 * begins the next one whenever one is open or has failed, AT_ONCE of them under way; after SECONDS what is not open has failed. Then it prints
 * what came of it, and holds them all until it is killed. */
#define _GNU_SOURCE
#include "samples.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 64
#define BACKLOG 4096

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("setrlimit");
}

static void serve(struct sockaddr_in address) {
  int one = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listening < 0) fail("socket");
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listening, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listening, BACKLOG) < 0) fail("listen");
  for (;;) {
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 && errno == EMFILE) fail("accept");
    if (fd >= 0 && send(fd, "!", 1, MSG_NOSIGNAL) < 0) close(fd);
  }
}

/* Returns 0, or -1 when the connect failed at once. */
static int begin(int poll, const struct sockaddr_in *address) {
  struct epoll_event event = {.events = EPOLLIN};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  event.data.fd = fd;
  if ((connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno != EINPROGRESS) ||
      epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0) {
    close(fd);
    return -1;
  }
  return 0;
}

static void client(struct sockaddr_in address, int count, double seconds) {
  struct epoll_event ready[AT_ONCE];
  int begun = 0, under_way = 0, opened = 0, failed = 0, poll = epoll_create1(EPOLL_CLOEXEC);
  uint64_t started = now_ns(), end = started + (uint64_t)(seconds * 1e9), now = started;
  if (poll < 0) fail("epoll");
  while (opened + failed < count && now < end) {
    while (under_way < AT_ONCE && begun < count) {
      begun++;
      if (begin(poll, &address) < 0) failed++;
      else under_way++;
    }
    int events = epoll_wait(poll, ready, AT_ONCE, 100);
    for (int i = 0; i < events; i++) {
      unsigned char byte;
      int fd = ready[i].data.fd;
      under_way--;
      epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
      if (recv(fd, &byte, 1, 0) == 1) opened++;
      else failed++, close(fd);
    }
    now = now_ns();
  }
  printf("{\"opened\":%d,\"failures\":%d,\"openMs\":%.3f}\n", opened, count - opened, (double)(now - started) / 1e6);
  fflush(stdout);
  for (;;) pause();
}

int main(int argc, char **argv) {
  raise_file_limit();
  if (argc == 4 && strcmp(argv[1], "server") == 0) serve(address_parse(argv[2], argv[3]));
  else if (argc == 6 && strcmp(argv[1], "client") == 0) client(address_parse(argv[2], argv[3]), atoi(argv[4]), atof(argv[5]));
  else errno = EINVAL, fail("usage: crowd server ADDRESS PORT | crowd client ADDRESS PORT COUNT SECONDS");
  return 0;
}

/* The least HTTP server that wrk(1) takes for one: keeps connections alive, answers every request with the same 128 bytes.
 *
 *   http ADDRESS PORT
 *
 * A request has ended with an empty line, and has no body. */
#define _GNU_SOURCE
#include "samples.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 4096
#define BODY 128
#define REQUEST_MAX 4096 /* what is read at a time */

/* How much of the four bytes that end a request a connection has sent. */
static unsigned char matched[DESCRIPTORS_MAX];

/* How many requests end in these bytes. */
static int requests(int fd, const char *text, ssize_t length) {
  static const char end[] = "\r\n\r\n";
  int count = 0;
  for (ssize_t i = 0; i < length; i++) {
    if (text[i] == end[matched[fd]]) matched[fd]++;
    else matched[fd] = text[i] == '\r';
    if (matched[fd] == 4) matched[fd] = 0, count++;
  }
  return count;
}

int main(int argc, char **argv) {
  static char body[BODY + 1], answer[512], text[REQUEST_MAX];
  if (argc != 3) errno = EINVAL, fail("usage: http ADDRESS PORT");
  struct sockaddr_in address = address_parse(argv[1], argv[2]);
  memset(body, 'x', BODY);
  int size = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", BODY, body);
  int one = 1, poll = epoll_create1(EPOLL_CLOEXEC), listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listening}, ready[64];
  if (poll < 0 || listening < 0) fail("socket");
  setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listening, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listening, 1024) < 0) fail("listen");
  epoll_ctl(poll, EPOLL_CTL_ADD, listening, &event);
  for (;;) {
    int events = epoll_wait(poll, ready, 64, -1);
    for (int i = 0; i < events; i++) {
      int fd = ready[i].data.fd;
      if (fd == listening) {
        event.data.fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        if (event.data.fd < 0) continue;
        if (event.data.fd >= DESCRIPTORS_MAX) errno = EMFILE, fail("accept");
        matched[event.data.fd] = 0;
        setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
        continue;
      }
      ssize_t length = recv(fd, text, sizeof text, 0);
      int left = length <= 0 ? -1 : requests(fd, text, length);
      while (left > 0 && send(fd, answer, (size_t)size, MSG_NOSIGNAL) == size) left--;
      if (left != 0) close(fd);
    }
  }
}

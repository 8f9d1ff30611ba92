/*
 * Connections that are made inside the guest's namespace and carried from kernel to kernel: splice(2), pipe(7), tcp(7).
 *
 * A socket belongs for life to the network namespace that it was made in, whoever holds it, and can be connected again after it was
 * disconnected (connect(2), AF_UNSPEC). So the launcher leaves no process in the namespace: it hands over two TCP sockets of it, and
 * more are made of them here. One listens on the loopback of the namespace for as long as this takes, the other connects to it, and what
 * accept(2) returns, disconnected again, is a new unconnected socket of that namespace.
 *
 *     seed  listen ----------------------------------------------------- disconnect
 *     seed          connect -.   disconnect   connect -.   disconnect
 *                            `-> accept, disconnect    `-> accept, disconnect
 *                                = one more            = one more
 *
 * One whose connection has ended in order is disconnected in the same way, and so is there for the next.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "context.h"

/*
 * Nothing here waits. A connection within the loopback of the namespace is made before connect() returns, unless the machine is busy, and who
 * is root in the namespace may see to it that it never is. Then the caller tries again later.
 *
 * The listener takes whoever connects to it while it listens: so many of others are closed a call, so that nobody can keep us here.
 */
#define FOREIGN_MAX 64
/* Bytes asked of one splice: more than any pipe holds. */
#define SPLICE_CHUNK (1 << 20)
/* Bytes copied at a time, where there is no pipe. */
#define COPY_CHUNK (1 << 16)
#define SPLICE_FLAGS (SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

/* What spliceMove() has found; src/host/native.ts has the same. */
#define FROM_ENDED 1
#define FROM_EMPTY 2
#define TO_FULL 4
#define FROM_BROKEN 8
#define TO_BROKEN 16

static int disconnect(int descriptor) {
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  return connect(descriptor, &none, sizeof none);
}

static bool is_same(const struct sockaddr_in *a, const struct sockaddr_in *b) {
  return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* The other end of `connector`. What others in the namespace connect meanwhile is closed. -1 and errno when it is not there (EAGAIN). */
static int accept_own(int listener, int connector, int *foreign) {
  struct sockaddr_in own, peer;
  socklen_t length = sizeof own;
  if (getsockname(connector, (struct sockaddr *)&own, &length) < 0) return -1;
  for (;;) {
    length = sizeof peer;
    const int accepted = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0 || is_same(&own, &peer)) return accepted;
    close(accepted);
    if (++*foreign >= FOREIGN_MAX) {
      errno = EAGAIN;
      return -1;
    }
  }
}

static int mint(const Context *context, int listener, int connector, const struct sockaddr_in *address, int *foreign) {
  if (connect(connector, (const struct sockaddr *)address, sizeof *address) < 0 && errno != EINPROGRESS) return -1;
  int accepted = accept_own(listener, connector, foreign);
  if (accepted >= 0) accepted = descriptor_admit(context, accepted, SHARE_PUBLISHED);
  const int error = errno;
  disconnect(connector);
  if (accepted >= 0 && disconnect(accepted) == 0) return accepted;
  if (accepted >= 0) close(accepted);
  errno = error;
  return -1;
}

/* What is accepted from this one has it, too, and keeps it when it is disconnected. */
static int set_options(int listener) {
  const int one = 1;
  if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) return -1;
  return setsockopt(listener, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
}

/*
 * socketMint(seed, seed, count): unconnected TCP sockets of the seeds' namespace in scratch[0..]; how many, or -errno when there is not one.
 * -EAGAIN: not yet.
 */
static int32_t socket_mint(Context *context, const int32_t *argument) {
  const int listener = argument[0], connector = argument[1];
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  int32_t count = 0;
  int foreign = 0;
  if (argument[2] < 1 || argument[2] > SCRATCH_WORDS) return -EINVAL;
  /* On a port of the kernel's choice and every address: one that is asked for by name would stick to those that are accepted. */
  if (set_options(listener) < 0 || listen(listener, SOMAXCONN) < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
    const int error = errno;
    disconnect(listener);
    return -error;
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  while (count < argument[2]) {
    const int minted = mint(context, listener, connector, &address, &foreign);
    if (minted < 0) break;
    context->scratch[count++] = minted;
  }
  const int error = errno;
  disconnect(listener);
  return count > 0 ? count : -error;
}

/*
 * socketRecycle(fd): makes a minted socket unconnected again, if its connection has ended on both ways: without a word to the other end,
 * which may be in TIME-WAIT, and has all. -EISCONN, or what went wrong, when it can only be closed.
 */
static int32_t socket_recycle(Context *context, const int32_t *argument) {
  (void)context;
  const int descriptor = argument[0];
  struct tcp_info info;
  socklen_t length = sizeof info.tcpi_state;
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return -errno;
  if (info.tcpi_state != TCP_CLOSE) return -EISCONN;
  int error = 0;
  length = sizeof error;
  /* A late reset: the next connection would hear of it. */
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
  if (error != 0) return -error;
  return disconnect(descriptor) < 0 ? -errno : 0;
}

/*
 * socketConnect(fd, a0, a1, a2, a3, port): begins to connect a minted socket: 0 when it is done already, as within one
 * namespace it nearly always is, -EINPROGRESS when EPOLLOUT will tell. scratch[0] = its own port.
 */
static int32_t socket_connect(Context *context, const int32_t *argument) {
  struct sockaddr_storage address;
  const int descriptor = argument[0];
  socklen_t length = address_load(&address, argument + 1, argument[5]);
  if (connect(descriptor, (struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS) return -errno;
  struct pollfd state = {.fd = descriptor, .events = POLLOUT};
  const int is_done = poll(&state, 1, 0) > 0;
  if ((state.revents & (POLLERR | POLLHUP)) != 0) {
    int error = 0;
    length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
    if (error != 0) return -error;
  }
  length = sizeof address;
  if (getsockname(descriptor, (struct sockaddr *)&address, &length) < 0) return -errno;
  context->scratch[0] = ntohs(((struct sockaddr_in *)&address)->sin_port);
  return is_done ? 0 : -EINPROGRESS;
}

/* pipeOpen(bytes): a pipe for splice, of so many bytes if that is allowed: scratch[0] = read end, [1] = write end. */
static int32_t pipe_open(Context *context, const int32_t *argument) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -errno;
  if (descriptor_admit(context, ends[1], SHARE_PIPES) < 0) {
    close(ends[0]);
    return -EMFILE;
  }
  fcntl(ends[1], F_SETPIPE_SZ, argument[0]);
  context->scratch[0] = ends[0];
  context->scratch[1] = ends[1];
  return 0;
}

/* Pipe to socket, until the pipe is empty or the socket full. */
static int32_t pour(int from, int to, size_t *held, int32_t *given) {
  while (*held > 0) {
    const ssize_t moved = splice(from, NULL, to, NULL, *held, SPLICE_FLAGS);
    if (moved > 0) {
      *held -= (size_t)moved;
      *given += (int32_t)moved;
    } else if (moved < 0 && errno == EAGAIN) {
      return TO_FULL;
    } else if (moved == 0 || errno != EINTR) {
      return TO_BROKEN;
    }
  }
  return 0;
}

/* Takes off a socket what was peeked at: 0, or -1. */
static int take_off(int from, char *bytes, size_t length) {
  while (length > 0) {
    const ssize_t gone = recv(from, bytes, length, MSG_DONTWAIT);
    if (gone > 0)
      length -= (size_t)gone;
    else if (gone == 0 || errno != EINTR)
      return -1;
  }
  return 0;
}

/*
 * splice() stops before an urgent byte, and then says what it says of a socket that is empty: EAGAIN, or 0 when the end has come, whatever
 * is still queued. The byte is passed on by itself, marked again (SO_OOBINLINE has it in its place here), and not before all that is in front of it:
 * the pipe is empty. Flags; *passed is 1 when there was one.
 */
static int32_t pass_urgent(int from, int to, int32_t *passed) {
  int is_at_mark = 0;
  char byte;
  *passed = 0;
  if (ioctl(from, SIOCATMARK, &is_at_mark) < 0 || !is_at_mark || recv(from, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1) return 0;
  if (send(to, &byte, 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return errno == EAGAIN ? TO_FULL : errno == EINTR ? 0 : TO_BROKEN;
  *passed = 1;
  return take_off(from, &byte, 1) < 0 ? FROM_BROKEN : 0;
}

/*
 * The same without a pipe, where none is to be had: by copies. Nothing is taken off the one socket before the other has it, so that no byte is
 * here between two calls.
 */
static int32_t copy(int from, int to, int32_t budget, int32_t *moved) {
  char bytes[COPY_CHUNK];
  while (*moved < budget) {
    int32_t passed;
    const int32_t flags = pass_urgent(from, to, &passed);
    *moved += passed;
    if (flags != 0) return flags;
    if (passed != 0) continue;
    const ssize_t seen = recv(from, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (seen == 0) return FROM_ENDED;
    if (seen < 0 && errno == EINTR) continue;
    if (seen < 0) return errno == EAGAIN ? FROM_EMPTY : FROM_BROKEN;
    const ssize_t sent = send(to, bytes, (size_t)seen, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN ? TO_FULL : TO_BROKEN;
    *moved += (int32_t)sent;
    if (take_off(from, bytes, (size_t)sent) < 0) return FROM_BROKEN;
    if (sent < seen) return TO_FULL;
  }
  return 0;
}

static int32_t splice_through(const int32_t *argument, int32_t *taken, int32_t *given) {
  const int from = argument[0], to = argument[1], pipe_read = argument[2], pipe_write = argument[3];
  size_t held = (size_t)argument[4];
  int32_t flags = pour(pipe_read, to, &held, given);
  while (flags == 0 && *taken < argument[5]) {
    ssize_t moved = splice(from, NULL, pipe_write, NULL, SPLICE_CHUNK, SPLICE_FLAGS);
    if (moved == 0 || (moved < 0 && errno == EAGAIN)) {
      const int error = errno;
      int32_t passed;
      flags = pass_urgent(from, to, &passed);
      *taken += passed;
      *given += passed;
      if (passed != 0 || flags != 0) continue;
      errno = error;
    }
    if (moved > 0) {
      held += (size_t)moved;
      *taken += (int32_t)moved;
      flags = pour(pipe_read, to, &held, given);
    } else if (moved == 0) {
      flags = FROM_ENDED;
    } else if (errno != EINTR) {
      flags = errno == EAGAIN ? FROM_EMPTY : FROM_BROKEN;
    }
  }
  return flags;
}

/*
 * spliceMove(from, to, pipeRead, pipeWrite, held, budget): moves bytes from one socket to another, `held` of which are in the pipe from the
 * last time, until there is nothing to take (FROM_EMPTY, FROM_ENDED), no room (TO_FULL), or about `budget` bytes were taken. Returns the
 * flags; scratch[0] = bytes taken, [1] = bytes given, [2] = errno where an end is broken. A pipe of -1: without one, and nothing is held.
 */
static int32_t splice_move(Context *context, const int32_t *argument) {
  int32_t taken = 0, given = 0, flags;
  errno = 0;
  if (argument[2] >= 0) {
    flags = splice_through(argument, &taken, &given);
  } else {
    flags = copy(argument[0], argument[1], argument[5], &given);
    taken = given;
  }
  context->scratch[0] = taken;
  context->scratch[1] = given;
  context->scratch[2] = errno;
  return flags;
}

const Method direct_methods[] = {
    {"socketMint", 3, socket_mint},
    {"socketRecycle", 1, socket_recycle},
    {"socketConnect", 6, socket_connect},
    {"pipeOpen", 1, pipe_open},
    {"spliceMove", 6, splice_move},
    {NULL, 0, NULL},
};

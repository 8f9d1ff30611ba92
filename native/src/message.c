/*
 * Messages with descriptors between our own processes: a SOCK_SEQPACKET pair, SCM_RIGHTS. And a pair of streams, one end of which
 * takes the place of a TCP socket for what we answer ourselves (tcp.c). See unix(7).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "pass.h"

static int32_t make_pair(Context *context, int type) {
  int ends[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
  context->scratch[0] = ends[0];
  context->scratch[1] = ends[1];
  return 0;
}

/* socketPair(): both ends close on exec, and are handed to a child by its stdio list. scratch[0], scratch[1]. */
static int32_t socket_pair(Context *context, const int32_t *argument) {
  (void)argument;
  return make_pair(context, SOCK_SEQPACKET);
}

/* streamPair(): two ends of a connection within this process. scratch[0], scratch[1]. */
static int32_t stream_pair(Context *context, const int32_t *argument) {
  (void)argument;
  const int32_t status = make_pair(context, SOCK_STREAM | SOCK_NONBLOCK);
  if (status < 0 || descriptor_admit(context, context->scratch[1], SHARE_ALL) >= 0) return status;
  close(context->scratch[0]);
  return -EMFILE;
}

/* framePair(): the two ends of a cable: frames, whole ones, in order, and never more than the kernel will queue. scratch[0], scratch[1]. */
static int32_t frame_pair(Context *context, const int32_t *argument) {
  (void)argument;
  return make_pair(context, SOCK_SEQPACKET | SOCK_NONBLOCK);
}

/* The first descriptor of a message, -1 when it has none; any other is closed. */
static int take_descriptor(struct msghdr *message) {
  int taken = -1;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
      if (taken < 0)
        taken = descriptor;
      else
        close(descriptor);
    }
  }
  return taken;
}

/* receiveMessage(fd, at, length): bytes, 0 at the end; scratch[0] = the descriptor that came along or -1. */
static int32_t receive_message(Context *context, const int32_t *argument) {
  char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
  struct iovec data = {arena_range(context, argument[1], argument[2]), (size_t)argument[2]};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  context->scratch[0] = -1;
  if (data.iov_base == NULL) return -EFAULT;
  const ssize_t length = recvmsg(argument[0], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return -errno;
  const int descriptor = take_descriptor(&message);
  if (message.msg_flags & MSG_TRUNC) {
    if (descriptor >= 0) close(descriptor);
    return -EMSGSIZE;
  }
  context->scratch[0] = descriptor;
  return (int32_t)length;
}

/* sendMessage(fd, at, length, pass): `pass` is a descriptor to send along, -1 for none; ours stays open. */
static int32_t send_message(Context *context, const int32_t *argument) {
  const void *bytes = arena_range(context, argument[1], argument[2]);
  return bytes == NULL ? -EFAULT : pass_send(argument[0], bytes, (size_t)argument[2], argument[3], MSG_DONTWAIT);
}

const Method message_methods[] = {
    {"socketPair", 0, socket_pair},
    {"streamPair", 0, stream_pair},
    {"framePair", 0, frame_pair},
    {"receiveMessage", 3, receive_message},
    {"sendMessage", 4, send_message},
    {NULL, 0, NULL},
};

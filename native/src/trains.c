/*
 * Datagrams of a UDP socket many at a time: recvmmsg(2) and sendmmsg(2), and trains of equal datagrams in one message, received (UDP_GRO)
 * and sent (UDP_SEGMENT). See udp(7).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "context.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Messages of one call. */
#define BATCH_MAX 64
/* Pieces that the messages of one call are gathered from. */
#define PIECES_MAX 1024
/* Words of scratch for each message received, and for each sent, in front of its pieces. */
#define RECEIVED_WORDS 10
#define SENT_WORDS 7
/* Most bytes that two messages may begin apart; between two rests, and how much of that is room in front: see udpReceiveMany. */
#define STRIDE_MAX 2048
#define REST_STRIDE (68 << 10)
#define REST_HEADROOM (4 << 10)
/*
 * Bytes of a socket's buffers, which the kernel doubles for its own overhead and limits by rmem_max and wmem_max. What arrives waits in
 * them for our turn: 1 Gbit/s in datagrams of 1,400 bytes fills the default of 208 KiB in a millisecond, and a turn can take ten.
 */
#define BUFFER_BYTES (2 << 20)

void datagram_room(int descriptor) {
  const int room = BUFFER_BYTES;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

/* udpTrains(fd): room for what comes between two turns, and trains as one message from Linux 5.0 on; only udpReceiveMany tells them apart. */
static int32_t udp_trains(Context *context, const int32_t *argument) {
  const int one = 1;
  (void)context;
  datagram_room(argument[0]);
  return setsockopt(argument[0], IPPROTO_UDP, UDP_GRO, &one, sizeof one) < 0 ? -errno : 0;
}

/* What recvmmsg() needs for a batch. Addresses of the two families only. */
typedef struct {
  struct mmsghdr messages[BATCH_MAX];
  struct iovec pieces[BATCH_MAX][2];
  union {
    struct sockaddr any;
    struct sockaddr_in6 v6;
  } sources[BATCH_MAX];
  char control[BATCH_MAX][CMSG_SPACE(sizeof(int)) * 4] __attribute__((aligned(8)));
} Batch;

/* Bytes of each datagram of a train but the last, 0 for a single datagram. */
static int32_t segment_of(struct msghdr *message, int32_t length) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
    int size;
    if (header->cmsg_level != IPPROTO_UDP || header->cmsg_type != UDP_GRO) continue;
    memcpy(&size, CMSG_DATA(header), sizeof size);
    return size < length ? size : 0;
  }
  return 0;
}

/* Message i: `stride` bytes of it at `first` + i * stride, what is longer at `second` + i * REST_STRIDE. */
static void prepare_batch(Batch *batch, int32_t max, uint8_t *first, int32_t stride, uint8_t *second) {
  for (int32_t i = 0; i < max; i++) {
    batch->pieces[i][0] = (struct iovec){first + i * stride, (size_t)stride};
    batch->pieces[i][1] = (struct iovec){second + i * REST_STRIDE, REST_STRIDE - REST_HEADROOM};
    batch->messages[i].msg_hdr = (struct msghdr){.msg_name = &batch->sources[i],
                                                 .msg_namelen = sizeof batch->sources[i],
                                                 .msg_iov = batch->pieces[i],
                                                 .msg_iovlen = 2,
                                                 .msg_control = batch->control[i],
                                                 .msg_controllen = sizeof batch->control[i]};
  }
}

/*
 * udpReceiveMany(fd, at, stride, rest, max): message i begins at `at` + i * stride. What is longer goes on in the i-th REST_STRIDE bytes from
 * `rest` on, and its beginning is copied in front of that.
 *
 *     at    | 0: stride bytes | 1: stride bytes | ...            messages of the expected length lie side by side
 *     rest  | headroom | 0: what did not fit | headroom | 1: what did not fit | ...
 *
 * scratch, RECEIVED_WORDS each: offset, length, bytes of each datagram if it is a train of several, else 0, port, TTL, TOS, source (4).
 * Less than max: there are no more. There is room for the longest datagram, so none is ever cut.
 */
static int32_t udp_receive_many(Context *context, const int32_t *argument) {
  const int32_t at = argument[1], stride = argument[2], rest = argument[3];
  const int32_t max = argument[4] > BATCH_MAX ? BATCH_MAX : argument[4];
  Batch batch;
  if (max < 1 || stride < 1 || stride > STRIDE_MAX) return -EINVAL;
  uint8_t *first = arena_range(context, at, stride * max), *second = arena_range(context, rest, REST_STRIDE * max);
  if (first == NULL || second == NULL) return -EFAULT;
  prepare_batch(&batch, max, first, stride, second + REST_HEADROOM);
  const int count = recvmmsg(argument[0], batch.messages, (unsigned)max, MSG_DONTWAIT, NULL);
  if (count < 0) return -errno;
  int32_t *words = context->scratch;
  for (int32_t i = 0; i < count; i++, words += RECEIVED_WORDS) {
    struct msghdr *message = &batch.messages[i].msg_hdr;
    const int32_t length = (int32_t)batch.messages[i].msg_len;
    const int is_long = length > stride;
    if (is_long) memcpy(second + i * REST_STRIDE + REST_HEADROOM - stride, first + i * stride, (size_t)stride);
    words[0] = is_long ? rest + i * REST_STRIDE + REST_HEADROOM - stride : at + i * stride;
    words[1] = length;
    words[2] = segment_of(message, length);
    words[4] = words[5] = -1;
    datagram_fields(message, &words[4], &words[5]);
    address_store(words + 6, &words[3], &batch.sources[i].any);
  }
  return count;
}

/* What sendmmsg() needs for a batch. */
typedef struct {
  struct mmsghdr messages[BATCH_MAX];
  struct iovec pieces[PIECES_MAX];
  struct sockaddr_storage targets[BATCH_MAX];
  char control[BATCH_MAX][CMSG_SPACE(sizeof(uint16_t))] __attribute__((aligned(8)));
} Outgoing;

/* One message of udpSendMany from its words; the pieces it takes, or -errno. */
static int32_t load_message(Context *context, int32_t word, Outgoing *batch, int32_t index, int32_t piece) {
  if (word > SCRATCH_WORDS - SENT_WORDS) return -EINVAL;
  const int32_t *words = context->scratch + word;
  const int32_t port = words[4], count = words[6];
  const uint16_t segment = (uint16_t)words[5];
  struct msghdr *message = &batch->messages[index].msg_hdr;
  if (count < 0 || count > PIECES_MAX - piece || 2 * count > SCRATCH_WORDS - SENT_WORDS - word) return -EINVAL;
  for (int32_t i = 0; i < count; i++) {
    const int32_t at = words[SENT_WORDS + 2 * i], length = words[SENT_WORDS + 2 * i + 1];
    batch->pieces[piece + i] = (struct iovec){arena_range(context, at, length), (size_t)length};
    if (batch->pieces[piece + i].iov_base == NULL) return -EFAULT;
  }
  *message = (struct msghdr){.msg_iov = &batch->pieces[piece], .msg_iovlen = (size_t)count};
  if (port != 0) {
    message->msg_name = &batch->targets[index];
    message->msg_namelen = address_load(&batch->targets[index], words, port);
  }
  if (segment == 0) return count;
  struct cmsghdr *header = (struct cmsghdr *)batch->control[index];
  *header = (struct cmsghdr){.cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof segment)};
  memcpy(CMSG_DATA(header), &segment, sizeof segment);
  message->msg_control = header;
  message->msg_controllen = sizeof batch->control[index];
  return count;
}

/*
 * udpSendMany(fd, word, count): messages from that word of the scratch on, SENT_WORDS each and its pieces behind: target (4), port (0: where
 * the socket is connected), bytes of each datagram if it is a train, else 0, how many pieces; then offset and length of each piece. How
 * many were sent; -errno when the first could not be.
 */
static int32_t udp_send_many(Context *context, const int32_t *argument) {
  Outgoing batch;
  int32_t word = argument[1], pieces = 0;
  if (word < 0 || argument[2] < 1 || argument[2] > BATCH_MAX) return -EINVAL;
  for (int32_t i = 0; i < argument[2]; i++) {
    const int32_t taken = load_message(context, word, &batch, i, pieces);
    if (taken < 0) return taken;
    pieces += taken;
    word += SENT_WORDS + 2 * taken;
  }
  const int sent = sendmmsg(argument[0], batch.messages, (unsigned)argument[2], MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? outbound_error(errno) : sent;
}

const Method train_methods[] = {
    {"udpTrains", 1, udp_trains},
    {"udpReceiveMany", 5, udp_receive_many},
    {"udpSendMany", 3, udp_send_many},
    {NULL, 0, NULL},
};

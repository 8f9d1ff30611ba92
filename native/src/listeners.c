/*
 * Who listens by TCP in the guest's network namespace: sock_diag(7), over a netlink socket of that namespace (seeds.c).
 *
 * Who is root there may send to that socket what it likes, and may fill it. It is connected to the kernel, which refuses whoever else sends
 * (netlink_getsockbyportid()); what came before is told by its sender. Every answer is checked against the question's sequence number and its
 * own length, and one question takes so many reads and no more: the guest decides how much there is to tell.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>

#include "context.h"

/* Bytes of a read: what the kernel puts into a message of a dump at most (netlink_dump()). */
#define READ_BYTES 32768
/* Reads of one question: 2 MiB, which is some 20,000 sockets. */
#define READS_MAX 64
/* Words of an answer's socket: an address and a port. */
#define LISTENER_WORDS 5

typedef struct {
  int descriptor;
  uint32_t sequence;
  int reads;
  int32_t count;
} Dump;

/* One listening socket of an answer: whether anybody may reach it, and its port. What does not fit is left out. */
static void add_listener(const Context *context, Dump *dump, const struct inet_diag_msg *found) {
  struct sockaddr_storage address;
  if (dump->count >= SCRATCH_WORDS / LISTENER_WORDS || found->idiag_state != TCP_LISTEN) return;
  int32_t *words = &context->scratch[LISTENER_WORDS * dump->count++];
  memset(&address, 0, sizeof address);
  address.ss_family = found->idiag_family;
  if (found->idiag_family == AF_INET)
    memcpy(&((struct sockaddr_in *)&address)->sin_addr, found->id.idiag_src, sizeof(struct in_addr));
  else
    memcpy(&((struct sockaddr_in6 *)&address)->sin6_addr, found->id.idiag_src, sizeof(struct in6_addr));
  address_store(words, &words[4], (const struct sockaddr *)&address);
  words[4] = ntohs(found->id.idiag_sport);
}

/* The length of what the kernel has sent, 0 for what is somebody else's or was cut off, or -errno. */
static int32_t read_kernel(Dump *dump, void *buffer) {
  struct sockaddr_nl sender = {0};
  struct iovec data = {buffer, READ_BYTES};
  struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &data, .msg_iovlen = 1};
  if (dump->reads++ >= READS_MAX) return -EBUSY;
  const ssize_t length = recvmsg(dump->descriptor, &message, MSG_DONTWAIT);
  if (length < 0) return -errno;
  const bool is_kernel = message.msg_namelen == sizeof sender && sender.nl_family == AF_NETLINK && sender.nl_pid == 0;
  return is_kernel && (message.msg_flags & MSG_TRUNC) == 0 ? (int32_t)length : 0;
}

/* What an error message says, as -errno: 0 is an acknowledgment, and nothing else is right. */
static int32_t error_of(const struct nlmsghdr *header) {
  struct nlmsgerr error;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof error)) return -EBADMSG;
  memcpy(&error, NLMSG_DATA(header), sizeof error);
  return error.error < 0 && error.error > -4096 ? error.error : -EBADMSG;
}

/* The messages of one read: 1 when the answer has ended, 0 when more of it comes, or -errno. */
static int32_t take_messages(const Context *context, Dump *dump, const char *buffer, size_t left) {
  for (size_t step; left >= NLMSG_HDRLEN; buffer += step, left -= step) {
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)buffer;
    /* Not by NLMSG_NEXT(): of a last message that is not padded it would leave less than nothing. */
    if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > left) break;
    step = NLMSG_ALIGN(header->nlmsg_len) < left ? NLMSG_ALIGN(header->nlmsg_len) : left;
    if (header->nlmsg_seq != dump->sequence) continue;
    if (header->nlmsg_type == NLMSG_DONE) return 1;
    if (header->nlmsg_type == NLMSG_ERROR) return error_of(header);
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) continue;
    add_listener(context, dump, NLMSG_DATA(header));
  }
  return 0;
}

/* Reads an answer to its end: 0 or -errno. */
static int32_t read_answer(const Context *context, Dump *dump) {
  char buffer[READ_BYTES] __attribute__((aligned(8)));
  for (;;) {
    /* The kernel has the answer ready before it returns from the request, or from reading what came before. */
    const int32_t length = read_kernel(dump, buffer);
    if (length < 0) return length;
    const int32_t outcome = take_messages(context, dump, buffer, (size_t)length);
    if (outcome != 0) return outcome < 0 ? outcome : 0;
  }
}

static int32_t ask(const Context *context, Dump *dump, int family) {
  static uint32_t sequence; /* One thread a namespace, and any number will do that the last question had not. */
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } message = {
      .header = {.nlmsg_len = sizeof message, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .request = {.sdiag_family = (uint8_t)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = 1 << TCP_LISTEN},
  };
  message.header.nlmsg_seq = dump->sequence = __atomic_add_fetch(&sequence, 1, __ATOMIC_RELAXED);
  if (send(dump->descriptor, &message, sizeof message, MSG_DONTWAIT) < 0) return -errno;
  return read_answer(context, dump);
}

/* What is left of an answer that was too long, or was sent by somebody else before the socket was connected: 0 when there is no more. */
static int32_t discard(Dump *dump) {
  char buffer[READ_BYTES];
  for (;;) {
    const int32_t length = read_kernel(dump, buffer);
    if (length == -EAGAIN) return 0;
    /* ENOBUFS is told once, and what has come is still there. */
    if (length < 0 && length != -ENOBUFS) return length;
  }
}

static int32_t connect_kernel(int descriptor) {
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  return connect(descriptor, (const struct sockaddr *)&kernel, sizeof kernel) < 0 ? -errno : 0;
}

/*
 * listenersOf(diag): who listens by TCP in the namespace of a sock_diag socket; five words each, address and port, in the scratch. How many;
 * -errno: it cannot be told now.
 */
static int32_t listeners_of(Context *context, const int32_t *argument) {
  Dump dump = {.descriptor = argument[0]};
  int32_t outcome = connect_kernel(dump.descriptor);
  if (outcome == 0) outcome = discard(&dump);
  if (outcome == 0) outcome = ask(context, &dump, AF_INET);
  if (outcome < 0 && dump.count == 0) return outcome;
  /* A kernel without IPv6 refuses the second question; so does one whose first answer was not read to its end. */
  if (outcome == 0) ask(context, &dump, AF_INET6);
  return dump.count;
}

const Method listeners_methods[] = {
    {"listenersOf", 1, listeners_of},
    {NULL, 0, NULL},
};

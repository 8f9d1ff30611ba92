/*
 * Frames to and from a TAP. See Documentation/networking/tuntap.rst.
 *
 * Every frame starts with its virtio-net header when the TAP was opened with IFF_VNET_HDR; nothing here looks inside.
 * read() and write() on a TAP move exactly one frame, so a batch is a loop of them:
 *
 *     at                                                          at + size
 *     | frame .. pad | frame .... pad | frame | ... room for one largest frame |
 *     ^ 64           ^ 64             ^ 64
 *
 * A device that is down gives EIO on writing, one that was deleted EBADFD on both; the caller tells them apart.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "context.h"

/* Frames start on cache lines. */
#define ALIGNMENT 64
#define ALIGN(n) (((n) + ALIGNMENT - 1) & ~(ALIGNMENT - 1))
/* virtio-net header, Ethernet header, and the largest super-segment that a kernel hands over (GSO_LEGACY_MAX_SIZE). */
#define LARGEST_FRAME ALIGN(10 + 14 + 65536)

/* tapRead(fd, at, size, maxFrames): scratch[2i] = offset, scratch[2i + 1] = length. -ENOBUFS: no room for one largest frame. -EPIPE: the end of it. */
static int32_t tap_read(Context *context, const int32_t *argument) {
  const int32_t at = argument[1], size = argument[2];
  int32_t max = argument[3] > SCRATCH_PAIRS ? SCRATCH_PAIRS : argument[3];
  uint8_t *base = arena_range(context, at, size);
  if (base == NULL) return -EFAULT;
  const int64_t end = (int64_t)at + size;
  int64_t offset = ALIGN((int64_t)at);
  if (end - offset < LARGEST_FRAME) return -ENOBUFS;
  int32_t count = 0;
  while (count < max && end - offset >= LARGEST_FRAME) {
    /* read(2) without the cancellation point of the C library, which costs a seventh of the call in a program with threads. */
    const ssize_t length = syscall(SYS_read, argument[0], base + (offset - at), LARGEST_FRAME);
    if (length < 0) {
      if (errno == EINTR) continue;
      /* After a good frame the failure waits for the next call. */
      return count > 0 || errno == EAGAIN ? count : -errno;
    }
    if (length == 0) return count > 0 ? count : -EPIPE; /* Not a TAP: a socket whose other end is closed. */
    context->scratch[2 * count] = (int32_t)offset;
    context->scratch[2 * count + 1] = (int32_t)length;
    count++;
    offset = ALIGN(offset + length);
  }
  return count;
}

/* tapWrite(fd, at, length): one frame. */
static int32_t tap_write(Context *context, const int32_t *argument) {
  const void *frame = arena_range(context, argument[1], argument[2]);
  if (frame == NULL) return -EFAULT;
  const ssize_t written = write(argument[0], frame, (size_t)argument[2]);
  return written < 0 ? -errno : (int32_t)written;
}

/* Of linux/if_link.h since Linux 6.3; older headers do not have it. */
#define ATTRIBUTE_GSO_IPV4_MAX_SIZE 63

/* Asks for the loopback interface by rtnetlink(7) and looks for the attribute that came with BIG TCP over IPv4. */
static int ask_big_tcp(int netlink) {
  struct {
    struct nlmsghdr header;
    struct ifinfomsg link;
  } request = {
      .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
      .link = {.ifi_family = AF_UNSPEC, .ifi_index = 1},
  };
  union {
    struct nlmsghdr header;
    char bytes[16384];
  } answer;
  if (send(netlink, &request, sizeof request, 0) < 0) return 0;
  const ssize_t length = recv(netlink, &answer, sizeof answer, 0);
  if (length < (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)) || answer.header.nlmsg_type != RTM_NEWLINK) return 0;
  struct rtattr *attribute = IFLA_RTA((struct ifinfomsg *)NLMSG_DATA(&answer.header));
  int left = (int)(length - (ssize_t)NLMSG_LENGTH(sizeof(struct ifinfomsg)));
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    if ((attribute->rta_type & NLA_TYPE_MASK) == ATTRIBUTE_GSO_IPV4_MAX_SIZE) return 1;
  }
  return 0;
}

/* probeBigTcp(): 1 when the kernel takes TCP over IPv4 in frames of more than 64 KiB, whose total length says 0. */
static int32_t probe_big_tcp(Context *context, const int32_t *argument) {
  (void)context, (void)argument;
  static atomic_int known = -1;
  if (known < 0) {
    const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    known = netlink < 0 ? 0 : ask_big_tcp(netlink);
    if (netlink >= 0) close(netlink);
  }
  return known;
}

const Method tap_methods[] = {
    {"tapRead", 4, tap_read},
    {"tapWrite", 3, tap_write},
    {"probeBigTcp", 0, probe_big_tcp},
    {NULL, 0, NULL},
};

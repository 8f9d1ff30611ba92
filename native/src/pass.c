/*
 * How a descriptor goes to another process: as the one control message of what is sent.
 */
#include "pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int pass_send(int channel, const void *bytes, size_t length, int pass, int flags) {
  char control[CMSG_SPACE(sizeof pass)] __attribute__((aligned(8)));
  struct iovec data = {(void *)bytes, length};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
  if (pass >= 0) {
    memset(control, 0, sizeof control);
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof pass)};
    memcpy(CMSG_DATA(header), &pass, sizeof pass);
  }
  ssize_t sent;
  do sent = sendmsg(channel, &message, flags | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : (int)sent;
}

ssize_t pass_receive(int channel, char *text, size_t size, int *pass) {
  char control[CMSG_SPACE(sizeof *pass)] __attribute__((aligned(8)));
  struct iovec data = {text, size - 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length;
  do length = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
  while (length < 0 && errno == EINTR);
  *pass = -1;
  text[length < 0 ? 0 : length] = '\0';
  if (length <= 0) return length;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL && header->cmsg_type == SCM_RIGHTS) memcpy(pass, CMSG_DATA(header), sizeof *pass);
  return length;
}

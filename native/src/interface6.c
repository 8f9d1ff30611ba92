/*
 * IPv6 of the TAP: an address and a default route, by rtnetlink(7), because no ioctl leaves duplicate address detection out, and whoever
 * is started next may connect at once. A namespace without IPv6 stays without.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher.h"

typedef struct {
  struct nlmsghdr header;
  union {
    struct ifaddrmsg address;
    struct rtmsg route;
  };
  char attributes[96];
} Request;

static void begin(Request *request, int type, size_t body) {
  memset(request, 0, sizeof *request);
  request->header = (struct nlmsghdr){
      .nlmsg_len = NLMSG_LENGTH((unsigned)body), .nlmsg_type = (unsigned short)type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE};
}

static void add(Request *request, int type, const void *value, size_t length) {
  struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = (unsigned short)type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(length);
  memcpy(RTA_DATA(attribute), value, length);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

/* Messages looked at for an answer: the kernel has it ready when send() returns, in front of nothing but what came before the connect. */
#define ANSWERS_MAX 16

/* 0, or the errno that the kernel answers with. Nobody is waited for. */
static int ask(int netlink, Request *request) {
  static unsigned sequence;
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char quoted[512];
  } answer;
  request->header.nlmsg_seq = ++sequence;
  if (send(netlink, request, request->header.nlmsg_len, MSG_DONTWAIT) < 0) return errno;
  for (int i = 0; i < ANSWERS_MAX; i++) {
    struct sockaddr_nl sender = {0};
    socklen_t length = sizeof sender;
    const ssize_t bytes = recvfrom(netlink, &answer, sizeof answer, MSG_DONTWAIT, (struct sockaddr *)&sender, &length);
    if (bytes < 0) return errno;
    if (length != sizeof sender || sender.nl_pid != 0 || bytes < (ssize_t)NLMSG_LENGTH(sizeof answer.error)) continue;
    if (answer.header.nlmsg_seq != sequence || answer.header.nlmsg_type != NLMSG_ERROR) continue;
    return answer.error.error <= 0 ? -answer.error.error : EBADMSG;
  }
  return EBADMSG;
}

static int set_address(const Options *options, int netlink, int index) {
  Request request;
  const unsigned flags = IFA_F_NODAD;
  begin(&request, RTM_NEWADDR, sizeof request.address);
  request.address = (struct ifaddrmsg){
      .ifa_family = AF_INET6, .ifa_prefixlen = (unsigned char)options->prefix6, .ifa_flags = IFA_F_NODAD, .ifa_index = (unsigned)index};
  add(&request, IFA_LOCAL, &options->address6, sizeof options->address6);
  add(&request, IFA_ADDRESS, &options->address6, sizeof options->address6);
  add(&request, IFA_FLAGS, &flags, sizeof flags);
  return ask(netlink, &request);
}

static int set_route(const Options *options, int netlink, int index) {
  Request request;
  /* Behind the one of router advertisements (1024), which the kernel gives up as a whole where it cannot add that. */
  const unsigned metric = 2048;
  begin(&request, RTM_NEWROUTE, sizeof request.route);
  request.route = (struct rtmsg){
      .rtm_family = AF_INET6, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  add(&request, RTA_GATEWAY, &options->gateway6, sizeof options->gateway6);
  add(&request, RTA_OIF, &index, sizeof index);
  add(&request, RTA_PRIORITY, &metric, sizeof metric);
  return ask(netlink, &request);
}

void interface6_configure(const Options *options) {
  const int netlink = netlink_open(0, NETLINK_ROUTE);
  if (netlink < 0) channel_fail(options, "ipv6", errno);
  const int index = (int)if_nametoindex(options->ifname);
  int error = set_address(options, netlink, index);
  if (error == 0) error = set_route(options, netlink, index);
  close(netlink);
  /* Switched off there by sysctl, or not in the kernel. */
  if (error != 0 && error != EACCES && error != EOPNOTSUPP && error != EAFNOSUPPORT && error != EPERM) channel_fail(options, "ipv6", error);
}

/* What slirp4netns says when it begins, on standard output. */
#include <arpa/inet.h>
#include <stdio.h>

#include "slirp.h"

/* Of the network: address-plan.ts, dhcp-leases.ts. */
enum { GATEWAY = 2, DNS = 3, DHCP_FIRST = 15, DHCP_LAST = 30, GUEST = 100 };

static void print_address(const char *label, struct in_addr address) {
  char text[INET_ADDRSTRLEN];
  printf("%s%s\n", label, inet_ntop(AF_INET, &address, text, sizeof text));
}

void banner_print(const Settings *settings) {
  char text[INET6_ADDRSTRLEN];
  puts("Starting slirp");
  printf("* MTU:             %d\n", settings->mtu);
  print_address("* Network:         ", settings->network);
  print_address("* Netmask:         ", settings->netmask);
  print_address("* Gateway:         ", settings_address(settings, GATEWAY));
  print_address("* DNS:             ", settings_address(settings, DNS));
  print_address("* DHCP begin:      ", settings_address(settings, DHCP_FIRST));
  print_address("* DHCP end:        ", settings_address(settings, DHCP_LAST));
  print_address("* Recommended IP:  ", settings_address(settings, GUEST));
  if (settings->api_path != NULL) printf("* API Socket:      %s\n", settings->api_path);
  if (settings->has_outbound) print_address("* Outbound IPv4:    ", settings->outbound);
  if (settings->has_outbound6) printf("* Outbound IPv6:    %s\n", inet_ntop(AF_INET6, &settings->outbound6, text, sizeof text));
  const unsigned char *mac = settings->mac;
  if (settings->mac_text != NULL)
    printf("* MAC address:     %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  if (!settings->has_host_loopback) return;
  const struct in_addr gateway = settings_address(settings, GATEWAY);
  printf("WARNING: 127.0.0.1:* on the host is accessible as %s (set --disable-host-loopback to prohibit connecting to 127.0.0.1:*)\n",
         inet_ntop(AF_INET, &gateway, text, sizeof text));
}

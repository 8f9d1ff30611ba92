/*
 * Addresses that the command line names, each error as slirp4netns has it: the network, the interface's MAC address, and those that
 * sockets of the host are bound to.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slirp.h"

#define CIDR_DEFAULT "10.0.2.0/24"
/* Gateway, DNS, DHCP and the guest, +100, have to fit (bits). */
#define PREFIX_MIN 1
#define PREFIX_MAX 25

static _Noreturn void wrong(const char *format, const char *text) {
  fprintf(stderr, format, text);
  exit(1);
}

/* RFC 6890: in this network, on the loopback, in a group or a reserved block nobody can live. */
static bool overlaps_unusable(uint32_t network, int prefix) {
  static const struct {
    uint32_t network;
    int prefix;
  } BLOCKS[] = {{0x00000000, 8}, {0x7f000000, 8}, {0xe0000000, 3}};
  for (size_t i = 0; i < sizeof BLOCKS / sizeof *BLOCKS; i++) {
    const int shorter = prefix < BLOCKS[i].prefix ? prefix : BLOCKS[i].prefix;
    if (((network ^ BLOCKS[i].network) >> (32 - shorter)) == 0) return true;
  }
  return false;
}

static void resolve_cidr(Settings *settings, const char *text) {
  enum { NETWORK = 1, PREFIX = 3, GROUPS };
  regex_t form;
  regmatch_t found[GROUPS + 1];
  char network[INET_ADDRSTRLEN];
  if (regcomp(&form, "^(([0-9]{1,3}\\.){3}[0-9]{1,3})/([0-9]{1,2})$", REG_EXTENDED) != 0) abort();
  if (regexec(&form, text, GROUPS, found, 0) != 0) wrong("invalid CIDR: %s\n", text);
  regfree(&form);
  snprintf(network, sizeof network, "%.*s", (int)found[NETWORK].rm_eo, text);
  if (inet_pton(AF_INET, network, &settings->network) != 1) wrong("invalid network address: %s\n", network);
  settings->prefix = atoi(text + found[PREFIX].rm_so);
  if (settings->prefix < PREFIX_MIN || settings->prefix > PREFIX_MAX) wrong("prefix length needs to be %s\n", "1-25");
  settings->netmask.s_addr = htonl(UINT32_MAX << (32 - settings->prefix));
  if ((settings->network.s_addr & ~settings->netmask.s_addr) != 0)
    wrong("CIDR needs to be a network address like %s, not like 10.0.2.100/24\n", CIDR_DEFAULT);
  if (overlaps_unusable(ntohl(settings->network.s_addr), settings->prefix)) wrong("invalid network address: %s\n", network);
}

/* Up to six bytes with one character between; what is left out is 0. */
static void resolve_mac(Settings *settings, const char *text) {
  const char *at = text;
  for (size_t i = 0;; i++, at++) {
    const bool is_long = i == sizeof settings->mac;
    char *end = NULL;
    const unsigned long byte = is_long ? 0 : strtoul(at, &end, 16);
    if (is_long || end == at || byte > UINT8_MAX) {
      fprintf(stderr, "\"%s\" is an invalid MAC address.%s\n", text, is_long ? "  Is it too long?" : "");
      wrong("%s\n", "macaddress has to be a valid MAC address (hex string, 6 bytes, each byte separated by a ':').");
    }
    settings->mac[i] = (unsigned char)byte;
    at = end;
    if (*at == '\0') return;
  }
}

/* The first address of the interface that can be used without its number. */
static bool find_interface(const char *name, int family, void *address, size_t length) {
  struct ifaddrs *all = NULL;
  bool is_found = false;
  if (getifaddrs(&all) < 0) wrong("%s\n", "getifaddrs failed to obtain interface addresses");
  for (const struct ifaddrs *one = all; one != NULL && !is_found; one = one->ifa_next) {
    if (one->ifa_addr == NULL || one->ifa_addr->sa_family != family || strcmp(one->ifa_name, name) != 0) continue;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)one->ifa_addr)->sin6_addr;
    if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(six)) continue;
    memcpy(address, family == AF_INET6 ? (const void *)six : &((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr, length);
    is_found = true;
  }
  freeifaddrs(all);
  return is_found;
}

static bool resolve_outbound(const char *text, int family, void *address, size_t length) {
  if (text == NULL) return false;
  if (inet_pton(family, text, address) == 1 || find_interface(text, family, address, length)) return true;
  wrong("outbound-addr%s address or interface name.\n", family == AF_INET ? " has to be valid ipv4" : "6 has to be valid ipv6");
}

struct in_addr settings_address(const Settings *settings, unsigned number) {
  return (struct in_addr){.s_addr = htonl(ntohl(settings->network.s_addr) + number)};
}

void settings_resolve(Settings *settings) {
  resolve_cidr(settings, settings->cidr == NULL ? CIDR_DEFAULT : settings->cidr);
  settings->has_outbound = resolve_outbound(settings->outbound_text, AF_INET, &settings->outbound, sizeof settings->outbound);
  settings->has_outbound6 = resolve_outbound(settings->outbound6_text, AF_INET6, &settings->outbound6, sizeof settings->outbound6);
  if (settings->mac_text != NULL) resolve_mac(settings, settings->mac_text);
}

/*
 * Addresses as JavaScript passes them: four int32 words in network order, IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "context.h"

#define MAPPED_PREFIX 0x0000ffff

/* AF_INET6 whatever the words are. Returns its length. */
socklen_t address_load_v6(struct sockaddr_storage *address, const int32_t *words, int32_t port) {
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
  memset(address, 0, sizeof *address);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons((uint16_t)port);
  for (int i = 0; i < 4; i++) {
    const uint32_t word = htonl((uint32_t)words[i]);
    memcpy(v6->sin6_addr.s6_addr + 4 * i, &word, sizeof word);
  }
  return sizeof *v6;
}

/* An AF_INET address when the words are IPv4-mapped, else AF_INET6. Returns its length. */
socklen_t address_load(struct sockaddr_storage *address, const int32_t *words, int32_t port) {
  if (words[0] != 0 || words[1] != 0 || words[2] != MAPPED_PREFIX) return address_load_v6(address, words, port);
  struct sockaddr_in *v4 = (struct sockaddr_in *)address;
  memset(address, 0, sizeof *address);
  v4->sin_family = AF_INET;
  v4->sin_port = htons((uint16_t)port);
  v4->sin_addr.s_addr = htonl((uint32_t)words[3]);
  return sizeof *v4;
}

/* As above; of IPv6, the interface of that number leads to it (0: whichever does), which a link-local address has to say. */
socklen_t address_load_scoped(struct sockaddr_storage *address, const int32_t *words, int32_t port, int32_t scope) {
  const socklen_t length = address_load(address, words, port);
  if (address->ss_family == AF_INET6) ((struct sockaddr_in6 *)address)->sin6_scope_id = (uint32_t)scope;
  return length;
}

/* All zero for an address of another family, as the kernel leaves it when it does not know one. */
void address_store(int32_t *words, int32_t *port, const struct sockaddr *address) {
  memset(words, 0, 4 * sizeof *words);
  *port = 0;
  if (address->sa_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    words[2] = MAPPED_PREFIX;
    words[3] = (int32_t)ntohl(v4->sin_addr.s_addr);
    *port = ntohs(v4->sin_port);
  } else if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    for (int i = 0; i < 4; i++) {
      uint32_t word;
      memcpy(&word, v6->sin6_addr.s6_addr + 4 * i, sizeof word);
      words[i] = (int32_t)ntohl(word);
    }
    *port = ntohs(v6->sin6_port);
  }
}

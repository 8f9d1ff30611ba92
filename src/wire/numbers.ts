/*
 * Assigned numbers that more than one layer names. Those of one protocol only (ICMP codes, TCP flags) stand in its own file.
 *
 * IEEE 802 numbers (EtherType); IANA protocol-numbers, service-names-port-numbers.
 */

export const ETHERTYPE_IPV4 = 0x0800
export const ETHERTYPE_ARP = 0x0806
export const ETHERTYPE_IPV6 = 0x86dd

export const PROTOCOL_ICMP = 1
export const PROTOCOL_TCP = 6
export const PROTOCOL_UDP = 17
export const PROTOCOL_ICMPV6 = 58

export const PORT_DNS = 53
export const PORT_DHCP_SERVER = 67
export const PORT_DHCP_CLIENT = 68
export const PORT_DHCPV6_CLIENT = 546
export const PORT_DHCPV6_SERVER = 547

/** The broadcast MAC address, as its upper 16 and lower 32 bits. */
export const BROADCAST_HIGH = 0xffff
export const BROADCAST_LOW = -1

/** Upper 16 bits of the MAC address of an IPv6 multicast group; the lower 32 are the group's last word (RFC 2464, 7). */
export const MULTICAST6_HIGH = 0x3333

/** Third word of every IPv4-mapped address, `::ffff:0:0/96` (RFC 4291, 2.5.5.2). */
export const MAPPED = 0x0000ffff

/*
 * DHCP messages, RFC 2131, 2; the fields are BOOTP's (RFC 951), the message begins behind the UDP header.
 *
 *     +-------+-------+-------+-------+
 *     |  op   | htype | hlen  | hops  |    0     htype 1, hlen 6: Ethernet
 *     +-------+-------+-------+-------+
 *     |  xid                          |    4
 *     +---------------+---------------+
 *     |  secs         |B    flags     |    8     B: answer by broadcast
 *     +---------------+---------------+
 *     |  ciaddr yiaddr siaddr giaddr  :   12     the client's, "your", the next server's, the relay's
 *     |  chaddr (16)                  :   28
 *     |  sname (64)                   :   44
 *     |  file (128)                   :  108
 *     |  magic cookie                 |  236
 *     |  options                      :  240     see dhcpv4-options.ts; replies are put together in dhcpv4-reply.ts
 *     +-------------------------------+
 */

const OP = 0
const XID = 4
const SECS = 8
const FLAGS = 10
const CIADDR = 12
const YIADDR = 16
const SIADDR = 20
const GIADDR = 24
const CHADDR = 28
const SNAME = 44
const FILE = 108
const COOKIE = 236

const ETHERNET = 0x0106
const BROADCAST = 0x8000
const MAGIC_COOKIE = 0x63825363

/** Bytes in front of the options. */
export const HEADER_LENGTH = 240

/** Fields that options may spread to (RFC 2132, 9.3). */
export const SNAME_OFFSET = SNAME
export const SNAME_LENGTH = FILE - SNAME
export const FILE_OFFSET = FILE
export const FILE_LENGTH = COOKIE - FILE

export const OP_REQUEST = 1
export const OP_REPLY = 2

/** Message types, RFC 2132, 9.6. */
export const DISCOVER = 1
export const OFFER = 2
export const REQUEST = 3
export const DECLINE = 4
export const ACK = 5
export const NAK = 6
export const RELEASE = 7
export const INFORM = 8

/** From and to an Ethernet address, with options behind; the operation may be either. */
export function isValid(view: DataView, at: number, available: number): boolean {
  return available >= HEADER_LENGTH && view.getUint16(at + OP + 1) === ETHERNET && view.getInt32(at + COOKIE) === MAGIC_COOKIE
}

export function op(view: DataView, at: number): number {
  return view.getUint8(at + OP)
}

/** As int32. */
export function xid(view: DataView, at: number): number {
  return view.getInt32(at + XID)
}

/** The client cannot take a unicast before it has an address (RFC 2131, 4.1). */
export function isBroadcastAsked(view: DataView, at: number): boolean {
  return (view.getUint16(at + FLAGS) & BROADCAST) !== 0
}

/** The address that the client has and answers to. */
export function ciaddr(view: DataView, at: number): number {
  return view.getInt32(at + CIADDR)
}

/** The address that the client is given. */
export function yiaddr(view: DataView, at: number): number {
  return view.getInt32(at + YIADDR)
}

export function siaddr(view: DataView, at: number): number {
  return view.getInt32(at + SIADDR)
}

/** The relay that passed it on; 0: none. */
export function giaddr(view: DataView, at: number): number {
  return view.getInt32(at + GIADDR)
}

/** Upper 16 bits of the client's MAC address. */
export function chaddrHigh(view: DataView, at: number): number {
  return view.getUint16(at + CHADDR)
}

/** Lower 32 bits of the client's MAC address. */
export function chaddrLow(view: DataView, at: number): number {
  return view.getInt32(at + CHADDR + 2)
}

/** Asks the relay to pass a reply on by broadcast. */
export function setBroadcast(view: DataView, at: number): void {
  view.setUint16(at + FLAGS, view.getUint16(at + FLAGS) | BROADCAST)
}

/** The 240 bytes of a reply to the request at `request`: what RFC 2131, table 3 has a server copy, and the two addresses. */
export function writeReply(view: DataView, at: number, request: number, ciaddr: number, yiaddr: number): void {
  view.setInt32(at + OP, (OP_REPLY << 24) | (ETHERNET << 8))
  view.setInt32(at + XID, xid(view, request))
  view.setInt32(at + SECS, view.getUint16(request + FLAGS))
  view.setInt32(at + CIADDR, ciaddr)
  view.setInt32(at + YIADDR, yiaddr)
  view.setInt32(at + SIADDR, 0)
  view.setInt32(at + GIADDR, giaddr(view, request))
  for (let i = CHADDR; i < SNAME; i += 4) view.setInt32(at + i, view.getInt32(request + i))
  for (let i = SNAME; i < COOKIE; i += 4) view.setInt32(at + i, 0)
  view.setInt32(at + COOKIE, MAGIC_COOKIE)
}

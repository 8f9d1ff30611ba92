// Both ends of a flow as the flow table takes them: the guest's and the remote one, four words each.
import { Inbound } from '../../src/net/inbound.js'
import type { Words } from '../../src/wire/address.js'
import { MAPPED } from '../../src/wire/numbers.js'

/** Of two IPv4 addresses. */
export const ends = (guest: number, remote: number): Int32Array => new Int32Array([0, 0, MAPPED, guest, 0, 0, MAPPED, remote])

/** Of two IPv6 addresses. */
export const ends6 = (guest: Words, remote: Words): Int32Array => new Int32Array([...guest, ...remote])

/** A packet from one IPv6 address to another, from port 1 to `port`. */
export function inboundTo6(guest: Words, remote: Words, port = 0): Inbound {
  const inbound = new Inbound()
  inbound.isIpv6 = true
  inbound.words.set([...guest, ...remote])
  inbound.ports = (1 << 16) | port
  return inbound
}

/** A packet from one IPv4 IPv4 address to another, from port 1 to `port`. */
export function inboundTo(guest: number, remote: number, port = 0): Inbound {
  const inbound = new Inbound()
  inbound.setIpv4(guest, remote)
  inbound.ports = (1 << 16) | port
  return inbound
}

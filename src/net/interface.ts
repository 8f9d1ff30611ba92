// Our end of the link: an address for each role (gateway, DNS), one MAC address, and the transmit slot that every
// outgoing frame is put together in.
//
//           0               10            24        64
//   slot -> | virtio-net 10 | Ethernet 14 | IPv6 40 | transport header | payload |
//                   | virtio-net | Ethernet | IPv4 20 |
//                   20                    44        64
//
// The transport header has one place, whatever the IP version: a frame of IPv4 begins 20 bytes later.
// Devices are synchronous (link/device.ts), so one slot is enough: whoever writes a frame sends it before returning.
import type { Device } from '../link/device.js'
import { type Arena, BIG_FRAME, LINK_HEADROOM, MAX_DATAGRAM } from '../packet/arena.js'
import * as ethernet from '../wire/ethernet.js'
import * as ipv4 from '../wire/ipv4.js'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4 } from '../wire/numbers.js'
import * as virtio from '../wire/virtio-net.js'
import { GUEST_ADDRESS, MAC_HIGH, MAC_LOW, PACKETS_OUT, REMOTE_ADDRESS } from './flow-row.js'

/** Bytes (RFC 8200, 3). */
const IPV6_HEADER_LENGTH = 40
/** Where the IP header is in a frame. */
export const IP_AT = LINK_HEADROOM
/** Where the transport header is in the slot. */
export const TRANSPORT_AT = IP_AT + IPV6_HEADER_LENGTH
/** Where a frame of IPv4, or of ARP, begins in the slot. */
const IPV4_START = TRANSPORT_AT - ipv4.HEADER_LENGTH - IP_AT
/** Where an ARP message is. */
export const ARP_AT = IPV4_START + IP_AT
/** Hop limit of what we send (RFC 1700). */
export const DEFAULT_TTL = 64

const TOP_NIBBLE_MULTICAST = 0xe

/** Addresses of a network, IPv4 as int32 words. */
export interface InterfaceAddresses {
  readonly network: number
  readonly prefix: number
  readonly gateway: number
  readonly dns: number
  readonly guest: number
}

export class Interface {
  readonly arena: Arena
  readonly view: DataView
  readonly addresses: InterfaceAddresses
  readonly netmask: number
  readonly broadcast: number
  /** Our MAC address, of every address we answer for: 52:55 and the gateway's address, as slirp does. */
  readonly macHigh = 0x5255
  readonly macLow: number
  /** The transmit slot. */
  readonly slot: number
  #device: Device | null = null
  /** Where the frame begins that was headed last. */
  #start = 0
  #identification = 0
  // Of what is cut here, by itself: it must not come round while fragments wait for each other (RFC 6864, 4.2).
  #fragmented = 0
  #refusesBig = false

  constructor(arena: Arena, addresses: InterfaceAddresses) {
    this.arena = arena
    this.view = arena.view
    this.addresses = addresses
    this.netmask = addresses.prefix === 0 ? 0 : -1 << (32 - addresses.prefix)
    this.broadcast = addresses.network | ~this.netmask
    this.macLow = addresses.gateway
    this.slot = arena.allot(IPV4_START + BIG_FRAME)
    this.#start = this.slot
  }

  /** Names the device; frames before that are lost. */
  connect(device: Device): void {
    this.#device = device
  }

  get mtu(): number {
    return this.#device === null ? 0 : this.#device.mtu
  }

  get hasOffload(): boolean {
    return this.#device?.hasOffload === true
  }

  /** Longest datagram of TCP that can be sent, in bytes. */
  get largestDatagram(): number {
    return this.#refusesBig || this.#device === null ? MAX_DATAGRAM : this.#device.largestDatagram
  }

  /** No more BIG TCP: the device would not take one, for want of memory in large pieces. */
  refuseBig(): void {
    this.#refusesBig = true
  }

  /** True for an address in the guest's network. */
  isOnLink(address: number): boolean {
    return (address & this.netmask) === this.addresses.network
  }

  /** True for an address of several hosts: multicast, what is above it, and the guest network's broadcast in its old form and its new. */
  isGroup(address: number): boolean {
    return address >>> 28 >= TOP_NIBBLE_MULTICAST || address === this.broadcast || address === this.addresses.network
  }

  /** True for an address that is ours: gateway or DNS. */
  isOurs(address: number): boolean {
    return address === this.addresses.gateway || address === this.addresses.dns
  }

  /** Heads the slot for a flow: Ethernet and IPv4, from the remote end to the guest. `length` counts from the transport header. */
  headRow(rows: Int32Array, base: number, protocol: number, length: number): void {
    const source = rows[base + REMOTE_ADDRESS + 3] as number
    const target = rows[base + GUEST_ADDRESS + 3] as number
    rows[base + PACKETS_OUT] = ((rows[base + PACKETS_OUT] as number) + 1) | 0
    this.head(rows[base + MAC_HIGH] as number, rows[base + MAC_LOW] as number, source, target, protocol, length, DEFAULT_TTL, 0)
  }

  /** Heads the slot for what must not be cut (DF): Ethernet and IPv4. `length` counts from the transport header. */
  head(
    macHigh: number,
    macLow: number,
    source: number,
    destination: number,
    protocol: number,
    length: number,
    ttl: number,
    tos: number,
  ): void {
    this.#head(macHigh, macLow, source, destination, protocol, length, ttl, tos, 1)
  }

  #head(
    macHigh: number,
    macLow: number,
    source: number,
    destination: number,
    protocol: number,
    length: number,
    ttl: number,
    tos: number,
    dontFragment: 0 | 1,
  ): void {
    const view = this.view
    const start = this.slot + IPV4_START
    this.#start = start
    ethernet.write(view, start + virtio.HEADER_LENGTH, macHigh, macLow, this.macHigh, this.macLow, ETHERTYPE_IPV4)
    this.#identification = (this.#identification + 1) & 0xffff
    const total = ipv4.HEADER_LENGTH + length
    // BIG TCP: what 16 bits cannot say is said by the frame's length.
    const field = total > MAX_DATAGRAM ? 0 : total
    ipv4.write(view, start + IP_AT, field, protocol, source, destination, this.#identification, ttl, tos, dontFragment)
  }

  /** Heads the slot for an ARP message. */
  headArp(macHigh: number, macLow: number): void {
    this.#start = this.slot + IPV4_START
    ethernet.write(this.view, this.#start + virtio.HEADER_LENGTH, macHigh, macLow, this.macHigh, this.macLow, ETHERTYPE_ARP)
  }

  /** Sends the slot as an ARP message of `length` bytes. */
  transmitArp(length: number): boolean {
    virtio.clear(this.view, this.#start)
    return this.#device?.transmit(this.#start, IP_AT + length) === true
  }

  /** Sends the slot as it is headed: every checksum in place. `length` counts from the transport header. */
  transmit(length: number): boolean {
    virtio.clear(this.view, this.#start)
    return this.#device?.transmit(this.#start, this.slot + TRANSPORT_AT + length - this.#start) === true
  }

  /**
   * Heads the slot and sends it, as it is or as fragments of the MTU (RFC 791, 3.2). `length` counts from the transport header. Routers in
   * the guest may cut it further (DF is clear): whoever sent it to the host's socket could not be told that it is too long.
   */
  transmitDatagram(
    macHigh: number,
    macLow: number,
    source: number,
    destination: number,
    protocol: number,
    length: number,
    ttl: number,
    tos: number,
  ): boolean {
    if (ipv4.HEADER_LENGTH + length > this.mtu)
      return this.#transmitFragments(macHigh, macLow, source, destination, protocol, length, ttl, tos)
    this.#head(macHigh, macLow, source, destination, protocol, length, ttl, tos, 0)
    return this.transmit(length)
  }

  // Each is headed in place over what has left already.
  #transmitFragments(
    macHigh: number,
    macLow: number,
    source: number,
    destination: number,
    protocol: number,
    length: number,
    ttl: number,
    tos: number,
  ): boolean {
    const view = this.view
    const most = (this.mtu - ipv4.HEADER_LENGTH) & ~7
    this.#fragmented = (this.#fragmented + 1) & 0xffff
    let isSent = true
    for (let offset = 0; offset < length; offset += most) {
      const piece = Math.min(length - offset, most)
      const at = this.slot + IPV4_START + offset
      const isLast = offset + piece === length
      virtio.clear(view, at)
      ethernet.write(view, at + virtio.HEADER_LENGTH, macHigh, macLow, this.macHigh, this.macLow, ETHERTYPE_IPV4)
      ipv4.write(view, at + IP_AT, ipv4.HEADER_LENGTH + piece, protocol, source, destination, this.#fragmented, ttl, tos, 0)
      ipv4.setFragment(view, at + IP_AT, offset, isLast ? 0 : 1)
      isSent = this.#device?.transmit(at, IP_AT + ipv4.HEADER_LENGTH + piece) === true && isSent
    }
    return isSent
  }

  /**
   * Sends the slot with the transport checksum left to the receiver, and cut by it into `gsoSize` pieces when that is not 0. `length` and
   * `headerLength` count from the transport header.
   */
  transmitPartial(length: number, gsoType: number, headerLength: number, gsoSize: number, checksumOffset: number): boolean {
    const before = this.slot + TRANSPORT_AT - this.#start
    const checksumStart = before - virtio.HEADER_LENGTH
    const cutAt = gsoSize === 0 ? 0 : checksumStart + headerLength
    virtio.write(this.view, this.#start, virtio.FLAG_NEEDS_CSUM, gsoType, cutAt, gsoSize, checksumStart, checksumOffset)
    return this.#device?.transmit(this.#start, before + length) === true
  }
}

// Our end of the link: an address for each role (gateway, DNS), one MAC address, and the transmit slot that every
// outgoing frame is put together in.
//
//           0               10            24        64
//   slot -> | virtio-net 10 | Ethernet 14 | IPv6 40 | transport header | payload |
//                   | virtio-net | Ethernet | IPv4 20 |
//                   20                    44        64
//
// The transport header has one place, whatever the IP version: a frame of IPv4 begins 20 bytes later.
// Devices are synchronous (link/device.ts), so one slot is enough: whoever writes a frame (`begin`) sends it, or gives it up (`release`), before
// anything is done that may send another. A frame that is begun while another one is in the slot has spoiled that one: it is not sent.
import type { Device } from '../link/device.js'
import { type Arena, BIG_FRAME, LINK_HEADROOM, MAX_DATAGRAM } from '../packet/arena.js'
import { NetloomError } from '../util/errors.js'
import * as ethernet from '../wire/ethernet.js'
import * as ipv4 from '../wire/ipv4.js'
import * as ipv6 from '../wire/ipv6.js'
import * as extension from '../wire/ipv6-extension.js'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/numbers.js'
import * as virtio from '../wire/virtio-net.js'
import { AddressPlan, type InterfaceAddresses, ROUTER_WORD } from './address-plan.js'
import { GUEST_ADDRESS, IS_IPV6, MAC_HIGH, MAC_LOW, PACKETS_OUT, REMOTE_ADDRESS } from './flow-row.js'
import { DEFAULT_TTL, Outbound } from './outbound.js'
import { PathMtus } from './path-mtu.js'

/** Where the IP header is in a frame. */
export const IP_AT = LINK_HEADROOM
/** Where the transport header is in the slot. */
export const TRANSPORT_AT = IP_AT + ipv6.HEADER_LENGTH
/** Where a frame of IPv4, or of ARP, begins in the slot. */
const IPV4_START = TRANSPORT_AT - ipv4.HEADER_LENGTH - IP_AT
/** Where an ARP message is. */
const ARP_AT = IPV4_START + IP_AT
/** Bytes in front of the slot: a fragment's header takes its place before the transport header, and moves what is before it. */
const SLOT_HEADROOM = 64
/** Our MAC addresses, as slirp has them: 52:55 and the IPv4 address, 52:56 and the lower half of the one of IPv6. */
export const MAC_OF_IPV4 = 0x5255
export const MAC_OF_IPV6 = 0x5256

export class Interface {
  readonly arena: Arena
  readonly view: DataView
  readonly addresses: AddressPlan
  /** Where the datagram goes that is put together next. */
  readonly out = new Outbound()
  /** Of IPv6, in the guest. */
  readonly paths = new PathMtus()
  /** The transmit slot, and where the frame is put together that was begun last: there, or around what lies elsewhere in the arena. */
  readonly #home: number
  #slot: number
  #isBegun = false
  /** Frames that were begun while another one was put together, which was lost with that: always a mistake of ours. */
  overlaps = 0
  /** Such a mistake is an error. */
  isStrict = false
  #device: Device | null = null
  #lastingFrom = 0
  #lastingTo = 0
  /** Where the frame begins that was headed last. */
  #start = 0
  #identification = 0
  // Of what is cut here, by itself: it must not come round while fragments wait for each other (RFC 6864, 4.2).
  #fragmented = 0
  #refusesBig = false

  constructor(arena: Arena, addresses: InterfaceAddresses) {
    this.arena = arena
    this.view = arena.view
    this.addresses = new AddressPlan(addresses)
    this.#home = arena.allot(SLOT_HEADROOM + IPV4_START + BIG_FRAME) + SLOT_HEADROOM
    this.#slot = this.#start = this.#home
  }

  /** Takes the slot for a frame; where its transport header is to be put. */
  begin(): number {
    return this.beginAt(this.#home + TRANSPORT_AT)
  }

  /** The same for a frame whose transport header is at an offset of the arena: what is in front of it, 128 bytes, is written over. */
  beginAt(transportAt: number): number {
    if (this.#isBegun) this.#overlap()
    this.#isBegun = true
    this.#slot = transportAt - TRANSPORT_AT
    return transportAt
  }

  /** Where the transport header is of the frame that was begun. */
  get transportAt(): number {
    return this.#slot + TRANSPORT_AT
  }

  /** The frame that was begun is not to be sent. */
  release(): void {
    this.#isBegun = false
  }

  #overlap(): void {
    this.overlaps++
    if (this.isStrict) throw new NetloomError('ERR_SLOT', 'a frame was begun while another one was in the transmit slot')
  }

  // The frame leaves: false when it was spoiled.
  #ends(): boolean {
    const isWhole = this.#isBegun
    this.#isBegun = false
    return isWhole
  }

  /** Names the device; frames before that are lost. */
  connect(device: Device): void {
    this.#device = device
    this.#lastingFrom = device.lastingFrom ?? 0
    this.#lastingTo = device.lastingTo ?? 0
  }

  get mtu(): number {
    return this.#device === null ? 0 : this.#device.mtu
  }

  /** Longest packet that may go where `out` says and is no fragment, bytes. */
  get longestPacket(): number {
    return this.out.isIpv6 ? this.paths.of(this.out.words, 4, this.mtu) : this.mtu
  }

  get hasOffload(): boolean {
    return this.#device?.hasOffload === true
  }

  /** True when datagrams of UDP may leave as trains. */
  get hasDatagramOffload(): boolean {
    return this.#device?.hasDatagramOffload === true
  }

  /** True for what is received at an offset of the arena where it stays until the turn ends. */
  isLasting(at: number): boolean {
    return at >= this.#lastingFrom && at < this.#lastingTo
  }

  /** Longest datagram of TCP that can be sent, in bytes. */
  get largestDatagram(): number {
    return this.#refusesBig || this.#device === null ? MAX_DATAGRAM : this.#device.largestDatagram
  }

  /** No more BIG TCP: the device would not take one, for want of memory in large pieces. */
  refuseBig(): void {
    this.#refusesBig = true
  }

  /** True where the guest has IPv6. */
  get hasIpv6(): boolean {
    return this.addresses.ipv6 !== undefined
  }

  /** Heads the slot for a flow, with what must not be cut, from the remote end to the guest. `length` counts from the transport header. */
  headRow(rows: Int32Array, base: number, protocol: number, length: number): void {
    const high = rows[base + MAC_HIGH] as number
    const low = rows[base + MAC_LOW] as number
    rows[base + PACKETS_OUT] = ((rows[base + PACKETS_OUT] as number) + 1) | 0
    if (rows[base + IS_IPV6] === 1) {
      this.#head6(high, low, protocol, length, DEFAULT_TTL, 0, rows, base + REMOTE_ADDRESS, rows, base + GUEST_ADDRESS)
      return
    }
    const source = rows[base + REMOTE_ADDRESS + 3] as number
    this.#head4(high, low, source, rows[base + GUEST_ADDRESS + 3] as number, protocol, length, DEFAULT_TTL, 0, 1)
  }

  /** Heads the slot for what must not be cut, and goes where `out` says. `length` counts from the transport header. */
  head(protocol: number, length: number): void {
    this.#head(protocol, length, 1)
  }

  #head(protocol: number, length: number, dontFragment: 0 | 1): void {
    const { macHigh, macLow, words, timeToLive, typeOfService, isIpv6 } = this.out
    if (isIpv6) this.#head6(macHigh, macLow, protocol, length, timeToLive, typeOfService, words, 0, words, 4)
    else this.#head4(macHigh, macLow, words[3]!, words[7]!, protocol, length, timeToLive, typeOfService, dontFragment)
  }

  #head4(
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
    const start = this.#slot + IPV4_START
    this.#start = start
    ethernet.write(view, start + virtio.HEADER_LENGTH, macHigh, macLow, MAC_OF_IPV4, this.addresses.gateway, ETHERTYPE_IPV4)
    this.#identification = (this.#identification + 1) & 0xffff
    const total = ipv4.HEADER_LENGTH + length
    // BIG TCP: what 16 bits cannot say is said by the frame's length.
    const field = total > MAX_DATAGRAM ? 0 : total
    ipv4.write(view, start + IP_AT, field, protocol, source, destination, this.#identification, ttl, tos, dontFragment)
  }

  #head6(
    macHigh: number,
    macLow: number,
    protocol: number,
    length: number,
    hops: number,
    trafficClass: number,
    source: Int32Array,
    from: number,
    target: Int32Array,
    to: number,
  ): void {
    this.#start = this.#slot
    this.#write6(this.#slot, macHigh, macLow, protocol, length, hops, trafficClass, source, from, target, to)
  }

  #write6(
    start: number,
    macHigh: number,
    macLow: number,
    next: number,
    length: number,
    hops: number,
    trafficClass: number,
    source: Int32Array,
    from: number,
    target: Int32Array,
    to: number,
  ): void {
    const view = this.view
    ethernet.write(view, start + virtio.HEADER_LENGTH, macHigh, macLow, MAC_OF_IPV6, ROUTER_WORD, ETHERTYPE_IPV6)
    ipv6.write(
      view,
      start + IP_AT,
      length,
      next,
      hops,
      trafficClass,
      0,
      source[from]!,
      source[from + 1]!,
      source[from + 2]!,
      source[from + 3]!,
      target[to]!,
      target[to + 1]!,
      target[to + 2]!,
      target[to + 3]!,
    )
  }

  /** Has the frame that was headed last come from another station of ours. */
  setStation(macHigh: number, macLow: number): void {
    ethernet.setSource(this.view, this.#start + virtio.HEADER_LENGTH, macHigh, macLow)
  }

  /** Begins an ARP message about our address `own`; where it is to be put. */
  beginArp(macHigh: number, macLow: number, own: number): number {
    this.begin()
    this.#start = this.#slot + IPV4_START
    ethernet.write(this.view, this.#start + virtio.HEADER_LENGTH, macHigh, macLow, MAC_OF_IPV4, own, ETHERTYPE_ARP)
    return this.#slot + ARP_AT
  }

  /** Sends the slot as an ARP message of `length` bytes. */
  transmitArp(length: number): boolean {
    virtio.clear(this.view, this.#start)
    return this.#ends() && this.#device?.transmit(this.#start, IP_AT + length) === true
  }

  /** Sends the slot as it is headed: every checksum in place. `length` counts from the transport header. */
  transmit(length: number): boolean {
    virtio.clear(this.view, this.#start)
    return this.#ends() && this.#device?.transmit(this.#start, this.transportAt + length - this.#start) === true
  }

  /**
   * Heads the slot and sends it where `out` says, as it is or as fragments of the MTU (RFC 791, 3.2; RFC 8200, 4.5). `length` counts from the
   * transport header. Routers in the guest may cut IPv4 further (DF is clear), those of IPv6 tell us to (path-mtu.ts): whoever sent it to the
   * host's socket could not be told that it is too long.
   */
  transmitDatagram(protocol: number, length: number): boolean {
    const header = this.out.isIpv6 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH
    if (header + length > this.longestPacket)
      return this.out.isIpv6 ? this.#transmitFragments6(protocol, length) : this.#transmitFragments4(protocol, length)
    this.#head(protocol, length, 0)
    return this.transmit(length)
  }

  /**
   * Heads the slot and sends it where `out` says, with a partial checksum: as one datagram of UDP, or as a train of them, which the guest's
   * kernel cuts into pieces of `segment` bytes each. `length` and `headerLength` count from the transport header.
   */
  transmitTrain(protocol: number, length: number, headerLength: number, segment: number, checksumOffset: number): boolean {
    this.#head(protocol, length, 0)
    return this.transmitPartial(length, segment === 0 ? virtio.GSO_NONE : virtio.GSO_UDP_L4, headerLength, segment, checksumOffset)
  }

  // Each is headed in place over what has left already.
  #transmitFragments4(protocol: number, length: number): boolean {
    const view = this.view
    const { macHigh, macLow, words, timeToLive, typeOfService } = this.out
    const most = (this.mtu - ipv4.HEADER_LENGTH) & ~7
    this.#fragmented = (this.#fragmented + 1) | 0
    const identification = this.#fragmented & 0xffff
    let isSent = this.#ends()
    for (let offset = 0; offset < length; offset += most) {
      const piece = Math.min(length - offset, most)
      const at = this.#slot + IPV4_START + offset
      const isLast = offset + piece === length
      virtio.clear(view, at)
      ethernet.write(view, at + virtio.HEADER_LENGTH, macHigh, macLow, MAC_OF_IPV4, this.addresses.gateway, ETHERTYPE_IPV4)
      const total = ipv4.HEADER_LENGTH + piece
      ipv4.write(view, at + IP_AT, total, protocol, words[3]!, words[7]!, identification, timeToLive, typeOfService, 0)
      ipv4.setFragment(view, at + IP_AT, offset, isLast ? 0 : 1)
      isSent = isSent && this.#device?.transmit(at, IP_AT + total) === true
    }
    return isSent
  }

  // The same, with a header more between the IP header and the piece.
  #transmitFragments6(protocol: number, length: number): boolean {
    const view = this.view
    const { macHigh, macLow, words, timeToLive, typeOfService } = this.out
    const most = (this.longestPacket - ipv6.HEADER_LENGTH - extension.FRAGMENT_HEADER_LENGTH) & ~7
    this.#fragmented = (this.#fragmented + 1) | 0
    let isSent = this.#ends()
    for (let offset = 0; offset < length; offset += most) {
      const piece = Math.min(length - offset, most)
      const at = this.#slot + offset - extension.FRAGMENT_HEADER_LENGTH
      const isLast = offset + piece === length
      const payload = extension.FRAGMENT_HEADER_LENGTH + piece
      virtio.clear(view, at)
      this.#write6(at, macHigh, macLow, extension.FRAGMENT_HEADER, payload, timeToLive, typeOfService, words, 0, words, 4)
      extension.writeFragment(view, at + IP_AT + ipv6.HEADER_LENGTH, protocol, offset, isLast ? 0 : 1, this.#fragmented)
      isSent = isSent && this.#device?.transmit(at, IP_AT + ipv6.HEADER_LENGTH + payload) === true
    }
    return isSent
  }

  /**
   * Sends the slot with the transport checksum left to the receiver, and cut by it into `gsoSize` pieces when that is not 0. `length` and
   * `headerLength` count from the transport header.
   */
  transmitPartial(length: number, gsoType: number, headerLength: number, gsoSize: number, checksumOffset: number): boolean {
    const before = this.transportAt - this.#start
    const checksumStart = before - virtio.HEADER_LENGTH
    const cutAt = gsoSize === 0 ? 0 : checksumStart + headerLength
    virtio.write(this.view, this.#start, virtio.FLAG_NEEDS_CSUM, gsoType, cutAt, gsoSize, checksumStart, checksumOffset)
    return this.#ends() && this.#device?.transmit(this.#start, before + length) === true
  }
}

// UDP towards the guest (RFC 768): checks what arrives, and sends datagrams from any address and port. Datagrams longer
// than the MTU leave as fragments.

import type { DropCounters } from '../net/drops.js'
import type { Inbound, ProtocolReceiver } from '../net/inbound.js'
import type { Interface } from '../net/interface.js'
import { fold } from '../wire/checksum.js'
import * as ipv4 from '../wire/ipv4.js'
import * as ipv6 from '../wire/ipv6.js'
import { PROTOCOL_UDP } from '../wire/numbers.js'
import * as wire from '../wire/udp.js'
import { GSO_UDP_L4 } from '../wire/virtio-net.js'

/** Receives the payload of a datagram: arena offset and length. */
export interface DatagramReceiver {
  receive(inbound: Inbound, at: number, length: number): void
}

/** Largest payload (bytes): what is left of an IPv4 datagram. */
export const MAX_PAYLOAD = 65_535 - ipv4.HEADER_LENGTH - wire.HEADER_LENGTH

/** Most datagrams of a super-datagram (linux/udp.h: UDP_MAX_SEGMENTS, 64 before Linux 6.2). */
const MAX_SEGMENTS = 128

/** Bytes that are summed sooner than the receiver is asked to. Readers of raw sockets, which see partial sums, want short datagrams. */
const SHORT = 256

export class Udp implements ProtocolReceiver {
  readonly interface: Interface
  readonly #drops: DropCounters
  #receiver: DatagramReceiver | null = null

  constructor(iface: Interface, drops: DropCounters) {
    this.interface = iface
    this.#drops = drops
  }

  /** Names who receives. */
  connect(receiver: DatagramReceiver): void {
    this.#receiver = receiver
  }

  receive(inbound: Inbound): void {
    const view = this.interface.view
    const at = inbound.payloadAt
    if (!wire.isValid(view, at, inbound.payloadLength)) {
      this.#drops.transportInvalid++
      return
    }
    if (!inbound.isTrusted && !this.#isRight(inbound, at)) {
      this.#drops.transportChecksum++
      return
    }
    const length = wire.length(view, at) - wire.HEADER_LENGTH
    // A kernel makes no such super-datagram; cut, it would be a flood in one frame.
    if (inbound.gsoType === GSO_UDP_L4 && length > inbound.gsoSize * MAX_SEGMENTS) {
      this.#drops.transportInvalid++
      return
    }
    inbound.ports = wire.ports(view, at)
    this.#receiver?.receive(inbound, at + wire.HEADER_LENGTH, length)
  }

  // Of IPv4 none at all is right (RFC 768); of IPv6 it is not (RFC 8200, 8.1).
  #isRight(inbound: Inbound, at: number): boolean {
    const view = this.interface.view
    if (wire.checksum(view, at) === 0) return !inbound.isIpv6
    return wire.checksumIsRight(view, at, inbound.pseudoSum(PROTOCOL_UDP, wire.length(view, at)))
  }

  /**
   * Sends `length` bytes from where they lie: one datagram or, where `segment` is not 0, a train of so many bytes each, the last one maybe
   * shorter. What is in front of them, 128 bytes, is written over; so is what has left.
   */
  sendFrom(at: number, sourcePort: number, targetPort: number, length: number, segment: number): void {
    const iface = this.interface
    const step = segment === 0 ? length : segment
    const header = (iface.out.isIpv6 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH) + wire.HEADER_LENGTH
    const isWhole = header + step <= iface.longestPacket && (segment === 0 ? iface.hasOffload && length > SHORT : iface.hasDatagramOffload)
    iface.beginAt(at - wire.HEADER_LENGTH)
    if (isWhole) {
      this.#sendPartial(sourcePort, targetPort, length, segment)
      return
    }
    this.send(sourcePort, targetPort, Math.min(step, length))
    for (let sent = step; sent < length; sent += step) {
      iface.beginAt(at + sent - wire.HEADER_LENGTH)
      this.send(sourcePort, targetPort, Math.min(step, length - sent))
    }
  }

  #sendPartial(sourcePort: number, targetPort: number, length: number, segment: number): void {
    const iface = this.interface
    const at = iface.transportAt
    const total = wire.HEADER_LENGTH + length
    wire.write(iface.view, at, sourcePort, targetPort, total)
    wire.setPartial(iface.view, at, fold(iface.out.pseudoSum(PROTOCOL_UDP, total)))
    iface.transmitTrain(PROTOCOL_UDP, total, wire.HEADER_LENGTH, segment, wire.CHECKSUM_OFFSET)
  }

  /** Takes the transmit slot for a datagram; where its payload is to be put. */
  begin(): number {
    return this.interface.begin() + wire.HEADER_LENGTH
  }

  /** Sends `length` bytes that lie where `begin` has said to where the interface's `out` says, as fragments when they are many. */
  send(sourcePort: number, targetPort: number, length: number): boolean {
    const iface = this.interface
    const at = iface.transportAt
    const total = wire.HEADER_LENGTH + length
    wire.write(iface.view, at, sourcePort, targetPort, total)
    wire.setChecksum(iface.view, at, iface.out.pseudoSum(PROTOCOL_UDP, total))
    return iface.transmitDatagram(PROTOCOL_UDP, total)
  }
}

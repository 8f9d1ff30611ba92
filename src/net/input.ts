// Input: what the guest sends arrives here, frame by frame, and goes to IPv4, IPv6 or ARP.
import * as ethernet from '../wire/ethernet.js'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/numbers.js'
import * as virtio from '../wire/virtio-net.js'
import { Arp } from './arp.js'
import { DropCounters } from './drops.js'
import type { Icmp } from './icmp.js'
import type { Inbound, ProtocolReceiver, Protocols } from './inbound.js'
import { type Interface, MAC_OF_IPV4, MAC_OF_IPV6 } from './interface.js'
import { Ipv4Input } from './ipv4.js'
import { Ipv6Input } from './ipv6.js'
import type { Reassembly } from './reassembly.js'

/** Stations of ours have an address of either version in their own (interface.ts). */
const isOurStation = (high: number): boolean => high === MAC_OF_IPV4 || high === MAC_OF_IPV6

export class Input {
  readonly inbound: Inbound
  readonly drops = new DropCounters()
  readonly arp: Arp
  readonly #interface: Interface
  readonly #protocols: Protocols = new Array<ProtocolReceiver | null>(256).fill(null)
  readonly #ipv4: Ipv4Input
  readonly #ipv6: Ipv6Input

  constructor(iface: Interface, inbound: Inbound) {
    this.#interface = iface
    this.inbound = inbound
    this.arp = new Arp(iface)
    this.#ipv4 = new Ipv4Input(iface, inbound, this.drops, this.#protocols)
    this.#ipv6 = new Ipv6Input(iface, inbound, this.drops, this.#protocols)
  }

  /** Names the receiver of a protocol number. */
  serve(protocol: number, receiver: ProtocolReceiver): void {
    this.#protocols[protocol] = receiver
  }

  /** Names who puts fragments together, and who tells the guest of datagrams that go nowhere. */
  connect(reassembly: Reassembly, icmp: Icmp): void {
    this.#ipv4.connect(reassembly, icmp.v4)
    this.#ipv6.connect(reassembly, icmp.v6)
  }

  /** Takes a frame: virtio-net header first. */
  receive(at: number, length: number): void {
    const view = this.#interface.view
    const inbound = this.inbound
    const ethernetAt = at + virtio.HEADER_LENGTH
    const available = length - virtio.HEADER_LENGTH
    if (!ethernet.isValid(view, ethernetAt, available)) {
      this.drops.ethernetInvalid++
      return
    }
    inbound.ethernetAt = ethernetAt
    inbound.macHigh = ethernet.srcHigh(view, ethernetAt)
    inbound.macLow = ethernet.srcLow(view, ethernetAt)
    // No station sends as a group (IEEE 802.3, 3.2.5); an answer would go to all of it.
    if (ethernet.isGroup(inbound.macHigh)) {
      this.drops.ethernetInvalid++
      return
    }
    const isToMany = ethernet.isGroup(ethernet.dstHigh(view, ethernetAt))
    // A bridge in the guest floods what it does not know the way of: that is for another station, and so is the error about it.
    if (!isToMany && !isOurStation(ethernet.dstHigh(view, ethernetAt))) {
      this.drops.station++
      return
    }
    const flags = virtio.flags(view, at)
    const isOpen = (flags & virtio.FLAG_NEEDS_CSUM) !== 0
    inbound.isVerified = (flags & virtio.FLAG_DATA_VALID) !== 0
    inbound.isTrusted = isOpen || inbound.isVerified
    inbound.checksumAt = isOpen ? ethernetAt + virtio.checksumStart(view, at) : 0
    inbound.checksumField = inbound.checksumAt + virtio.checksumOffset(view, at)
    inbound.frameEnd = at + length
    inbound.gsoType = virtio.gsoType(view, at)
    inbound.gsoSize = virtio.gsoSize(view, at)
    const type = ethernet.etherType(view, ethernetAt)
    const payloadAt = ethernetAt + ethernet.HEADER_LENGTH
    const payload = available - ethernet.HEADER_LENGTH
    if (type === ETHERTYPE_IPV4) this.#ipv4.receive(payloadAt, payload, isToMany)
    else if (type === ETHERTYPE_IPV6) this.#ipv6.receive(payloadAt, payload, isToMany)
    else if (type === ETHERTYPE_ARP) this.arp.receive(payloadAt, payload, inbound.now)
    else this.drops.etherType++
  }
}

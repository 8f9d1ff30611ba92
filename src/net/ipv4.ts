// IPv4 input (RFC 791, 1122 3.2.1): proves a datagram well-formed and addressed as one may be, then hands it to its
// protocol. Fragments wait in reassembly.ts until they are whole: nothing above ever sees a piece of a datagram.
//
// What is not for us goes on to the host's network, so we are a router to it (RFC 1812, 5.3.1): the last hop of a packet that has none left.
import * as ethernet from '../wire/ethernet.js'
import * as icmp from '../wire/icmpv4.js'
import * as ipv4 from '../wire/ipv4.js'
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, PORT_DHCP_CLIENT, PORT_DHCP_SERVER, PROTOCOL_UDP } from '../wire/numbers.js'
import * as udp from '../wire/udp.js'
import * as virtio from '../wire/virtio-net.js'
import { Arp } from './arp.js'
import type { Inbound } from './inbound.js'
import type { Interface } from './interface.js'
import type { Reassembly } from './reassembly.js'

/** Receives the datagrams of one protocol. */
export interface ProtocolReceiver {
  /** `inbound` is filled up to payloadAt and payloadLength. */
  receive(inbound: Inbound): void
}

/** Tells the guest what is wrong with a datagram that is being received: icmpv4.ts. */
export interface ErrorSender {
  sendError(inbound: Inbound, type: number, code: number, word: number): void
}

/** Why frames were dropped, counted. */
export class DropCounters {
  ethernetInvalid = 0
  etherType = 0
  ipv4Invalid = 0
  ipv4Checksum = 0
  ipv4Source = 0
  ipv4Destination = 0
  ipv4TimeToLive = 0
  /** Fragments that fit nothing: of impossible length, overlapping others, or of a datagram that had to make room. */
  ipv4Fragment = 0
  /** Datagrams of which not all fragments came in time. */
  ipv4Reassembly = 0
  protocol = 0
  transportInvalid = 0
  transportChecksum = 0
  tableFull = 0
  /** The host had no descriptor, port or memory for it. */
  hostExhausted = 0
  notReady = 0
  /** Errors that were not sent, for there were too many. */
  errorLimit = 0
}

const LOOPBACK_NET = 127
/** In the upper half of a MAC address: the bit of a group of stations (IEEE 802.3, 3.2.3). */
const GROUP_BIT = 0x0100

export class Ipv4Input {
  readonly inbound: Inbound
  readonly drops = new DropCounters()
  #interface: Interface
  readonly arp: Arp
  #errors: ErrorSender | null = null
  #reassembly: Reassembly | null = null
  #protocols: (ProtocolReceiver | null)[] = new Array<ProtocolReceiver | null>(256).fill(null)

  constructor(iface: Interface, inbound: Inbound) {
    this.#interface = iface
    this.inbound = inbound
    this.arp = new Arp(iface)
  }

  /** Names the receiver of a protocol number. */
  serve(protocol: number, receiver: ProtocolReceiver): void {
    this.#protocols[protocol] = receiver
  }

  /** Names who puts fragments together, and who tells the guest of datagrams that go nowhere. */
  connect(reassembly: Reassembly, errors: ErrorSender): void {
    this.#reassembly = reassembly
    this.#errors = errors
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
    if ((inbound.macHigh & GROUP_BIT) !== 0) {
      this.drops.ethernetInvalid++
      return
    }
    inbound.isTrusted = (virtio.flags(view, at) & (virtio.FLAG_NEEDS_CSUM | virtio.FLAG_DATA_VALID)) !== 0
    inbound.gsoType = virtio.gsoType(view, at)
    inbound.gsoSize = virtio.gsoSize(view, at)
    const type = ethernet.etherType(view, ethernetAt)
    const payloadAt = ethernetAt + ethernet.HEADER_LENGTH
    if (type === ETHERTYPE_IPV4) this.#receiveIpv4(payloadAt, available - ethernet.HEADER_LENGTH)
    else if (type === ETHERTYPE_ARP) this.arp.receive(payloadAt, available - ethernet.HEADER_LENGTH, inbound.now)
    else this.drops.etherType++
  }

  #receiveIpv4(at: number, available: number): void {
    const view = this.#interface.view
    const inbound = this.inbound
    const drops = this.drops
    if (!ipv4.isValid(view, at, available)) {
      drops.ipv4Invalid++
      return
    }
    if (!ipv4.checksumIsRight(view, at)) {
      drops.ipv4Checksum++
      return
    }
    const source = ipv4.source(view, at)
    if (!this.#isSource(source) && (source !== 0 || !this.#isDhcpRequest(at))) {
      drops.ipv4Source++
      return
    }
    // RFC 1122, 3.3.6: what came as a broadcast of the link and is meant for one host is nobody's, and asks for no answer.
    const destination = ipv4.destination(view, at)
    const isBroadcast = (ethernet.dstHigh(view, inbound.ethernetAt) & GROUP_BIT) !== 0
    if (isBroadcast && !this.#interface.isGroup(destination)) {
      drops.ipv4Destination++
      return
    }
    const headerLength = ipv4.headerLength(view, at)
    inbound.ipAt = at
    inbound.payloadAt = at + headerLength
    inbound.payloadLength = ipv4.totalLength(view, at) - headerLength
    inbound.source = source
    inbound.destination = destination
    inbound.protocol = ipv4.protocol(view, at)
    inbound.timeToLive = ipv4.timeToLive(view, at)
    inbound.typeOfService = ipv4.typeOfService(view, at)
    inbound.dontFragment = ipv4.dontFragment(view, at) ? 1 : 0
    if (inbound.timeToLive <= 1 && this.#isBeyond(destination)) this.#expire(inbound)
    else if (!ipv4.isFragment(view, at) || this.#reassembly?.add(inbound) === true) this.#deliver(inbound)
  }

  #deliver(inbound: Inbound): void {
    const receiver = this.#protocols[inbound.protocol] as ProtocolReceiver | null
    if (receiver !== null) {
      receiver.receive(inbound)
      return
    }
    this.drops.protocol++
    // RFC 1122, 3.2.2.1.
    this.#errors?.sendError(inbound, icmp.UNREACHABLE, icmp.PROTOCOL_UNREACHABLE, 0)
  }

  // RFC 1812, 5.3.1. RFC 1122, 3.2.2: of a datagram in fragments the first one is answered.
  #expire(inbound: Inbound): void {
    this.drops.ipv4TimeToLive++
    if (ipv4.fragmentOffset(this.#interface.view, inbound.ipAt) !== 0) return
    this.#errors?.sendError(inbound, icmp.TIME_EXCEEDED, icmp.TTL_EXCEEDED, 0)
  }

  /** True for an address behind us: not in the guest's network, and of one host. */
  #isBeyond(destination: number): boolean {
    return !this.#interface.isOnLink(destination) && !this.#interface.isGroup(destination)
  }

  // RFC 1122, 3.2.1.3 (a) has one exception: a host that is only finding out its address has 0.0.0.0 until then (RFC 2131, 4.1).
  #isDhcpRequest(at: number): boolean {
    const view = this.#interface.view
    // Nobody behind us: whatever became of it there could not be told.
    if (this.#isBeyond(ipv4.destination(view, at))) return false
    const udpAt = at + ipv4.headerLength(view, at)
    if (ipv4.protocol(view, at) !== PROTOCOL_UDP || ipv4.isFragment(view, at)) return false
    if (ipv4.totalLength(view, at) < udpAt - at + udp.HEADER_LENGTH) return false
    return udp.srcPort(view, udpAt) === PORT_DHCP_CLIENT && udp.dstPort(view, udpAt) === PORT_DHCP_SERVER
  }

  // RFC 1122, 3.2.1.3: never a source address: 0/8, 127/8, multicast and above, a broadcast address. And never ours.
  #isSource(source: number): boolean {
    const top = source >>> 24
    return top !== 0 && top !== LOOPBACK_NET && !this.#interface.isGroup(source) && !this.#interface.isOurs(source)
  }
}

// ARP (RFC 826): answers for the gateway's and the DNS address, and asks for a guest's when a connection is to be opened to it. Each of our
// addresses has a MAC address of its own, 52:55 and the address, as slirp's clients know them.
import * as arp from '../wire/arp.js'
import { ARP_AT, type Interface } from './interface.js'
import { NeighborCache } from './neighbor-cache.js'

/** In the upper half of a MAC address: a group of stations, which asks nothing (RFC 1812, 3.3.2). */
const GROUP_BIT = 0x0100
/** Ethernet's least payload (IEEE 802.3): messages are padded to it, as raw-socket readers expect. */
const LEAST_PAYLOAD = 46
const BROADCAST_HIGH = 0xffff
const BROADCAST_LOW = -1

export class Arp {
  readonly neighbors = new NeighborCache()
  readonly #interface: Interface

  constructor(iface: Interface) {
    this.#interface = iface
  }

  receive(at: number, available: number, now: number): void {
    const iface = this.#interface
    const view = iface.view
    if (!arp.isValid(view, at, available)) return
    const sender = arp.senderAddress(view, at)
    const high = arp.senderHigh(view, at)
    const low = arp.senderLow(view, at)
    if ((high & GROUP_BIT) !== 0) return
    if (iface.isOnLink(sender) && !iface.isOurs(sender) && !iface.isGroup(sender)) this.neighbors.learn(sender, high, low, now)
    const target = arp.targetAddress(view, at)
    // A probe or announcement (RFC 5227) for one of our addresses is answered too: it is taken.
    if (arp.operation(view, at) !== arp.OPERATION_REQUEST || !iface.isOurs(target) || sender === target) return
    this.#send(high, low, arp.OPERATION_REPLY, iface.macHigh, target, target, high, low, sender)
  }

  /** Asks who has an address. */
  request(target: number): void {
    const { macHigh, macLow, addresses } = this.#interface
    this.#send(BROADCAST_HIGH, BROADCAST_LOW, arp.OPERATION_REQUEST, macHigh, macLow, addresses.gateway, 0, 0, target)
  }

  #send(
    toHigh: number,
    toLow: number,
    operation: number,
    senderHigh: number,
    senderLow: number,
    sender: number,
    targetHigh: number,
    targetLow: number,
    target: number,
  ): void {
    const iface = this.#interface
    const at = iface.slot + ARP_AT
    iface.headArp(toHigh, toLow)
    iface.arena.bytes.fill(0, at + arp.LENGTH, at + LEAST_PAYLOAD)
    arp.write(iface.view, at, operation, senderHigh, senderLow, sender, targetHigh, targetLow, target)
    iface.transmitArp(LEAST_PAYLOAD)
  }
}

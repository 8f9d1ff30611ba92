// ARP (RFC 826): answers for the gateway's and the DNS address. Nothing is learned here: a flow keeps the MAC address
// that its first frame came from, so answers go back the way the question came. Each of our addresses has a MAC address
// of its own, 52:55 and the address, as slirp's clients know them.
import * as arp from '../wire/arp.js'
import type { Interface } from './interface.js'
import { ARP_AT } from './interface.js'

/** In the upper half of a MAC address: a group of stations, which asks nothing (RFC 1812, 3.3.2). */
const GROUP_BIT = 0x0100
/** Ethernet's least payload (IEEE 802.3): replies are padded to it, as raw-socket readers expect. */
const LEAST_PAYLOAD = 46

export class Arp {
  #interface: Interface

  constructor(iface: Interface) {
    this.#interface = iface
  }

  receive(at: number, available: number): void {
    const iface = this.#interface
    const view = iface.view
    if (!arp.isValid(view, at, available) || arp.operation(view, at) !== arp.OPERATION_REQUEST) return
    const target = arp.targetAddress(view, at)
    const sender = arp.senderAddress(view, at)
    // A probe or announcement (RFC 5227) for one of our addresses is answered too: it is taken.
    if (!iface.isOurs(target) || sender === target) return
    const high = arp.senderHigh(view, at)
    if ((high & GROUP_BIT) !== 0) return
    const low = arp.senderLow(view, at)
    iface.headArp(high, low)
    iface.arena.bytes.fill(0, iface.slot + ARP_AT + arp.LENGTH, iface.slot + ARP_AT + LEAST_PAYLOAD)
    arp.write(view, iface.slot + ARP_AT, arp.OPERATION_REPLY, iface.macHigh, target, target, high, low, sender)
    iface.transmitArp(LEAST_PAYLOAD)
  }
}

// ARP (RFC 826): answers for the gateway's and the DNS address, and asks for a guest's when a connection is to be opened to it. Each of our
// addresses has a MAC address of its own, 52:55 and the address, as slirp's clients know them.
import * as arp from '../wire/arp.js'
import * as ethernet from '../wire/ethernet.js'
import { BROADCAST_HIGH, BROADCAST_LOW, MAPPED } from '../wire/numbers.js'
import { type Interface, MAC_OF_IPV4 } from './interface.js'
import { NeighborCache, type Solicitor } from './neighbor-cache.js'

/** Ethernet's least payload (IEEE 802.3): messages are padded to it, as raw-socket readers expect. */
const LEAST_PAYLOAD = 46

export class Arp implements Solicitor {
  readonly neighbors = new NeighborCache(this)
  readonly #interface: Interface
  /** Of who sends, as four words. */
  readonly #sender = new Int32Array([0, 0, MAPPED, 0])

  constructor(iface: Interface) {
    this.#interface = iface
  }

  receive(at: number, available: number, now: number): void {
    const { view, addresses } = this.#interface
    if (!arp.isValid(view, at, available)) return
    const sender = arp.senderAddress(view, at)
    const high = arp.senderHigh(view, at)
    const low = arp.senderLow(view, at)
    // A group of stations asks nothing (RFC 1812, 3.3.2).
    if (ethernet.isGroup(high)) return
    const isRequest = arp.operation(view, at) === arp.OPERATION_REQUEST
    const target = arp.targetAddress(view, at)
    if (addresses.isOnLink4(sender) && !addresses.isOurs(sender) && !addresses.isGroup4(sender))
      this.#learn(sender, high, low, isRequest, addresses.isOurs(target), now)
    // A probe or announcement (RFC 5227) for one of our addresses is answered too: it is taken.
    if (isRequest && addresses.isOurs(target) && sender !== target) this.#send(high, low, arp.OPERATION_REPLY, target, high, low, sender)
  }

  // RFC 826: whoever asks us is known from then on, and who asks others only if it was known before; an answer confirms it.
  #learn(sender: number, high: number, low: number, isRequest: boolean, isForUs: boolean, now: number): void {
    this.#sender[3] = sender
    if (!isRequest) this.neighbors.answered(this.#sender, 0, high, low, true, true, now)
    else if (isForUs || this.neighbors.isKnown(this.#sender, 0)) this.neighbors.heard(this.#sender, 0, high, low, now)
  }

  solicit(words: Int32Array, at: number): void {
    this.#send(BROADCAST_HIGH, BROADCAST_LOW, arp.OPERATION_REQUEST, this.#interface.addresses.gateway, 0, 0, words[at + 3]!)
  }

  probe(words: Int32Array, at: number, high: number, low: number): void {
    this.#send(high, low, arp.OPERATION_REQUEST, this.#interface.addresses.gateway, 0, 0, words[at + 3]!)
  }

  // From `own`, one of our addresses.
  #send(toHigh: number, toLow: number, operation: number, own: number, targetHigh: number, targetLow: number, target: number): void {
    const iface = this.#interface
    const at = iface.beginArp(toHigh, toLow, own)
    iface.arena.bytes.fill(0, at + arp.LENGTH, at + LEAST_PAYLOAD)
    arp.write(iface.view, at, operation, MAC_OF_IPV4, own, own, targetHigh, targetLow, target)
    iface.transmitArp(LEAST_PAYLOAD)
  }
}

// Fragments, put together (IPv4: RFC 791, 3.2; RFC 1122, 3.3.2; IPv6: RFC 8200, 4.5). Until all have come each waits in its datagram's slot
// (fragment-slots.ts), behind the headers of the first one: the IP header and, of IPv6, those before the fragment header and that one
// itself, which goes when the datagram is whole.
//
// It is whole when every bit up to the end is set. Then it goes up as if it had come in one piece, and its slot is free again at once.
//
// What does not fit is not guessed at. A fragment that overlaps others with other bytes, or a second end, spoils the datagram, as RFC 5722, 3
// has it for IPv6: all of it is dropped, what is still to come included. One that was sent twice is dropped alone (RFC 8200, 4.5).
import type { Arena } from '../packet/arena.js'
import * as icmp from '../wire/icmpv4.js'
import * as icmp6 from '../wire/icmpv6.js'
import * as ipv4 from '../wire/ipv4.js'
import * as ipv6 from '../wire/ipv6.js'
import * as extension from '../wire/ipv6-extension.js'
import { GSO_NONE } from '../wire/virtio-net.js'
import type { DropCounters } from './drops.js'
import { isMapped } from './flow-row.js'
import {
  ALL,
  BLOCK_SHIFT,
  COLUMNS,
  DEADLINE,
  ECN_SEEN,
  END,
  ENDS,
  FIRST_LENGTH,
  FRAGMENT_AT,
  FragmentSlots,
  HEADER_LENGTH,
  HEADROOM,
  IS_SPOILT,
  MAC_HIGH,
  MAC_LOW,
  NAMED_AT,
  NEXT_HEADER,
  NONE,
  REACH,
  RECEIVED,
} from './fragment-slots.js'
import type { Icmp } from './icmp.js'
import type { Inbound } from './inbound.js'
import type { Interface } from './interface.js'

/**
 * How long the first piece waits for the last, ms: as Linux has it (net.ipv4.ipfrag_time). RFC 1122, 3.3.2 and RFC 8200, 4.5 would have 60 s. A
 * guest's pieces come one behind the other, or not at all.
 */
export const PATIENCE = 30_000

/** What a length field can say, bytes. */
const MAX_TOTAL = 65_535

/** Codepoints of RFC 3168, 5, and as bits of ECN_SEEN. */
const ECN_MASK = 3
const ECN_CE = 3
const SEEN_NOT_ECT = 1
const SEEN_CE = 1 << ECN_CE

export class Reassembly {
  readonly #interface: Interface
  readonly #arena: Arena
  readonly #icmp: Icmp
  readonly #drops: DropCounters
  readonly #slots: FragmentSlots
  readonly #columns: Int32Array

  constructor(iface: Interface, to: Icmp, drops: DropCounters) {
    this.#interface = iface
    this.#arena = iface.arena
    this.#icmp = to
    this.#drops = drops
    this.#slots = new FragmentSlots(iface.arena)
    this.#columns = this.#slots.columns
  }

  /** Slots in use. */
  get inUse(): number {
    return this.#slots.inUse
  }

  /** Takes a fragment of IPv4. True when its datagram is whole: `inbound` is about that from then on, until the next fragment. */
  add(inbound: Inbound): boolean {
    const view = this.#interface.view
    const at = inbound.ipAt
    const identity = (ipv4.identification(view, at) << 16) | inbound.protocol
    const end = ipv4.fragmentOffset(view, at) + inbound.payloadLength
    // RFC 791, 3.2: all but the last are of whole blocks.
    const isPossible = inbound.payloadLength > 0 && (!ipv4.moreFragments(view, at) || (inbound.payloadLength & 7) === 0)
    if (!isPossible || end > MAX_TOTAL - ipv4.HEADER_LENGTH) return this.#drop()
    return this.#add(inbound, ipv4.fragmentOffset(view, at), !ipv4.moreFragments(view, at), identity, NO_CHAIN)
  }

  /** The same of IPv6; `found`: how ipv6-extension.ts has found it FRAGMENTED. The whole packet is to be walked from its start. */
  add6(inbound: Inbound, found: Int32Array): boolean {
    const view = this.#interface.view
    const header = inbound.ipAt + found[extension.FRAGMENT]!
    const end = inbound.payloadAt + inbound.payloadLength
    inbound.payloadAt = inbound.ipAt + found[extension.OFFSET]!
    inbound.payloadLength = end - inbound.payloadAt
    if (found[extension.OFFSET]! > HEADROOM) return this.#drop()
    const isLast = !extension.moreFragments(view, header)
    return this.#add(inbound, extension.fragmentOffset(view, header), isLast, extension.identification(view, header), found)
  }

  #add(inbound: Inbound, offset: number, isLast: boolean, identity: number, found: Int32Array): boolean {
    const end = offset + inbound.payloadLength
    // A kernel makes no fragment of a super-segment.
    if (inbound.gsoType !== GSO_NONE) return this.#drop()
    const slots = this.#slots
    let slot = slots.find(inbound.words, identity)
    if (slot === 0) {
      // RFC 1122, 3.3.2 tells the sender when time runs out, not when room does.
      if (slots.makeRoom(inbound.words)) this.#drop()
      slot = slots.open(inbound.words, identity, (inbound.now + PATIENCE) | 0)
    }
    const base = slot * COLUMNS
    const columns = this.#columns
    if (columns[base + IS_SPOILT] === 1) return this.#drop()
    const known = columns[base + END]!
    const misfits = isLast ? end < columns[base + REACH]! || (known !== 0 && known !== end) : known !== 0 && end > known
    if (misfits) return this.#spoil(base)
    const from = offset >>> BLOCK_SHIFT
    const to = (end + 7) >>> BLOCK_SHIFT
    const present = slots.look(slot, from, to)
    if (present !== NONE) return present === ALL && this.#isSame(slot, offset, inbound) ? this.#drop() : this.#spoil(base)
    this.#put(slot, offset, end, isLast, inbound, found)
    slots.mark(slot, from, to)
    const total = columns[base + END]!
    return total !== 0 && columns[base + RECEIVED] === (total + 7) >>> BLOCK_SHIFT && this.#complete(slot, inbound)
  }

  #drop(): false {
    this.#drops.fragment++
    return false
  }

  #spoil(base: number): false {
    this.#columns[base + IS_SPOILT] = 1
    return this.#drop()
  }

  /** Copies a fragment to its place, and takes from its header what is needed. */
  #put(slot: number, offset: number, end: number, isLast: boolean, inbound: Inbound, found: Int32Array): void {
    const columns = this.#columns
    const base = slot * COLUMNS
    const bytes = this.#arena.bytes
    const at = this.#slots.payloadAt(slot)
    bytes.copyWithin(at + offset, inbound.payloadAt, inbound.payloadAt + inbound.payloadLength)
    columns[base + ECN_SEEN]! |= 1 << (inbound.typeOfService & ECN_MASK)
    columns[base + REACH] = Math.max(columns[base + REACH]!, end)
    if (isLast) columns[base + END] = end
    if (offset !== 0) return
    const headerLength = inbound.payloadAt - inbound.ipAt
    bytes.copyWithin(at - headerLength, inbound.ipAt, inbound.payloadAt)
    columns[base + HEADER_LENGTH] = headerLength
    columns[base + FIRST_LENGTH] = inbound.payloadLength
    columns[base + FRAGMENT_AT] = found[extension.FRAGMENT]!
    columns[base + NAMED_AT] = found[extension.NAMED_AT]!
    columns[base + NEXT_HEADER] = found[extension.PROTOCOL]!
    columns[base + MAC_HIGH] = inbound.macHigh
    columns[base + MAC_LOW] = inbound.macLow
  }

  #isSame(slot: number, offset: number, inbound: Inbound): boolean {
    const bytes = this.#arena.bytes
    const at = this.#slots.payloadAt(slot) + offset
    for (let i = 0; i < inbound.payloadLength; i++) if (bytes[at + i] !== bytes[inbound.payloadAt + i]) return false
    return true
  }

  #complete(slot: number, inbound: Inbound): boolean {
    const base = slot * COLUMNS
    const columns = this.#columns
    const headerLength = columns[base + HEADER_LENGTH]!
    const length = columns[base + END]!
    const seen = columns[base + ECN_SEEN]!
    this.#slots.release(slot)
    // RFC 3168, 5.3: congestion of one is congestion of all, unless another one could not have told it.
    const isMarked = (seen & SEEN_CE) !== 0
    if (isMarked && (seen & SEEN_NOT_ECT) !== 0) return this.#drop()
    const fits = inbound.isIpv6
      ? this.#whole6(base, slot, headerLength, length, inbound)
      : this.#whole4(slot, headerLength, length, inbound)
    if (!fits) return this.#drop()
    if (isMarked) this.#markCongestion(inbound)
    inbound.payloadLength = length
    // It was cut: so it may be.
    inbound.dontFragment = 0
    // No virtio-net header speaks of the whole.
    inbound.isTrusted = false
    return true
  }

  #whole4(slot: number, headerLength: number, length: number, inbound: Inbound): boolean {
    const view = this.#interface.view
    const at = this.#slots.payloadAt(slot) - headerLength
    // Options take room, too.
    if (headerLength + length > MAX_TOTAL) return false
    inbound.ipAt = at
    inbound.payloadAt = at + headerLength
    inbound.timeToLive = ipv4.timeToLive(view, at)
    inbound.typeOfService = ipv4.typeOfService(view, at)
    ipv4.setWhole(view, at, headerLength + length, inbound.typeOfService)
    return true
  }

  // RFC 8200, 4.5: the fragment header goes, and what named it names what it named.
  #whole6(base: number, slot: number, headerLength: number, length: number, inbound: Inbound): boolean {
    const view = this.#interface.view
    const columns = this.#columns
    const before = columns[base + FRAGMENT_AT]!
    const start = this.#slots.payloadAt(slot) - headerLength
    const at = start + extension.FRAGMENT_HEADER_LENGTH
    if (before - ipv6.HEADER_LENGTH + length > MAX_TOTAL) return false
    this.#arena.bytes.copyWithin(at, start, start + before)
    view.setUint8(at + columns[base + NAMED_AT]!, columns[base + NEXT_HEADER]!)
    ipv6.setPayloadLength(view, at, before - ipv6.HEADER_LENGTH + length)
    inbound.ipAt = at
    inbound.payloadAt = at + before
    inbound.timeToLive = ipv6.hopLimit(view, at)
    inbound.typeOfService = ipv6.trafficClass(view, at)
    return true
  }

  #markCongestion(inbound: Inbound): void {
    inbound.typeOfService |= ECN_CE
    if (!inbound.isIpv6)
      ipv4.setWhole(this.#interface.view, inbound.ipAt, ipv4.totalLength(this.#interface.view, inbound.ipAt), inbound.typeOfService)
  }

  /** Gives up what has waited too long; the ms until the next, -1 for none. */
  expire(now: number): number {
    const columns = this.#columns
    for (let slot = this.#slots.oldest; slot !== 0; slot = this.#slots.oldest) {
      const wait = (columns[slot * COLUMNS + DEADLINE]! - now) | 0
      if (wait > 0) return wait
      this.#timeOut(slot, now)
      this.#slots.release(slot)
    }
    return -1
  }

  // RFC 792: only who has the first fragment tells of it, and quotes that.
  #timeOut(slot: number, now: number): void {
    const columns = this.#columns
    const base = slot * COLUMNS
    this.#drops.reassembly++
    const headerLength = columns[base + HEADER_LENGTH]!
    if (headerLength === 0 || columns[base + IS_SPOILT] === 1) return
    const at = this.#slots.payloadAt(slot) - headerLength
    const length = headerLength + columns[base + FIRST_LENGTH]!
    const high = columns[base + MAC_HIGH]!
    const low = columns[base + MAC_LOW]!
    if (isMapped(columns, base + ENDS))
      this.#icmp.v4.sendErrorOn(high, low, at, length, icmp.TIME_EXCEEDED, icmp.REASSEMBLY_TIME_EXCEEDED, 0, now)
    else this.#icmp.v6.sendErrorOn(high, low, at, length, icmp6.TIME_EXCEEDED, icmp6.REASSEMBLY_TIME_EXCEEDED, 0, now)
  }

  /** Forgets everything: the guest is gone. */
  close(): void {
    while (this.#slots.oldest !== 0) this.#slots.release(this.#slots.oldest)
  }
}

/** Of IPv4, which has no extension headers. */
const NO_CHAIN = new Int32Array(extension.COLUMNS)

// Fragments, put together (IPv4: RFC 791, 3.2; RFC 1122, 3.3.2; IPv6: RFC 8200, 4.5). Nothing is allocated: a datagram in pieces has one of a
// fixed number of slots in the arena, where each piece is copied to its place, and a bit for each 8 bytes that have come (RFC 791's own
// table; RFC 815's list of holes would be as long as a guest likes).
//
//   slot   |      | headers of the first fragment | payload, up to 65,535 bytes |
//          0      128 - headerLength              128
//   bits   |1110000111....|      received: how many of them are set       end: how many bytes there will be, from the last fragment
//
// The headers are the IP header and, of IPv6, those before the fragment header and that one itself, which goes when the datagram is whole.
//
// It is whole when every bit up to the end is set. Then it goes up as if it had come in one piece, and its slot is free again at once: the
// memory is left alone until the next fragment.
//
// What does not fit is not guessed at. A fragment that overlaps others with other bytes, or a second end, spoils the datagram, as RFC 5722, 3
// has it for IPv6: all of it is dropped, what is still to come included. One that was sent twice is dropped alone (RFC 8200, 4.5).
//
// Slots are in one list by age, since all of them have the same time: the oldest is the next to expire, and makes room when all are in use.
// A guest that has its share of them makes room of its own.
import type { Arena } from '../packet/arena.js'
import { HandlePool } from '../util/handle-pool.js'
import * as icmp from '../wire/icmpv4.js'
import * as icmp6 from '../wire/icmpv6.js'
import * as ipv4 from '../wire/ipv4.js'
import * as ipv6 from '../wire/ipv6.js'
import * as extension from '../wire/ipv6-extension.js'
import { PROTOCOL_ICMPV6 } from '../wire/numbers.js'
import { GSO_NONE } from '../wire/virtio-net.js'
import type { DropCounters } from './drops.js'
import { isMapped } from './flow-row.js'
import type { Icmp } from './icmp.js'
import type { Inbound } from './inbound.js'
import type { Interface } from './interface.js'

/** Datagrams in pieces at a time: 4 MiB, as much as Linux has for all of its own (net.ipv4.ipfrag_high_thresh). */
export const MOST_DATAGRAMS = 64
/** Of those, for one address of the sandbox: one that sends pieces without end leaves the others theirs. */
export const MOST_OF_ONE_GUEST = 32
/** How long the first piece waits for the last, ms: as Linux has it (net.ipv4.ipfrag_time). RFC 1122, 3.3.2 would have 60 s at least. */
export const PATIENCE = 30_000

/** Bytes of a slot in front of the payload: the longest header of IPv4, and of IPv6 as much more as any sender has use for. */
const HEADROOM = 128
const SLOT_BYTES = HEADROOM + 65_536
const MAX_TOTAL = 65_535
/** Bytes of a bit, and words of all the bits of the longest payload. */
const BLOCK_SHIFT = 3
const BIT_WORDS = 256

// Columns of a slot.
const ENDS = 0 // source and destination, four words each
const IDENTITY = 8 // identification << 16 | protocol; of IPv6 the identification
const DEADLINE = 9 // ms
const MAC_HIGH = 10
const MAC_LOW = 11
const RECEIVED = 12 // blocks
const END = 13 // bytes of payload, 0 until the last fragment has come
const REACH = 14 // bytes up to which any fragment goes
const HEADER_LENGTH = 15 // bytes, 0 until the first fragment has come
const FIRST_LENGTH = 16 // payload of the first fragment, bytes
const ECN_SEEN = 17 // a bit for each codepoint
const IS_SPOILT = 18
const FRAGMENT_AT = 19 // of IPv6: bytes before the fragment header,
const NAMED_AT = 20 // which field names it, from the start of the packet,
const NEXT_HEADER = 21 // and what that is to name
const NEWER = 22
const OLDER = 23
const COLUMNS = 24

/** Codepoints of RFC 3168, 5, and as bits of ECN_SEEN. */
const ECN_MASK = 3
const ECN_CE = 3
const SEEN_NOT_ECT = 1
const SEEN_CE = 1 << ECN_CE

/** Of a fragment's place: nothing there yet, some of it, all of it. */
const NONE = 0
const SOME = 1
const ALL = 2

/** Bytes of arena that the slots take. */
export const REASSEMBLY_BYTES = MOST_DATAGRAMS * SLOT_BYTES

export class Reassembly {
  readonly #interface: Interface
  readonly #arena: Arena
  readonly #icmp: Icmp
  readonly #drops: DropCounters
  readonly #at: number
  readonly #slots = new HandlePool(MOST_DATAGRAMS)
  readonly #columns = new Int32Array((MOST_DATAGRAMS + 1) * COLUMNS)
  readonly #bits = new Int32Array((MOST_DATAGRAMS + 1) * BIT_WORDS)
  #oldest = 0
  #newest = 0

  constructor(iface: Interface, to: Icmp, drops: DropCounters) {
    this.#interface = iface
    this.#arena = iface.arena
    this.#icmp = to
    this.#drops = drops
    this.#at = iface.arena.allot(REASSEMBLY_BYTES)
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
    let slot = this.#find(inbound, identity)
    if (slot === 0) slot = this.#open(inbound, identity)
    const base = slot * COLUMNS
    const columns = this.#columns
    if (columns[base + IS_SPOILT] === 1) return this.#drop()
    const known = columns[base + END]!
    const misfits = isLast ? end < columns[base + REACH]! || (known !== 0 && known !== end) : known !== 0 && end > known
    if (misfits) return this.#spoil(base)
    const from = offset >>> BLOCK_SHIFT
    const to = (end + 7) >>> BLOCK_SHIFT
    const present = this.#look(slot, from, to)
    if (present !== NONE) return present === ALL && this.#isSame(slot, offset, inbound) ? this.#drop() : this.#spoil(base)
    this.#put(slot, offset, end, isLast, inbound, found)
    this.#mark(slot, from, to)
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

  /** Where a slot's payload is. */
  #payloadAt(slot: number): number {
    return this.#at + (slot - 1) * SLOT_BYTES + HEADROOM
  }

  // The newest first: fragments follow upon each other.
  #find(inbound: Inbound, identity: number): number {
    const columns = this.#columns
    for (let slot = this.#newest; slot !== 0; slot = columns[slot * COLUMNS + OLDER]!) {
      if (columns[slot * COLUMNS + IDENTITY] === identity && this.#isOf(slot, inbound, 8)) return slot
    }
    return 0
  }

  /** Whether a slot has the first `count` words of both ends. */
  #isOf(slot: number, inbound: Inbound, count: number): boolean {
    const at = slot * COLUMNS + ENDS
    for (let i = 0; i < count; i++) if (this.#columns[at + i] !== inbound.words[i]) return false
    return true
  }

  #open(inbound: Inbound, identity: number): number {
    const columns = this.#columns
    let mine = 0
    let oldestOfMine = 0
    for (let slot = this.#newest; slot !== 0; slot = columns[slot * COLUMNS + OLDER]!) {
      if (!this.#isOf(slot, inbound, 4)) continue
      mine++
      oldestOfMine = slot
    }
    if (mine >= MOST_OF_ONE_GUEST) this.#evict(oldestOfMine)
    else if (this.#slots.inUse === MOST_DATAGRAMS) this.#evict(this.#oldest)
    const slot = this.#slots.acquire()
    const base = slot * COLUMNS
    columns.fill(0, base, base + COLUMNS)
    this.#bits.fill(0, slot * BIT_WORDS, (slot + 1) * BIT_WORDS)
    columns.set(inbound.words, base + ENDS)
    columns[base + IDENTITY] = identity
    columns[base + DEADLINE] = (inbound.now + PATIENCE) | 0
    columns[base + OLDER] = this.#newest
    if (this.#newest !== 0) columns[this.#newest * COLUMNS + NEWER] = slot
    else this.#oldest = slot
    this.#newest = slot
    return slot
  }

  // RFC 1122, 3.3.2 tells the sender when time runs out, not when room does.
  #evict(slot: number): void {
    this.#drops.fragment++
    this.#release(slot)
  }

  #release(slot: number): void {
    const columns = this.#columns
    const older = columns[slot * COLUMNS + OLDER]!
    const newer = columns[slot * COLUMNS + NEWER]!
    if (older !== 0) columns[older * COLUMNS + NEWER] = newer
    else this.#oldest = newer
    if (newer !== 0) columns[newer * COLUMNS + OLDER] = older
    else this.#newest = older
    this.#slots.release(slot)
  }

  /** Copies a fragment to its place, and takes from its header what is needed. */
  #put(slot: number, offset: number, end: number, isLast: boolean, inbound: Inbound, found: Int32Array): void {
    const columns = this.#columns
    const base = slot * COLUMNS
    const bytes = this.#arena.bytes
    const at = this.#payloadAt(slot)
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

  /** Whether blocks `from` to `to` have come. */
  #look(slot: number, from: number, to: number): number {
    let isAny = false
    let isAll = true
    for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) {
      const mask = blockMask(word, from, to)
      const found = this.#bits[slot * BIT_WORDS + word]! & mask
      if (found !== 0) isAny = true
      if (found !== mask) isAll = false
    }
    if (!isAny) return NONE
    return isAll ? ALL : SOME
  }

  #mark(slot: number, from: number, to: number): void {
    for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) this.#bits[slot * BIT_WORDS + word]! |= blockMask(word, from, to)
    this.#columns[slot * COLUMNS + RECEIVED]! += to - from
  }

  #isSame(slot: number, offset: number, inbound: Inbound): boolean {
    const bytes = this.#arena.bytes
    const at = this.#payloadAt(slot) + offset
    for (let i = 0; i < inbound.payloadLength; i++) if (bytes[at + i] !== bytes[inbound.payloadAt + i]) return false
    return true
  }

  #complete(slot: number, inbound: Inbound): boolean {
    const base = slot * COLUMNS
    const columns = this.#columns
    const headerLength = columns[base + HEADER_LENGTH]!
    const length = columns[base + END]!
    const seen = columns[base + ECN_SEEN]!
    this.#release(slot)
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
    const at = this.#payloadAt(slot) - headerLength
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
    const start = this.#payloadAt(slot) - headerLength
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
    for (let slot = this.#oldest; slot !== 0; slot = this.#oldest) {
      const wait = (columns[slot * COLUMNS + DEADLINE]! - now) | 0
      if (wait > 0) return wait
      this.#timeOut(slot, now)
      this.#release(slot)
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
    const at = this.#payloadAt(slot) - headerLength
    const length = headerLength + columns[base + FIRST_LENGTH]!
    const high = columns[base + MAC_HIGH]!
    const low = columns[base + MAC_LOW]!
    if (isMapped(columns, base + ENDS)) {
      this.#icmp.v4.sendErrorOn(high, low, at, length, icmp.TIME_EXCEEDED, icmp.REASSEMBLY_TIME_EXCEEDED, 0, now)
      return
    }
    const isError = columns[base + NEXT_HEADER] === PROTOCOL_ICMPV6 && icmp6.forbidsError(this.#interface.view.getUint8(at + headerLength))
    if (!isError) this.#icmp.v6.sendErrorOn(high, low, at, length, icmp6.TIME_EXCEEDED, icmp6.REASSEMBLY_TIME_EXCEEDED, 0, now)
  }

  /** Forgets everything: the guest is gone. */
  close(): void {
    while (this.#oldest !== 0) this.#release(this.#oldest)
  }
}

/** Of IPv4, which has no extension headers. */
const NO_CHAIN = new Int32Array(extension.COLUMNS)

/** The bits of a word that blocks `from` to `to` have. */
function blockMask(word: number, from: number, to: number): number {
  const low = Math.max(from - (word << 5), 0)
  const high = Math.min(to - (word << 5), 32)
  return (high === 32 ? -1 : (1 << high) - 1) & (-1 << low)
}

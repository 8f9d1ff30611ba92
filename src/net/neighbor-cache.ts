// Whose MAC address is whose (RFC 826; RFC 4861, 7.3), of those that a connection is to be opened to. A flow that the guest begins brings the
// MAC address of its first frame along, so nothing is looked up for it.
//
//   nobody ──resolve──> INCOMPLETE ──answer──> REACHABLE ──30 s──> STALE ──resolve──> DELAY ──5 s──> PROBE ──answer──> REACHABLE
//                        asked 3 times                              (used as it is)                  asked 3 times
//
// Whoever was asked 3 times, a second apart, and is silent, is forgotten. ARP is served by the same states, as in Linux.
//
// A small table, searched from end to end: a network behind one TAP has a guest, or a bridge with a few. It is bounded, and the
// entry that was confirmed longest ago makes room, so that a guest that makes up addresses costs nothing but its own.
import { sooner } from '../util/wait.js'

/** Addresses that are remembered. */
const ENTRIES = 64
/** RFC 4861, 10: REACHABLE_TIME, DELAY_FIRST_PROBE_TIME, RETRANS_TIMER, ms; MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT. */
const REACHABLE_TIME = 30_000
const DELAY_TIME = 5_000
const RETRANS_TIMER = 1_000
const MAX_SOLICIT = 3

const FREE = 0
const INCOMPLETE = 1
const REACHABLE = 2
const STALE = 3
const DELAY = 4
const PROBE = 5

/** Asks whose an address is: the four words at `at`. */
export interface Solicitor {
  /** Everybody on the link. */
  solicit(words: Int32Array, at: number): void
  /** Who had it, whether that is so still. */
  probe(words: Int32Array, at: number, high: number, low: number): void
}

export class NeighborCache {
  readonly #solicitor: Solicitor
  readonly #words = new Int32Array(ENTRIES * 4)
  readonly #high = new Int32Array(ENTRIES)
  readonly #low = new Int32Array(ENTRIES)
  readonly #states = new Int32Array(ENTRIES)
  /** ms: REACHABLE: since when; INCOMPLETE, DELAY and PROBE: until when. */
  readonly #times = new Int32Array(ENTRIES)
  readonly #tries = new Int32Array(ENTRIES)

  constructor(solicitor: Solicitor) {
    this.#solicitor = solicitor
  }

  /** An entry that may be sent to, or -1: then it has been asked for, and is or will be `isKnown` until nobody has answered. */
  resolve(words: Int32Array, at: number, now: number): number {
    const i = this.#find(words, at)
    if (i < 0) {
      this.#ask(words, at, now)
      return -1
    }
    if (this.#states[i] === INCOMPLETE) return -1
    if (this.#states[i] === REACHABLE && ((now - this.#times[i]!) | 0) > REACHABLE_TIME) this.#states[i] = STALE
    if (this.#states[i] === STALE) this.#set(i, DELAY, (now + DELAY_TIME) | 0)
    return i
  }

  /** Whether an address has an entry, if only to be asked for. */
  isKnown(words: Int32Array, at: number): boolean {
    return this.#find(words, at) >= 0
  }

  high(entry: number): number {
    return this.#high[entry]!
  }

  low(entry: number): number {
    return this.#low[entry]!
  }

  /** Who asks us says where it is itself (RFC 4861, 7.2.3); that nobody has confirmed. */
  heard(words: Int32Array, at: number, high: number, low: number, now: number): void {
    let i = this.#find(words, at)
    if (i >= 0 && this.#states[i] !== INCOMPLETE && this.#high[i] === high && this.#low[i] === low) return
    if (i < 0) i = this.#open(words, at, now)
    this.#move(i, high, low)
    this.#set(i, STALE, now)
  }

  /** An answer (RFC 4861, 7.2.5): to a question of ours, if `isSolicited`; `isOverride`: whatever we knew. Without an entry it is nothing to us. */
  answered(words: Int32Array, at: number, high: number, low: number, isSolicited: boolean, isOverride: boolean, now: number): void {
    const i = this.#find(words, at)
    if (i < 0) return
    const isOther = this.#high[i] !== high || this.#low[i] !== low
    if (this.#states[i] === INCOMPLETE || !isOther || isOverride) {
      this.#move(i, high, low)
      if (isSolicited) this.#set(i, REACHABLE, now)
      else if (isOther) this.#set(i, STALE, now)
    } else if (this.#states[i] === REACHABLE) this.#set(i, STALE, now)
  }

  /** An answer to a question of ours without a MAC address (RFC 4861, 7.2.5): who was asked is still there. One that we do not know yet is none. */
  confirmed(words: Int32Array, at: number, now: number): void {
    const i = this.#find(words, at)
    if (i >= 0 && this.#states[i] !== INCOMPLETE) this.#set(i, REACHABLE, now)
  }

  /** Asks again, and forgets who does not answer; the ms until there is more to do, -1 for none. */
  expire(now: number): number {
    let wait = -1
    for (let i = 0; i < ENTRIES; i++) {
      const state = this.#states[i]!
      if (state !== INCOMPLETE && state !== DELAY && state !== PROBE) continue
      if (((this.#times[i]! - now) | 0) <= 0) this.#due(i, state, now)
      if (this.#states[i] === FREE) continue
      wait = sooner(wait, (this.#times[i]! - now) | 0)
    }
    return wait
  }

  #due(i: number, state: number, now: number): void {
    if (state !== DELAY && this.#tries[i] === MAX_SOLICIT) {
      this.#states[i] = FREE
      return
    }
    this.#tries[i] = state === DELAY ? 1 : this.#tries[i]! + 1
    this.#set(i, state === DELAY ? PROBE : state, (now + RETRANS_TIMER) | 0)
    if (state === INCOMPLETE) this.#solicitor.solicit(this.#words, i * 4)
    else this.#solicitor.probe(this.#words, i * 4, this.#high[i]!, this.#low[i]!)
  }

  #ask(words: Int32Array, at: number, now: number): void {
    const i = this.#open(words, at, now)
    this.#tries[i] = 1
    this.#move(i, 0, 0)
    this.#set(i, INCOMPLETE, (now + RETRANS_TIMER) | 0)
    this.#solicitor.solicit(this.#words, i * 4)
  }

  #move(i: number, high: number, low: number): void {
    this.#high[i] = high
    this.#low[i] = low
  }

  #set(i: number, state: number, time: number): void {
    this.#states[i] = state
    this.#times[i] = time
  }

  #find(words: Int32Array, at: number): number {
    const own = this.#words
    for (let i = 0; i < ENTRIES; i++) {
      if (this.#states[i] === FREE || own[i * 4 + 3] !== words[at + 3] || own[i * 4] !== words[at]) continue
      if (own[i * 4 + 1] === words[at + 1] && own[i * 4 + 2] === words[at + 2]) return i
    }
    return -1
  }

  /** A place for an address that has none: a free one, or that of the entry with the oldest time. */
  #open(words: Int32Array, at: number, now: number): number {
    let oldest = 0
    for (let i = 0; i < ENTRIES; i++) {
      if (this.#states[i] === FREE) {
        oldest = i
        break
      }
      if (((now - this.#times[i]!) | 0) > ((now - this.#times[oldest]!) | 0)) oldest = i
    }
    for (let i = 0; i < 4; i++) this.#words[oldest * 4 + i] = words[at + i]!
    return oldest
  }
}

// Which rule a published port of the guest belongs to, for what the guest sends from there before anybody has asked: it leaves from the rule's
// port of the host, as an answer does.
//
//   first:  guest's port -> | 0 | 0 | 3 | 0 | ...        the rule of UDP that was added first, 0: none
//   next:   rule         -> | - | 0 | 0 | 7 | ...        the one that was added after it, to the same port
//
// A rule serves what its listener can send to: one on the host's loopback what is there, one on another address everything else.
import { isLoopback } from '../net/address-plan.js'
import { isMapped } from '../net/flow-row.js'
import { MAPPED } from '../wire/numbers.js'
import type { Decision } from './gate.js'
import { MAX_RULES } from './rule-counts.js'

const PORTS = 65_536

export class PublishedPorts {
  readonly #first = new Uint16Array(PORTS)
  readonly #next = new Uint16Array(MAX_RULES + 1)
  readonly #ports = new Uint16Array(MAX_RULES + 1)
  readonly #guests = new Int32Array(4 * (MAX_RULES + 1))
  readonly #hosts = new Int32Array(4 * (MAX_RULES + 1))
  readonly #descriptors = new Int32Array(MAX_RULES + 1)

  /** A rule of UDP begins: `descriptor` listens at the address `host` for a port of `guest`, four words each. */
  add(rule: number, descriptor: number, host: ArrayLike<number>, guest: ArrayLike<number>, port: number): void {
    for (let i = 0; i < 4; i++) {
      this.#hosts[4 * rule + i] = host[i]!
      this.#guests[4 * rule + i] = guest[i]!
    }
    this.#descriptors[rule] = descriptor
    this.#ports[rule] = port
    this.#next[rule] = 0
    let last = this.#first[port]!
    if (last === 0) this.#first[port] = rule
    else {
      while (this.#next[last] !== 0) last = this.#next[last]!
      this.#next[last] = rule
    }
  }

  /** A rule ends; one that is not of UDP is none of these. */
  remove(rule: number): void {
    const port = this.#ports[rule]!
    let before = 0
    let at = this.#first[port]!
    while (at !== 0 && at !== rule) {
      before = at
      at = this.#next[at]!
    }
    if (at === 0) return
    if (before === 0) this.#first[port] = this.#next[rule]!
    else this.#next[before] = this.#next[rule]!
    this.#next[rule] = 0
  }

  /** The rule that has a port of the guest at `at` of `words`, and whose listener can send to where a decision leads; 0: none. */
  find(words: Int32Array, at: number, port: number, d: Decision): number {
    let rule = this.#first[port]!
    while (rule !== 0 && !(this.#isOf(rule, words, at) && this.#reaches(rule, d))) rule = this.#next[rule]!
    return rule
  }

  /** The listener of a rule. */
  descriptor(rule: number): number {
    return this.#descriptors[rule]!
  }

  #isOf(rule: number, words: Int32Array, at: number): boolean {
    const guests = this.#guests
    for (let i = 3; i >= 0; i--) if (guests[4 * rule + i] !== words[at + i]) return false
    return true
  }

  #reaches(rule: number, d: Decision): boolean {
    const hosts = this.#hosts
    const at = 4 * rule
    const isIpv4 = isMapped(hosts, at)
    if (isIpv4 !== ((d.address0 | d.address1) === 0 && d.address2 === MAPPED)) return false
    const isAny = isIpv4 ? hosts[at + 3] === 0 : (hosts[at]! | hosts[at + 1]! | hosts[at + 2]! | hosts[at + 3]!) === 0
    return isAny || isLoopback(hosts, at) === d.isLoopback
  }
}

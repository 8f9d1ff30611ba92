// Port forwards that accept nothing for now, for want of something of ours: a descriptor, or a socket in the guest's namespace. Their connections
// wait in the kernel. A listener is edge-triggered, and says no more of what it has told already; so a timer asks again, and none polls.
import { MAX_RULES } from './rule-counts.js'

export class StalledRules {
  readonly #rules = new Int32Array(MAX_RULES)
  readonly #isStalled = new Uint8Array(MAX_RULES + 1)
  #count = 0
  // When they are asked for again, int32 ms.
  #at = 0

  /** Asks for a rule again in `delay` ms, or sooner with others. */
  add(rule: number, delay: number, now: number): void {
    const at = (now + delay) | 0
    if (this.#count === 0 || ((at - this.#at) | 0) < 0) this.#at = at
    if (this.#isStalled[rule] === 1) return
    this.#isStalled[rule] = 1
    this.#rules[this.#count++] = rule
  }

  /** Asks for all of them in `delay` ms, and not before. */
  postpone(delay: number, now: number): void {
    this.#at = (now + delay) | 0
  }

  /** The ms until `takeDue` has some; -1: there is none. */
  wait(now: number): number {
    return this.#count === 0 ? -1 : Math.max(0, (this.#at - now) | 0)
  }

  /** How many are to be asked for now, which `rule` names; those that `add` brings meanwhile are for later. */
  takeDue(now: number): number {
    const count = this.#count
    if (count === 0 || ((this.#at - now) | 0) > 0) return 0
    for (let i = 0; i < count; i++) this.#isStalled[this.#rules[i]!] = 0
    this.#count = 0
    return count
  }

  /** The rule at `i` of those that were taken last: `add` puts none in front of it before it is read. */
  rule(i: number): number {
    return this.#rules[i]!
  }
}

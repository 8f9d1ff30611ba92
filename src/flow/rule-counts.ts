// What went through each port forward: the numbers that `iptables -t nat -nvL` shows of a rule. A flow has the handle of its rule in its
// row (RULE) and its own counts beside it. They are added to the rule's when the row goes, so that nothing is counted twice on a packet's
// way, and what is open is added up only when somebody asks.
//
//     row of a flow   -- begin --> current + 1 -- over (TIME-WAIT) --> current - 1 -- end --> the row's counts are the rule's
import { BYTES_IN, BYTES_OUT, counter, KIND, KIND_FREE, PACKETS_IN, PACKETS_OUT, ROW_SHIFT, RULE } from '../net/flow-row.js'

/** Most rules of a network: a few ranges of 1,000 ports, in both families. */
export const MAX_RULES = 8192

export class RuleCounts {
  /** Connections that came, and of them those that came to nothing. */
  /** Told of a rule whose connection the sandbox has not taken. */
  onRefused: ((rule: number) => void) | null = null
  readonly connections = new Float64Array(MAX_RULES + 1)
  readonly refused = new Float64Array(MAX_RULES + 1)
  /** Flows that are not over. */
  readonly current = new Int32Array(MAX_RULES + 1)
  /** Of all flows, as of the last `tally`: frames and payload from the sandbox, and to it. */
  readonly packetsIn = new Float64Array(MAX_RULES + 1)
  readonly packetsOut = new Float64Array(MAX_RULES + 1)
  readonly bytesIn = new Float64Array(MAX_RULES + 1)
  readonly bytesOut = new Float64Array(MAX_RULES + 1)
  // Of flows whose rows are gone.
  readonly #packetsIn = new Float64Array(MAX_RULES + 1)
  readonly #packetsOut = new Float64Array(MAX_RULES + 1)
  readonly #bytesIn = new Float64Array(MAX_RULES + 1)
  readonly #bytesOut = new Float64Array(MAX_RULES + 1)
  // Rows that name the rule, those in TIME-WAIT too.
  readonly #rows = new Int32Array(MAX_RULES + 1)

  /** A rule begins anew. */
  reset(rule: number): void {
    this.connections[rule] = this.refused[rule] = 0
    this.current[rule] = this.#rows[rule] = 0
    this.#packetsIn[rule] = this.#packetsOut[rule] = 0
    this.#bytesIn[rule] = this.#bytesOut[rule] = 0
  }

  /** A new row belongs to a rule; 0: to one that is no more. */
  begin(rows: Int32Array, base: number, rule: number): void {
    if (rule === 0) return
    rows[base + RULE] = rule
    this.#rows[rule]!++
    this.current[rule]!++
  }

  /** A flow is over, in TIME-WAIT or at its end; or begins again from there. */
  over(rows: Int32Array, base: number): void {
    const rule = rows[base + RULE]!
    if (rule !== 0) this.current[rule]!--
  }
  again(rows: Int32Array, base: number): void {
    const rule = rows[base + RULE]!
    if (rule !== 0) this.current[rule]!++
  }

  /** A row goes, after its flow was over. `isRefused`: it had never come to a connection. */
  end(rows: Int32Array, base: number, isRefused: boolean): void {
    const rule = rows[base + RULE]!
    if (rule === 0) return
    this.forget(rows, base)
    if (isRefused) this.refuse(rule)
    this.#packetsIn[rule]! += rows[base + PACKETS_IN]! >>> 0
    this.#packetsOut[rule]! += rows[base + PACKETS_OUT]! >>> 0
    this.#bytesIn[rule]! += counter(rows, base + BYTES_IN)
    this.#bytesOut[rule]! += counter(rows, base + BYTES_OUT)
  }

  /** A row belongs to no rule any more. */
  forget(rows: Int32Array, base: number): void {
    const rule = rows[base + RULE]!
    if (rule === 0) return
    rows[base + RULE] = 0
    this.#rows[rule]!--
  }

  /** Whether any row names the rule. */
  isUsed(rule: number): boolean {
    return this.#rows[rule]! > 0
  }

  /** Adds up what has ended and what is open, in rows 1 to `flows`. */
  tally(rows: Int32Array, flows: number): void {
    this.packetsIn.set(this.#packetsIn)
    this.packetsOut.set(this.#packetsOut)
    this.bytesIn.set(this.#bytesIn)
    this.bytesOut.set(this.#bytesOut)
    for (let row = 1; row <= flows; row++) {
      const base = row << ROW_SHIFT
      const rule = rows[base + KIND] === KIND_FREE ? 0 : rows[base + RULE]!
      if (rule === 0) continue
      this.packetsIn[rule]! += rows[base + PACKETS_IN]! >>> 0
      this.packetsOut[rule]! += rows[base + PACKETS_OUT]! >>> 0
      this.bytesIn[rule]! += counter(rows, base + BYTES_IN)
      this.bytesOut[rule]! += counter(rows, base + BYTES_OUT)
    }
  }

  /** Counts a connection that the sandbox has not taken. */
  refuse(rule: number): void {
    this.refused[rule]!++
    this.onRefused?.(rule)
  }
}

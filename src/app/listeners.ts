// The listening sockets of one published port, one for each address of the host that it is published on, and what went through all of them.
// Each is a rule of flow/port-forwards.ts. Those of an interface come and go with its addresses; what was counted stays.
import type { PortForwards } from '../flow/port-forwards.js'
import type { PublicationCounters } from './publications.js'

type Sums = { -readonly [name in keyof PublicationCounters]: number }

export class Listeners {
  readonly #forwards: PortForwards
  /** Rules by the address that they listen at. */
  readonly #rules = new Map<string, number>()
  readonly #past: Sums = { connections: 0, refused: 0, current: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 }
  #last: readonly string[] | null = null

  constructor(forwards: PortForwards) {
    this.#forwards = forwards
  }

  /** Addresses that are listened at; of what is closed, as of then. */
  get addresses(): readonly string[] {
    return this.#last ?? [...this.#rules.keys()]
  }

  add(address: string, rule: number): void {
    this.#rules.set(address, rule)
  }

  /** Listens at an address no longer. Its connections go on, or with `flows` see a reset at both ends. The counts have to be up to date. */
  remove(address: string, flows: boolean): void {
    const rule = this.#rules.get(address)
    if (rule === undefined) return
    this.#rules.delete(address)
    this.#addTo(this.#past, rule)
    this.#past.current = 0
    this.#forwards.remove(rule, flows)
  }

  close(flows: boolean): void {
    this.#last = this.addresses
    for (const address of this.#last) this.remove(address, flows)
  }

  /** As of when they were last brought up to date. */
  get counters(): PublicationCounters {
    const sums = { ...this.#past }
    for (const rule of this.#rules.values()) this.#addTo(sums, rule)
    return sums
  }

  #addTo(sums: Sums, rule: number): void {
    const { counts } = this.#forwards
    for (const name of Object.keys(sums) as (keyof Sums)[]) sums[name] += counts[name][rule]!
  }
}

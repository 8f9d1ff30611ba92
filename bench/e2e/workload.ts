// What a workload is: a name, what it yields, and how it is measured on one session.
import type { BenchOptions } from '../support/options.js'
import type { Session } from './session.js'

export interface Metric {
  readonly key: string
  /** Column title, with the unit. */
  readonly title: string
  readonly better: 'more' | 'less'
  /** Ratios to the peers are shown for these. */
  readonly ratio?: true
  /** Loopback has no such thing. */
  readonly stackOnly?: true
}

export type Figures = Readonly<Record<string, number>>

export interface Workload {
  readonly name: string
  readonly title: string
  readonly mtu: number
  readonly metrics: readonly Metric[]
  /** Measured on loopback too, as the limit. */
  readonly hasLimit: boolean
  /** The server is in the guest, and the client outside comes by published ports. */
  readonly isForward?: true
  /** Connections that the stack is told to make room for; its default otherwise. */
  readonly flows?: number | undefined
  /** These stacks only: what others would yield says nothing. */
  readonly stacks?: readonly string[]
  /** Stacks that take so long that one round has to do. */
  readonly once?: readonly string[]
  /** Sessions of one measurement, of which the median counts: for what is over in a moment. */
  readonly repeat?: number
  /** Only when named by --only. */
  readonly onRequest?: true
  measure(session: Session, options: BenchOptions): Promise<Figures>
}

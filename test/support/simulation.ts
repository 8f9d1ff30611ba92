// Two stacks back to back, each with a host of its own, over a link as bad as the plan says; time is virtual. See simulation-plan.ts for
// what a seed stands for, simulation-watch.ts for what must hold on the wire, and `#check` for what must have come of it.
//
//   host A -- stack A -- impaired device -- pipe ~~~ pipe -- stack B -- host B
//             10.0.2.100 is its guest                        192.0.2.7 is its guest
//
// Stack A serves the guest 10.0.2.100, which is B; stack B serves the guest 192.0.2.7, which is A. B's host connects to its guest, so
// B opens actively and A passively.
import assert from 'node:assert/strict'
import type { ImpairedWay } from '../../src/link/impaired-way.js'
import type { Ipv6Addresses } from '../../src/net/address-plan.js'
import { PORTS, ROW_SHIFT, setEnds, tableWords } from '../../src/net/flow-row.js'
import { MAC_OF_IPV4 } from '../../src/net/interface.js'
import { Arena, BIG_FRAME, MAX_FRAME } from '../../src/packet/arena.js'
import { slabBytes } from '../../src/packet/slab-pool.js'
import { Connection } from '../../src/tcp/connection.js'
import * as isn from '../../src/tcp/isn.js'
import type { Tcp } from '../../src/tcp/stack.js'
import type { Words } from '../../src/wire/address.js'
import { PROTOCOL_TCP } from '../../src/wire/numbers.js'
import * as wire from '../../src/wire/tcp.js'
import { ends, ends6 } from './ends.js'
import { ROW } from './simulation-host.js'
import { linkBytes, SimulatedLink } from './simulation-link.js'
import { type EndPlan, NEVER, type Plan, timeLimit } from './simulation-plan.js'
import { FLOWS, Side } from './simulation-side.js'
import { strip } from './simulation-strip.js'
import type { Trace } from './simulation-trace.js'

const A = 0x0a000264
const B = 0xc0000207 | 0
/** The network of either side over IPv6, by its first word. */
function ipv6Of(word: number): Ipv6Addresses {
  const of = (last: number): Words => [word, 0, 0, last]
  return { network: of(0), prefix: 64, gateway: of(2), dns: of(3), guest: of(0x100) }
}

const ADDRESSES = [
  { network: 0x0a000200, prefix: 24, gateway: 0x0a000202, dns: 0x0a000203, guest: A, ipv6: ipv6Of(0xfd000000 | 0) },
  { network: 0xc0000200 | 0, prefix: 24, gateway: 0xc0000202 | 0, dns: 0xc0000203 | 0, guest: B, ipv6: ipv6Of(0x20010db8) },
]
/** Rounds in which no time passes: more, and the two sides talk without end. */
const MOST_ROUNDS = 100_000
/** A side that gives the other up has got no further for so long: ms (RFC 9293, 3.8.3, R2). */
const PATIENCE = 100_000
/** Pause of the other host, ms, for which it may be given up: what its kernel has no room for is sent again to no end. */
const LONG_PAUSE = 840_000

// One buffer for all simulations of a process: what one leaves behind is the junk of the next.
let memory = new ArrayBuffer(0)
function arenaOf(bytes: number): Arena {
  if (memory.byteLength < bytes) memory = new ArrayBuffer(bytes)
  return new Arena(memory)
}

export type Outcome = 'orderly' | 'reset' | 'refused' | 'gave up'

export class Simulation {
  readonly plan: Plan
  readonly a: Side
  readonly b: Side
  /** ms since it began. */
  t = 0
  /** The time at which each host had received everything, the end included. */
  readonly completeAt = [NEVER, NEVER]
  readonly #sides: readonly [Side, Side]
  readonly #link: SimulatedLink
  readonly #trace: Trace | null
  #answersAt = NEVER
  #reopensAt = NEVER
  /** Bytes that came through for each side, and when that was last more than before. */
  readonly #progress = [0, 0]
  readonly #progressAt = [0, 0]
  /** Of the first host that saw a reset: how long it had got no further, ms, and whether it was not only for the other host to read on. */
  #patience = -1
  #mayGiveUp = false
  #rounds = 0
  #handedOver = 0

  constructor(plan: Plan, trace: Trace | null = null) {
    this.plan = plan
    this.#trace = trace
    const sets = 2 + plan.handOvers.length
    const arena = arenaOf(linkBytes(plan.link) + 2 * (BIG_FRAME + MAX_FRAME) + sets * slabBytes(FLOWS))
    const arrivals = [0, 1].map((i) => ({ receive: (at: number, length: number) => this.#sides[i]!.receive(at, length) }))
    this.#link = new SimulatedLink(arena, plan.link, [arrivals[0]!, arrivals[1]!], (from, at, length, passes) => {
      if (this.#trace === null) passes()
      else this.#trace.segment(this.t, this.#sides[from], this.#sides[1 - from]!, at, length, this.#way(from), passes)
    })
    this.a = this.#side(arena, 0)
    this.b = this.#side(arena, 1)
    this.#sides = [this.a, this.b]
    this.a.watch.join(this.b.watch)
  }

  #way(from: 0 | 1): ImpairedWay | null {
    const { impaired } = this.#link
    return impaired === null ? null : from === 0 ? impaired.toGuest : impaired.fromGuest
  }

  #side(arena: Arena, i: 0 | 1): Side {
    const { link, ends, stripped, reopensAfter } = this.plan
    const { host, largestSlab, keepAliveIdle } = ends[i]
    const keys = new Int32Array([link.seed, i])
    const start = ends[i].start ?? this.#startFor(i, ends[i], keys)
    const expectedKey = ends[1 - i]!.host.key
    const side = new Side(
      arena,
      { name: 'AB'[i]!, addresses: ADDRESSES[i]!, host, expectedKey, start, keys, largestSlab, keepAliveIdle },
      this.#link.ends[i],
      { isOfOneConnection: reopensAfter < 0, isDamaged: (link.impairments?.[1 - i]?.corruption ?? 0) > 0 },
    )
    side.onSent = (seen, at, length) => {
      if (stripped.length > 0 && seen.has(wire.SYN)) strip(side.interface.view, at, length, stripped)
    }
    side.host.note = (what) => this.#trace?.event(this.t, side, what)
    return side
  }

  /** The clock with which the initial sequence number is about the one that was asked for. */
  #startFor(i: 0 | 1, end: EndPlan, keys: Int32Array): number {
    const rows = new Int32Array(tableWords(FLOWS))
    const base = ROW << ROW_SHIFT
    rows[base + PORTS] = this.#ports(i)
    setEnds(rows, base, this.#ends(i), 0, PROTOCOL_TCP, true)
    const atZero = isn.choose({ now: 0, key0: keys[0], key1: keys[1] } as Tcp, new Connection(rows, base, 0, ROW))
    const passed = i === 0 ? this.plan.answersAfter + (this.plan.link.impairments?.[1].delay ?? 0) : 0
    return Math.trunc(((end.isn - atZero) >>> 0) / 250) - passed
  }

  // Of a connection as side `i` has it: its guest's end, and the other side's.
  #ends(i: 0 | 1): Int32Array {
    const [own, other] = [ADDRESSES[i]!, ADDRESSES[1 - i]!]
    return this.plan.link.family === 6 ? ends6(own.ipv6.guest, other.ipv6.guest) : ends(own.guest, other.guest)
  }

  #ports(i: 0 | 1): number {
    const [guest, remote] = this.plan.ports
    return i === 0 ? (guest << 16) | remote : (remote << 16) | guest
  }

  /** Runs to the end, and throws when it is not a good one. */
  run(): Outcome {
    const { a, b } = this
    for (const side of this.#sides) side.begin(0)
    this.#open()
    if (this.plan.opening === 'simultaneous') a.open(this.#ends(0), this.#ports(0), MAC_OF_IPV4, b.interface.addresses.gateway)
    const limit = timeLimit(this.plan)
    for (;;) {
      this.#turn()
      const next = this.#next()
      if (next === NEVER) break
      if (next > this.t) this.#rounds = 0
      this.t = Math.max(this.t, next)
      assert.ok(this.t < limit, `no end in sight: ${this.state}`)
    }
    return this.#check()
  }

  #open(): void {
    this.b.open(this.#ends(1), this.#ports(1), MAC_OF_IPV4, this.a.interface.addresses.gateway)
  }

  // B's host connects once more; A may remember the first connection in TIME-WAIT.
  #reopen(): void {
    const { a, b } = this
    if (this.#reopensAt === NEVER) {
      const isOver = !b.host.isUsed && this.isComplete(a) && this.isComplete(b) && !a.host.sawReset && !b.host.sawReset
      if (this.plan.reopensAfter >= 0 && b.host.connections === 1 && isOver) this.#reopensAt = this.t + this.plan.reopensAfter
    }
    if (this.t < this.#reopensAt) return
    this.#reopensAt = NEVER
    this.completeAt.fill(NEVER)
    for (const { host } of this.#sides) host.generation++
    // An old SYN may still arrive, and be taken for a new one.
    a.host.mostConnections = NEVER
    this.#open()
  }

  #next(): number {
    const { a, b } = this
    const waits = [a.untilTimer, b.untilTimer, this.#link.impaired?.next(this.t) ?? -1].filter((wait) => wait >= 0)
    return Math.min(a.host.next, b.host.next, this.#answersAt, this.#reopensAt, ...waits.map((wait) => this.t + wait))
  }

  #turn(): void {
    for (const side of this.#sides) side.begin(this.t)
    this.#link.impaired?.advance(this.t)
    for (let isDone = false; !isDone; ) {
      assert.ok(++this.#rounds < MOST_ROUNDS, `no time passes: ${this.state}`)
      this.#answer()
      this.#reopen()
      for (const side of this.#sides) {
        side.work(this.t)
        this.#handOver(side, true)
        side.settle()
        this.#handOver(side, false)
        this.#note(side)
      }
      isDone = !this.#sides.some((side) => side.demux.hasWork) && this.#link.inPipes === 0
      this.#link.deliver()
    }
  }

  // A's host answers its stack's connect.
  #answer(): void {
    const { a, plan } = this
    if (a.host.connections > 0 && !a.host.isConnected && a.host.isUsed && this.#answersAt === NEVER)
      this.#answersAt = this.t + plan.answersAfter
    if (this.t < this.#answersAt || this.#answersAt === NEVER) return
    this.#answersAt = NEVER
    if (a.host.isConnected || !a.host.isUsed) return
    if (plan.opening === 'refused') {
      a.host.hasBroken = true
      a.demux.hostBroken(ROW, a.now)
    } else {
      a.host.isConnected = true
      a.demux.hostConnected(ROW, a.now)
    }
  }

  #handOver(side: Side, isEarly: boolean): void {
    const next = this.plan.handOvers[this.#handedOver]
    if (next === undefined || this.#frames < next.frame || next.isEarly !== isEarly || side !== this.#sides[next.side]) return
    this.#handedOver++
    side.handOver()
  }

  #note(side: Side): void {
    const i = side === this.a ? 0 : 1
    if (this.completeAt[i] === NEVER && this.isComplete(side)) this.completeAt[i] = this.t
    const { host } = side
    if (host.sawReset && this.#patience < 0) {
      this.#patience = this.t - this.#progressAt[i]!
      const { unread, plan } = this.#other(side).host
      const isPausing = plan.reads.stallAt !== NEVER && plan.reads.stallFor >= LONG_PAUSE
      this.#mayGiveUp = isPausing || (unread === 0 && this.#link.impaired !== null)
    }
    const progress = host.acknowledged + host.received
    if (progress === this.#progress[i]) return
    this.#progress[i] = progress
    this.#progressAt[i] = this.t
  }

  get #frames(): number {
    return this.a.watch.frames + this.b.watch.frames
  }

  #other(side: Side): Side {
    return side === this.a ? this.b : this.a
  }

  /** The host of a side has all of the other's text, and its end. */
  isComplete(side: Side): boolean {
    return side.host.sawEnd && side.host.received === this.#other(side).host.plan.bytes
  }

  get state(): string {
    return this.#sides
      .map(({ host, tcp, plan }) => {
        const ways = `received ${host.received}, acknowledged ${host.acknowledged} of ${host.written} of ${host.plan.bytes}`
        return `${plan.name} ${tcp.connection(ROW).state} ${ways}, ends ${host.hasEnded} ${host.sawEnd}`
      })
      .join('; ')
  }

  #check(): Outcome {
    for (const side of this.#sides) side.checkEmpty()
    assert.equal(this.#link.waiting, 0, 'frames were left')
    const damages = this.plan.link.impairments?.some(({ corruption }) => corruption > 0) === true
    for (const side of this.#sides) if (!damages) assert.equal(side.dropped, 0, `${side.plan.name} dropped frames`)
    if (this.#link.impaired === null) this.#checkGood()
    return this.#outcome()
  }

  /** Over a good link nothing is sent twice to a host that reads. */
  #checkGood(): void {
    for (const side of this.#sides) {
      const { reads } = this.#other(side).host.plan
      const isPrompt = reads.every === 0 && reads.stallAt === NEVER
      if (isPrompt) assert.equal(side.retransmissions + side.tcp.retransmissions, 0, `${side.plan.name} has sent something again`)
    }
  }

  #outcome(): Outcome {
    const { a, b, plan } = this
    if (a.host.hasBroken || b.host.hasBroken) {
      for (const side of this.#sides) if (!side.host.hasBroken) this.#checkReset(side)
      return plan.opening === 'refused' && a.host.hasBroken ? 'refused' : 'reset'
    }
    if (!this.completeAt.includes(NEVER)) {
      // When every last acknowledgment was lost until the end of TIME-WAIT, a reset says the same.
      const isGood = this.#link.impaired === null
      for (const { host, plan: p } of this.#sides) assert.ok(!(host.sawReset && isGood), `${p.name}: a reset at the end`)
      return 'orderly'
    }
    const isRight = this.#mayGiveUp && this.#patience >= PATIENCE
    assert.ok(isRight, `given up after ${this.#patience} ms: ${this.state}`)
    return 'gave up'
  }

  /** The other host has reset the connection: this one has been told, or had nothing to wait for any more. */
  #checkReset(side: Side): void {
    const { host, plan } = side
    const isOver = this.isComplete(side) && host.isAcknowledged
    assert.ok(host.connections === 0 || host.sawReset || isOver, `${plan.name} was not told of the reset: ${this.state}`)
  }
}

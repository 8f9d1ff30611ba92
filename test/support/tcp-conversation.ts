// Random conversations with one connection, from any state on. The guest sends whatever it likes (conversation-guest.ts), at the edges of the
// windows most of all; the host connects, is connected to, speaks, drains, ends and breaks; routers complain; time passes; and another
// process takes the connection over. What must hold at every step of it is in conversation-checks.ts.
import assert from 'node:assert/strict'
import { PROTOCOL, ROW_SHIFT } from '../../src/net/flow-row.js'
import { Inbound } from '../../src/net/inbound.js'
import { FIN_DELIVERED, HAS_FIN } from '../../src/tcp/columns.js'
import type { Connection } from '../../src/tcp/connection.js'
import * as held from '../../src/tcp/held.js'
import * as seq from '../../src/tcp/seq.js'
import type { State } from '../../src/tcp/state.js'
import * as icmp from '../../src/wire/icmpv4.js'
import * as ipv6 from '../../src/wire/ipv6.js'
import { ConversationChecks } from './conversation-checks.js'
import { RandomGuest } from './conversation-guest.js'
import { reach } from './conversation-start.js'
import { guestText, hostText } from './conversation-text.js'
import type { Random } from './random.js'
import { ROW } from './script-host.js'
import { GUEST_PORT, REMOTE_PORT, type SegmentText } from './script-segment.js'
import { type ScriptOptions, TcpScript } from './tcp-script.js'

/** Longest text of a segment of a guest that means well. */
const MOST = 3000
/** Text of the host at once: more than one turn's, bytes; and pieces of it. */
const MUCH = 1_500_000
const PIECE = 100_000
/** Longest frame of a device that says it takes longer ones. */
const REFUSES_BIG = 70_000
/** ms. The last of them see keep-alive, patience and TIME-WAIT through to their ends. */
const WAITS = [0, 1, 5, 10, 40, 60, 200, 1000, 3000, 30_000, 60_000, 120_000] as const
/** Rarely: longer than any timer, ms. */
const LONG_WAIT = 8_000_000

export class RandomConversation {
  readonly random: Random
  /** The process that has the connection now, and the one that had it before, or will. */
  t: TcpScript
  #other: TcpScript | null = null
  readonly guest: RandomGuest
  readonly checks: ConversationChecks
  readonly #link: ScriptOptions
  readonly #longest: number

  constructor(random: Random) {
    this.random = random
    const family = random.pick([4, 4, 6] as const)
    const mtu = Math.max(family === 6 ? ipv6.MINIMUM_MTU : 0, random.pick([576, 1500, 1500, 9000, 65_520]))
    const offload = random.chance(70)
    const largestDatagram = random.pick([65_535, 196_608])
    this.#link = { family, mtu, offload, largestDatagram }
    this.#longest = random.chance(20) ? REFUSES_BIG : Number.POSITIVE_INFINITY
    this.t = this.#process(random.pick([100_000, 0x7fffffff - random.below(100_000), -random.below(100_000)]))
    this.guest = new RandomGuest(random, this.t)
    this.checks = new ConversationChecks(random, this.t)
  }

  #process(start: number): TcpScript {
    const { random } = this
    const t = new TcpScript({ ...this.#link, start, secret: [random.int32(), random.int32()] })
    t.irs = 0 // sequence numbers of the guest as they are
    t.onSent = (s) => {
      if (t !== this.t) return
      this.checks.sees(s)
      if (this.guest.honesty > 0) this.guest.receiver.hears(s)
    }
    return t
  }

  /** A connection between the same ends, from here on. */
  begin(start: State): void {
    const { random } = this
    const { host, tcp } = this.t
    tcp.keepAliveIdle = random.pick([10_000, 100_000, 7_200_000])
    host.capacity = 1 << 20
    host.lowWater = 1
    this.guest.begin()
    reach(this, start)
    host.capacity = random.pick([0, 1, 700, 20_000, 1 << 20])
  }

  get #c(): Connection {
    return this.t.connection
  }
  get state(): State {
    return this.t.host.isUsed ? this.#c.state : 'CLOSED'
  }
  /** The host's socket is connected. */
  get isUp(): boolean {
    return this.state !== 'CLOSED' && this.state !== 'LISTEN'
  }

  /** Nothing more is to come but the end of TIME-WAIT. */
  get isOver(): boolean {
    return this.state === 'CLOSED' || this.state === 'TIME-WAIT'
  }

  /** One event of any kind, and everything that must hold afterwards. */
  step(): void {
    const { random, t } = this
    const what = random.below(100)
    // The device has no room for anything at all, now and then.
    t.longest = t.host.isUsed && random.chance(2) ? 0 : this.#longest
    if (this.state === 'CLOSED' && random.chance(15)) this.open()
    else if (!t.host.isUsed || what < 52) this.guestSends(this.guest.batch())
    else if (what < 62) this.hostSends(this.#length(), random.chance(10))
    else if (what < 76) this.#drain(random.pick([1, 100, 5000, 100_000]))
    else if (what < 91) this.#wait(random.chance(2) ? LONG_WAIT : random.pick(WAITS))
    else if (what < 94) this.#complain()
    else if (what < 97) this.#handOver()
    else if (what < 98) t.host.isBroken = true
    else if (what < 99) t.host.lowWater = random.pick([1, 500, 6000])
    else if (this.state !== 'LISTEN') this.checks.event(0, () => t.hostBreaks())
    else if (random.chance(50)) this.checks.event(0, () => (random.chance(50) ? t.hostBreaks() : t.demux.hostUnreachable(ROW)))
    if (this.state !== 'LISTEN' || random.chance(80)) return
    // The host's text may have come with its acceptance.
    if (random.chance(20)) this.#say(random.below(3000))
    this.connect(random.pick([0, 1, 700, 20_000, 1 << 20]))
  }

  /** The host's connect has succeeded, and its socket takes so many bytes. */
  connect(capacity: number): void {
    const { t } = this
    t.host.capacity = capacity
    this.checks.event(0, () => t.hostConnects())
  }

  /** The host's end was there first. */
  open(): void {
    const { t } = this
    const inbound = new Inbound()
    inbound.words.set(t.both)
    inbound.ports = (GUEST_PORT << 16) | REMOTE_PORT
    inbound.now = t.now
    t.host.accept(inbound)
    this.checks.begin()
    this.checks.event(0, () => t.demux.open(ROW, t.now))
  }

  #length(): number {
    const { random } = this
    if (random.chance(2)) return MUCH
    return random.pick([0, 1, random.below(5000), random.below(60_000), random.below(200_000)])
  }

  #say(length: number): void {
    for (let left = length; left > 0; left -= PIECE) {
      const piece = Math.min(left, PIECE)
      this.t.host.outgoing += hostText(this.checks.said, piece)
      this.checks.said += piece
    }
  }

  hostSends(length: number, isEnd: boolean): void {
    const { t } = this
    if (this.state === 'LISTEN') return
    if (!t.host.hasEnded) this.#say(length)
    this.checks.event(0, () => t.hostSends('', isEnd))
  }

  // As the kernel does: it speaks only to those who asked, and once enough is free.
  #drain(bytes: number): void {
    const { host } = this.t
    host.capacity += bytes
    if (!this.isUp || !host.isWaiting || host.capacity < Math.max(1, host.lowWater)) return
    host.isWaiting = false
    this.checks.event(0, () => this.t.hostDrains(0))
  }

  // Each timer is an event of its own.
  #wait(ms: number): void {
    const { t } = this
    const end = (t.now + ms) | 0
    for (let next = t.tcp.timers.next(t.now); next >= 0 && next <= seq.diff(end, t.now); next = t.tcp.timers.next(t.now)) {
      const wait = Math.max(next, 1)
      this.checks.event(0, () => t.wait(wait))
    }
    this.checks.event(0, () => t.wait(Math.max(0, seq.diff(end, t.now))))
  }

  guestSends(segments: SegmentText[]): void {
    if (this.state === 'CLOSED' && segments.length > 0) this.#checkStray(segments[0]!)
    this.checks.offers(segments)
    this.checks.event(segments.length, () => this.t.guest(...segments))
  }

  // RFC 9293, 3.10.7.1: what belongs to no connection is answered by a reset that its sender believes.
  #checkStray(s: SegmentText): void {
    const { t } = this
    const flags = s.flags ?? '.'
    if (flags.includes('S') && !flags.includes('.') && !flags.includes('R')) return
    t.guest(s)
    if (!flags.includes('R')) {
      const length = (s.text ?? '').length + (flags.includes('S') ? 1 : 0) + (flags.includes('F') ? 1 : 0)
      const iss = this.#c.iss
      t.expect(
        flags.includes('.')
          ? { flags: 'R', seq: (iss + s.ack! - iss) | 0, ack: 0, text: '' }
          : { flags: 'R.', seq: -iss | 0, ack: (s.seq! + length) | 0, text: '' },
      )
    }
    t.silence()
  }

  // A router in the guest, or somebody who would like to be one.
  #complain(): void {
    const { random, t } = this
    const c = this.#c
    const at = random.pick([c.sndUna, c.sndUna, c.sndNxt, c.sndMax, c.iss, random.int32()])
    const sequence = (at + random.pick([0, 0, 1, -1, random.below(5000)])) | 0
    const code = random.pick([icmp.FRAGMENTATION_NEEDED, icmp.FRAGMENTATION_NEEDED, icmp.PORT_UNREACHABLE, random.below(16)])
    const mtu = random.pick([0, 68, 575, 576, 1006, 1492, 65_535, random.int32()])
    this.checks.event(0, () => {
      t.demux.unreachable(ROW, sequence, code, mtu, t.now)
      t.demux.settle(t.now)
    })
  }

  // Another process takes over: it is given the snapshot, the row's shared columns and the host's socket, of which every event comes again.
  // What it does not know of is gone.
  #handOver(): void {
    const old = this.t
    const t = this.#other ?? this.#process(old.now)
    const bytes = old.demux.snapshot(ROW)
    const base = ROW << ROW_SHIFT
    t.host.rows.set(old.host.rows.subarray(base, base + PROTOCOL), base)
    const { outgoing, hasEnded, received, capacity, lowWater, accepted, isBroken, events, isUsed } = old.host
    Object.assign(t.host, { outgoing, hasEnded, received, capacity, lowWater, accepted, isBroken, events, isUsed, isWaiting: true })
    t.now = old.now
    t.tcp.keepAliveIdle = old.tcp.keepAliveIdle
    this.#other = old
    this.t = this.guest.t = this.checks.t = t
    t.longest = this.#longest
    old.host.events = []
    old.demux.abandon(ROW)
    // What the other process reads first is the first byte, unless it asks for another.
    t.host.rewind(t.connection, 0)
    this.checks.event(0, () => {
      t.demux.restore(ROW, bytes, t.now)
      t.demux.settle(t.now)
    })
    this.#drain(0)
  }

  /**
   * From here on both ends mean well: the guest acknowledges everything, sends what is missing and its FIN, the host reads all and ends.
   * Whatever has happened before, the connection comes to an orderly end soon.
   */
  finish(): void {
    const { host } = this.t
    this.t.longest = this.#longest
    if (this.state === 'CLOSED' || host.isBroken) return
    if (this.state === 'LISTEN') this.connect(1 << 20)
    // A window from a number that a guest who means well never comes to would outrank all that follow (SND.WL1).
    if (seq.gt(this.#c.sndWl1, this.#c.rcvNxt)) this.#c.sndWl1 = this.#c.rcvNxt
    host.lowWater = 1
    const wasOver = this.state === 'TIME-WAIT'
    let progress = ''
    let idle = 0
    for (let round = 0; !this.isOver; round++) {
      const now = `${this.state}, ${host.outgoing.length} of ${this.checks.said} unacknowledged, ${host.received.length} received`
      idle = now === progress ? idle + 1 : 0
      progress = now
      assert.ok(idle < 30, `no end in sight: ${now}`)
      this.#drain(1 << 20)
      if (host.isUsed && !host.hasEnded) this.hostSends(0, true)
      if (host.isUsed) this.guestSends([this.#wellMeant()])
      if (!this.isOver) this.#wait(round < 5 ? 0 : 100)
    }
    assert.equal(host.outgoing, '', 'not all of the host has arrived')
    assert.ok(host.events.includes('finish') && !host.events.includes('abort'), host.events.join())
    if (!wasOver) this.#wait(60_000)
    else this.#wait(120_000)
    assert.equal(host.isUsed, false, 'the row was left')
  }

  #wellMeant(): SegmentText {
    const c = this.#c
    if (this.state === 'SYN-SENT') return { ...this.guest.syn(), flags: 'S.', ack: 1 }
    // What is in the ring was sent: the FIN cannot come before it.
    const sent = Math.max(this.checks.received, 2000, (held.end(c) - c.irs - 1) | 0)
    const end = c.has(HAS_FIN) ? c.rcvFin : (c.irs + 1 + sent) | 0
    const left = Math.max(0, (end - c.rcvNxt) | 0)
    const length = Math.min(MOST, left)
    const isEnd = length === left
    return this.guest.plain(c.sndMax, {
      flags: isEnd && !c.has(FIN_DELIVERED) ? 'F.' : '.',
      window: 65_535,
      text: c.has(FIN_DELIVERED) ? '' : guestText(c.rcvNxt, length),
    })
  }
}

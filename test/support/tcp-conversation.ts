// Random conversations with one connection, and what must hold at every step of them. The guest sends whatever it likes, at the edges of
// the windows most of all; the host connects, speaks, drains, ends and breaks; time passes. What a byte is follows from its
// sequence number, so whatever arrives anywhere can be told to be right.
import assert from 'node:assert/strict'
import { slabSize } from '../../src/packet/slab-pool.js'
import { ACK_DELAYED, FIN_DELIVERED, HAS_FIN, HAS_TIMESTAMPS, HELD, HOST_FULL, WANTS_ROOM } from '../../src/tcp/columns.js'
import * as held from '../../src/tcp/held.js'
import * as seq from '../../src/tcp/seq.js'
import { TIMER_DELAYED_ACK, TIMER_RETRANSMIT } from '../../src/tcp/stack.js'
import type { State } from '../../src/tcp/state.js'
import type { Random } from './random.js'
import type { SegmentText, SentSegment } from './script-segment.js'
import { TcpScript } from './tcp-script.js'

/** Longest text of a segment. */
const MOST = 3000
/** Each byte from its number: a long period that is no power of two. */
const PERIOD = 10_007
const ROUND = Array.from({ length: PERIOD }, (_, i) => String.fromCharCode(((i * 167) ^ (i >> 6)) & 255)).join('')
/** Long enough for the longest datagram from anywhere in the first round. */
const PATTERN = ROUND.repeat(1 + Math.ceil(200_000 / PERIOD))

/** Guest text from a sequence number on. */
function guestText(seq: number, length: number): string {
  const from = seq >>> 0
  const first = Math.min(length, 0x1_0000_0000 - from)
  const text = PATTERN.slice(from % PERIOD, (from % PERIOD) + first)
  return first === length ? text : text + PATTERN.slice(0, length - first)
}

/** The host's text: other bytes, counted from its first. */
const hostText = (from: number, length: number): string => {
  const at = (from + 5000) % PERIOD
  return PATTERN.slice(at, at + length)
}

export class RandomConversation {
  readonly t: TcpScript
  readonly random: Random
  /** What the host has said, bytes. */
  #said = 0
  #received = 0
  #ack = 0
  #edge = 0
  #incarnation = 0
  #scale = 7

  constructor(random: Random) {
    this.random = random
    const mtu = random.pick([576, 1500, 1500, 9000, 65_520])
    const start = random.pick([100_000, 0x7fffffff - random.below(100_000), -random.below(100_000)])
    this.t = new TcpScript({ mtu, start, offload: random.chance(70), largestDatagram: random.pick([65_535, 196_608]) })
    this.t.irs = 0 // sequence numbers of the guest as they are
    this.t.onSent = (s) => this.#checkSent(s)
  }

  get #c() {
    return this.t.connection
  }
  #isIn(state: State): boolean {
    return this.#c.state === state
  }
  get #isUp(): boolean {
    return this.t.host.isUsed && !this.#isIn('CLOSED') && !this.#isIn('LISTEN')
  }

  /** One event of any kind, and everything that must hold afterwards. */
  step(): void {
    const { random, t } = this
    const what = random.below(100)
    if (!t.host.isUsed || what < 55) this.#guestSends()
    else if (what < 65) this.#hostSpeaks()
    else if (what < 80) this.#drain(random.pick([1, 100, 5000, 100_000]))
    else if (what < 97) t.wait(random.pick([0, 1, 5, 10, 40, 200, 1000, 3000, 120_000]))
    else if (what < 98) t.host.isBroken = true
    else if (what < 99) t.host.lowWater = random.pick([1, 500, 6000])
    else if (!this.#isIn('LISTEN') || random.chance(30)) t.hostBreaks()
    if (t.host.isUsed && this.#isIn('LISTEN') && random.chance(60)) this.#connect()
    this.check()
  }

  #connect(): void {
    const { random, t } = this
    t.host.capacity = random.pick([0, 1, 700, 20_000, 1 << 20])
    if (random.chance(20)) this.#say(random.below(3000))
    t.hostConnects()
  }

  #say(length: number): void {
    this.t.host.outgoing += hostText(this.#said, length)
    this.#said += length
  }

  #hostSpeaks(): void {
    const { random, t } = this
    if (this.#isIn('LISTEN')) return
    const isEnd = random.chance(10)
    if (!t.host.hasEnded) this.#say(random.pick([0, 1, random.below(5000), random.below(60_000)]))
    t.hostSends('', isEnd)
  }

  // As the kernel does: it speaks only to those who asked, and once enough is free.
  #drain(bytes: number): void {
    const { host } = this.t
    host.capacity += bytes
    if (!this.#isUp || !host.isWaiting || host.capacity < Math.max(1, host.lowWater)) return
    host.isWaiting = false
    this.t.hostDrains(0)
  }

  #guestSends(): void {
    const segments: SegmentText[] = []
    if (this.random.chance(10)) segments.push(...this.#duplicates())
    for (let i = this.random.between(1, 4); i > 0; i--) segments.push(this.#segment())
    this.t.guest(...segments)
    // A SYN, or one in LISTEN, sets the numbers anew.
    this.#begin()
  }

  #begin(): void {
    if (this.#incarnation === this.t.host.accepted) return
    this.#incarnation = this.t.host.accepted
    this.#said = this.#received = 0
  }

  // Three duplicate acknowledgments, and a partial one of another window.
  #duplicates(): SegmentText[] {
    const c = this.#c
    const duplicate = { seq: c.rcvNxt, ack: (c.sndUna - c.iss) | 0, window: c.sndWnd >> c.sndScale }
    const partial = this.random.below(Math.max(1, (c.sndMax - c.sndUna) | 0))
    return [duplicate, duplicate, duplicate, { ...duplicate, ack: duplicate.ack + partial, window: this.random.below(20) }]
  }

  #segment(): SegmentText {
    const { random, t } = this
    const c = this.#c
    const seq = this.#pickSeq()
    const length = random.pick([0, 0, 0, 1, random.below(40), 1460, random.below(MOST)])
    const ack = ((c.sndMax - c.iss) | 0) + random.pick([0, 0, 0, 0, 0, -1, 1, -random.below(3000), random.int32()])
    const wholeAck = random.chance(70) ? ack : ((c.sndUna - c.iss) | 0) + random.pick([0, 0, 1, random.below(70_000)])
    const segment: SegmentText = {
      seq,
      ack: wholeAck,
      flags:
        t.host.isUsed && random.chance(97)
          ? random.pick(['.', '.', '.', '.', 'P.', 'F.', 'F.U', 'S', 'S.', 'R', 'R.', '', 'F', 'SFRP.U'])
          : 'S',
      window: random.pick([0, 1, 10, 500, 500, random.below(65_536), 65_535]),
      text: guestText(seq, length),
      mss: random.pick([0, 1, 88, 536, 1460, 65_495]),
      scale: random.pick([-1, 0, 7, 14]),
      sackPermitted: random.chance(60),
    }
    // Resets are believed only at the exact number, and would end most conversations.
    if (segment.flags!.includes('R') && random.chance(80)) segment.flags = '.'
    if (random.chance(40)) segment.timestamp = [this.#pickStamp(), random.int32()]
    if (random.chance(3))
      segment.raw = Array.from({ length: random.below(41) }, () => random.pick([0, 1, 2, 3, 4, 5, 8, 10, random.below(256)]))
    return segment
  }

  #pickSeq(): number {
    const { random } = this
    const c = this.#c
    const near = random.pick([0, 0, 1, -1, random.below(10), -random.below(3000), random.below(3000)])
    const at = random.pick([c.rcvNxt, c.rcvNxt, c.rcvNxt, c.rcvNxt, c.rcvEdge, (c.rcvNxt + slabSize(c.slabClass)) | 0, c.rcvFin, c.irs])
    return random.chance(2) ? random.int32() : (at + near) | 0
  }

  #pickStamp(): number {
    const { random } = this
    const recent = this.#c.tsRecent
    return (recent + random.pick([0, 0, 1, 5, -1, -1000, 0x7fffffff, random.chance(2) ? random.int32() : 0])) | 0
  }

  // At the moment of sending.
  #checkSent(s: SentSegment): void {
    this.#begin()
    const c = this.#c
    const { host } = this.t
    if (s.flags.includes('R')) return
    const ack = (s.ack - c.irs) | 0
    if (s.flags.includes('S')) {
      if (this.#ack === 0 || ack === 1) this.#ack = 1
      this.#scale = c.rcvScale
      this.#edge = 1 + s.window
    }
    const finished = host.events.includes('finish') ? 1 : 0
    assert.ok(ack - 1 <= host.received.length + finished, `acknowledged ${ack - 1}, the host has ${host.received.length}`)
    assert.ok(ack >= this.#ack, `acknowledged ${this.#ack}, then ${ack}`)
    const edge = ack + (s.window << (s.flags.includes('S') ? 0 : this.#scale))
    assert.ok(edge >= this.#edge, `offered up to ${this.#edge}, then up to ${edge}`)
    assert.ok(edge <= ack + slabSize(c.slabClass), 'offered more than the ring holds')
    this.#ack = ack
    this.#edge = edge
    this.#checkText(s)
    this.#checkSack(s, ack)
  }

  #checkText(s: SentSegment): void {
    const c = this.#c
    const length = s.text.length
    const end = s.seq + length
    if (s.flags.includes('F')) assert.ok(this.t.host.hasEnded && end === this.#said + 1, `a FIN at ${end}, the host said ${this.#said}`)
    const una = (c.sndUna - c.iss) | 0
    const sent = (c.sndMax - c.iss) | 0
    if (length === 0) {
      // What the guest has is not behind it, and what it offers reaches that far.
      const isKeepAlive = una === sent && s.seq === una - 1
      if (s.flags === '.' && !isKeepAlive) assert.equal(s.seq, Math.min(sent, una + c.sndWnd), 'the number of a bare acknowledgment')
      return
    }
    assert.ok(s.seq >= 1 && s.seq - 1 + length <= this.#said, 'text that the host has not sent')
    assert.ok(s.text === hostText(s.seq - 1, length), `not what the host has sent from ${s.seq} on`)
    const isProbe = length === 1 && s.seq === una
    assert.ok(isProbe || s.seq + length <= una + c.sndWnd, `text up to ${s.seq + length}, a window up to ${una + c.sndWnd}`)
    const size = c.sndMss - (s.sack.length > 0 ? 4 + 8 * s.sack.length : 0)
    assert.equal(s.gsoSize, length > size ? size : 0)
  }

  // Blocks lie apart, behind the acknowledgment, in the ring; only the first may tell of what came twice (RFC 2883).
  #checkSack(s: SentSegment, ack: number): void {
    const blocks = s.sack.map(([from, to]) => [(from - this.#c.irs) | 0, (to - this.#c.irs) | 0] as const)
    for (const [a, b] of blocks) assert.ok(a < b && b <= ack + slabSize(this.#c.slabClass), `blocks ${JSON.stringify(s.sack)}`)
    const second = blocks[1]
    const first = blocks[0]
    const isTwice = first !== undefined && (first[1] <= ack || (second !== undefined && second[0] <= first[0] && first[1] <= second[1]))
    const held = blocks.slice(isTwice ? 1 : 0).sort((a, b) => a[0] - b[0])
    let right = ack
    for (const [a, b] of held) {
      assert.ok(right < a, `blocks ${JSON.stringify(s.sack)}`)
      right = b
    }
  }

  /** What must hold between any two events. */
  check(): void {
    const { t } = this
    const { host, tcp } = t
    t.sent.length = 0
    if (!host.isUsed || this.#isIn('LISTEN')) {
      assert.equal(tcp.slabs.inUse, 0, 'a slab of no connection')
      assert.equal(tcp.timers.scheduled, 0, 'a timer of no connection')
      return
    }
    const c = this.#c
    assert.equal(tcp.slabs.inUse, this.#isIn('TIME-WAIT') ? 0 : 1)
    const fresh = host.received.slice(this.#received)
    assert.ok(fresh === guestText((c.irs + 1 + this.#received) | 0, fresh.length), `not what the guest has sent from ${this.#received} on`)
    this.#received = host.received.length
    const passed = c.has(FIN_DELIVERED) ? 1 : 0
    assert.equal((c.rcvNxt - c.irs - 1) | 0, this.#received + passed)
    this.#checkHeld()
    this.#checkTimers()
    const [una, nxt, max] = [(c.sndUna - c.iss) | 0, (c.sndNxt - c.iss) | 0, (c.sndMax - c.iss) | 0]
    assert.ok(una <= nxt && nxt <= max && max <= this.#said + 2, `sndUna ${una}, sndNxt ${nxt}, sndMax ${max}`)
  }

  #checkHeld(): void {
    const c = this.#c
    const { tcp, host } = this.t
    const size = slabSize(c.slabClass)
    let right = -1
    for (let i = 0; i < c.heldCount; i++) {
      const from = (c.rows[c.ranges + HELD + 2 * i]! - c.rcvNxt) | 0
      const to = (c.rows[c.ranges + HELD + 2 * i + 1]! - c.rcvNxt) | 0
      assert.ok(from >= 0 && from > right && from < to && to <= size, `range ${i}: ${from}-${to} behind ${right}`)
      right = to
      if (from === 0) assert.ok(c.has(HOST_FULL) && host.isWaiting, 'in order, and nobody waits for the host')
      if (this.random.chance(90)) continue
      const bytes = tcp.interface.arena.bytes
      const text = guestText((c.rcvNxt + from) | 0, to - from)
      for (let at = from; at < to; at++) {
        const place = c.slab + ((c.rcvNxt + at - c.irs) & (size - 1))
        assert.equal(bytes[place], text.charCodeAt(at - from), 'the ring does not hold what the guest has sent')
      }
    }
    if (c.has(WANTS_ROOM)) assert.ok(host.isWaiting, 'waits for room, and has not said so')
  }

  #checkTimers(): void {
    const c = this.#c
    const { tcp } = this.t
    const isNeeded = c.sndUna !== c.sndMax || c.state === 'SYN-RECEIVED' || c.state === 'TIME-WAIT'
    if (isNeeded) assert.ok(tcp.hasTimer(c, TIMER_RETRANSMIT), `no timer in ${c.state}`)
    assert.equal(tcp.hasTimer(c, TIMER_DELAYED_ACK), c.has(ACK_DELAYED))
  }

  /**
   * From here on both ends mean well: the guest acknowledges everything, sends what is missing and its FIN, the host reads all and ends.
   * Whatever has happened before, the connection comes to an orderly end soon.
   */
  finish(): void {
    const { t } = this
    const { host } = t
    if (!host.isUsed || host.isBroken) return
    if (this.#isIn('LISTEN')) t.hostConnects()
    // A window from a number that a guest who means well never comes to would outrank all that follow (SND.WL1).
    if (seq.gt(this.#c.sndWl1, this.#c.rcvNxt)) this.#c.sndWl1 = this.#c.rcvNxt
    t.onSent = (s) => this.#checkSent(s)
    host.lowWater = 1
    let progress = ''
    let idle = 0
    for (let round = 0; host.isUsed && !this.#isIn('TIME-WAIT'); round++) {
      const now = `${this.#c.state}, ${host.outgoing.length} of ${this.#said} unacknowledged, ${host.received.length} received`
      idle = now === progress ? idle + 1 : 0
      progress = now
      assert.ok(idle < 30, `no end in sight: ${now}`)
      this.#drain(1 << 20)
      if (host.isUsed && !host.hasEnded) t.hostSends('', true)
      if (host.isUsed) t.guest(this.#wellMeant())
      this.check()
      if (host.isUsed && !this.#isIn('TIME-WAIT')) t.wait(round < 5 ? 0 : 100)
    }
    assert.equal(host.outgoing, '', 'not all of the host has arrived')
    assert.ok(host.events.includes('finish') && !host.events.includes('abort'), host.events.join())
    t.wait(60_000)
    assert.equal(host.isUsed, false, 'the row was left')
  }

  #wellMeant(): SegmentText {
    const c = this.#c
    // What is in the ring was sent: the FIN cannot come before it.
    const sent = Math.max(this.#received, 2000, (held.end(c) - c.irs - 1) | 0)
    const end = c.has(HAS_FIN) ? c.rcvFin : (c.irs + 1 + sent) | 0
    const left = Math.max(0, (end - c.rcvNxt) | 0)
    const length = Math.min(MOST, left)
    const isEnd = length === left
    const segment: SegmentText = {
      seq: c.rcvNxt,
      ack: (c.sndMax - c.iss) | 0,
      flags: isEnd && !c.has(FIN_DELIVERED) ? 'F.' : '.',
      window: 65_535,
      text: c.has(FIN_DELIVERED) ? '' : guestText(c.rcvNxt, length),
    }
    if (c.has(HAS_TIMESTAMPS)) segment.timestamp = [(c.tsRecent + 1) | 0, 0]
    return segment
  }
}

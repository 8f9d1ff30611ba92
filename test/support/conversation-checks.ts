// What must hold of a random conversation at the moment of sending, after each event, and between any two of them, besides the row's own
// invariants (src/tcp/invariants.ts). What the guest has offered, and what either end has said, is counted here once more.
import assert from 'node:assert/strict'
import { slabSize } from '../../src/packet/slab-pool.js'
import { ACK_DELAYED, FIN_DELIVERED, HELD, HOST_FULL, WANTS_ROOM } from '../../src/tcp/columns.js'
import type { Connection } from '../../src/tcp/connection.js'
import * as seq from '../../src/tcp/seq.js'
import { TIMER_DELAYED_ACK, TIMER_RETRANSMIT } from '../../src/tcp/stack.js'
import { MAX_WINDOW_SCALE } from '../../src/wire/tcp-options.js'
import { guestText, hostText } from './conversation-text.js'
import type { Random } from './random.js'
import type { SegmentText, SentSegment } from './script-segment.js'
import type { TcpScript } from './tcp-script.js'

/** Least text of a full segment: the smallest MSS that is believed, less timestamps and SACK blocks, bytes. */
const LEAST_SEGMENT = 40
/** Segments of an event besides those that are full of text: for each segment of the guest, and as many as there can be holes. */
const ANSWERS = 4
const HOLES = 24

export class ConversationChecks {
  readonly random: Random
  t: TcpScript
  /** What the host has said, bytes. */
  said = 0
  received = 0
  #ack = 0
  #edge = 0
  #incarnation = 0
  /** How far the guest's windows ever reached, relative to our initial sequence number. */
  #offered = 0
  /** Segments and bytes of text of the event that is going on. */
  #segments = 0
  #bytes = 0

  constructor(random: Random, t: TcpScript) {
    this.random = random
    this.t = t
  }

  get #c(): Connection {
    return this.t.connection
  }

  /** A new connection counts anew. */
  begin(): void {
    if (this.#incarnation === this.t.host.accepted) return
    this.#incarnation = this.t.host.accepted
    this.said = this.received = this.#ack = this.#edge = this.#offered = 0
  }

  /** The guest sends these: what it offers by them. */
  offers(segments: readonly SegmentText[]): void {
    const c = this.#c
    let scale = c.sndScale
    for (const { flags = '.', window = 0, ack = 0, ...s } of segments) {
      if (flags.includes('S')) {
        this.#offered = Math.max(this.#offered, 1 + window)
        // It may count for those that come with it.
        if (!this.#isSynchronized) scale = Math.max(scale, s.raw === undefined ? (s.scale ?? 0) : MAX_WINDOW_SCALE)
      }
      if (flags.includes('.') && seq.leq((c.iss + ack) | 0, c.sndMax)) this.#offered = Math.max(this.#offered, ack + (window << scale))
    }
  }

  get #isSynchronized(): boolean {
    const { state } = this.#c
    return this.t.host.isUsed && state !== 'LISTEN' && state !== 'SYN-SENT' && state !== 'SYN-RECEIVED'
  }

  /** At the moment of sending. */
  sees(s: SentSegment): void {
    this.begin()
    this.#segments++
    this.#bytes += s.text.length
    const c = this.#c
    const { host } = this.t
    if (s.flags.includes('R')) return
    const isSyn = s.flags.includes('S')
    // Without the guest's SYN there is nothing to acknowledge yet; the window counts from behind it.
    const ack = isSyn && !s.flags.includes('.') ? 1 : (s.ack - c.irs) | 0
    if (isSyn) {
      this.#ack = 1
      this.#edge = 1 + s.window
    }
    const finished = host.events.includes('finish') ? 1 : 0
    assert.ok(ack - 1 <= host.received.length + finished, `acknowledged ${ack - 1}, the host has ${host.received.length}`)
    assert.ok(ack >= this.#ack, `acknowledged ${this.#ack}, then ${ack}`)
    const edge = ack + (s.window << (isSyn ? 0 : c.rcvScale))
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
    if (s.flags.includes('F')) assert.ok(this.t.host.hasEnded && end === this.said + 1, `a FIN at ${end}, the host said ${this.said}`)
    const una = (c.sndUna - c.iss) | 0
    const sent = (c.sndMax - c.iss) | 0
    if (length === 0) {
      // What the guest has is not behind it, and what it offers reaches that far.
      const isKeepAlive = una === sent && s.seq === una - 1
      if (s.flags === '.' && !isKeepAlive) assert.equal(s.seq, Math.min(sent, una + c.sndWnd), 'the number of a bare acknowledgment')
      return
    }
    assert.ok(s.seq >= 1 && s.seq - 1 + length <= this.said, 'text that the host has not sent')
    assert.ok(s.text === hostText(s.seq - 1, length), `not what the host has sent from ${s.seq} on`)
    const isProbe = length === 1 && s.seq === una
    assert.ok(isProbe || end <= una + c.sndWnd, `text up to ${end}, a window up to ${una + c.sndWnd}`)
    assert.ok(isProbe || end <= this.#offered, `text up to ${end}, the guest never offered more than ${this.#offered}`)
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

  /** One event, with `segments` of the guest, or none: what it makes the connection send is bounded, and all must hold afterwards. */
  event(segments: number, body: () => void): void {
    const { host } = this.t
    const before = this.#c.sndMss
    const unacknowledged = host.outgoing.length
    this.#segments = this.#bytes = 0
    body()
    // A SYN, or one in LISTEN, sets the numbers anew.
    this.begin()
    // Every byte once; and a retransmission for each segment of the guest (RFC 6582), or at a timeout.
    const again = (segments + 1) * Math.max(before, this.#c.sndMss)
    assert.ok(this.#bytes <= unacknowledged + again, `${this.#bytes} bytes sent at once, of ${unacknowledged}`)
    const most = ANSWERS * (segments + 1) + HOLES + this.#bytes / LEAST_SEGMENT
    assert.ok(this.#segments <= most, `${this.#segments} segments at once, of ${this.#bytes} bytes`)
    this.between()
  }

  /** What must hold between any two events. */
  between(): void {
    const { t } = this
    const { host, tcp } = t
    t.sent.length = 0
    const c = this.#c
    if (!host.isUsed || c.state === 'LISTEN') {
      assert.equal(tcp.slabs.inUse, 0, 'a slab of no connection')
      assert.equal(tcp.timers.scheduled, 0, 'a timer of no connection')
      return
    }
    assert.equal(tcp.slabs.inUse, c.state === 'TIME-WAIT' ? 0 : 1)
    this.#checkTimers()
    if (c.state === 'SYN-SENT') return
    const fresh = host.received.slice(this.received)
    assert.ok(fresh === guestText((c.irs + 1 + this.received) | 0, fresh.length), `not what the guest has sent from ${this.received} on`)
    this.received = host.received.length
    const passed = c.has(FIN_DELIVERED) ? 1 : 0
    assert.equal((c.rcvNxt - c.irs - 1) | 0, this.received + passed)
    this.#checkHeld()
    const [una, nxt, max] = [(c.sndUna - c.iss) | 0, (c.sndNxt - c.iss) | 0, (c.sndMax - c.iss) | 0]
    assert.ok(una <= nxt && nxt <= max && max <= this.said + 2, `sndUna ${una}, sndNxt ${nxt}, sndMax ${max}`)
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
}

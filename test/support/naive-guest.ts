// A guest's TCP, written apart from ours and much simpler, to talk to it over a bad link: go-back-N with a timer, three duplicate
// acknowledgments, probes of a closed window, a receive buffer that the application empties when it likes. It trusts nothing: what
// arrives must be inside the window it has offered, be the bytes that were expected, and acknowledge only what it has sent.
//
// Sequence numbers are counted from the initial one and do not wrap here: 0 is the SYN, text begins at 1, the FIN is after it.
import assert from 'node:assert/strict'
import { ACK, FIN, PSH, RST, SYN } from '../../src/wire/tcp.js'
import { HAS_TIMESTAMP, MSS, SACK_COUNT, SACK_LEFT, TS_VALUE, WINDOW_SCALE } from '../../src/wire/tcp-options.js'
import { type Endpoints, guestFrame, type ReceivedSegment } from './guest-frame.js'

/** ms */
const FIRST_TIMEOUT = 200
const LAST_TIMEOUT = 3000
const DELAYED_ACK = 40

interface GuestSetup {
  readonly endpoints: Endpoints
  readonly isn: number
  readonly mss: number
  /** Shift of our window, -1: not offered. */
  readonly scale: number
  readonly hasSack: boolean
  readonly hasTimestamps: boolean
  readonly delaysAcks: boolean
  /** Sends super-segments. */
  readonly hasOffload: boolean
  /** Bytes of the receive buffer. */
  readonly buffer: number
  /** Most bytes in flight. */
  readonly flight: number
  /** What it sends, and what it is to receive. */
  readonly outgoing: Uint8Array
  readonly expected: Uint8Array
}

export class NaiveGuest {
  readonly setup: GuestSetup
  readonly #send: (frame: Uint8Array) => void
  isOpen = false
  isReset = false
  /** The persist timer went off: times at which the window should perhaps have been open. */
  onProbe: () => void = () => {}
  /** Segments sent because a timer went off. */
  timeouts = 0
  // Sending.
  #una = 0
  #next = 0
  #max = 0
  #window = 1
  #edge = 0
  #scale = 0
  #fullMss = 536
  #mss = 536
  #cwnd = 0
  #duplicates = 0
  #timeout = FIRST_TIMEOUT
  #timer: number | null = null
  #mayEnd = false
  // Receiving.
  #peerIsn = 0
  #received = 0
  #consumed = 0
  #offered = 0
  readonly #arrived: Uint8Array
  #fin = -1
  #unacked = 0
  #ackTimer: number | null = null
  #stamp = 0

  constructor(setup: GuestSetup, send: (frame: Uint8Array) => void) {
    this.setup = setup
    this.#send = send
    this.#arrived = new Uint8Array(setup.expected.length)
  }

  /** All sent and acknowledged, its FIN included, and all received. */
  get isDone(): boolean {
    return this.#una > this.#last && this.hasPeerEnded
  }
  get hasPeerEnded(): boolean {
    return this.#fin >= 0 && this.#received > this.#fin
  }
  get receivedLength(): number {
    return Math.max(0, Math.min(this.#received - 1, this.setup.expected.length))
  }
  /** Bytes the application has not read. */
  get unread(): number {
    return this.receivedLength - this.#consumed
  }
  // The FIN's number.
  get #last(): number {
    return this.setup.outgoing.length + 1
  }

  /** When `tick` has something to do, null for never. */
  get deadline(): number | null {
    if (this.#timer === null) return this.#ackTimer
    if (this.#ackTimer === null) return this.#timer
    return ((this.#timer - this.#ackTimer) | 0) < 0 ? this.#timer : this.#ackTimer
  }

  connect(now: number): void {
    this.#transmit(now, 0, SYN, new Uint8Array())
    this.#max = this.#next = 1
    this.#arm(now)
  }

  /** From now on the FIN may follow the last byte. */
  mayEnd(now: number): void {
    this.#mayEnd = true
    if (this.isOpen) this.#output(now)
  }

  /** The application reads. */
  reads(now: number, length: number): void {
    this.#consumed += Math.min(length, this.unread)
    if (!this.isOpen || this.hasPeerEnded) return
    const shift = this.#shift
    const opened = (Math.min(this.#free >> shift, 0xffff) << shift) - (this.#offered - this.#received)
    if (opened >= Math.min(this.setup.buffer >> 1, this.#mss)) this.#acknowledge(now)
  }

  get #free(): number {
    return this.setup.buffer - this.unread
  }

  tick(now: number): void {
    if (this.#ackTimer !== null && ((now - this.#ackTimer) | 0) >= 0) this.#acknowledge(now)
    if (this.#timer === null || ((now - this.#timer) | 0) < 0) return
    this.#timer = null
    this.#timeout = Math.min(this.#timeout * 2, LAST_TIMEOUT)
    if (!this.isOpen) {
      this.connect(now)
      return
    }
    this.timeouts++
    if (this.#una === this.#max) {
      // Something to send and no window: one byte, or as Linux does none.
      this.onProbe()
      const isLinux = (now & 1) === 0
      const text = this.setup.outgoing.subarray(this.#una - 1, isLinux ? this.#una - 1 : this.#una)
      this.#transmit(now, isLinux ? this.#una - 1 : this.#una, ACK, text)
      this.#max = Math.max(this.#max, this.#una + text.length)
      this.#arm(now)
      return
    }
    this.#next = this.#una
    this.#cwnd = 2 * this.#mss
    this.#output(now)
    // A closed window, or a FIN alone.
    if (this.#next === this.#una) this.#resend(now)
    this.#arm(now)
  }

  #resend(now: number): void {
    const to = Math.min(this.#una + this.#mss, this.#max, this.#last)
    if (this.#una === this.#last) this.#transmit(now, this.#una, FIN | ACK, new Uint8Array())
    else this.#transmit(now, this.#una, ACK | PSH, this.setup.outgoing.subarray(this.#una - 1, to - 1))
  }

  #arm(now: number): void {
    this.#timer = (now + this.#timeout) | 0
  }

  #output(now: number): void {
    for (;;) {
      const usable = Math.min(this.#window, this.#cwnd, this.setup.flight) - (this.#next - this.#una)
      const left = this.#last - this.#next
      if (left <= 0) break
      const most = this.setup.hasOffload ? Math.max(Math.min(60_000, this.#mss * 40), this.#mss) : this.#mss
      const length = Math.min(left, usable, most)
      // As Linux: nothing less than a segment, unless it is the last.
      if (length <= 0 || (length < Math.min(this.#mss, this.#cwnd) && length < left)) break
      this.#transmit(now, this.#next, ACK | PSH, this.setup.outgoing.subarray(this.#next - 1, this.#next - 1 + length))
      this.#next += length
    }
    if (this.#next === this.#last && this.#mayEnd) {
      this.#transmit(now, this.#next, FIN | ACK, new Uint8Array())
      this.#next++
    }
    this.#max = Math.max(this.#max, this.#next)
    const isWaiting = this.#una < this.#max || this.#next < this.#last
    if (!isWaiting) this.#timer = null
    else if (this.#timer === null) this.#arm(now)
  }

  #acknowledge(now: number): void {
    this.#transmit(now, this.#max, ACK, new Uint8Array())
  }

  #transmit(now: number, at: number, flags: number, text: Uint8Array): void {
    const isSyn = (flags & SYN) !== 0
    const scale = this.#shift
    // As Linux (tcp_select_window): what was offered stays offered, rounded up to the unit.
    const promised = (Math.max(0, this.#offered - this.#received) + (1 << scale) - 1) >> scale
    const window = Math.min(isSyn ? this.setup.buffer : Math.max(this.#free >> scale, promised), 0xffff)
    if (!isSyn) this.#offered = Math.max(this.#offered, this.#received + (window << scale))
    // What is old to the other side is dropped there, with its acknowledgment.
    if (at >= this.#max) {
      this.#unacked = 0
      this.#ackTimer = null
    }
    const options = isSyn ? this.#synOptions(now) : this.#textOptions(now)
    const ack = isSyn ? 0 : (this.#peerIsn + this.#received) | 0
    const seq = (this.setup.isn + at) | 0
    const isSuper = text.length > this.#mss
    this.#send(guestFrame(this.setup.endpoints, { seq, ack, flags, window, options, text }, isSuper ? this.#mss : 0))
  }

  // RFC 7323, 2.2: both scale or none does.
  get #shift(): number {
    return this.isOpen && this.#isScaled ? this.setup.scale : 0
  }
  #isScaled = false

  #synOptions(now: number): Uint8Array {
    const { mss, scale, hasSack, hasTimestamps } = this.setup
    const list = [2, 4, mss >> 8, mss & 0xff]
    if (hasSack) list.push(1, 1, 4, 2)
    if (hasTimestamps) list.push(1, 1, 8, 10, now >>> 24, (now >>> 16) & 255, (now >>> 8) & 255, now & 255, 0, 0, 0, 0)
    if (scale >= 0) list.push(1, 3, 3, scale)
    return Uint8Array.from(list)
  }

  #textOptions(now: number): Uint8Array {
    if (!this.setup.hasTimestamps) return new Uint8Array()
    const bytes = new Uint8Array(12)
    bytes.set([1, 1, 8, 10])
    const view = new DataView(bytes.buffer)
    view.setInt32(4, now)
    view.setInt32(8, this.#stamp)
    return bytes
  }

  receive(now: number, s: ReceivedSegment): void {
    if ((s.flags & RST) !== 0) {
      this.isReset = !this.isDone
      this.#timer = this.#ackTimer = null
      return
    }
    if (!this.isOpen && !this.#opens(now, s)) return
    if (s.parsed[HAS_TIMESTAMP] === 1) this.#stamp = s.parsed[TS_VALUE]!
    if ((s.flags & SYN) !== 0) {
      this.#acknowledge(now)
      return
    }
    // RFC 9293, 3.10.7.4, first: without text it is acceptable in the window and at its end.
    const at = (s.seq - this.#peerIsn) | 0
    const isBare = s.text.length === 0 && (s.flags & FIN) === 0
    if (isBare && (at < this.#received || at > this.#offered)) {
      this.#acknowledge(now)
      return
    }
    this.#takeAck(now, s)
    this.#takeText(now, s)
    this.#output(now)
  }

  #opens(now: number, s: ReceivedSegment): boolean {
    if ((s.flags & (SYN | ACK)) !== (SYN | ACK) || s.ack !== ((this.setup.isn + 1) | 0)) return false
    this.isOpen = true
    this.#peerIsn = s.seq
    this.#received = 1
    this.#una = 1
    this.#next = Math.max(this.#next, 1)
    this.#window = s.window
    this.#edge = 1 + s.window
    this.#isScaled = this.setup.scale >= 0 && s.parsed[WINDOW_SCALE]! >= 0
    this.#scale = this.#isScaled ? s.parsed[WINDOW_SCALE]! : 0
    assert.equal(s.parsed[WINDOW_SCALE]! >= 0, this.setup.scale >= 0, 'a window scale that was not offered')
    this.#fullMss = Math.min(s.parsed[MSS]!, this.setup.mss) - (this.setup.hasTimestamps ? 12 : 0)
    this.#sees(s.window)
    this.#cwnd = 10 * this.#mss
    this.#timeout = FIRST_TIMEOUT
    this.#timer = null
    this.#acknowledge(now)
    this.#output(now)
    return true
  }

  // As in Linux: a segment is at most half of the largest window (tcp_bound_to_half_wnd).
  #sees(window: number): void {
    this.#widest = Math.max(this.#widest, window)
    this.#mss = Math.min(this.#fullMss, Math.max(this.#widest >> 1, 88))
  }
  #widest = 0

  #takeAck(now: number, s: ReceivedSegment): void {
    const ack = (s.ack - this.setup.isn) | 0
    assert.ok(ack <= this.#max, `it acknowledges ${ack}, and ${this.#max} were sent`)
    this.#checkSack(s)
    const edge = ack + (s.window << this.#scale)
    this.#sees(s.window << this.#scale)
    // The link brings acknowledgments out of order too; what was offered once stays offered (RFC 9293, 3.8.6).
    this.#edge = Math.max(this.#edge, edge)
    this.#window = Math.max(0, this.#edge - Math.max(ack, this.#una))
    if (ack > this.#una) {
      this.#cwnd += ack - this.#una
      this.#una = ack
      this.#next = Math.max(this.#next, ack)
      this.#window = Math.max(0, this.#edge - ack)
      this.#timeout = FIRST_TIMEOUT
      this.#duplicates = 0
      this.#timer = null
      if (this.#una < this.#max) this.#arm(now)
    } else if (ack === this.#una && s.text.length === 0 && this.#una < this.#max && ++this.#duplicates === 3) this.#resend(now)
  }

  // RFC 2018: blocks lie behind the acknowledgment, inside what was sent. RFC 2883: the first may tell of what came twice.
  #checkSack(s: ReceivedSegment): void {
    const edge = (i: number): number => (s.parsed[SACK_LEFT + i]! - this.setup.isn) | 0
    const count = s.parsed[SACK_COUNT]!
    const ack = (s.ack - this.setup.isn) | 0
    for (let i = 0; i < count; i++) {
      const [left, right] = [edge(2 * i), edge(2 * i + 1)]
      assert.ok(this.setup.hasSack, 'SACK was not permitted')
      const isTwice = i === 0 && (right <= ack || (count > 1 && edge(2) <= left && right <= edge(3)))
      const isApart = ack < left || isTwice
      assert.ok(isApart && left < right && right <= this.#max, `a block ${left}-${right} beside the acknowledgment of ${ack}`)
    }
  }

  #takeText(now: number, s: ReceivedSegment): void {
    const from = (s.seq - this.#peerIsn) | 0
    const isFin = (s.flags & FIN) !== 0
    if (s.text.length === 0 && !isFin) return
    const to = from + s.text.length
    const isProbe = s.text.length === 1 && from >= this.#offered - 1
    assert.ok(isProbe || to <= this.#offered || s.text.length === 0, `text up to ${to} in a window up to ${this.#offered}`)
    for (let at = Math.max(from, this.#received); at < to; at++) {
      assert.equal(s.text[at - from], this.setup.expected[at - 1], `byte ${at - 1}`)
      if (at < this.#offered) this.#arrived[at - 1] = 1
    }
    if (isFin) {
      assert.equal(to, this.setup.expected.length + 1, 'a FIN in the middle of the text')
      this.#fin = to
    }
    const before = this.#received
    const end = this.setup.expected.length
    while (this.#received <= end && this.#arrived[this.#received - 1] === 1) this.#received++
    if (this.#fin === this.#received) this.#received++
    this.#unacked++
    if (!this.setup.delaysAcks || this.#received === before || this.#unacked >= 2 || isFin) this.#acknowledge(now)
    else this.#ackTimer ??= (now + DELAYED_ACK) | 0
  }
}

// A conversation over a bad link: one guest's TCP, one socket of the host, and what happens to frames in between. Everything is drawn from
// the seed: the link, the pace of both applications, sizes, windows, clocks; see test/fuzz/bad-link.test.ts for what must come of it.
import assert from 'node:assert/strict'
import { KIND_TCP, ROW_SHIFT } from '../../src/net/flow-row.js'
import { STATE } from '../../src/tcp/columns.js'
import { verify } from '../../src/tcp/invariants.js'
import { STATE_INDEX, STATES } from '../../src/tcp/state.js'
import { ECHO } from '../../src/wire/icmpv4.js'
import { FIN, PSH, RST, SYN } from '../../src/wire/tcp.js'
import { WINDOW_SCALE } from '../../src/wire/tcp-options.js'
import { Agenda } from './agenda.js'
import { ends } from './ends.js'
import type { FakeTcp } from './fake-tcp.js'
import { icmpFrame, tcpFrame, udpFrame } from './frames.js'
import { type Endpoints, parse, type ReceivedSegment, readFrame } from './guest-frame.js'
import { NaiveGuest } from './naive-guest.js'
import type { Random } from './random.js'
import { GUEST, SimulatedStack } from './simulated-stack.js'

const NONE = new Uint8Array()
/** Virtual ms that a conversation may take. */
const LIMIT = 1_800_000
const REMOTE = 0xc0000207 | 0
/** Prints every segment as it is sent. */
const TRACE = process.env['NETLOOM_TRACE'] !== undefined

/** Text that is different everywhere. */
function pattern(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let word = random.int32() | 1
  for (let i = 0; i < length; i++) {
    word = (Math.imul(word, 0x19660d) + 0x3c6ef35f) | 0
    bytes[i] = word >>> 24
  }
  return bytes
}

/** One way of the link. */
interface Trouble {
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  readonly delay: number
}

export class Conversation {
  readonly random: Random
  readonly net: SimulatedStack
  readonly agenda: Agenda
  readonly trouble: Trouble
  readonly guest: NaiveGuest
  readonly endpoints: Endpoints
  readonly toHost: Uint8Array
  readonly toGuest: Uint8Array
  readonly mtu: number
  /** The host's application: how it reads and writes. */
  readonly pace: 'eager' | 'slow' | 'bursts'
  readonly hostWaitsForEnd: boolean
  readonly guestWaitsForEnd: boolean
  readonly cutsSupers: boolean
  readonly hasFlood: boolean
  socket: FakeTcp | null = null
  #batch: Uint8Array[] = []
  #lost = [0, 0]
  #iss = 0
  #lastRead = 0
  #floods = 0
  // What the stack has told so far.
  #ack = 0
  #edge = 0
  #scale = 0

  /** `hasFlood`: once it is established, others begin one flow after another. */
  constructor(random: Random, hasFlood = false) {
    this.random = random
    this.hasFlood = hasFlood
    const isGood = random.chance(30)
    this.trouble = {
      loss: isGood ? 0 : random.below(21),
      duplication: isGood ? 0 : random.pick([0, 5, 20]),
      reordering: isGood ? 0 : random.pick([0, 5, 20]),
      delay: random.pick([0, 0, 1, 10]),
    }
    this.mtu = random.pick([576, 1500, 1500, 1500, 9000, 65_520])
    const start = random.pick([1_000_000, 0x7fffffff - random.below(60_000), -1000])
    this.agenda = new Agenda(start)
    const hostRead = random.chance(30) ? 'ring' : 'peek'
    this.net = new SimulatedStack(random, { mtu: this.mtu, offload: random.chance(80), bigTcp: random.chance(50), hostRead, start })
    this.net.stack.tcp.verify = verify
    if (random.chance(20)) this.net.kernel.longestFrame = 65_600
    const size = (): number => random.pick([0, 1, random.below(2000), random.below(100_000), random.below(400_000)])
    this.toHost = pattern(random, size())
    this.toGuest = pattern(random, size())
    this.pace = random.pick(['eager', 'slow', 'bursts'])
    this.hostWaitsForEnd = random.chance(30)
    this.guestWaitsForEnd = !this.hostWaitsForEnd && random.chance(30)
    this.cutsSupers = random.chance(50)
    this.endpoints = { guest: GUEST, remote: REMOTE, guestPort: random.between(1024, 65_535), remotePort: random.between(1, 65_535) }
    const scale = random.pick([-1, 0, 2, 7, 14])
    const mss = Math.max(random.pick([536, this.mtu - 40]), 88)
    const setup = {
      endpoints: this.endpoints,
      isn: random.pick([random.int32(), 0x7fffffff - random.below(5000), -random.below(5000)]),
      mss,
      scale,
      hasSack: random.chance(70),
      hasTimestamps: random.chance(60),
      delaysAcks: random.chance(50),
      hasOffload: random.chance(50),
      // A window of less than a unit could not be told.
      buffer: Math.max(random.pick([1460, 5000, 30_000, 65_535, 500_000]), scale < 0 ? 0 : 4 << scale),
      flight: random.pick([3000, 65_535, 300_000]) + mss,
      outgoing: this.toHost,
      expected: this.toGuest,
    }
    this.guest = new NaiveGuest(setup, (frame) => this.#toStack(frame))
    this.net.kernel.onFrame = (frame) => this.#fromStack(frame)
    this.net.kernel.onConnect = (socket) => this.#connected(socket)
  }

  get isGood(): boolean {
    return this.trouble.loss + this.trouble.duplication + this.trouble.reordering === 0
  }
  get now(): number {
    return this.net.kernel.time
  }

  // The link: each frame comes never, once or twice, perhaps later than those behind it.
  #carry(way: number, deliver: () => void): void {
    const { loss, duplication, reordering, delay } = this.trouble
    // No more than five in a row: what is tested is that the conversation goes on, not how it is given up.
    if (this.random.chance(loss) && this.#lost[way]! < 5) {
      this.#lost[way]!++
      return
    }
    this.#lost[way] = 0
    for (let copies = this.random.chance(duplication) ? 2 : 1; copies > 0; copies--) {
      const late = this.random.chance(reordering) ? this.random.between(1, 50) : 0
      this.agenda.add((this.now + delay + late) | 0, deliver)
    }
  }

  #trace(what: string, s: ReceivedSegment): void {
    if (!TRACE) return
    const g = this.guest.setup.isn
    const h = this.#iss
    const [seq, ack] = what === 'guest' ? [s.seq - g, s.ack - h] : [s.seq - h, s.ack - g]
    const flags = 'FSRPAU'.split('').filter((_, i) => (s.flags & (1 << i)) !== 0)
    console.log(this.agenda.elapsed(this.now), what, `${flags.join('')} seq ${seq | 0} ack ${ack | 0} wnd ${s.window} +${s.text.length}`)
  }

  #toStack(frame: Uint8Array): void {
    if (TRACE) this.#trace('guest', parse(frame))
    this.#carry(0, () => this.#batch.push(frame))
  }

  #fromStack(frame: Uint8Array): void {
    const s = readFrame(frame, this.mtu)
    if (s?.ports !== ((this.endpoints.remotePort << 16) | this.endpoints.guestPort)) {
      assert.ok(this.hasFlood, 'a frame of no flow')
      return
    }
    if ((s.flags & SYN) !== 0) this.#iss = s.seq
    this.#trace('stack', s)
    this.#checkPromises(s)
    if (s.gsoSize === 0 || !this.cutsSupers) {
      this.#carry(1, () => this.guest.receive(this.now, s))
      return
    }
    for (let at = 0; at < s.text.length; at += s.gsoSize) {
      // Only the last one ends the text (tcp_gso_segment).
      const flags = at + s.gsoSize < s.text.length ? s.flags & ~(FIN | PSH) : s.flags
      const piece = { ...s, flags, seq: (s.seq + at) | 0, text: s.text.subarray(at, at + s.gsoSize) }
      this.#carry(1, () => this.guest.receive(this.now, piece))
    }
  }

  // In the order they are sent, acknowledgments and the right edge of the window never move back; and what is acknowledged is in
  // the host's kernel.
  #checkPromises(s: ReceivedSegment): void {
    // After the last acknowledgment comes what the link had held back.
    if ((s.flags & RST) !== 0) return
    const isSyn = (s.flags & SYN) !== 0
    const ack = (s.ack - this.guest.setup.isn) | 0
    if (isSyn) this.#scale = Math.max(0, s.parsed[WINDOW_SCALE]!)
    const edge = ack + (s.window << (isSyn ? 0 : this.#scale))
    assert.ok(ack >= this.#ack, `acknowledged ${this.#ack}, then ${ack}`)
    assert.ok(edge >= this.#edge, `a window up to ${this.#edge}, then ${edge}`)
    assert.ok(ack <= 1 + this.socket!.sentLength + (this.socket!.isShut ? 1 : 0), `acknowledged ${ack}, which the host does not have`)
    this.#ack = ack
    this.#edge = edge
  }

  // The host's application.
  #connected(socket: FakeTcp): void {
    if (socket.port !== this.endpoints.remotePort) {
      if (this.random.chance(50)) socket.accepts()
      return
    }
    assert.equal(this.socket, null, 'connected more than once')
    this.socket = socket
    socket.incoming = this.toGuest
    socket.sendBuffer = this.random.pick([4608, 16_384, 87_040, 1 << 20])
    this.agenda.add((this.now + this.random.pick([0, 1, 300])) | 0, () => {
      if (socket.isClosed) return
      // Text that comes with the connect is in the same event.
      if (this.random.chance(30)) this.#writes()
      socket.accepts()
      this.#work()
    })
  }

  // SYNs, datagrams and echo requests from everywhere.
  #flood(): void {
    const random = this.random
    for (let i = random.below(20); i > 0; i--) {
      const r = { source: GUEST, destination: (random.int32() & 0x3fffffff & ~0x3f000000) | 0x08000000 }
      const port = random.between(1024, 65_535)
      const other = (this.endpoints.remotePort % 60_000) + 1
      const kind = random.below(3)
      if (kind === 0) this.#batch.push(tcpFrame(r, [port, other], random.int32(), 0, SYN, NONE))
      else if (kind === 1) this.#batch.push(udpFrame(r, port, other, NONE))
      else this.#batch.push(icmpFrame(r, ECHO, 0, random.int32(), NONE))
    }
    if (++this.#floods < 100) this.agenda.add((this.now + random.below(5)) | 0, () => this.#flood())
  }

  #work(): void {
    const socket = this.socket!
    if (socket.isClosed) return
    const random = this.random
    const appetite =
      this.pace === 'eager' ? socket.queued : this.pace === 'slow' ? random.below(8000) : random.chance(20) ? socket.queued : 0
    if (Math.min(appetite, socket.queued) > 0) this.#lastRead = this.now
    socket.reads(appetite)
    this.#writes()
    if (random.chance(50)) this.guest.reads(this.now, this.pace === 'eager' ? 1 << 20 : random.below(50_000))
    if (this.guestWaitsForEnd ? this.guest.hasPeerEnded : true) this.guest.mayEnd(this.now)
    const isAll = socket.arrived === this.toGuest.length && (!this.hostWaitsForEnd || socket.isShut)
    if (isAll && !socket.isEnded && random.chance(50)) socket.ends()
    const pause = this.pace === 'bursts' ? random.pick([1, 10, 1000]) : random.between(1, 5)
    this.agenda.add((this.now + pause) | 0, () => this.#work())
  }

  #writes(): void {
    const socket = this.socket!
    const room = 200_000 - (socket.arrived - socket.front)
    const length = Math.min(room, this.toGuest.length - socket.arrived, this.random.pick([1, 3000, 200_000]))
    if (length > 0) socket.delivers(length)
  }

  run(): void {
    const kernel = this.net.kernel
    this.guest.onProbe = () => {
      // Time enough to tell the guest that the application has read.
      const isKnown = ((this.now - this.#lastRead) | 0) > 2 + 2 * this.trouble.delay
      if (this.isGood && isKnown)
        assert.ok(this.socket?.isWritable !== true, 'the guest had to ask for a window that should have been open')
    }
    this.guest.connect(kernel.time)
    let isFlooded = false
    while (!(this.isOver && this.#row === 0)) {
      if (this.hasFlood && !isFlooded && this.#isEstablished) {
        isFlooded = true
        this.#flood()
      }
      const next = [this.agenda.next, this.guest.deadline, kernel.untilTimer < 0 ? null : (kernel.time + kernel.untilTimer) | 0]
      const waits = next.filter((at) => at !== null).map((at) => (at - kernel.time) | 0)
      assert.ok(waits.length > 0, 'nothing will ever happen again')
      kernel.time = (kernel.time + Math.max(0, Math.min(...waits))) | 0
      assert.ok(this.agenda.elapsed(kernel.time) < LIMIT, `no end in sight: ${this.state}`)
      for (let what = this.agenda.take(kernel.time); what !== null; what = this.agenda.take(kernel.time)) what()
      const batch = this.#batch
      this.#batch = []
      this.net.receive(...batch)
      this.guest.tick(kernel.time)
      assert.ok(!this.guest.isReset || this.isOver, `the guest was reset: ${this.state}`)
    }
    this.#check()
  }

  // TIME-WAIT is short (close.ts): when the link has lost every last acknowledgment that was sent in it, a reset says the same.
  get isOver(): boolean {
    const isLate = this.guest.isReset && !this.isGood && this.guest.hasPeerEnded && this.socket?.isShut === true
    return this.guest.isDone || isLate
  }

  get #row(): number {
    const { guest, remote, guestPort, remotePort } = this.endpoints
    return this.net.stack.table.find(KIND_TCP, ends(guest, remote), 0, (guestPort << 16) | remotePort)
  }
  get #isEstablished(): boolean {
    return this.#row !== 0 && this.net.stack.table.rows[(this.#row << ROW_SHIFT) + STATE]! >= STATE_INDEX.ESTABLISHED
  }

  get state(): string {
    const { stack } = this.net
    const g = this.guest
    const s = this.socket
    const tcp = STATES[stack.table.rows[(this.#row << ROW_SHIFT) + STATE]!]
    const ways = `guest ${g.receivedLength} of ${this.toGuest.length}, host ${s?.sentLength} of ${this.toHost.length}`
    return `${tcp}, ${ways}, ends ${g.hasPeerEnded} ${s?.isShut}, socket ${s?.queued}/${s?.sendBuffer}`
  }

  #check(): void {
    const socket = this.socket!
    assert.deepEqual(Buffer.concat(socket.sent), Buffer.from(this.toHost))
    assert.ok(socket.isShut && !socket.wasReset)
    assert.equal(this.guest.receivedLength, this.toGuest.length)
    if (this.hasFlood) this.net.stack.close()
    if (this.isGood) assert.equal(this.net.stack.tcp.retransmissions, 0, 'sent twice over a good link')
    this.net.assertEmpty()
  }
}

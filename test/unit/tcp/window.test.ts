// The window we advertise, against the rules of RFC 9293, 3.8.6 in numbers that do not wrap: what was offered once stays offered, nothing is
// offered that cannot be held, and the edge moves in steps that are worth a segment.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { slabSize } from '../../../src/packet/slab-pool.js'
import { FLAGS, HOST_FULL, WANTS_ROOM } from '../../../src/tcp/columns.js'
import * as window from '../../../src/tcp/window.js'
import { TcpScript } from '../../support/tcp-script.js'

const { tcp, host, connection: c } = new TcpScript()

/** Largest window field. */
const LARGEST_FIELD = 0xffff

interface Step {
  /** Bytes that the host's user reads, and those of the guest that arrive, in order, as far as they were asked for. */
  reads: number
  arrives: number
  /** A segment leaves. */
  isTold: boolean
}

const amount = fc.oneof(fc.constantFrom(0, 1, 31, 32, 33, 535, 536, 1460), fc.nat({ max: 3000 }), fc.nat({ max: 1 << 20 }))
const steps = fc.array(fc.record<Step>({ reads: amount, arrives: amount, isTold: fc.boolean() }), { maxLength: 40 })

interface Start {
  irs: number
  mss: number
  scale: number
  slabClass: number
  capacity: number
}
const start = fc.record<Start>({
  irs: fc.integer(),
  mss: fc.constantFrom(76, 536, 1448, 8948, 65_483),
  scale: fc.constantFrom(0, window.WINDOW_SHIFT),
  slabClass: fc.nat({ max: tcp.largestSlab }),
  capacity: amount,
})

/** A host's socket that has room for some bytes, and what the guest has sent and been told; sequence numbers do not wrap. */
class NaiveWindow {
  readonly mss: number
  readonly ring: number
  /** How far a window field can reach: a ring that is larger is not used in full (RFC 7323, 2.2). */
  readonly reach: number
  rcvNxt: number
  /** The right edge, and the one that the guest was told last. */
  edge: number
  told: number
  free: number

  constructor({ irs, mss, scale, slabClass, capacity }: Start) {
    this.mss = mss
    this.ring = slabSize(slabClass)
    this.reach = LARGEST_FIELD << scale
    this.free = capacity
    this.rcvNxt = irs + 1
    this.told = this.edge = this.rcvNxt + slabSize(0)
    c.irs = irs
    c.rcvNxt = this.rcvNxt | 0
    c.rcvEdge = this.edge | 0
    c.sndMss = mss
    c.rcvScale = scale
    c.slabClass = slabClass
    c.rows[c.base + FLAGS] = c.hostFree = 0
  }

  /** The step that is worth telling of (RFC 9293, 3.8.6.2.2: the lesser of half of the buffer and a segment). */
  get step(): number {
    return Math.min(this.mss, this.ring / 2)
  }

  /** What fits of the window goes to the host's kernel, and what does not stays in the ring: it is neither acknowledged nor lost. */
  arrives(bytes: number): void {
    const taken = Math.min(bytes, this.told - this.rcvNxt, this.free)
    this.free -= taken
    this.rcvNxt += taken
    c.rcvNxt = this.rcvNxt | 0
    c.hostFree = Math.max(0, c.hostFree - taken)
    if (taken < bytes) c.raise(HOST_FULL)
  }

  reads(bytes: number): void {
    this.free = Math.min(this.free + bytes, 1 << 21)
    if (this.free > 0) c.lower(HOST_FULL | WANTS_ROOM)
  }

  advance(): void {
    window.advance(tcp, c)
    const gain = (c.rcvEdge - this.edge) | 0
    assert.ok(gain >= 0, `the edge moved back by ${-gain}`)
    const open = this.edge - this.rcvNxt
    if (gain > 0) assert.ok(gain >= this.step || open < this.step, `a step of ${gain} from a window of ${open}`)
    this.edge += gain
    // Room for a segment beyond what was offered is offered at once.
    if (!c.has(HOST_FULL)) {
      const room = Math.min(this.free, this.ring)
      assert.ok(this.edge - this.rcvNxt > room - this.step, `${room} free, and ${this.edge - this.rcvNxt} offered`)
    }
    // Nobody may wait for a window that nobody opens.
    if (open === 0 && gain === 0) assert.ok(c.has(WANTS_ROOM), 'closed, and the host is not asked to tell')
  }

  tells(): void {
    const field = window.offer(c)
    assert.ok(field <= LARGEST_FIELD)
    const right = this.rcvNxt + (field << c.rcvScale)
    assert.ok(right >= this.told, `offered up to ${this.told}, then up to ${right}`)
    assert.ok(right - this.rcvNxt <= this.ring, `${right - this.rcvNxt} offered, the ring holds ${this.ring}`)
    assert.ok(right >= Math.min(this.edge, this.rcvNxt + this.reach), 'less offered than was decided')
    this.edge += (c.rcvEdge - this.edge) | 0
    assert.ok(this.edge >= right, 'more offered than is remembered')
    this.told = Math.max(this.told, right)
  }
}

test('never shrinks, is never more than can be held, opens in steps worth a segment', () => {
  let naive: NaiveWindow
  host.room = () => naive.free
  fc.assert(
    fc.property(start, steps, (from, actions) => {
      naive = new NaiveWindow(from)
      for (const { reads, arrives, isTold } of actions) {
        naive.arrives(arrives)
        naive.reads(reads)
        naive.advance()
        if (isTold) naive.tells()
      }
    }),
    { numRuns: 5_000 },
  )
})

test('a ring only grows while it is empty, and by one that is lent out in exchange for it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 4 << 20 }), { maxLength: 8 }), fc.boolean(), (totals, isHeld) => {
      c.slabClass = 0
      c.slab = tcp.slabs.acquire(0)
      c.heldCount = isHeld ? 1 : 0
      for (const received of totals) {
        const before = c.slabClass
        window.grow(tcp, c, received)
        const isDue = before < tcp.largestSlab && !isHeld && received >= 2 * slabSize(before)
        assert.equal(c.slabClass, isDue ? before + 1 : before)
        assert.equal(tcp.slabs.inUse, 1)
      }
      tcp.slabs.release(c.slabClass, c.slab)
      assert.equal(tcp.slabs.inUse, 0)
    }),
  )
})

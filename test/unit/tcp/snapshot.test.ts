// Snapshots of random conversations, in every state and at any point: what is restored from them is the same connection, and what is none of
// them, or not all of one, changes nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PROTOCOL, ROW_SHIFT } from '../../../src/net/flow-row.js'
import { slabSize } from '../../../src/packet/slab-pool.js'
import * as columns from '../../../src/tcp/columns.js'
import type { Connection } from '../../../src/tcp/connection.js'
import * as seq from '../../../src/tcp/seq.js'
import { words } from '../../../src/tcp/snapshot.js'
import { TIMERS_PER_ROW } from '../../../src/tcp/stack.js'
import { STATES } from '../../../src/tcp/state.js'
import { Random } from '../../support/random.js'
import { ROW } from '../../support/script-host.js'
import { RandomConversation } from '../../support/tcp-conversation.js'
import { TcpScript } from '../../support/tcp-script.js'

const BASE = ROW << ROW_SHIFT
/** Columns that belong to a process: where its rings are, and what it knows of the host's socket. */
const OF_A_PROCESS: readonly number[] = [columns.SLAB, columns.SEND_SLAB, columns.HOST_FREE, columns.FLAGS]
/** Flags, likewise. */
const FLAGS_OF_A_PROCESS = columns.IS_DIRTY | columns.WANTS_ROOM | columns.HOST_READABLE

const fresh = new TcpScript()

/** A conversation somewhere, in any state but CLOSED: there is no row then. */
const conversation = fc
  .record({ seed: fc.integer(), start: fc.constantFrom(...STATES.slice(1)), steps: fc.nat({ max: 12 }) })
  .map(({ seed, start, steps }) => {
    const c = new RandomConversation(new Random(seed))
    c.begin(start)
    for (let left = steps; left > 0 || c.state === 'CLOSED'; left--) {
      if (c.state === 'CLOSED') c.begin(start)
      else c.step()
    }
    return c
  })

/** A row with the addresses of the flow, and nothing else. */
function prepare({ t }: RandomConversation): void {
  fresh.host.rows.fill(0)
  fresh.host.rows.set(t.host.rows.subarray(BASE, BASE + PROTOCOL), BASE)
  fresh.host.isUsed = true
  fresh.now = t.now
}

function forget(): void {
  if (fresh.host.isUsed) fresh.demux.abandon(ROW)
  fresh.demux.settle(fresh.now)
  assert.equal(fresh.tcp.slabs.inUse + fresh.tcp.timers.scheduled, 0)
}

/** What the ring holds, range by range. */
function ring(t: TcpScript, c: Connection): Buffer[] {
  const held: Buffer[] = []
  for (let i = 0; i < c.heldCount; i++) {
    const from = c.rows[c.ranges + columns.HELD + 2 * i]!
    const bytes = Buffer.alloc(seq.diff(c.rows[c.ranges + columns.HELD + 2 * i + 1]!, from))
    for (let n = 0; n < bytes.length; n++) {
      bytes[n] = t.tcp.interface.arena.bytes[c.slab + ((from + n - c.irs) & (slabSize(c.slabClass) - 1))]!
    }
    held.push(bytes)
  }
  return held
}

const ranges = (c: Connection): number[] => [
  ...c.rows.subarray(c.ranges + columns.HELD, c.ranges + columns.HELD + 2 * c.heldCount),
  ...c.rows.subarray(c.ranges + columns.SACKED, c.ranges + columns.SACKED + columns.SACKED_WORDS * c.sackedCount),
]

test('what is restored is the same row, with its ranges, its bytes and its deadlines', () => {
  fc.assert(
    fc.property(conversation, fc.constantFrom(0, 1, 1000, 100_000), (before, pause) => {
      const { t } = before
      const old = t.connection
      const bytes = t.demux.snapshot(ROW)
      assert.deepEqual(words(bytes).subarray(0, columns.COLUMNS_END), old.rows.subarray(BASE, BASE + columns.COLUMNS_END))
      prepare(before)
      fresh.now = (t.now + pause) | 0
      fresh.demux.restore(ROW, bytes, fresh.now)
      const c = fresh.connection
      assert.equal(c.state, old.state)
      for (let column = PROTOCOL; column < columns.COLUMNS_END; column++) {
        if (!OF_A_PROCESS.includes(column)) assert.equal(c.rows[BASE + column], old.rows[BASE + column], `column ${column - PROTOCOL}`)
      }
      const flags = (of: Connection): number => of.rows[BASE + columns.FLAGS]! & ~FLAGS_OF_A_PROCESS
      assert.equal(flags(c), flags(old))
      assert.deepEqual(ranges(c), ranges(old))
      assert.deepEqual(ring(fresh, c), ring(t, old))
      for (let kind = 0; kind < TIMERS_PER_ROW; kind++) {
        assert.equal(fresh.tcp.hasTimer(c, kind), t.tcp.hasTimer(old, kind))
        // What was due meanwhile is due now.
        const deadline = seq.max(t.tcp.deadline(old, kind), fresh.now)
        if (t.tcp.hasTimer(old, kind)) assert.equal(fresh.tcp.deadline(c, kind), deadline)
      }
      forget()
    }),
    { numRuns: 200 },
  )
})

/** Nothing of this may have moved: the table, the rings, the timers, the batch. */
const everything = (): unknown => [
  fresh.host.rows.slice(),
  fresh.tcp.slabs.inUse,
  fresh.tcp.timers.scheduled,
  fresh.tcp.now,
  fresh.demux.hasWork,
]

function assertRefused(bytes: Uint8Array): void {
  const before = everything()
  assert.throws(() => fresh.demux.restore(ROW, bytes, fresh.now), { code: 'ERR_SNAPSHOT' })
  assert.deepEqual(everything(), before)
}

type Damage = 'change' | 'cut' | 'add' | 'swap'

test('a snapshot that is damaged anywhere is refused, and nothing changes', () => {
  const damage = fc.record({
    kind: fc.constantFrom<Damage>('change', 'cut', 'add', 'swap'),
    at: fc.nat(),
    by: fc.integer({ min: 1, max: 255 }),
  })
  fc.assert(
    fc.property(conversation, fc.array(damage, { minLength: 1, maxLength: 3 }), (before, damages) => {
      prepare(before)
      const whole = before.t.demux.snapshot(ROW)
      let bytes = whole.slice()
      for (const { kind, at, by } of damages) {
        const place = at % Math.max(1, bytes.length)
        if (kind === 'change') bytes[place] = bytes[place]! ^ by
        else if (kind === 'cut') bytes = bytes.slice(0, place)
        else if (kind === 'add') bytes = Uint8Array.of(...bytes, by)
        else bytes = Uint8Array.of(...bytes.subarray(place), ...bytes.subarray(0, place))
      }
      fc.pre(Buffer.compare(bytes, whole) !== 0)
      assertRefused(bytes)
      fresh.host.isUsed = false
    }),
    { numRuns: 200 },
  )
})

test('so is any nonsense', () => {
  const version = fc.constantFrom([], [0, 0, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0])
  fc.assert(
    fc.property(version, fc.uint8Array({ maxLength: 2000 }), (head, bytes) => {
      fresh.host.rows.fill(0)
      assertRefused(Uint8Array.of(...head, ...bytes))
    }),
    { numRuns: 200 },
  )
})

test('and a connection for whose ring there is no room', () => {
  fc.assert(
    fc.property(conversation, (before) => {
      const old = before.t.connection
      fc.pre(old.slab !== 0)
      prepare(before)
      const bytes = before.t.demux.snapshot(ROW)
      const taken: number[] = []
      for (let at = fresh.tcp.slabs.acquire(old.slabClass); at >= 0; at = fresh.tcp.slabs.acquire(old.slabClass)) taken.push(at)
      assertRefused(bytes)
      for (const at of taken) fresh.tcp.slabs.release(old.slabClass, at)
      fresh.host.isUsed = false
    }),
    { numRuns: 50 },
  )
})

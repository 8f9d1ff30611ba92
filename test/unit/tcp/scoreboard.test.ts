// The scoreboard against an array with the state of each byte in flight. The ranges of the one are the runs of the other; what is known
// of a hole is known of every byte in it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_SACKED } from '../../../src/tcp/columns.js'
import * as scoreboard from '../../../src/tcp/scoreboard.js'
import { TcpScript } from '../../support/tcp-script.js'

const c = new TcpScript().connection

/** A byte in flight, as far as it is known. */
interface Byte {
  isSacked: boolean
  isLost: boolean
  isResent: boolean
  time: number
}

/** One hole, [start, left), and where the range behind it ends. */
interface Hole {
  start: number
  left: number
  right: number
}

/** Numbers count from the first byte there ever was, and do not wrap. */
class NaiveScoreboard {
  readonly bytes: Byte[] = []
  una = 0
  nxt = 0
  /** What the last `insert` filled of a hole had never been sent again. */
  isOvertaken = false

  get max(): number {
    return this.una + this.bytes.length
  }
  at(number: number): Byte {
    return this.bytes[number - this.una] as Byte
  }
  within(from: number, to: number): Byte[] {
    return this.bytes.slice(from - this.una, to - this.una)
  }

  get holes(): Hole[] {
    const found: Hole[] = []
    let start = this.una
    for (let n = this.una; n < this.max; n++) {
      if (!this.at(n).isSacked) continue
      const left = n
      while (n < this.max && this.at(n).isSacked) n++
      found.push({ start, left, right: n })
      start = n
    }
    return found
  }
  get end(): number {
    return this.holes.at(-1)?.right ?? this.una
  }

  send(length: number): void {
    this.nxt += length
    while (this.max < this.nxt) this.bytes.push({ isSacked: false, isLost: false, isResent: false, time: 0 })
  }

  insert(from: number, to: number, now: number): number {
    const before = this.holes
    const end = this.end
    const isApart = !before.some(({ left, right }) => left <= to && from <= right)
    this.isOvertaken = false
    if (isApart && before.length === MAX_SACKED) return 0
    for (const hole of before) {
      const filled = this.within(Math.max(hole.start, from), Math.max(from, hole.start, Math.min(hole.left, to)))
      if (filled.length > 0 && filled.every((byte) => !byte.isResent)) this.isOvertaken = true
    }
    const all = this.within(from, to)
    const news = all.filter((byte) => !byte.isSacked).length
    for (const byte of all) byte.isSacked = true
    // A new hole. What lies behind SND.NXT was lost when that went back, and the rest was sent again since.
    for (let n = end; n < from; n++) {
      const isBack = this.nxt < from
      Object.assign(this.at(n), { isLost: isBack, isResent: isBack && n < this.nxt, time: now })
    }
    return news
  }

  /** True when the whole first hole is filled, and nothing of it was ever sent again. */
  advance(una: number): boolean {
    const first = this.holes[0]
    const isFilled = first !== undefined && first.start < first.left && first.left <= una
    const isLate = isFilled && this.within(first.start, first.left).every((byte) => !byte.isResent)
    this.bytes.splice(0, una - this.una)
    this.una = una
    return isLate
  }

  lose({ start, left }: Hole, now: number): void {
    for (const byte of this.within(start, left)) Object.assign(byte, { isLost: true, isResent: false, time: now })
  }

  resend({ start, left }: Hole, to: number, now: number): void {
    for (const byte of this.within(start, to)) byte.isResent = true
    for (const byte of this.within(start, left)) byte.time = now
  }

  unlose(): void {
    for (const byte of this.bytes) byte.isLost = false
  }

  clear(): void {
    for (const byte of this.bytes) byte.isSacked = byte.isLost = byte.isResent = false
  }

  /** RFC 6675, 4: SetPipe. */
  get pipe(): number {
    return this.within(this.una, this.nxt).filter((byte) => !byte.isSacked && (!byte.isLost || byte.isResent)).length
  }
}

function compare(naive: NaiveScoreboard, iss: number): void {
  const holes = naive.holes
  const here = (n: number): number => (iss + n) | 0
  assert.equal(c.sackedCount, holes.length)
  holes.forEach(({ start, left, right }, i) => {
    assert.deepEqual([scoreboard.holeStart(c, i), scoreboard.left(c, i), scoreboard.right(c, i)], [here(start), here(left), here(right)])
    if (start === left) return
    const inHole = naive.within(start, left)
    assert.equal(scoreboard.isLost(c, i), inHole[0]!.isLost)
    assert.equal(scoreboard.time(c, i), inHole[0]!.time)
    assert.equal(scoreboard.resentTo(c, i), here(start + inHole.filter((byte) => byte.isResent).length))
  })
  assert.equal(scoreboard.end(c), here(naive.end))
  assert.equal(scoreboard.bytes(c), naive.bytes.filter((byte) => byte.isSacked).length)
  assert.equal(scoreboard.pipe(c), naive.pipe)
  const isKept = ({ start, left }: Hole): boolean => start < left && !naive.at(start).isLost
  assert.equal(scoreboard.firstKept(c), holes.findIndex(isKept))
  const isLost = ({ start, left }: Hole): boolean => naive.within(start, left).some((byte) => byte.isLost && !byte.isResent)
  assert.equal(scoreboard.firstLost(c), holes.findIndex(isLost))
}

type Kind = 'send' | 'insert' | 'advance' | 'lose' | 'resend' | 'unlose' | 'timeout' | 'renege'
interface Action {
  kind: Kind
  /** Thousandths of what is in flight, or of a hole. */
  from: number
  length: number
  which: number
}

/** What the rest of the stack does around each call is done here as well: SND.NXT never stays behind what is known to have arrived. */
function act(naive: NaiveScoreboard, iss: number, { kind, from, length, which }: Action, now: number): void {
  const flight = naive.max - naive.una
  const i = which % Math.max(1, c.sackedCount)
  const hole = naive.holes[i]
  switch (kind) {
    case 'send':
      naive.send(length)
      break
    case 'insert': {
      const left = naive.una + Math.trunc((flight * from) / 1000)
      const right = Math.min(left + length, naive.max)
      if (left === right) return
      assert.equal(scoreboard.insert(c, (iss + left) | 0, (iss + right) | 0, now), naive.insert(left, right, now))
      assert.equal(scoreboard.isOvertaken, naive.isOvertaken)
      break
    }
    case 'advance': {
      const before = c.sndUna
      const una = naive.una + Math.trunc((flight * Math.min(from, 4 * length)) / 1000)
      c.sndUna = (iss + una) | 0
      const isLate = c.sackedCount > 0 && scoreboard.advance(c, before)
      assert.equal(isLate, naive.advance(una))
      break
    }
    case 'lose':
      if (hole === undefined) return
      scoreboard.lose(c, i, now)
      naive.lose(hole, now)
      break
    case 'resend': {
      if (hole === undefined || !scoreboard.isLost(c, i)) return
      const done = (scoreboard.resentTo(c, i) - iss) | 0
      const to = Math.min(hole.left, done + length)
      if (to === done) return
      scoreboard.resent(c, i, (iss + to) | 0, now)
      naive.resend(hole, to, now)
      break
    }
    case 'unlose':
      scoreboard.unlose(c)
      naive.unlose()
      naive.nxt = naive.max
      break
    case 'timeout':
      for (let n = 0; n < c.sackedCount; n++) scoreboard.lose(c, n, now)
      for (const each of naive.holes) naive.lose(each, now)
      naive.nxt = naive.end
      break
    case 'renege':
      scoreboard.clear(c)
      naive.clear()
      break
  }
  naive.nxt = Math.max(naive.nxt, naive.end)
  c.sndNxt = (iss + naive.nxt) | 0
  c.sndMax = (iss + naive.max) | 0
}

const KINDS: readonly [Kind, number][] = [
  ['send', 6],
  ['insert', 24],
  ['advance', 3],
  ['lose', 4],
  ['resend', 6],
  ['unlose', 1],
  ['timeout', 1],
  ['renege', 1],
]
const action = fc.record<Action>({
  kind: fc.oneof(...KINDS.map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) }))),
  from: fc.integer({ min: 0, max: 999 }),
  length: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 60 })),
  which: fc.nat({ max: MAX_SACKED }),
})

function begin(iss: number): NaiveScoreboard {
  c.sackedCount = 0
  c.sndUna = c.sndNxt = c.sndMax = iss
  return new NaiveScoreboard()
}

test('knows of each hole what an array of bytes knows of each byte', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.array(action, { maxLength: 60 }), (iss, start, actions) => {
      const naive = begin(iss)
      act(naive, iss, { kind: 'send', from: 0, length: 200, which: 0 }, start)
      for (const [i, each] of actions.entries()) {
        act(naive, iss, each, (start + i) | 0)
        compare(naive, iss)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('forgets what would be a range too many, and never has more', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.shuffledSubarray(
        Array.from({ length: 80 }, (_, i) => 10 * i + 5),
        { minLength: 30 },
      ),
      (iss, places) => {
        const naive = begin(iss)
        act(naive, iss, { kind: 'send', from: 0, length: 1000, which: 0 }, 0)
        for (const at of places) act(naive, iss, { kind: 'insert', from: at, length: 3, which: 0 }, 1)
        assert.equal(c.sackedCount, MAX_SACKED)
        compare(naive, iss)
      },
    ),
    { numRuns: 300 },
  )
})

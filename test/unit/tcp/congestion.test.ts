// The congestion window against the formulas of RFC 9438 (CUBIC) and RFC 6937 (proportional rate reduction) in floating point. The twin goes
// from one acknowledgment to the next, beginning with the row's integers each time: what these lose in one step is all they may.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FLAGS, HAS_EPOCH, HAS_SACK, IS_LOSS, IS_RECOVERING, MAY_UNDO } from '../../../src/tcp/columns.js'
import * as congestion from '../../../src/tcp/congestion.js'
import { TcpScript } from '../../support/tcp-script.js'

const c = new TcpScript().connection

/** RFC 9438, 4.6, 4.1.2 and 4.3; segments and seconds. */
const BETA = 0.7
const C = 0.4
const ALPHA = (3 * (1 - BETA)) / (1 + BETA)
/** What the row's K may be off by: it is in whole ms. */
const K_GRAIN = 0.001
/** What a window in whole bytes may be off by, and it grows by one at least. */
const GRAIN = 2
/** RFC 6928. */
const RESTART_SEGMENTS = 10

interface Path {
  mss: number
  now: number
  /** Round trip, ms. */
  rtt: number
  /** Segments in flight at each of two losses. */
  first: number
  second: number
}
const path = fc.record<Path>({
  mss: fc.constantFrom(76, 536, 1448, 8948),
  now: fc.integer(),
  rtt: fc.constantFrom(1, 10, 50, 200, 800),
  first: fc.integer({ min: 4, max: 2000 }),
  second: fc.integer({ min: 4, max: 2000 }),
})

function begin({ mss, rtt }: Path): void {
  c.rows[c.base + FLAGS] = HAS_SACK
  c.sndMss = mss
  c.srtt = rtt << 3
  c.rto = 1000
  c.backoff = 0
  congestion.start(c)
}

/** RFC 9438, 4.6 and 4.7: what a loss leaves. */
function lose(flight: number): void {
  const window = Math.min(c.cwnd, flight)
  const wMax = window < c.wMax ? (window * (1 + BETA)) / 2 : window
  congestion.enterRecovery(c, flight, 0)
  assert.ok(Math.abs(c.ssthresh - Math.max(BETA * flight, 2 * c.sndMss)) < 1, `ssthresh ${c.ssthresh} of ${flight}`)
  assert.ok(Math.abs(c.wMax - wMax) < 1, `wMax ${c.wMax}, not ${wMax}`)
  assert.equal(c.cwndPrior, window)
  congestion.leaveRecovery(c)
  assert.equal(c.cwnd, c.ssthresh)
}

/** RFC 9438, 4.2: the epoch that began with the window of `cwnd`, in segments and seconds. */
class NaiveCubic {
  readonly #epoch: number
  readonly #start: number
  readonly #wMax: number
  readonly #k: number

  constructor(cwnd: number, wMax: number, now: number) {
    this.#epoch = cwnd / c.sndMss
    this.#wMax = Math.max(wMax / c.sndMss, this.#epoch)
    this.#k = Math.cbrt((this.#wMax - this.#epoch) / C)
    this.#start = now
  }

  #window(t: number): number {
    return C * (t - this.#k) ** 3 + this.#wMax
  }

  /** Asserts what the acknowledgment of `bytes` makes of a window of `cwnd` and of the one that Reno would have, both in bytes. */
  assertGrown(cwnd: number, wEst: number, bytes: number, now: number): void {
    const mss = c.sndMss
    const t = ((now - this.#start) | 0) / 1000
    const rtt = c.srtt / 8000
    const reno = wEst + ((wEst < c.cwndPrior ? ALPHA : 1) * mss * bytes) / cwnd
    assert.ok(Math.abs(c.wEst - reno) < GRAIN, `W_est ${c.wEst}, not ${reno}`)
    const target = this.#window(t + rtt) * mss
    const slack =
      Math.abs(this.#window(t + rtt + K_GRAIN) * mss - target) + Math.abs(this.#window(t + rtt - K_GRAIN) * mss - target) + GRAIN
    const cubic = cwnd + ((Math.min(Math.max(target, cwnd), 1.5 * cwnd) - cwnd) * bytes) / cwnd
    // 4.3: between W_cubic(t) and W_cubic(t + RTT) Reno's window may be either side's.
    const isReno = this.#window(t) * mss < reno + slack && Math.abs(c.cwnd - Math.max(cwnd, reno)) < GRAIN
    const isCubic = target > reno - slack && Math.abs(c.cwnd - cubic) < GRAIN + (slack * bytes) / cwnd
    assert.ok(isReno || isCubic, `from ${cwnd} to ${c.cwnd} at ${t}: Reno ${reno}, CUBIC ${cubic} towards ${target}`)
  }
}

const acknowledgments = fc.array(fc.tuple(fc.constantFrom(1, 2, 10, 44), fc.constantFrom(0, 1, 10, 100, 1000)), { maxLength: 100 })

test('grows along the cubic function, or as Reno where that is faster', () => {
  fc.assert(
    fc.property(path, acknowledgments, (from, acks) => {
      begin(from)
      lose(from.first * from.mss)
      c.cwnd = Math.max(c.cwnd, from.second * from.mss)
      lose(from.second * from.mss)
      let now = from.now
      let naive: NaiveCubic | null = null
      for (const [segments, wait] of acks) {
        now = (now + wait) | 0
        const [cwnd, wMax] = [c.cwnd, c.wMax]
        const bytes = Math.min(segments * from.mss, cwnd)
        // In the first one the epoch begins, and with it what Reno would have.
        naive ??= new NaiveCubic(cwnd, wMax, now)
        const wEst = c.has(HAS_EPOCH) ? c.wEst : cwnd
        congestion.acknowledged(c, bytes, cwnd, now)
        if (c.cwnd === congestion.CWND_MAX) return
        naive.assertGrown(cwnd, wEst, bytes, now)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('is back where it was when K has passed', () => {
  // A long way: the part of the function that Reno is slower than.
  const [mss, rtt, segments] = [1448, 100, 1000]
  begin({ mss, rtt, now: 0, first: 0, second: 0 })
  lose(segments * mss)
  const k = 1000 * Math.cbrt((segments * (1 - BETA)) / C)
  let now = 0
  for (; now < k - rtt; now += rtt) {
    for (let acked = 0; acked < c.cwnd; acked += 2 * mss) congestion.acknowledged(c, 2 * mss, c.cwnd, now)
    assert.ok(c.cwnd < 1.01 * segments * mss, `${c.cwnd / mss} segments after ${now} ms of ${k}`)
  }
  assert.ok(c.cwnd > 0.99 * segments * mss, `${c.cwnd / mss} segments after ${now} ms`)
})

test('grows by what is acknowledged up to the threshold, and not at all while it is not used', () => {
  fc.assert(
    fc.property(path, fc.array(fc.tuple(fc.nat({ max: 100_000 }), fc.boolean()), { maxLength: 20 }), (from, acks) => {
      begin(from)
      const flight = from.first * from.mss
      congestion.timedOut(c, flight, 0)
      assert.equal(c.cwnd, from.mss)
      assert.ok(Math.abs(c.ssthresh - Math.max(BETA * flight, 2 * from.mss)) < 1)
      for (const [bytes, isUsed] of acks) {
        const cwnd = c.cwnd
        if (cwnd >= c.ssthresh) return
        congestion.acknowledged(c, bytes, isUsed ? cwnd : (cwnd >> 1) - 1, from.now)
        assert.equal(c.cwnd, isUsed ? Math.min(cwnd + bytes, c.ssthresh) : cwnd)
      }
    }),
  )
})

test('a timeout counts as one loss, however often it is doubled', () => {
  fc.assert(
    fc.property(path, fc.integer({ min: 1, max: 15 }), (from, timeouts) => {
      begin(from)
      congestion.timedOut(c, from.first * from.mss, 0)
      const { ssthresh, wMax } = c
      for (c.backoff = 1; c.backoff <= timeouts; c.backoff++) congestion.timedOut(c, from.mss, 0)
      assert.deepEqual([c.cwnd, c.ssthresh, c.wMax], [from.mss, ssthresh, wMax])
    }),
  )
})

test('what was for nothing leaves no trace in the window', () => {
  fc.assert(
    fc.property(path, fc.boolean(), (from, isTimeout) => {
      begin(from)
      lose(from.first * from.mss)
      const before = [c.cwnd, c.ssthresh]
      const flight = Math.min(from.second * from.mss, c.cwnd)
      if (isTimeout) congestion.timedOut(c, flight, 0)
      else congestion.enterRecovery(c, flight, 0)
      congestion.undo(c)
      assert.deepEqual([c.cwnd, c.ssthresh], before)
      assert.ok(!c.has(IS_RECOVERING | IS_LOSS | MAY_UNDO))
    }),
  )
})

test('after a pause of a timeout the window is one to begin with', () => {
  fc.assert(
    fc.property(path, fc.nat({ max: 3000 }), (from, pause) => {
      begin(from)
      lose(from.first * from.mss)
      const cwnd = c.cwnd
      c.lastSent = (from.now - pause) | 0
      congestion.restart(c, from.now)
      assert.equal(c.cwnd, pause < c.rto ? cwnd : Math.min(cwnd, RESTART_SEGMENTS * from.mss))
    }),
  )
})

/** RFC 6937, 3.1: how much may be sent for each acknowledgment while something is missing. */
class NaiveReduction {
  readonly #ssthresh: number
  readonly #mss: number
  readonly #flight: number
  delivered = 0
  out = 0

  constructor(flight: number) {
    this.#ssthresh = c.ssthresh
    this.#mss = c.sndMss
    this.#flight = flight
  }

  allowed(delivered: number, pipe: number): number {
    this.delivered += delivered
    const proportional = Math.ceil((this.delivered * this.#ssthresh) / this.#flight) - this.out
    const limit = Math.max(this.delivered - this.out, delivered) + this.#mss
    const count = pipe > this.#ssthresh ? proportional : Math.min(this.#ssthresh - pipe, limit)
    // The first retransmission goes at once.
    return Math.max(count, this.out === 0 ? this.#mss : 0)
  }
}

test('in recovery as much is sent as RFC 6937 says, in proportion to what arrives', () => {
  const acks = fc.array(fc.record({ delivered: fc.nat({ max: 1000 }), pipe: fc.nat({ max: 1200 }), sends: fc.nat({ max: 1000 }) }), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(path, acks, (from, steps) => {
      begin(from)
      const flight = from.first * from.mss
      congestion.enterRecovery(c, flight, 0)
      const naive = new NaiveReduction(flight)
      for (const { delivered, pipe, sends } of steps) {
        // Thousandths of what was in flight.
        const arrived = Math.trunc((Math.max(0, flight - naive.delivered) * delivered) / 1000)
        const inFlight = Math.trunc((flight * pipe) / 1000)
        congestion.recovering(c, arrived, inFlight)
        const allowed = naive.allowed(arrived, inFlight)
        assert.equal(c.cwnd, inFlight + allowed)
        // Above the threshold no more than its share leaves, besides the first.
        const share = (naive.delivered * c.ssthresh) / flight
        if (inFlight > c.ssthresh) assert.ok(naive.out + allowed < Math.max(share + 1, naive.out + 1, from.mss + 1))
        const sent = Math.trunc((allowed * sends) / 1000)
        naive.out += sent
        c.prrOut += sent
      }
    }),
    { numRuns: 2_000 },
  )
})

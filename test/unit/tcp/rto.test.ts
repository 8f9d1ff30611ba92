// The retransmission timeout against the formulas of RFC 6298 in floating point.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FLAGS, HAS_TIMESTAMPS } from '../../../src/tcp/columns.js'
import * as rto from '../../../src/tcp/rto.js'
import { HAS_TIMESTAMP, TS_ECHO } from '../../../src/wire/tcp-options.js'
import { TcpScript } from '../../support/tcp-script.js'

const { tcp, connection: c } = new TcpScript()

/** RFC 6298, 2.2 and 2.3, in ms. */
const ALPHA = 1 / 8
const BETA = 1 / 4
const K = 4
const GRAIN = 1

/**
 * What integers may be off by, ms. Each sample loses less than 7/8 of an eighth of a millisecond of srtt, and 7/8 of it is kept: 7/8 ms in
 * the end, and as much again where it is read. The error taken from it is off by that much, and K times rttvar by four times three
 * quarters besides.
 */
const SRTT_GRAIN = 2
const RTO_GRAIN = SRTT_GRAIN + K * SRTT_GRAIN + 3

class NaiveTimer {
  srtt = 0
  rttvar = 0
  least = Number.POSITIVE_INFINITY

  sample(r: number): void {
    if (this.least === Number.POSITIVE_INFINITY) {
      this.srtt = r
      this.rttvar = r / 2
    } else {
      this.rttvar = (1 - BETA) * this.rttvar + BETA * Math.abs(this.srtt - r)
      this.srtt = (1 - ALPHA) * this.srtt + ALPHA * r
    }
    this.least = Math.min(this.least, r)
  }
  get rto(): number {
    return Math.min(Math.max(this.srtt + Math.max(GRAIN, K * this.rttvar), rto.RTO_MIN), rto.RTO_MAX)
  }
}

function begin(): NaiveTimer {
  c.rows[c.base + FLAGS] = HAS_TIMESTAMPS
  c.srtt = c.rttvar = c.minRtt = c.backoff = 0
  c.rto = rto.RTO_INITIAL
  return new NaiveTimer()
}

const roundTrip = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 60_000 }))

test('follows the samples as RFC 6298 says, as near as whole numbers can', () => {
  fc.assert(
    fc.property(fc.array(roundTrip, { minLength: 1, maxLength: 100 }), (samples) => {
      const naive = begin()
      for (const r of samples) {
        rto.sample(c, r)
        // Below a tick of the clock a round trip is a tick.
        naive.sample(Math.max(r, GRAIN))
        assert.ok(Math.abs(c.srtt / 8 - naive.srtt) <= SRTT_GRAIN, `srtt ${c.srtt / 8}, ${naive.srtt}`)
        assert.ok(Math.abs(c.rto - naive.rto) <= RTO_GRAIN, `rto ${c.rto}, ${naive.rto}`)
        assert.equal(c.minRtt, naive.least)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('doubles with each timeout, up to its ceiling', () => {
  fc.assert(
    fc.property(fc.array(roundTrip, { maxLength: 10 }), fc.nat({ max: 20 }), (samples, backoff) => {
      begin()
      for (const r of samples) rto.sample(c, r)
      c.backoff = backoff
      assert.equal(rto.current(c), Math.min(c.rto * 2 ** backoff, rto.RTO_MAX))
    }),
  )
})

test('a round trip that cannot be is none', () => {
  fc.assert(
    fc.property(fc.array(roundTrip, { maxLength: 5 }), fc.oneof(fc.integer({ max: -1 }), fc.integer({ min: 60_001 })), (samples, r) => {
      begin()
      for (const each of samples) rto.sample(c, each)
      const before = [c.srtt, c.rttvar, c.minRtt, c.rto]
      rto.sample(c, r)
      assert.deepEqual([c.srtt, c.rttvar, c.minRtt, c.rto], before)
    }),
  )
})

test('what comes back in a timestamp is when it was sent, whatever the clocks', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), roundTrip, (sent, offset, r) => {
      const naive = begin()
      const s = tcp.segment
      c.tsOffset = offset
      tcp.now = (sent + r) | 0
      s.options[HAS_TIMESTAMP] = 1
      s.options[TS_ECHO] = (sent + offset) | 0
      // RFC 7323, 3.2: an echo of 0 may be of nothing.
      fc.pre(s.timestampEcho !== 0)
      rto.measure(tcp, c, s, -1)
      naive.sample(Math.max(r, GRAIN))
      assert.equal(c.srtt / 8, naive.srtt)
    }),
  )
})

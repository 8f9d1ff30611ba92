// Fragments at random, of few datagrams with few different bytes, so that they meet: against a twin that keeps every byte by itself, and
// knows nothing of slots, blocks and masks.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PATIENCE } from '../../src/net/reassembly.js'
import { piece } from '../support/fragments.js'
import { piece6 } from '../support/fragments6.js'
import { type Route, TRANSPORT_AT, udpFrame } from '../support/frames.js'
import { REMOTE6, TRANSPORT6_AT, udp6Frame } from '../support/frames6.js'
import { forEachSeed, type Random } from '../support/random.js'
import { GUEST, GUEST6, IPV6, SimulatedStack } from '../support/simulated-stack.js'

const RUNS = 150
const FRAGMENTS = 400
const route: Route = { source: GUEST, destination: 0xc0000207 | 0 }
const route6 = { source: GUEST6, destination: REMOTE6 }

/** A datagram in pieces, naively. */
class Twin {
  readonly bytes = new Map<number, number>()
  end = -1
  reach = 0
  isSpoilt = false
  readonly started: number

  constructor(now: number) {
    this.started = now
  }

  /** The whole payload, once it is whole. */
  add(offset: number, data: Uint8Array, isLast: boolean): Uint8Array | null {
    const end = offset + data.length
    const known = [...data].map((_, i) => this.bytes.get(offset + i))
    const isNew = known.every((byte) => byte === undefined)
    const isSame = known.every((byte, i) => byte === data[i])
    const isBeyond = isLast ? end < this.reach || (this.end >= 0 && this.end !== end) : this.end >= 0 && end > this.end
    if (this.isSpoilt || isBeyond || !(isNew || isSame)) {
      this.isSpoilt = true
      return null
    }
    // What was sent twice says nothing new, its end included.
    if (!isNew) return null
    for (let i = 0; i < data.length; i++) this.bytes.set(offset + i, data[i]!)
    this.reach = Math.max(this.reach, end)
    if (isLast) this.end = end
    if (this.bytes.size !== this.end) return null
    return Uint8Array.from({ length: this.end }, (_, i) => this.bytes.get(i)!)
  }
}

/** Two datagrams that are alike but for some bytes. Any mixture would be taken, for it has no checksum (RFC 768), or over IPv6 the same. */
function twoOf(random: Random, isIpv6: boolean): Uint8Array[] {
  const length = random.pick([8, 17, 60, 200, 300])
  if (isIpv6) {
    const one = udp6Frame(route6, 1000, 2000, new Uint8Array(length).fill(7))
    const other = one.slice()
    other.set([7, 8, 7, 6], TRANSPORT6_AT + 8 + 8 * random.below(length >> 3))
    return [one, other]
  }
  return [0, 1].map((which) => {
    const frame = udpFrame(route, 1000, 2000, new Uint8Array(length).fill(7))
    if (which === 1) frame.fill(8, TRANSPORT_AT + 8 + random.below(length))
    frame.fill(0, TRANSPORT_AT + 6, TRANSPORT_AT + 8)
    return frame
  })
}

for (const family of [4, 6]) test(`what is put together is what a naive twin puts together, over IPv${family}`, () => same(family === 6))

function same(isIpv6: boolean): void {
  const transportAt = isIpv6 ? TRANSPORT6_AT : TRANSPORT_AT
  const cut = isIpv6 ? piece6 : piece
  let whole = 0
  forEachSeed('fragments.test', RUNS, (random) => {
    const net = new SimulatedStack(random, { maxFlows: 2, ipv6: IPV6 })
    const twins = new Map<number, Twin>()
    const frames = Array.from({ length: 3 }, () => twoOf(random, isIpv6))
    const expected: Uint8Array[] = []
    for (let i = 0; i < FRAGMENTS; i++) {
      const id = random.below(frames.length)
      const frame = random.chance(95) ? frames[id]![0]! : frames[id]![1]!
      const total = frame.length - transportAt
      // Mostly of one size, so that they fit.
      const size = random.chance(95) ? 40 : 8 * random.between(1, 20)
      const offset = size * random.below(Math.ceil(total / size))
      const isEnd = offset + size >= total
      const length = isEnd ? total - offset : size
      const isLast = isEnd || random.chance(1)
      if ((!isLast && (length & 7) !== 0) || (offset === 0 && isLast)) continue
      const { time } = net.kernel
      if (time - (twins.get(id)?.started ?? time) >= PATIENCE) twins.delete(id)
      const twin = twins.get(id) ?? new Twin(time)
      twins.set(id, twin)
      const data = frame.subarray(transportAt + offset, transportAt + offset + length)
      const made = twin.add(offset, data, isLast)
      // As far as its own header says; what is shorter than that is none.
      if (made !== null) {
        twins.delete(id)
        const stated = (made[4]! << 8) | made[5]!
        if (stated <= made.length) expected.push(made.slice(8, stated))
      }
      net.receive(cut(frame, id, offset, length, !isLast))
      if (random.chance(2)) net.wait(random.pick([1, 1000, PATIENCE]))
    }
    const arrived = net.kernel.datagrams.flatMap((d) => d.sent.map((sent) => sent.bytes))
    assert.deepEqual(arrived, expected)
    whole += arrived.length
    net.stack.close()
    net.assertEmpty()
  })
  assert.ok(whole > RUNS || process.env['NETLOOM_RUNS'] !== undefined, `only ${whole} were put together`)
}

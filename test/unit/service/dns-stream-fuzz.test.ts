// Whatever the bytes on a stream, from either side: no throw, no more answers than queries, nothing left. Each run has a world of
// its own, so that a failing one fails alone, too, and shrinks; identifiers, which are bytes as well, are part of the run. The same
// runs each time, and others with NETLOOM_SEED (and as many as NETLOOM_RUNS says).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EPOLLIN, EPOLLOUT } from '../../../src/host/event-loop.js'
import { framed } from '../../../src/service/dns-framing.js'
import { HOST_NAME } from '../../../src/service/dns-names.js'
import { Random } from '../../support/random.js'
import { a, answerTo, edns, query, soa } from './dns-messages.js'
import { DnsWorld } from './dns-world.js'

const RUNS = {
  seed: Number(process.env['NETLOOM_SEED'] ?? 1),
  numRuns: Number(process.env['NETLOOM_RUNS'] ?? 1_000),
  includeErrorInReport: true,
}
const models = [
  query(HOST_NAME),
  query('example.com', 'A', 3, { additionals: [edns(1232)] }),
  query('example', 'AXFR'),
  query('example', 'IXFR'),
]

/** A run: afterwards nothing may be left that silence or the guest's reset does not end. */
function inWorld(ids: number, run: (world: DnsWorld) => void): void {
  const random = new Random(ids)
  const world = new DnsWorld({ random: (limit) => random.below(limit) })
  run(world)
  for (const stream of world.sockets.streams) if (stream.isOpen && stream.server === '') world.reset(stream)
  world.pass(6_000)
  assert.equal(world.forwarder.underWay, 0)
  world.close()
}

/** Bytes of a stream: junk, or messages that are changed a little. */
const bytes = (from: readonly Buffer[]): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((junk) => Buffer.from(junk)),
    fc
      .tuple(fc.array(fc.nat(from.length - 1), { maxLength: 30 }), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }))
      .map(([which, changes]) => {
        const whole = Buffer.concat(which.map((i) => framed(from[i]!)))
        for (const [at, byte] of changes) if (at < whole.length) whole[at] = byte
        return whole
      }),
  )

test('no bytes from the guest throw, and none is answered twice', () => {
  fc.assert(
    fc.property(bytes(models), fc.array(fc.nat(60)), fc.nat(3), fc.integer(), (whole, cuts, how, ids) =>
      inWorld(ids, (world) => {
        const stream = world.connect()
        let at = 0
        for (const cut of [...cuts, whole.length]) {
          if (!stream.isOpen) break
          stream.put(whole.subarray(at, at + cut))
          stream.room = how === 0 ? cut : Number.POSITIVE_INFINITY
          world.ready(stream, EPOLLIN | EPOLLOUT)
          at += cut
        }
        for (const socket of world.sockets.open)
          if (socket.isOpen) world.answer(socket, [a('example.com')], { flags: how === 1 ? 0x8380 : 0x8180 })
        assert.ok(stream.messages().length <= whole.length / 14)
      }),
    ),
    RUNS,
  )
})

test('no bytes from a name server throw', () => {
  const first = soa('example', 60, 60)
  fc.assert(
    fc.property(fc.nat(models.length - 1), fc.nat(3), fc.integer(), fc.infiniteStream(fc.nat(99)), (which, how, ids, cuts) =>
      inWorld(ids, (world) => {
        const stream = world.connect()
        world.write(stream, models[which]!)
        for (const socket of world.sockets.open) if (socket.isOpen) world.answer(socket, [], { flags: 0x8380 })
        for (const connection of world.connections) {
          const asked = world.accept(connection)
          const real = [
            answerTo(asked, [first, a('example')]),
            answerTo(asked, [a('example.com')]),
            answerTo(asked, [a('x'), first], { questions: [] }),
          ]
          const [whole] = fc.sample(bytes(real), { numRuns: 1, seed: ids })
          for (let at = 0; at < whole!.length && connection.isOpen; ) {
            const cut = 1 + cuts.next().value
            connection.put(whole!.subarray(at, at + cut))
            stream.room = how === 0 ? cut : Number.POSITIVE_INFINITY
            world.ready(connection, EPOLLIN)
            if (stream.isOpen) world.ready(stream, EPOLLOUT)
            at += cut
          }
          if (how === 1 && connection.isOpen) world.finish(connection)
        }
      }),
    ),
    RUNS,
  )
})

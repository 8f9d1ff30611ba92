// Whatever the bytes, from either side: no throw, no second answer, nothing left.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { a, answerTo, edns, query, soa, withOption } from './dns-messages.js'
import { type DnsWorld, scenario } from './dns-world.js'
import type { HostSocket } from './fake-sockets.js'

scenario('no bytes from the guest throw', (world) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => world.send(bytes)),
    { numRuns: 2_000 },
  )
})

scenario('no change of a query throws, and each is answered at most once', (world) => {
  const model = withOption(query('example.com', 'A', 1, { additionals: [edns(1232)] }), 12, Buffer.alloc(9))
  fc.assert(
    fc.property(changes, (change) => {
      world.replies.length = 0
      world.send(change(model))
      assert.ok(world.replies.length <= 1)
    }),
    { numRuns: 3_000 },
  )
})

scenario('no bytes from a name server throw', (world) => {
  let names = 0
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(40), (bytes, length) => {
      const socket = fresh(world, `${++names}.example`)
      const message = Buffer.concat([socket.query.subarray(0, length), bytes])
      if (message.length > 2) message[2]! |= 0x80
      world.deliver(socket, message)
    }),
    { numRuns: 2_000 },
  )
})

scenario('no change of an answer throws, now or from the cache', (world) => {
  let names = 0
  fc.assert(
    fc.property(changes, fc.nat(1_000_000), (change, wait) => {
      const name = `${++names}.example`
      const socket = fresh(world, name)
      const answers = [{ type: 'CNAME', name, ttl: 300, data: 'b.example' } as const, a('b.example')]
      const answer = answerTo(socket.query, answers, { authorities: [soa('example', 10, 20)], additionals: [edns(1232)] })
      const message = change(withOption(answer, 12, Buffer.alloc(9)))
      socket.query.copy(message, 0, 0, Math.min(2, message.length))
      world.deliver(socket, message)
      world.loop.now += wait
      world.ask(name)
      for (const reply of world.replies) assert.ok(reply.message.length <= 512)
    }),
    { numRuns: 3_000 },
  )
})

/** Asks for a new name and says which socket is asked through. */
function fresh(world: DnsWorld, name: string): HostSocket {
  world.pass(6_000)
  world.replies.length = 0
  world.ask(name)
  assert.equal(world.sockets.open.length, 1)
  return world.sockets.open[0]!
}

/** Changes a few bytes of a message, and perhaps cuts it short. */
const changes: fc.Arbitrary<(model: Buffer) => Buffer> = fc
  .tuple(fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), fc.option(fc.nat(200)))
  .map(([bytes, cut]) => (model) => {
    const message = Buffer.from(cut === null ? model : model.subarray(0, cut))
    for (const [at, byte] of bytes) if (at < message.length) message[at] = byte
    return message
  })

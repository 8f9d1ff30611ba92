// DNS over TCP towards the guest: framing, pipelining, order, ends, limits. What the name servers are asked is the same as by UDP.
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { EPOLLIN, EPOLLOUT } from '../../../src/host/event-loop.js'
import { framed } from '../../../src/service/dns-framing.js'
import { HOST_NAME } from '../../../src/service/dns-names.js'
import { MAX_STREAMS } from '../../../src/service/dns-streams.js'
import { a, answerTo, data, decoded, edns, query, withOption } from './dns-messages.js'
import { type DnsWorld, scenario } from './dns-world.js'
import type { HostStream } from './fake-streams.js'

const { ECONNREFUSED, EMFILE, ECONNRESET } = constants.errno
const IDLE = 10_000

/** The only answer that the guest has got since the last time. */
function answer(stream: HostStream) {
  const messages = stream.messages()
  assert.equal(messages.length, 1, `${messages.length} answers`)
  return decoded(messages[0]!)
}

const ids = (stream: HostStream): number[] => stream.messages().map((message) => message.readUInt16BE(0))

scenario('a query is asked by UDP, and answered with its own identifier and spelling', (world) => {
  const stream = world.connect()
  world.write(stream, query('eXample.com', 'A', 0x1234))
  assert.deepEqual(world.asked, ['192.0.2.1'])
  world.answer(world.socket(), [a('example.com')])
  const reply = answer(stream)
  assert.deepEqual([reply.id, reply.questions?.[0]?.name, data(reply)], [0x1234, 'eXample.com', ['198.51.100.1']])
  assert.equal(world.connections.length, 0)
  world.noReply()
  world.finish(stream)
})

scenario('a query may come byte by byte, and several in one piece', (world) => {
  const stream = world.connect()
  for (const byte of framed(query(HOST_NAME, 'A', 1))) {
    assert.deepEqual(stream.messages(), [])
    stream.put(Buffer.from([byte]))
    world.ready(stream, EPOLLIN)
  }
  assert.deepEqual(data(answer(stream)), ['10.0.2.2'])
  stream.put(Buffer.concat([2, 3, 4].map((id) => framed(query(HOST_NAME, 'A', id)))))
  world.ready(stream, EPOLLIN)
  assert.deepEqual(ids(stream), [2, 3, 4])
  world.finish(stream)
})

scenario('an answer is known to both transports, and never cut by TCP', (world) => {
  const stream = world.connect()
  world.ask('example.com', 'TXT')
  const long = Array.from({ length: 30 }, () => ({ type: 'TXT', name: 'example.com', ttl: 60, data: 'x'.repeat(180) }) as const)
  world.answer(world.socket(), long)
  assert.deepEqual([world.replies.length, decoded(world.replies.pop()!.message).flag_tc], [1, true])
  world.write(stream, query('example.com', 'TXT'))
  const whole = answer(stream)
  assert.deepEqual([whole.flag_tc, whole.answers?.length], [false, 30])
  assert.equal(world.forwarder.counters.cached, 1)
  world.finish(stream)
})

scenario('a question is shared by both transports', (world) => {
  const [first, second] = [world.connect(), world.connect()]
  world.ask('example.com', 'A', 1)
  world.write(first, query('example.com', 'A', 2))
  world.write(second, query('example.com', 'A', 2), query('example.com', 'A', 2))
  world.answer(world.socket(), [a('example.com')])
  assert.equal(world.reply().id, 1)
  assert.deepEqual([ids(first), ids(second)], [[2], [2, 2]], 'TCP repeats nothing by itself: each is a query')
  for (const stream of [first, second]) world.finish(stream)
})

scenario('answers are given as they come, in any order', (world) => {
  const stream = world.connect()
  world.write(stream, query('a.example', 'A', 1), query('b.example', 'A', 2), query(HOST_NAME, 'A', 3))
  assert.deepEqual(ids(stream), [3])
  const [one, two] = world.sockets.open
  world.answer(two!, [a('b.example')])
  world.answer(one!, [a('a.example')])
  assert.deepEqual(ids(stream), [2, 1])
  world.finish(stream)
})

scenario('who has ended still gets what it asked for, then the end', (world) => {
  const stream = world.connect()
  stream.send(query('a.example', 'A', 1), query('b.example', 'A', 2))
  world.finish(stream)
  assert.equal(world.sockets.open.length, 2)
  for (const [i, socket] of world.sockets.open.entries()) {
    assert.equal(stream.isOpen, true)
    world.answer(socket, [a(`${'ab'[i]}.example`)])
  }
  assert.deepEqual(ids(stream), [1, 2])
  assert.equal(stream.isOpen, false)
})

scenario('who ends in the middle of a query, or at once, is let go', (world) => {
  const [first, second] = [world.connect(), world.connect()]
  first.put(framed(query('example.com')).subarray(0, 9))
  for (const stream of [first, second]) {
    world.finish(stream)
    assert.equal(stream.isOpen, false)
  }
})

scenario('who is gone gets nothing, and does no harm', (world) => {
  const [first, second] = [world.connect(), world.connect()]
  world.write(first, query('a.example', 'A', 1), query('b.example', 'A', 1))
  world.write(second, query('a.example', 'A', 2))
  world.reset(first)
  assert.equal(first.isOpen, false)
  for (const socket of world.sockets.open) world.answer(socket, [a('a.example')])
  assert.deepEqual(ids(second), [2])
  second.error = ECONNRESET
  second.send(query('a.example', 'A', 3))
  world.ready(second, EPOLLIN)
  assert.equal(second.isOpen, false)
  world.pass(5_000)
})

scenario('no server: SERVFAIL, after 5 s at most', (world) => {
  const stream = world.connect()
  world.write(stream, query('example.com', 'A', 9))
  world.pass(4_999)
  assert.deepEqual(stream.messages(), [])
  world.pass(1)
  const reply = answer(stream)
  assert.deepEqual([reply.id, reply.rcode, reply.flag_qr], [9, 'SERVFAIL', true])
  assert.equal(world.connections.length, 0)
  world.finish(stream)
})

scenario('what cannot be understood is told so', (world) => {
  const stream = world.connect()
  world.write(stream, query('example.com', 'A', 5, { questions: [] }), query('example.com', 'SOA', 6, { flags: 0x2800 }))
  const replies = stream.messages().map((message) => decoded(message))
  assert.deepEqual(
    replies.map((reply) => [reply.id, reply.rcode]),
    [
      [5, 'FORMERR'],
      [6, 'NOTIMP'],
    ],
  )
  assert.equal(stream.isOpen, true)
  world.finish(stream)
})

scenario('what is no query ends the connection', (world) => {
  const valid = query('example.com')
  const tooLong = withOption(query('example.com', 'A', 1, { additionals: [edns(1232)] }), 12, Buffer.alloc(5_000))
  for (const message of [Buffer.alloc(0), valid.subarray(0, 11), answerTo(valid, []), tooLong]) {
    const stream = world.connect()
    world.write(stream, message, valid)
    assert.equal(stream.isOpen, false)
  }
  assert.equal(world.sockets.all.length, 0)
})

scenario('silence of 10 s ends a connection; a query under way does not count, an unfinished one does', (world) => {
  const silent = world.connect()
  const [used, dribbling] = [world.connect(), world.connect()]
  world.pass(IDLE - 1)
  assert.equal(silent.isOpen, true)
  world.write(used, query('example.com'))
  dribbling.put(Buffer.from([0, 50, 1]))
  world.ready(dribbling, EPOLLIN)
  world.pass(1)
  assert.deepEqual([silent.isOpen, dribbling.isOpen, used.isOpen], [false, false, true])
  world.pass(5_000)
  assert.equal(answer(used).rcode, 'SERVFAIL')
  world.pass(IDLE - 2)
  assert.equal(used.isOpen, true)
  world.pass(1)
  assert.equal(used.isOpen, false)
})

scenario('sixteen queries are under way at most, the others wait in the kernel', (world) => {
  const stream = world.connect()
  world.write(stream, ...Array.from({ length: 40 }, (_, i) => query(`n${i}.example`, 'A', i)))
  const asked = () => world.sockets.all.length
  assert.equal(asked(), 16)
  assert.equal(stream.inbox.length, 24)
  world.answer(world.sockets.open[3]!, [a('n3.example')])
  assert.equal(asked(), 17)
  while (world.sockets.open.length > 0) world.refuse(world.sockets.open[0]!)
  for (const connection of world.connections) world.breakOff(connection)
  assert.ok(asked() > 17)
  world.pass(20_000)
  assert.equal(ids(stream).length, 40)
})

scenario('who does not read its answers is not read from, and is closed in the end', (world) => {
  const stream = world.connect()
  stream.room = 100
  world.write(stream, ...Array.from({ length: 10 }, (_, i) => query(HOST_NAME, 'A', i)))
  assert.equal(stream.messages().length, 1)
  assert.equal(stream.inbox.length, 8)
  stream.room = 130
  world.ready(stream, EPOLLOUT)
  assert.deepEqual(ids(stream), [1])
  assert.equal(stream.inbox.length, 7)
  stream.room = Number.POSITIVE_INFINITY
  world.ready(stream, EPOLLOUT)
  assert.deepEqual(ids(stream), [2, 3, 4, 5, 6, 7, 8, 9])
  stream.room = 5
  world.write(stream, query(HOST_NAME), query(HOST_NAME))
  world.pass(IDLE - 1)
  assert.equal(stream.isOpen, true)
  world.pass(1)
  assert.deepEqual([stream.isOpen, stream.partial], [false, 5])
})

/** Streams that are all busy with a query of their own. */
const crowd = (world: DnsWorld): HostStream[] =>
  Array.from({ length: MAX_STREAMS }, (_, i) => {
    const stream = world.connect()
    world.write(stream, query(`n${i}.example`))
    return stream
  })

scenario('one connection too many takes the place of the one that was silent longest', (world) => {
  const streams = Array.from({ length: MAX_STREAMS }, () => world.connect())
  world.write(streams[0]!, query(HOST_NAME))
  world.write(streams[1]!, query('example.com'))
  const next = world.connect()
  assert.deepEqual(streams.map((stream) => stream.isOpen).indexOf(false), 2, 'one that has just been served, or waits, was closed')
  assert.equal(next.isOpen, true)
  for (const stream of [...streams, next]) if (stream.isOpen) world.reset(stream)
  world.pass(5_000)
})

scenario('and is refused when all of them wait for an answer', (world) => {
  const streams = crowd(world)
  assert.equal(world.forwarder.streams.open(), -ECONNREFUSED)
  for (const stream of streams) world.reset(stream)
  world.pass(5_000)
  world.finish(world.connect())
})

scenario('a pair that cannot be had is an error, and nothing is left of it', (world) => {
  world.sockets.pairError = -EMFILE
  assert.equal(world.forwarder.streams.open(), -EMFILE)
  world.sockets.pairError = 0
  world.finish(world.connect())
})

scenario(
  'a question given up for newer ones is answered all the same',
  (world) => {
    const stream = world.connect()
    world.write(stream, query('a.example', 'A', 1), query('b.example', 'A', 2), query('c.example', 'A', 3))
    const reply = answer(stream)
    assert.deepEqual([reply.id, reply.rcode, reply.questions?.[0]?.name], [1, 'SERVFAIL', 'a.example'])
    world.pass(5_000)
    assert.deepEqual(ids(stream).sort(), [2, 3])
    world.finish(stream)
  },
  { maxQuestions: 2 },
)

scenario('a closed forwarder takes no connection', (world) => {
  const stream = world.connect()
  world.write(stream, query('example.com'))
  world.forwarder.close()
  assert.equal(stream.isOpen, false)
  assert.equal(world.forwarder.streams.open(), -ECONNREFUSED)
  world.ready(stream, EPOLLIN)
})

// What is asked of name servers by TCP: answers that are too long for UDP, and zone transfers.
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import type { Answer } from 'dns-packet'
import { EPOLLIN, EPOLLOUT } from '../../../src/host/event-loop.js'
import { framed } from '../../../src/service/dns-framing.js'
import { a, answerTo, data, decoded, edns, query, soa } from './dns-messages.js'
import { type DnsWorld, scenario } from './dns-world.js'
import type { HostStream } from './fake-streams.js'

const { ECONNRESET, ENETUNREACH } = constants.errno
const TRUNCATED = 0x8380
const REFUSED = 0x8185

const long: Answer[] = Array.from({ length: 20 }, (_, i) => a('long.example', `198.51.100.${i}`))

/** A query by TCP whose answer by UDP is truncated. */
function truncated(world: DnsWorld, id = 7): HostStream {
  const stream = world.connect()
  world.write(stream, query('long.example', 'A', id))
  world.answer(world.socket(), [], { flags: TRUNCATED })
  return stream
}

/** The only answer that the guest has got since the last time. */
function answer(stream: HostStream) {
  const messages = stream.messages()
  assert.equal(messages.length, 1, `${messages.length} answers`)
  return decoded(messages[0]!)
}

/** A name server answers on a connection. */
function reply(world: DnsWorld, connection: HostStream, asked: Buffer, answers: readonly Answer[], flags = 0x8180): void {
  world.write(connection, answerTo(asked, answers, { flags }))
}

const servers = (world: DnsWorld): string[] => world.connections.map((connection) => connection.server)

scenario('a truncated answer is asked for again by TCP, and then known', (world) => {
  const stream = truncated(world, 0x4321)
  assert.deepEqual([world.asked, servers(world)], [[], ['192.0.2.1']])
  const connection = world.connection()
  const asked = world.accept(connection)
  assert.deepEqual(asked.subarray(2), query('long.example').subarray(2))
  reply(world, connection, asked, long)
  const whole = answer(stream)
  assert.deepEqual([whole.id, whole.flag_tc, whole.answers?.length], [0x4321, false, 20])
  assert.deepEqual(servers(world), [])
  world.write(stream, query('long.example', 'A', 2))
  assert.equal(answer(stream).answers?.length, 20)
  assert.equal(world.forwarder.counters.connections, 1)
  world.finish(stream)
})

scenario('who asked by UDP gets the truncated answer at once', (world) => {
  const stream = world.connect()
  world.ask('long.example', 'A', 1)
  world.write(stream, query('long.example', 'A', 2))
  world.answer(world.socket(), [], { flags: TRUNCATED })
  assert.equal(world.reply().flag_tc, true)
  // One more that comes now waits for the whole answer, as far as it can take it.
  world.ask('long.example', 'A', 3)
  const asked = world.accept(world.connection())
  reply(world, world.connection(), asked, long)
  assert.equal(answer(stream).answers?.length, 20)
  assert.equal(world.reply().id, 3)
  world.finish(stream)
})

scenario('an answer may come in pieces, the query go in pieces', (world) => {
  const stream = truncated(world)
  const connection = world.connection()
  connection.isConnected = true
  connection.room = 5
  world.ready(connection, EPOLLOUT)
  assert.equal(connection.partial, 5)
  connection.room = 1_000
  world.ready(connection, EPOLLOUT)
  const [asked] = connection.messages()
  for (const byte of framed(answerTo(asked!, long))) {
    connection.put(Buffer.from([byte]))
    world.ready(connection, EPOLLIN)
  }
  assert.equal(answer(stream).answers?.length, 20)
  world.finish(stream)
})

scenario('a server that refuses the connection, or breaks it, is followed by the next at once, and is asked last from then on', (world) => {
  world.sockets.connectionErrors.set('192.0.2.1', -ENETUNREACH)
  const stream = truncated(world)
  assert.deepEqual(servers(world), ['192.0.2.2'])
  world.breakOff(world.connection('192.0.2.2'))
  assert.deepEqual(servers(world), ['192.0.2.3'])
  const connection = world.connection('192.0.2.3')
  world.accept(connection)
  world.finish(connection)
  const failed = answer(stream)
  assert.equal(failed.rcode, 'SERVFAIL')
  world.sockets.connectionErrors.clear()
  world.write(stream, query('long.example'))
  world.answer(world.socket(), [], { flags: TRUNCATED })
  assert.deepEqual(servers(world), ['192.0.2.1'])
  const asked = world.accept(world.connection())
  reply(world, world.connection(), asked, long)
  assert.equal(answer(stream).answers?.length, 20)
  world.finish(stream)
})

scenario('a server that does not accept, or does not answer, is followed by the next after 1.5 s, and may still answer', (world) => {
  const stream = truncated(world)
  world.pass(1_499)
  assert.deepEqual(servers(world), ['192.0.2.1'])
  world.pass(1)
  assert.deepEqual(servers(world), ['192.0.2.1', '192.0.2.2'])
  world.accept(world.connection('192.0.2.2'))
  world.pass(1_500)
  assert.deepEqual(servers(world), ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
  world.breakOff(world.connection('192.0.2.3'), ECONNRESET)
  const asked = world.accept(world.connection('192.0.2.1'))
  reply(world, world.connection('192.0.2.1'), asked, long)
  assert.equal(answer(stream).answers?.length, 20)
  world.finish(stream)
})

scenario('5 s after the question came it is given up, whatever it was spent on', (world) => {
  const stream = world.connect()
  world.write(stream, query('long.example'))
  world.pass(2_500)
  world.answer(world.socket('192.0.2.3'), [], { flags: TRUNCATED })
  world.pass(2_499)
  assert.deepEqual(stream.messages(), [])
  world.pass(1)
  assert.equal(answer(stream).rcode, 'SERVFAIL')
  world.finish(stream)
})

scenario('timeout of resolv.conf: the next server after that, and all of the time that it adds up to', (world) => {
  world.setServers('192.0.2.1\noptions timeout:3 attempts:1', '192.0.2.2')
  const stream = truncated(world)
  world.pass(2_999)
  assert.deepEqual(servers(world), ['192.0.2.1'])
  world.pass(1)
  assert.deepEqual(servers(world), ['192.0.2.1', '192.0.2.2'])
  world.pass(2_999)
  assert.deepEqual(stream.messages(), [])
  world.pass(1)
  assert.equal(answer(stream).rcode, 'SERVFAIL')
  world.finish(stream)
})

scenario('what one server refuses another may know; else it is what it is', (world) => {
  const stream = truncated(world)
  for (const server of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
    const asked = world.accept(world.connection(server))
    reply(world, world.connection(server), asked, [], REFUSED)
  }
  assert.equal(answer(stream).rcode, 'REFUSED')
  world.finish(stream)
})

scenario('a server that sends anything but the answer is not asked any more', (world) => {
  const wrong: ((asked: Buffer) => Buffer)[] = [
    (asked) => answerTo(query('other.example', 'A', asked.readUInt16BE(0)), long),
    (asked) => asked,
    () => Buffer.alloc(0),
  ]
  const stream = truncated(world)
  for (const [i, change] of wrong.entries()) {
    const connection = world.connection(`192.0.2.${i + 1}`)
    const asked = world.accept(connection)
    world.write(connection, change(asked))
    assert.equal(connection.isOpen, false)
  }
  assert.equal(answer(stream).rcode, 'SERVFAIL')
  world.finish(stream)
})

scenario('where nobody answers by UDP, TCP is tried', (world) => {
  const stream = world.connect()
  world.write(stream, query('example.com'))
  for (const server of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) world.refuse(world.socket(server))
  const asked = world.accept(world.connection())
  reply(world, world.connection(), asked, [a('example.com')])
  assert.deepEqual(data(answer(stream)), ['198.51.100.1'])
  world.finish(stream)
})

scenario('an option is given to who asked with it, though the answer came by TCP', (world) => {
  const stream = world.connect()
  world.write(stream, query('long.example', 'A', 1, { additionals: [edns(1232)] }))
  world.answer(world.socket(), [], { flags: TRUNCATED, additionals: [edns(1232)] })
  const asked = world.accept(world.connection())
  assert.equal(decoded(asked).additionals?.length, 1)
  world.write(world.connection(), answerTo(asked, long, { additionals: [edns(1232)] }))
  assert.equal(answer(stream).additionals?.length, 1)
  world.finish(stream)
})

/** A zone in so many messages. */
function zone(asked: Buffer, messages: number): Buffer[] {
  const first = soa('example', 60, 60)
  return Array.from({ length: messages }, (_, i) => {
    const records = [...(i === 0 ? [first] : []), ...long, ...(i === messages - 1 ? [first] : [])]
    return answerTo(asked, records, i === 0 ? {} : { questions: [] })
  })
}

function transfer(world: DnsWorld, id = 5): { stream: HostStream; connection: HostStream; asked: Buffer } {
  const stream = world.connect()
  world.write(stream, query('example', 'AXFR', id))
  assert.equal(world.sockets.all.length, 0, 'it was asked by UDP')
  const connection = world.connection()
  return { stream, connection, asked: world.accept(connection) }
}

scenario('a zone is transferred message by message, to its last record', (world) => {
  const { stream, connection, asked } = transfer(world)
  for (const [i, message] of zone(asked, 4).entries()) {
    assert.equal(connection.isOpen, true)
    world.pass(4_000)
    world.write(connection, message)
    const part = answer(stream)
    assert.deepEqual([part.id, part.questions?.length, part.flag_tc], [5, i === 0 ? 1 : 0, false])
  }
  assert.equal(connection.isOpen, false)
  assert.equal(world.forwarder.underWay, 0)
  // And it is not kept.
  world.write(stream, query('example', 'AXFR', 6))
  assert.deepEqual(servers(world), ['192.0.2.1'])
  reply(world, world.connection(), world.accept(world.connection()), [], 0x8189)
  assert.equal(answer(stream).rcode, 'NOTAUTH')
  world.finish(stream)
})

scenario('a transfer waits for who receives it, and nothing else is read meanwhile', (world) => {
  const { stream, connection, asked } = transfer(world)
  const messages = zone(asked, 10)
  stream.room = 500
  world.write(connection, ...messages)
  assert.equal(connection.inbox.length, 9)
  world.write(stream, query('other.example', 'A', 6))
  assert.equal(world.sockets.all.length, 0)
  let got = 0
  for (let i = 0; i < 100 && got < 10; i++) {
    world.pass(3_000)
    stream.room = 300
    world.ready(stream, EPOLLOUT)
    got += stream.messages().length
  }
  assert.equal(got, 10)
  stream.room = Number.POSITIVE_INFINITY
  assert.deepEqual(world.asked, ['192.0.2.1'])
  world.answer(world.socket(), [a('other.example')])
  assert.equal(answer(stream).id, 6)
  world.finish(stream)
})

for (const [how, fail] of [
  ['breaks', (world: DnsWorld, connection: HostStream) => world.finish(connection)],
  ['falls silent', (world: DnsWorld) => world.pass(5_000)],
  ['turns to junk', (world: DnsWorld, connection: HostStream) => world.write(connection, Buffer.alloc(40, 0xff))],
] as const) {
  scenario(`a transfer that ${how} half way ends the guest's connection, too`, (world) => {
    const { stream, connection, asked } = transfer(world)
    world.write(connection, zone(asked, 3)[0]!)
    assert.equal(stream.messages().length, 1)
    fail(world, connection)
    assert.deepEqual([stream.isOpen, connection.isOpen, stream.messages()], [false, false, []])
  })
}

scenario('a transfer ends with who receives it', (world) => {
  const first = transfer(world)
  world.write(first.connection, zone(first.asked, 3)[0]!)
  world.reset(first.stream)
  assert.equal(first.connection.isOpen, false)
  const second = transfer(world)
  second.stream.room = 10
  world.write(second.connection, ...zone(second.asked, 3))
  world.pass(10_000)
  assert.deepEqual([second.stream.isOpen, second.connection.isOpen], [false, false])
})

scenario('before its first message a transfer has as many servers as any question', (world) => {
  const { stream } = transfer(world)
  world.pass(1_500)
  const connection = world.connection('192.0.2.2')
  for (const message of zone(world.accept(connection), 2)) world.write(connection, message)
  assert.equal(stream.messages().length, 2)
  world.write(stream, query('example', 'AXFR', 6))
  world.pass(5_000)
  assert.equal(answer(stream).rcode, 'SERVFAIL')
  world.finish(stream)
})

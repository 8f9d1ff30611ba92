// One answer for many: from the cache, or because several asked at the same time. And how many there may be of each.
import assert from 'node:assert/strict'
import { type Answer, decode, type Packet } from 'dns-packet'
import { a, answerTo, data, decoded, edns, query, soa, ttls, withOption } from './dns-messages.js'
import { scenario } from './dns-world.js'

const COOKIE = 10
const CLIENT_SUBNET = 8
/** 192.0.2.0/24. */
const SUBNET = Buffer.from('00011800c00002', 'hex')

scenario('a known answer is given again, its TTLs less by its age', (world) => {
  world.ask('example.com')
  world.answer(world.socket(), [{ type: 'CNAME', name: 'example.com', ttl: 300, data: 'b.example' }, a('b.example', '198.51.100.1', 60)])
  assert.deepEqual(ttls(world.reply().answers), [300, 60])
  world.pass(12_345)
  world.ask('EXAMPLE.com', 'A', 77)
  assert.deepEqual(world.asked, [])
  const reply = world.reply()
  assert.equal(reply.id, 77)
  assert.deepEqual(ttls(reply.answers), [288, 48])
  assert.equal(reply.questions?.[0]?.name, 'EXAMPLE.com')
  world.pass(60_000 - 12_345 - 1)
  world.ask('example.com')
  assert.deepEqual(ttls(world.reply().answers), [241, 1])
  world.pass(1)
  world.ask('example.com')
  assert.deepEqual(world.asked, ['192.0.2.1'])
})

scenario('an answer serves only the same name, type, class and bits', (world) => {
  world.ask('example.com')
  world.answer(world.socket(), [a('example.com')])
  world.reply()
  const others = [
    query('example.org'),
    query('example.com', 'AAAA'),
    query('example.com', 'A', 7, { questions: [{ name: 'example.com', type: 'A', class: 'CH' }] }),
    query('example.com', 'A', 7, { flags: 0x0110 }), // CD
    query('example.com', 'A', 7, { flags: 0x0000 }), // no recursion
    query('example.com', 'A', 7, { additionals: [edns(1232)] }),
    query('example.com', 'A', 7, { additionals: [edns(1232, true)] }), // DO
  ]
  for (const message of others) world.send(message)
  world.noReply()
  assert.equal(world.sockets.open.length, others.length)
})

scenario('a cookie does not keep an answer from being known, nor is it given to anybody else', (world) => {
  const ask = (id: number) => withOption(query('example.com', 'A', id, { additionals: [edns(1232)] }), COOKIE, Buffer.alloc(8, id))
  world.send(ask(1))
  const answer = answerTo(world.socket().query, [a('example.com')], { additionals: [edns(1232)] })
  world.deliver(world.socket(), withOption(answer, COOKIE, Buffer.alloc(16, 1)))
  assert.equal(options(world.reply()), 1)
  world.send(ask(2))
  const reply = world.reply()
  assert.deepEqual(data(reply), ['198.51.100.1'])
  assert.equal(options(reply), 0)
})

scenario('a client-subnet option makes a question its own', (world) => {
  const ask = (id: number) => withOption(query('example.com', 'A', id, { additionals: [edns(1232)] }), CLIENT_SUBNET, SUBNET)
  world.send(ask(1))
  world.send(ask(2))
  assert.equal(world.sockets.open.length, 2)
  world.answer(world.sockets.open[0]!, [a('example.com')], { additionals: [edns(1232)] })
  world.reply()
  world.send(ask(3))
  world.noReply()
})

scenario('who shares a question gets no option that was meant for another', (world) => {
  const ask = (id: number) => withOption(query('example.com', 'A', id, { additionals: [edns(1232)] }), COOKIE, Buffer.alloc(8, id))
  world.send(ask(1))
  world.send(ask(2))
  const answer = answerTo(world.socket().query, [a('example.com')], { additionals: [edns(1232)] })
  world.deliver(world.socket(), withOption(answer, COOKIE, Buffer.alloc(16, 1)))
  assert.deepEqual(
    world.replies.map((reply) => options(decoded(reply.message))),
    [1, 0],
  )
})

scenario('who asks the same meanwhile waits for the same answer', (world) => {
  world.ask('example.com', 'A', 1, 40_001)
  world.ask('eXample.com', 'A', 2, 40_002)
  world.ask('example.com', 'A', 3, 40_003)
  assert.equal(world.sockets.open.length, 1)
  world.answer(world.socket(), [a('example.com')])
  assert.deepEqual(
    world.replies.map((reply) => [reply.port, decode(reply.message).questions?.[0]?.name, reply.message.readUInt16BE(0)]),
    [
      [40_001, 'example.com', 1],
      [40_002, 'eXample.com', 2],
      [40_003, 'example.com', 3],
    ],
  )
})

scenario('who repeats itself is answered once', (world) => {
  world.ask('example.com', 'A', 1)
  world.ask('example.com', 'A', 1)
  world.answer(world.socket(), [a('example.com')])
  world.reply()
})

scenario('a name that does not exist is known for as long as its zone says', (world) => {
  world.ask('no.example.com')
  world.answer(world.socket(), [], { flags: 0x0183, authorities: [soa('example.com', 900, 30)] })
  assert.equal(world.reply().rcode, 'NXDOMAIN')
  world.pass(10_000)
  world.ask('no.example.com')
  const reply = world.reply()
  assert.equal(reply.rcode, 'NXDOMAIN')
  assert.deepEqual(ttls(reply.authorities), [20])
  world.pass(20_000)
  world.ask('no.example.com')
  assert.equal(world.sockets.open.length, 1)
})

scenario('what is not to be kept is asked for again', (world) => {
  const cases: [string, number, Answer[]][] = [
    ['TTL 0', 0x0180, [a('example.com', '198.51.100.1', 0)]],
    ['SERVFAIL', 0x0182, []],
    ['NXDOMAIN without SOA', 0x0183, []],
    ['no data without SOA', 0x0180, []],
    ['FORMERR', 0x0181, []],
  ]
  world.setServers('192.0.2.1')
  for (const [what, flags, answers] of cases) {
    for (let i = 0; i < 2; i++) {
      world.ask('example.com')
      assert.equal(world.sockets.open.length, 1, what)
      world.answer(world.socket(), answers, { flags })
      world.reply()
    }
  }
})

scenario('other name servers know other names', (world) => {
  world.ask('example.com')
  world.answer(world.socket(), [a('example.com')])
  world.reply()
  world.setServers('192.0.2.9')
  world.pass(1_000)
  world.ask('example.com')
  assert.deepEqual(world.asked, ['192.0.2.9'])
})

scenario('what the old name servers say after that is passed on, but not kept', (world) => {
  world.ask('example.com')
  world.setServers('192.0.2.9')
  world.loop.now += 1_000
  world.answer(world.socket(), [a('example.com')])
  world.reply()
  world.ask('example.com')
  assert.deepEqual(world.asked, ['192.0.2.9'])
})

scenario('what is under way when the name servers change is asked of the new ones, by UDP and TCP, once for all who wait', (world) => {
  world.ask('example.com', 'A', 1, 40_001)
  const stream = world.connect()
  world.write(stream, query('example.org', 'A', 2))
  world.answer(world.sockets.open[1]!, [], { flags: 0x8380 })
  assert.equal(world.connections.length, 1)
  world.pass(500)
  world.setServers('192.0.2.9')
  world.pass(500)
  assert.deepEqual([world.asked, world.connections.length], [['192.0.2.9', '192.0.2.9'], 0])
  world.ask('example.com', 'A', 1, 40_001) // it has our word
  world.ask('example.com', 'A', 3, 40_002)
  assert.equal(world.sockets.open.length, 2)
  for (const socket of world.sockets.open) world.answer(socket, [a('example.com')])
  assert.deepEqual(
    world.replies.map(({ port }) => port),
    [40_001, 40_002],
  )
  world.replies.length = 0
  assert.deepEqual(data(decoded(stream.messages()[0]!)), ['198.51.100.1'])
  // And kept.
  world.ask('example.com')
  world.reply()
  world.reset(stream)
})

scenario('and has the time that goes with them, from then on', (world) => {
  world.setServers('192.0.2.1\noptions timeout:1 attempts:1')
  world.ask('example.com')
  world.setServers('192.0.2.9\noptions timeout:4 attempts:1')
  world.loop.now += 999
  world.forwarder.expire(world.loop.now)
  world.loop.now += 1
  world.ask('example.org')
  assert.deepEqual(world.asked, ['192.0.2.9', '192.0.2.9'])
  world.pass(3_999)
  world.noReply()
  world.pass(1)
  assert.equal(world.replies.splice(0).length, 2)
})

scenario(
  'of too many questions the oldest is given up',
  (world) => {
    for (let i = 0; i < 5; i++) world.ask(`n${i}.example`, 'A', i)
    assert.equal(world.sockets.open.length, 4)
    assert.equal(world.forwarder.underWay, 4)
    assert.equal(world.forwarder.counters.dropped, 1)
    world.noReply()
    for (const socket of world.sockets.open) world.answer(socket, [a('example.com')])
    assert.deepEqual(
      world.replies.map((reply) => reply.message.readUInt16BE(0)),
      [1, 2, 3, 4],
    )
  },
  { maxQuestions: 4 },
)

scenario('at most 512 are under way', (world) => {
  for (let i = 0; i < 600; i++) world.ask(`n${i}.example`)
  assert.equal(world.sockets.open.length, 512)
  assert.equal(world.forwarder.underWay, 512)
})

scenario('those who wait are bounded, too', (world) => {
  for (let i = 0; i < 5_000; i++) world.ask('example.com', 'A', i)
  world.answer(world.socket(), [a('example.com')])
  assert.equal(world.replies.length, 4_096)
  world.ask('b.example')
  world.ask('b.example', 'A', 8)
  world.replies.length = 0
  world.answer(world.socket(), [a('b.example')])
  assert.equal(world.replies.length, 2)
})

scenario(
  'the cache is bounded',
  (world) => {
    for (let i = 0; i < 10; i++) {
      world.ask(`n${i}.example`)
      world.answer(world.socket(), [a(`n${i}.example`)])
    }
    world.replies.length = 0
    for (let i = 0; i < 10; i++) world.ask(`n${9 - i}.example`)
    assert.equal(world.replies.length, 3)
  },
  { cacheEntries: 3 },
)

/** How many EDNS options a message has. */
function options(packet: Packet): number {
  const opt = packet.additionals?.[0]
  assert.ok(opt?.type === 'OPT')
  return opt.options.length
}

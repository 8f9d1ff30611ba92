import assert from 'node:assert/strict'
import type { Answer, RecordType } from 'dns-packet'
import { DnsNames, HOST_NAME } from '../../../src/service/dns-names.js'
import { parse6 } from '../../../src/wire/address.js'
import { a, answerTo, data, decoded, edns, query, withOption } from './dns-messages.js'
import { OWN, scenario } from './dns-world.js'

/** An answer of about `bytes`. */
const long = (name: string, bytes: number): Answer[] =>
  Array.from({ length: Math.ceil(bytes / 200) }, () => ({ type: 'TXT', name, ttl: 60, data: 'x'.repeat(180) }))

scenario('a question goes to the first server and its answer to who asked', (world) => {
  world.ask('example.com', 'A', 0x1234, 40_001)
  assert.deepEqual(world.asked, ['192.0.2.1'])
  world.noReply()
  world.answer(world.socket(), [a('example.com')])
  assert.equal(world.replies[0]?.port, 40_001)
  const reply = world.reply()
  assert.equal(reply.id, 0x1234)
  assert.equal(reply.type, 'response')
  assert.deepEqual(data(reply), ['198.51.100.1'])
  assert.deepEqual(world.asked, [])
})

scenario(
  'who asks over IPv6 is answered so, by the address that it asked, and is not taken for another with its port and identifier',
  (world) => {
    const [one, other] = ['fd00::100', 'fd00::101'].map((text) => parse6(text)!)
    world.send(query('example.com', 'A', 5), 40_001, one)
    world.send(query('example.com', 'A', 5), 40_001, other)
    world.send(query('example.com', 'A', 5), 40_001, other) // grown impatient
    world.ask('example.com', 'A', 5, 40_001)
    world.answer(world.socket(), [a('example.com')])
    assert.deepEqual(
      world.replies.map(({ address, port }) => [address, port]),
      [
        ['fd00::100', 40_001],
        ['fd00::101', 40_001],
        ['10.0.2.100', 40_001],
      ],
    )
    for (const { message } of world.replies.splice(0)) assert.deepEqual(data(decoded(message)), ['198.51.100.1'])
  },
)

scenario('a question leaves byte for byte, but for its identifier and the case of its letters', (world) => {
  const message = withOption(query('ExAmple.COM', 'A', 1, { additionals: [edns(1400)] }), 65_001, Buffer.from('netloom'))
  world.send(message)
  const sent = world.socket().query
  const nameEnd = 12 + 'example.com'.length + 2
  assert.equal(sent.toString('latin1', 12, nameEnd).toLowerCase(), message.toString('latin1', 12, nameEnd).toLowerCase())
  for (const [from, to] of [
    [2, 12],
    [nameEnd, message.length],
  ] as const)
    assert.deepEqual(sent.subarray(from, to), message.subarray(from, to))
})

scenario(
  'identifiers are the random source’s',
  (world) => {
    world.ask('example.com', 'A', 0)
    assert.equal(world.socket().query.readUInt16BE(0), 0xfedc)
  },
  { random: (limit) => limit - 0x124 },
)

scenario('identifiers differ from question to question', (world) => {
  for (let i = 0; i < 100; i++) world.ask(`n${i}.example`, 'A', 1)
  const ids = new Set(world.sockets.open.map((socket) => socket.query.readUInt16BE(0)))
  assert.ok(ids.size > 90, `${ids.size} of 100`)
})

scenario('types and records that nobody here has heard of pass as they are', (world) => {
  const message = query('example.com', 'A', 9)
  message.writeUInt16BE(65_280, message.length - 4)
  world.send(message)
  const record = Buffer.concat([Buffer.from('c00cff0000010000003c0005', 'hex'), Buffer.from([0, 0xff, 0xc0, 0x0c, 1])])
  const answer = Buffer.concat([world.socket().query, record])
  answer.writeUInt16BE(0x8180, 2)
  answer.writeUInt16BE(1, 6)
  world.deliver(world.socket(), answer)
  const expected = Buffer.concat([answer.subarray(0, 12), message.subarray(12), record])
  assert.deepEqual(world.replies.pop()?.message.subarray(2), expected.subarray(2))
  // And from the cache.
  world.pass(5_000)
  world.send(message)
  expected.writeUInt32BE(55, expected.length - 11)
  assert.deepEqual(world.replies.pop()?.message.subarray(2), expected.subarray(2))
})

scenario('an answer that is longer than 512 bytes makes who has no EDNS ask by TCP', (world) => {
  world.ask('example.com', 'TXT')
  world.answer(world.socket(), long('example.com', 1_000))
  const reply = world.reply()
  assert.equal(reply.flag_tc, true)
  assert.equal(reply.rcode, 'NOERROR')
  assert.deepEqual([reply.questions?.length, reply.answers?.length, reply.additionals?.length], [1, 0, 0])
})

scenario('what a client with EDNS can take is what it says', (world) => {
  world.send(query('example.com', 'TXT', 1, { additionals: [edns(1232)] }))
  world.answer(world.socket(), long('example.com', 1_000), { additionals: [edns(4096)] })
  const whole = world.reply()
  assert.deepEqual([whole.flag_tc, whole.answers?.length], [false, 5])
  // From the cache, for one that can take less.
  world.send(query('example.com', 'TXT', 2, { additionals: [edns(900)] }))
  const cut = world.reply()
  assert.deepEqual([cut.flag_tc, cut.answers?.length, cut.additionals?.[0]?.type], [true, 0, 'OPT'])
  // RFC 6891, 6.2.3: less than 512 is 512.
  world.send(query('n.example', 'A', 3, { additionals: [edns(0)] }))
  world.answer(world.socket(), long('n.example', 300).slice(0, 1), { additionals: [edns(4096)] })
  assert.equal(world.reply().flag_tc, false)
})

scenario('the longest answers are passed on', (world) => {
  world.send(query('example.com', 'TXT', 1, { additionals: [edns(65_535)] }))
  world.answer(world.socket(), long('example.com', 60_000), { additionals: [edns(4096)] })
  assert.equal(world.reply().answers?.length, 300)
})

scenario('a truncated answer is passed on and not kept, even when it ends within a record', (world) => {
  for (let i = 0; i < 2; i++) {
    world.ask('example.com')
    const answer = answerTo(world.socket().query, [a('example.com')])
    answer.writeUInt16BE(0x8380, 2)
    world.deliver(world.socket(), answer.subarray(0, answer.length - 3))
    assert.equal(world.replies.pop()?.message.readUInt16BE(2), 0x8380)
  }
})

scenario('the host has a name, in any spelling', (world) => {
  for (const name of [HOST_NAME, 'Host.NetLoom.INTERNAL']) {
    world.ask(name)
    const reply = world.reply()
    assert.deepEqual(data(reply), ['10.0.2.2'])
    assert.deepEqual([reply.rcode, reply.flag_ra, reply.flag_rd, reply.questions?.[0]?.name], ['NOERROR', true, true, name])
    assert.equal(reply.additionals?.length, 0)
  }
  world.send(query(HOST_NAME, 'A', 1, { additionals: [edns(1232)] }))
  const reply = world.reply()
  assert.deepEqual([data(reply), reply.additionals?.[0]?.type], [['10.0.2.2'], 'OPT'])
  assert.equal(world.sockets.all.length, 0)
})

scenario('and has no other record', (world) => {
  for (const type of ['AAAA', 'MX', 'TXT'] satisfies RecordType[]) {
    world.ask(HOST_NAME, type)
    const reply = world.reply()
    assert.deepEqual([reply.rcode, reply.answers?.length, reply.questions?.[0]?.type], ['NOERROR', 0, type])
  }
  world.ask(`x.${HOST_NAME}`)
  assert.deepEqual(world.asked, ['192.0.2.1'])
})

scenario(
  'where the gateway is not the host, there is no such name, and nobody is asked',
  (world) => {
    for (const type of ['A', 'AAAA', 'MX'] satisfies RecordType[])
      for (const name of [HOST_NAME, 'Host.Containers.internal', 'host.docker.internal']) {
        world.ask(name, type)
        assert.equal(world.reply().rcode, 'NXDOMAIN')
      }
    assert.deepEqual(world.asked, [])
  },
  { names: new DnsNames({ ...OWN, isHost: false }, new Map()) },
)

scenario('what cannot be understood is told so, or dropped', (world) => {
  const valid = query('example.com', 'A', 5, { additionals: [edns(1232)] })
  const formErr = (message: Buffer) => {
    world.send(message)
    const reply = world.reply()
    assert.deepEqual([reply.id, reply.rcode, reply.type], [5, 'FORMERR', 'response'])
  }
  for (let length = 12; length < valid.length; length++) formErr(valid.subarray(0, length))
  formErr(Buffer.concat([valid, Buffer.from([0])]))
  formErr(query('example.com', 'A', 5, { questions: [] }))
  formErr(query('example.com', 'A', 5, { additionals: [edns(1232), edns(1232)] }))
  const two = { name: 'example.com', type: 'A' } as const
  formErr(query('example.com', 'A', 5, { questions: [two, two] }))
  for (let length = 0; length < 12; length++) world.send(valid.subarray(0, length))
  world.send(answerTo(valid, [a('example.com')])) // an answer
  world.send(valid, 0) // nobody could be answered
  world.send(withOption(valid, 12, Buffer.alloc(5_000))) // too long
  world.noReply()
  assert.equal(world.sockets.all.length, 0)
})

scenario('other operations are not implemented', (world) => {
  world.send(query('example.com', 'SOA', 1, { flags: 0x2800 }))
  assert.equal(world.reply().rcode, 'NOTIMP')
})

scenario('a closed forwarder is silent', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  world.forwarder.close()
  assert.equal(socket.isOpen, false)
  world.ready(socket, 1)
  world.ask('example.com')
  world.noReply()
})

scenario('what is counted', (world) => {
  world.ask('example.com', 'A', 1)
  world.ask('example.com', 'A', 2)
  world.answer(world.socket(), [a('example.com')])
  world.ask('example.com', 'A', 3)
  world.send(Buffer.alloc(3))
  const { queries, forwarded, shared, cached, malformed } = world.forwarder.counters
  assert.deepEqual([queries, forwarded, shared, cached, malformed], [4, 1, 1, 1, 1])
  assert.equal(decoded(world.replies[2]!.message).id, 3)
})

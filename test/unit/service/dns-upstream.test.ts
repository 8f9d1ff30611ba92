import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { EPOLLERR } from '../../../src/host/event-loop.js'
import { a, answerTo, data, query } from './dns-messages.js'
import { scenario } from './dns-world.js'

const { EHOSTUNREACH, ENETUNREACH, EAFNOSUPPORT, EMFILE, EMSGSIZE, EAGAIN } = constants.errno
const SERVFAIL = 0x8182
const REFUSED = 0x8185

scenario('an answer with another identifier is ignored', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  const right = answerTo(socket.query, [a('example.com')])
  const wrong = Buffer.from(right)
  wrong.writeUInt16BE(right.readUInt16BE(0) ^ 1, 0)
  world.deliver(socket, wrong)
  world.noReply()
  world.deliver(socket, wrong, wrong, right)
  assert.deepEqual(data(world.reply()), ['198.51.100.1'])
})

scenario('an answer to another question is ignored', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  const id = socket.query.readUInt16BE(0)
  const others = [
    query('example.org'),
    query('example.com', 'AAAA'),
    query('www.example.com'),
    query('example.com', 'A', 1, { questions: [] }),
  ]
  for (const other of [...others, query('example.com', 'A', 1, { questions: [{ name: 'example.com', type: 'A', class: 'CH' }] })]) {
    const answer = answerTo(other, [a('example.com')])
    answer.writeUInt16BE(id, 0)
    world.deliver(socket, answer)
  }
  world.deliver(socket, socket.query) // itself, as an echo
  world.deliver(socket, socket.query.subarray(0, 5))
  world.noReply()
  assert.equal(socket.isOpen, true)
  world.answer(socket, [a('example.com')])
  world.reply()
})

/** The name of a question as it stands there. */
const spelling = (message: Buffer): string => message.toString('latin1', 12, message.indexOf(0, 12))

/** An answer whose question is spelled in another case. */
function otherCase(message: Buffer, answers: Parameters<typeof answerTo>[1]): Buffer {
  const answer = answerTo(message, answers)
  for (let i = 12; answer[i] !== 0; i++) if (/[a-z]/i.test(String.fromCharCode(answer[i]!))) answer[i]! ^= 0x20
  return answer
}

scenario('a name is asked for in letters of random case, and given back as the client spelled it', (world) => {
  const spellings = new Set<string>()
  for (let i = 0; i < 50; i++) {
    const name = `a-long-name-of-letters.n${i}.test`
    world.ask(name)
    const socket = world.socket()
    assert.equal(spelling(socket.query).toLowerCase(), spelling(query(name)))
    spellings.add(spelling(socket.query).slice(0, 23))
    world.answer(socket, [a(name)])
    assert.equal(world.reply().questions?.[0]?.name, name)
  }
  assert.ok(spellings.size > 45, `${spellings.size} of 50`)
})

scenario('whoever guesses port and identifier and not the case of the letters has nothing kept', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  world.deliver(socket, otherCase(socket.query, [a('example.com', '203.0.113.66')]))
  world.noReply()
  world.answer(world.socket(), [a('example.com')])
  assert.deepEqual(data(world.reply()), ['198.51.100.1'])
})

scenario('a server that changes the letters is asked plainly, from another port with another identifier, and so from then on', (world) => {
  world.ask('Example.COM')
  const socket = world.socket()
  world.deliver(socket, otherCase(socket.query, [a('example.com')]))
  world.noReply()
  assert.equal(socket.isOpen, false)
  const plain = world.socket()
  assert.notEqual(plain, socket)
  assert.deepEqual([world.asked, spelling(plain.query)], [['192.0.2.1'], '\x07Example\x03COM'])
  world.deliver(plain, otherCase(plain.query, [a('example.com')]))
  assert.equal(world.reply().questions?.[0]?.name, 'Example.COM')
  world.ask('example.org')
  const next = world.socket()
  assert.equal(spelling(next.query), '\x07example\x03org')
  world.deliver(next, otherCase(next.query, [a('example.org')]))
  world.reply()
})

scenario('a server that cannot be asked plainly makes room for the next', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  world.sockets.connectErrors.set('192.0.2.1', -EHOSTUNREACH)
  world.deliver(socket, otherCase(socket.query, [a('example.com')]))
  assert.deepEqual(world.asked, ['192.0.2.2'])
  world.answer(world.socket('192.0.2.2'), [a('example.com')])
  world.reply()
})

scenario('a server that is silent for a second is followed by the next, and is asked last from then on', (world) => {
  world.ask('example.com')
  world.pass(999)
  assert.deepEqual(world.asked, ['192.0.2.1'])
  world.pass(1)
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2'])
  world.answer(world.socket('192.0.2.2'), [a('example.com')])
  world.reply()
  world.ask('example.org')
  assert.deepEqual(world.asked, ['192.0.2.2'])
  world.answer(world.socket('192.0.2.2'), [a('example.org')])
  world.reply()
  world.pass(10_000)
  world.ask('example.net')
  assert.deepEqual(world.asked, ['192.0.2.1'])
})

scenario('a slow server may still be the one that answers', (world) => {
  world.ask('example.com')
  world.pass(1_500)
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2'])
  world.answer(world.socket('192.0.2.1'), [a('example.com')])
  world.reply()
  assert.deepEqual(world.asked, [])
  world.ask('example.org')
  assert.deepEqual(world.asked, ['192.0.2.1'], 'it is alive after all')
})

scenario('a server that answers other questions is not taken for dead', (world) => {
  world.ask('slow.example')
  world.pass(500)
  world.ask('example.com')
  world.answer(world.sockets.open[1]!, [a('example.com')])
  world.pass(500)
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2'])
  world.ask('example.org')
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2', '192.0.2.1'])
})

scenario('a refused datagram is followed by the next server at once', (world) => {
  world.ask('example.com')
  world.refuse(world.socket())
  assert.deepEqual(world.asked, ['192.0.2.2'])
  world.refuse(world.socket('192.0.2.2'))
  assert.deepEqual(world.asked, ['192.0.2.3'])
  world.answer(world.socket('192.0.2.3'), [a('example.com')])
  assert.deepEqual(data(world.reply()), ['198.51.100.1'])
  world.ask('example.org')
  assert.deepEqual(world.asked, ['192.0.2.3'])
})

scenario('so is an error that only the queue knows of', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  socket.hasQueuedError = true
  world.ready(socket, EPOLLERR)
  assert.deepEqual(world.asked, ['192.0.2.2'])
})

scenario('a server without a route is followed by the next one at once', (world) => {
  world.sockets.connectErrors.set('192.0.2.1', -ENETUNREACH)
  world.sockets.sendErrors.set('192.0.2.2', -EHOSTUNREACH)
  world.ask('example.com')
  assert.deepEqual(world.asked, ['192.0.2.3'])
  assert.equal(world.sockets.all.length, 3)
})

scenario('when none can be reached the guest is told at once', (world) => {
  for (const server of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) world.sockets.connectErrors.set(server, -ENETUNREACH)
  world.ask('example.com', 'A', 99)
  const reply = world.reply()
  assert.deepEqual([reply.id, reply.rcode, reply.questions?.[0]?.name], [99, 'SERVFAIL', 'example.com'])
  assert.deepEqual(world.asked, [])
})

scenario('without a descriptor the guest is told, and no server is to blame', (world) => {
  world.sockets.openError = -EMFILE
  world.ask('example.com')
  assert.equal(world.reply().rcode, 'SERVFAIL')
  world.sockets.openError = 0
  world.ask('example.com')
  assert.deepEqual(world.asked, ['192.0.2.1'])
})

scenario('servers of both families', (world) => {
  world.setServers('2001:db8::53', '192.0.2.1')
  world.ask('example.com')
  assert.equal(world.socket('2001:db8::53').family, 6)
  world.refuse(world.socket('2001:db8::53'))
  assert.equal(world.socket('192.0.2.1').family, 4)
})

scenario('a host without IPv6', (world) => {
  world.setServers('2001:db8::53')
  world.sockets.openError = -EAFNOSUPPORT
  world.ask('example.com')
  assert.equal(world.reply().rcode, 'SERVFAIL')
})

scenario('a link-local server is asked through its interface, by UDP and by TCP', (world) => {
  world.setServers('fe80::53%7')
  const stream = world.connect()
  world.write(stream, query('example.com'))
  world.answer(world.socket('fe80::53%7'), [], { flags: 0x8380 })
  world.accept(world.connection('fe80::53%7'))
  world.reset(stream)
  world.pass(5_000)
})

scenario('no server that can be reached at all', (world) => {
  world.setServers('fe80::1')
  world.ask('example.com')
  assert.equal(world.reply().rcode, 'SERVFAIL')
})

scenario('SERVFAIL and REFUSED are asked about elsewhere', (world) => {
  world.ask('example.com')
  world.answer(world.socket(), [], { flags: SERVFAIL })
  assert.deepEqual(world.asked, ['192.0.2.2'])
  world.answer(world.socket('192.0.2.2'), [], { flags: REFUSED })
  assert.deepEqual(world.asked, ['192.0.2.3'])
  world.noReply()
  world.answer(world.socket('192.0.2.3'), [a('example.com')])
  assert.deepEqual(data(world.reply()), ['198.51.100.1'])
  world.ask('example.org')
  assert.deepEqual(world.asked, ['192.0.2.1'], 'it is alive, whatever it said')
})

scenario('and passed on when all say so', (world) => {
  world.ask('example.com')
  for (const server of ['192.0.2.1', '192.0.2.2']) world.answer(world.socket(server), [], { flags: SERVFAIL })
  world.answer(world.socket('192.0.2.3'), [], { flags: REFUSED })
  assert.equal(world.reply().rcode, 'REFUSED')
})

scenario('a server that says no without repeating the question is followed by the next', (world) => {
  world.ask('example.com')
  const bare = Buffer.from(world.socket().query.subarray(0, 12))
  bare.writeUInt16BE(0x8184, 2)
  bare.writeUInt16BE(0, 4)
  world.deliver(world.socket(), bare)
  assert.deepEqual(world.asked, ['192.0.2.2'])
  const empty = Buffer.from(bare)
  world.socket('192.0.2.2').query.copy(empty, 0, 0, 2)
  empty.writeUInt16BE(0x8180, 2)
  world.deliver(world.socket('192.0.2.2'), empty)
  assert.deepEqual(world.asked, ['192.0.2.2'], 'no error is no answer')
})

scenario('other errors are answers', (world) => {
  for (const [code, name] of [
    [1, 'FORMERR'],
    [3, 'NXDOMAIN'],
    [4, 'NOTIMP'],
  ] as const) {
    world.ask(`${name}.example`)
    world.answer(world.socket(), [], { flags: 0x0180 | code })
    assert.equal(world.reply().rcode, name)
  }
})

scenario('after five seconds of silence the guest is told', (world) => {
  world.ask('example.com')
  world.pass(4_999)
  world.noReply()
  world.pass(1)
  assert.equal(world.reply().rcode, 'SERVFAIL')
  assert.deepEqual(world.asked, [])
})

scenario('timeout: each server has the time that resolv.conf says', (world) => {
  world.setServers('192.0.2.1\noptions timeout:3', '192.0.2.2')
  world.ask('example.com')
  world.pass(2_999)
  assert.deepEqual(world.asked, ['192.0.2.1'])
  world.pass(1)
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2'])
  world.pass(8_999)
  world.noReply()
  world.pass(1)
  assert.equal(world.reply().rcode, 'SERVFAIL')
})

scenario('attempts: no server is asked more often, and the last one still has its time', (world) => {
  world.setServers('192.0.2.1\noptions timeout:1 attempts:2', '192.0.2.2')
  world.ask('example.com')
  world.pass(3_999)
  assert.deepEqual(
    world.sockets.open.map((socket) => socket.sent.length),
    [2, 2],
  )
  world.noReply()
  world.pass(1)
  assert.equal(world.reply().rcode, 'SERVFAIL')
})

scenario('when all have been asked often enough, a late refusal of the last one ends the wait', (world) => {
  world.setServers('192.0.2.1\noptions attempts:1', '192.0.2.2')
  world.ask('example.com')
  world.pass(2_500)
  assert.deepEqual(
    world.sockets.open.map((socket) => socket.sent.length),
    [1, 1],
  )
  world.refuse(world.socket('192.0.2.2'))
  world.noReply()
  world.refuse(world.socket('192.0.2.1'))
  assert.equal(world.reply().rcode, 'SERVFAIL')
})

scenario('rotate: questions begin with each server in turn', (world) => {
  world.setServers('192.0.2.1\noptions rotate', '192.0.2.2')
  for (const name of ['a.test', 'b.test', 'c.test']) world.ask(name)
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2', '192.0.2.1'])
  for (const socket of world.sockets.open) world.answer(socket, [])
  world.replies.length = 0
})

scenario('a lost datagram is sent again, to the only server there is', (world) => {
  world.setServers('192.0.2.1')
  world.ask('example.com')
  world.pass(2_000)
  const socket = world.socket()
  assert.equal(socket.sent.length, 3)
  assert.deepEqual(socket.sent[0], socket.sent[2])
  assert.equal(world.sockets.all.length, 1)
  world.answer(socket, [a('example.com')])
  world.reply()
})

scenario('a silent server keeps its chance when the others refuse', (world) => {
  world.ask('example.com')
  world.pass(1_000)
  world.refuse(world.socket('192.0.2.2'))
  world.refuse(world.socket('192.0.2.3'))
  assert.deepEqual(world.asked, ['192.0.2.1'])
  assert.equal(world.socket().sent.length, 2)
  world.answer(world.socket(), [a('example.com')])
  assert.deepEqual(data(world.reply()), ['198.51.100.1'])
})

scenario('an older server that refuses does not hurry the one that is waited for', (world) => {
  world.ask('example.com')
  world.pass(1_000)
  world.refuse(world.socket('192.0.2.1'))
  assert.deepEqual(world.asked, ['192.0.2.2'])
  assert.equal(world.socket('192.0.2.2').sent.length, 1)
})

scenario('a full queue on the way out is a lost datagram', (world) => {
  world.sockets.sendErrors.set('192.0.2.1', -EAGAIN)
  world.ask('example.com')
  assert.deepEqual(world.asked, ['192.0.2.1'])
  world.sockets.sendErrors.clear()
  world.pass(1_000)
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2'])
})

scenario('a datagram that does not fit is skipped', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  world.deliver(socket, -EMSGSIZE, answerTo(socket.query, [a('example.com')]))
  world.reply()
})

scenario('a flood of wrong answers does not hold the turn up', (world) => {
  world.ask('example.com')
  const socket = world.socket()
  const wrong = answerTo(query('example.org'), [])
  socket.inbox.push(...Array.from({ length: 100 }, () => wrong))
  world.ready(socket, 1)
  assert.equal(socket.inbox.length, 84)
})

scenario('an event for a socket that was closed meanwhile does not reach the next question', (world) => {
  world.ask('example.com')
  const old = world.socket()
  world.answer(old, [a('example.com')])
  world.reply()
  world.ask('example.org')
  const next = world.socket()
  assert.notEqual(next.token, old.token)
  next.inbox.push(answerTo(next.query, [a('example.org')]))
  world.ready(old, 1)
  world.noReply()
  world.ready(next, 1)
  world.reply()
  world.ready(next, 1)
})

scenario('nothing under way, nothing to wake for', (world) => {
  assert.equal(world.forwarder.expire(world.loop.now), -1)
  world.ask('example.com')
  const wait = world.forwarder.expire(world.loop.now)
  assert.ok(wait > 0 && wait <= 1_000, `${wait}`)
  world.answer(world.socket(), [a('example.com')])
  assert.equal(world.forwarder.expire(world.loop.now), -1)
})

scenario('across the wrap of the clock', (world) => {
  world.loop.now = 0x7fffffff - 1_500
  world.forwarder.expire(world.loop.now)
  world.ask('example.com')
  world.pass(3_000)
  assert.ok(world.loop.now < 0)
  assert.deepEqual(world.asked, ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
  world.pass(2_000)
  assert.equal(world.reply().rcode, 'SERVFAIL')
})

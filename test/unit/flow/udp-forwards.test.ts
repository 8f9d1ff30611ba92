// Published UDP ports through the whole stack: what comes from new clients, and what of it a full table and other sockets do to it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRIVER_DATAGRAMS } from '../../../src/flow/port-forwards.js'
import { KIND_TCP } from '../../../src/net/flow-row.js'
import { mapped } from '../../../src/wire/address.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import { ACK, FIN, SYN } from '../../../src/wire/tcp.js'
import * as udp from '../../../src/wire/udp.js'
import { ends } from '../../support/ends.js'
import type { FakeDatagram } from '../../support/fake-datagram.js'
import { arpFrame, GUEST_MAC, IP_AT, TRANSPORT_AT, udpFrame } from '../../support/frames.js'
import { guestFrame, parse, type TcpFields } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack, type SimulationOptions } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const CLIENT = 0xc6336407 | 0
const SERVER = 7081
const NONE = new Uint8Array()

interface Arrived {
  readonly source: number
  readonly port: number
  readonly to: number
  readonly text: string
}

class Published {
  readonly net: SimulatedStack
  readonly listener: FakeDatagram
  readonly rule: number
  /** Datagrams that the guest got. */
  readonly arrived: Arrived[] = []
  /** The last segment that it got. */
  lastSeq = 0

  constructor(options: SimulationOptions = {}) {
    this.net = new SimulatedStack(new Random(1), { maxFlows: 64, ...options })
    const { kernel } = this.net
    kernel.onFrame = (frame) => this.#take(frame)
    const descriptor = kernel.udpListen()
    this.listener = kernel.datagrams[0]!
    this.rule = this.net.stack.forwards.add(descriptor, mapped(0), mapped(GUEST), SERVER, DRIVER_DATAGRAMS)
    this.net.receive(arpFrame(GUEST_MAC, GUEST, GATEWAY))
  }

  #take(frame: Uint8Array): void {
    const view = new DataView(frame.buffer)
    if (view.getUint16(IP_AT - 2) !== 0x0800) return
    if (ipv4.protocol(view, IP_AT) !== PROTOCOL_UDP) {
      this.lastSeq = parse(frame).seq
      return
    }
    const at = TRANSPORT_AT + udp.HEADER_LENGTH
    const length = udp.length(view, TRANSPORT_AT) - udp.HEADER_LENGTH
    this.arrived.push({
      source: ipv4.source(view, IP_AT),
      port: udp.srcPort(view, TRANSPORT_AT),
      to: udp.dstPort(view, TRANSPORT_AT),
      text: Buffer.from(frame.buffer, frame.byteOffset + at, length).toString(),
    })
  }

  /** A segment of the guest's. */
  segment(port: number, s: Partial<TcpFields>): Uint8Array {
    const whole = { seq: 1, ack: 0, flags: ACK, window: 65_535, options: NONE, text: NONE, ...s }
    return guestFrame({ guest: GUEST, remote: REMOTE, guestPort: port, remotePort: 80 }, whole)
  }

  /** A connection whose server has closed first: the guest's own FIN, which is to come, ends it. */
  closing(port: number): Uint8Array {
    this.net.receive(this.segment(port, { seq: 0, flags: SYN }))
    const socket = this.net.kernel.tcp.at(-1)!
    socket.accepts()
    this.net.kernel.run()
    const seq = (this.lastSeq + 1) | 0
    this.net.receive(this.segment(port, { ack: seq }))
    socket.ends()
    this.net.kernel.run()
    return this.segment(port, { ack: (seq + 1) | 0, flags: FIN | ACK })
  }

  close(): void {
    this.net.stack.close()
    this.net.assertEmpty()
    assert.equal(this.net.stack.interface.overlaps, 0)
  }
}

const text = (i: number): string => `datagram ${i} `.repeat(8)

test('the first datagram of a client is what it was, also where its row costs another flow its own, which has still to acknowledge', () => {
  const p = new Published({ maxFlows: 8 })
  const ending = Array.from({ length: 8 }, (_, i) => p.closing(2000 + i))
  // In one turn: the guest's last segments, and new clients, for each of whom a connection that is over has to go.
  p.net.kernel.tap.frames.push(...ending)
  for (let i = 0; i < 4; i++) p.listener.delivers(Buffer.from(text(i)), CLIENT + i, 5000)
  p.net.kernel.run()
  assert.deepEqual(
    p.arrived,
    Array.from({ length: 4 }, (_, i) => ({ source: CLIENT + i, port: 5000, to: SERVER, text: text(i) })),
  )
  assert.equal(p.net.stack.table.find(KIND_TCP, ends(GUEST, REMOTE), 0, (2000 << 16) | 80), 0, 'the oldest went')
  p.close()
})

test('a frame that is begun while another one is put together spoils that one: it is not sent, and a debug build says so', () => {
  const { net } = new Published()
  const { interface: iface, udp: out } = net.stack
  const sent: number[] = []
  net.kernel.onFrame = (frame) => sent.push(udp.srcPort(new DataView(frame.buffer), TRANSPORT_AT))
  iface.isStrict = false
  iface.out.set(GUEST_MAC[0], GUEST_MAC[1], false, Int32Array.from(mapped(REMOTE)), 0, Int32Array.from(mapped(GUEST)), 0)
  out.begin()
  out.begin()
  assert.equal(out.send(2, 7, 10), true)
  assert.equal(out.send(1, 7, 10), false)
  out.begin()
  assert.equal(out.send(3, 7, 10), true)
  assert.deepEqual([sent, iface.overlaps], [[2, 3], 1])
  iface.isStrict = true
  out.begin()
  assert.throws(() => out.begin(), { code: 'ERR_SLOT' })
})

test('what a client’s socket has heard of others before it was connected goes to the rule, in one piece, whatever else came with it', () => {
  const p = new Published({ maxFlows: 8 })
  p.listener.delivers(Buffer.from('first'), CLIENT, 5000)
  p.net.kernel.run()
  const socket = p.net.kernel.datagrams[1]!
  const wanted: Arrived[] = [{ source: CLIENT, port: 5000, to: SERVER, text: 'first' }]
  // Others, of more clients than there are rows, and one's own in between; of all lengths, in one batch.
  for (let i = 1; i <= 12; i++) {
    socket.delivers(Buffer.from(text(i)), CLIENT + i, 6000 + i)
    socket.delivers(Buffer.from(text(i + 100).slice(i)), CLIENT, 5000)
    wanted.push({ source: CLIENT + i, port: 6000 + i, to: SERVER, text: text(i) })
    wanted.push({ source: CLIENT, port: 5000, to: SERVER, text: text(i + 100).slice(i) })
  }
  p.net.kernel.run()
  assert.deepEqual(p.arrived, wanted)
  assert.equal(socket.isRegistered, true, 'who reads on makes room for nobody')
  assert.equal(p.net.stack.forwards.counts.connections[p.rule], 13)
  // Each has a socket of its own that is connected to it.
  assert.deepEqual(
    p.net.kernel.datagrams.slice(1).map(({ peer }) => [peer!.words[3], peer!.port]),
    [[CLIENT, 5000], ...Array.from({ length: 12 }, (_, i) => [CLIENT + 1 + i, 6001 + i])],
  )
  p.close()
})

test('a train of a stranger goes to the rule whole', () => {
  const p = new Published()
  p.listener.delivers(Buffer.from('first'), CLIENT, 5000)
  p.net.kernel.run()
  p.arrived.length = 0
  p.net.kernel.datagrams[1]!.delivers(Buffer.from('aaaabbbbcc'), CLIENT + 1, 5000, 63, 0, 4)
  p.net.kernel.run()
  assert.equal(p.arrived.map((a) => a.text).join(''), 'aaaabbbbcc')
  p.close()
})

test('after the rule is gone strangers are not heard, and that is counted', () => {
  const p = new Published()
  p.listener.delivers(Buffer.from('first'), CLIENT, 5000)
  p.net.kernel.run()
  p.net.stack.forwards.remove(p.rule, false)
  p.net.kernel.datagrams[1]!.delivers(Buffer.from('other'), CLIENT + 1, 5000)
  p.net.kernel.datagrams[1]!.delivers(Buffer.from('second'), CLIENT, 5000)
  p.net.kernel.run()
  assert.deepEqual(
    p.arrived.map((a) => a.text),
    ['first', 'second'],
  )
  assert.equal(p.net.stack.input.drops.filtered, 1)
  p.close()
})

test('what the guest sends from a published port before it was asked leaves by the rule, to each from a socket of its own', () => {
  const p = new Published()
  const { net } = p
  const send = (destination: number, port: number, said: string, from = SERVER): void =>
    net.receive(udpFrame({ source: GUEST, destination }, from, port, Buffer.from(said)))
  send(REMOTE, 9, 'hello')
  send(REMOTE, 9, 'again')
  send(GATEWAY, 10, 'host')
  assert.deepEqual(
    net.kernel.datagrams.slice(1).map(({ peer, sent }) => [peer!.words[3], peer!.port, sent.map((d) => Buffer.from(d.bytes).toString())]),
    [
      [REMOTE, 9, ['hello', 'again']],
      [0x7f000001, 10, ['host']],
    ],
  )
  net.kernel.datagrams[1]!.delivers(Buffer.from('answer'), REMOTE, 9)
  net.kernel.run()
  assert.deepEqual(p.arrived, [{ source: REMOTE, port: 9, to: SERVER, text: 'answer' }])
  const { counts } = net.stack.forwards
  assert.deepEqual([counts.current[p.rule], counts.connections[p.rule]], [2, 0], 'they are flows of the rule, and no client has come')
  // Another port is nobody's, and so is this one when the rule has gone.
  send(REMOTE, 9, 'other', SERVER + 1)
  net.stack.forwards.remove(p.rule, true)
  send(REMOTE, 9, 'unpublished')
  assert.deepEqual(
    net.kernel.datagrams.slice(3).map(({ peer, sent }) => [peer, sent.length]),
    [
      [null, 1],
      [null, 1],
    ],
  )
  p.close()
})

test('what has been closed since the guest has begun to send there is reached no more; a client that has come is answered all the same', () => {
  let isClosed = false
  const p = new Published({ closed: { has: (words, at) => isClosed && words[at + 3] === REMOTE } })
  const send = (port: number): void => p.net.receive(udpFrame({ source: GUEST, destination: REMOTE }, SERVER, port, Buffer.from('x')))
  send(9)
  p.listener.delivers(Buffer.from('question'), REMOTE, 10)
  p.net.kernel.run()
  isClosed = true
  for (const port of [9, 10, 11]) send(port)
  assert.deepEqual(
    p.net.kernel.datagrams.slice(1).map(({ peer, sent }) => [peer!.port, sent.length]),
    [
      [9, 1],
      [10, 1],
    ],
  )
  p.close()
})

test('a rule serves what its listener can send to, and the gate decides first', () => {
  const p = new Published({ hostLoopback: false })
  const { forwards } = p.net.stack
  const send = (destination: number): void => p.net.receive(udpFrame({ source: GUEST, destination }, SERVER, 9, Buffer.from('x')))
  send(GATEWAY)
  assert.equal(p.net.kernel.datagrams.length, 1, 'nowhere')
  forwards.remove(p.rule, true)
  forwards.add(p.net.kernel.udpListen(), mapped(0x7f000001), mapped(GUEST), SERVER, DRIVER_DATAGRAMS)
  send(REMOTE)
  assert.equal(p.net.kernel.datagrams.at(-1)!.peer, null, 'the loopback has no way there')
  forwards.add(p.net.kernel.udpListen(), mapped(0xc0000201), mapped(GUEST), SERVER, DRIVER_DATAGRAMS)
  send(REMOTE)
  assert.equal(p.net.kernel.datagrams.at(-1)!.peer!.port, 9)
  p.close()
})

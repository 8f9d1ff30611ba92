// A full table and the limits below it, seen from both sides of the stack: what a flood of new flows costs those that are there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KIND_TCP } from '../../../src/net/flow-row.js'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_ICMP } from '../../../src/wire/numbers.js'
import { ACK, FIN, SYN } from '../../../src/wire/tcp.js'
import { ends } from '../../support/ends.js'
import type { FakeTcp } from '../../support/fake-tcp.js'
import { IP_AT, icmpFrame, TRANSPORT_AT, udpFrame } from '../../support/frames.js'
import { type Endpoints, guestFrame, parse, type ReceivedSegment, type TcpFields } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GUEST, SimulatedStack, type SimulationOptions } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const NONE = new Uint8Array()

const endpoints = (guestPort: number): Endpoints => ({ guest: GUEST, remote: REMOTE, guestPort, remotePort: 80 })

class Guest {
  readonly net: SimulatedStack
  readonly sent: ReceivedSegment[] = []
  /** Codes of the ICMP errors that came. */
  readonly codes: number[] = []

  constructor(options: SimulationOptions = {}) {
    this.net = new SimulatedStack(new Random(1), { maxFlows: 8, ...options })
    this.net.kernel.onFrame = (frame) => {
      const view = new DataView(frame.buffer)
      if (ipv4.protocol(view, IP_AT) === PROTOCOL_ICMP) this.codes.push(icmp.code(view, TRANSPORT_AT))
      else this.sent.push(parse(frame))
    }
  }

  send(port: number, s: Partial<TcpFields>, remote = REMOTE): void {
    const whole = { seq: 0, ack: 0, flags: ACK, window: 65_535, options: NONE, text: NONE, ...s }
    this.net.receive(guestFrame({ ...endpoints(port), remote }, whole))
  }

  /** Opens a connection; its socket, and the number of the stack's first byte. */
  connect(port: number): { socket: FakeTcp; seq: number } {
    this.send(port, { flags: SYN })
    const socket = this.net.kernel.tcp.at(-1)!
    socket.accepts()
    this.net.kernel.run()
    const seq = (this.sent.at(-1)!.seq + 1) | 0
    this.send(port, { seq: 1, ack: seq })
    return { socket, seq }
  }
}

test('a flood of SYNs costs only SYNs their rows, and their sockets go with them', () => {
  const g = new Guest()
  const { socket, seq } = g.connect(1000)
  for (let port = 2000; port < 2200; port++) g.send(port, { flags: SYN })
  assert.equal(g.net.stack.table.inUse, 8)
  assert.equal(g.net.kernel.inUse, 8)
  assert.equal(g.net.stack.table.evictions, 200 - 7)
  g.send(1000, { seq: 1, ack: seq, text: Uint8Array.of(1, 2, 3) })
  assert.equal(socket.sentLength, 3)
  assert.equal(socket.isClosed, false)
  // The newest one still gets its connection.
  g.net.kernel.tcp.at(-1)!.accepts()
  g.net.kernel.run()
  assert.equal(g.sent.at(-1)!.flags, SYN | ACK)
  g.net.stack.close()
  g.net.assertEmpty()
})

test('a connection that the guest has not acknowledged is half open too', () => {
  const g = new Guest()
  for (let port = 2000; port < 2100; port++) {
    g.send(port, { flags: SYN })
    g.net.kernel.tcp.at(-1)!.accepts()
    g.net.kernel.run()
  }
  assert.equal(g.net.stack.table.inUse, 8)
  assert.equal(g.net.kernel.tcp.filter((s) => s.wasReset).length, 92)
  g.net.stack.close()
  g.net.assertEmpty()
})

test('a table full of established connections refuses, and opens no socket for it', () => {
  const g = new Guest()
  for (let port = 1000; port < 1008; port++) g.connect(port)
  const before = g.net.kernel.tcp.length
  g.send(3000, { flags: SYN })
  assert.equal(g.net.kernel.tcp.length, before)
  assert.equal(g.net.stack.input.drops.tableFull, 1)
  for (const socket of g.net.kernel.tcp) assert.equal(socket.isClosed, false)
  g.net.stack.close()
  g.net.assertEmpty()
})

test('the last acknowledgment leaves, also when the row is wanted in the same batch', () => {
  const g = new Guest()
  const { socket, seq } = g.connect(1000)
  for (let port = 1001; port < 1008; port++) g.connect(port)
  socket.ends()
  g.net.kernel.run()
  g.sent.length = 0
  const last = { seq: 1, ack: (seq + 1) | 0, flags: FIN | ACK, window: 65_535, options: NONE, text: NONE }
  g.net.receive(guestFrame(endpoints(1000), last), guestFrame(endpoints(2000), { ...last, flags: SYN }))
  assert.notEqual(g.net.stack.table.find(KIND_TCP, ends(GUEST, REMOTE), 0, (2000 << 16) | 80), 0)
  assert.deepEqual(
    g.sent.map((s) => s.ack),
    [2],
  )
  g.net.stack.close()
  g.net.assertEmpty()
})

test('a connection that is over gives way', () => {
  const g = new Guest()
  const { socket, seq } = g.connect(1000)
  socket.ends()
  g.net.kernel.run()
  g.send(1000, { seq: 1, ack: (seq + 1) | 0, flags: FIN | ACK })
  for (let port = 1001; port < 1009; port++) g.connect(port)
  assert.equal(g.net.stack.table.inUse, 8)
  assert.equal(g.net.stack.table.evictions, 0, 'nothing was lost')
  for (const other of g.net.kernel.tcp.slice(1)) assert.equal(other.isClosed, false)
  g.net.stack.close()
  g.net.assertEmpty()
})

test('a flood of SYNs costs no more rows than half-open connections may have, and no datagram flow its own', () => {
  const g = new Guest({ maxFlows: 32, maxHalfOpen: 4 })
  g.net.receive(udpFrame({ source: GUEST, destination: REMOTE }, 1000, 2000, NONE))
  for (let port = 2000; port < 2100; port++) g.send(port, { flags: SYN })
  assert.equal(g.net.stack.table.inUse, 5)
  assert.equal(g.net.kernel.inUse, 5)
  // The next connect costs the flood one, and once it is established the one after that nobody.
  for (let port = 3000; port < 3020; port++) g.connect(port)
  assert.equal(g.net.stack.table.inUse, 1 + 3 + 20)
  g.net.stack.close()
  g.net.assertEmpty()
})

test('a connection too many to one address is prohibited at once, another address and an end are not', () => {
  const g = new Guest({ maxFlowsPerDestination: 2 })
  const { socket, seq } = g.connect(1000)
  g.connect(1001)
  g.send(1002, { flags: SYN })
  assert.deepEqual(g.codes, [icmp.ADMINISTRATIVELY_PROHIBITED])
  assert.equal(g.net.kernel.tcp.length, 2)
  g.send(1002, { flags: SYN }, REMOTE + 1)
  assert.equal(g.net.kernel.tcp.length, 3)
  // The first one ends in order: its row waits for 2 MSL, and another connection has its share.
  socket.ends()
  g.net.kernel.run()
  g.send(1000, { seq: 1, ack: (seq + 1) | 0, flags: FIN | ACK })
  g.connect(1003)
  g.send(1004, { flags: SYN })
  assert.equal(g.codes.length, 2)
  assert.equal(g.net.stack.gate.limited, 2)
  g.net.stack.close()
  g.net.assertEmpty()
})

test('a guest with as many flows as it may have begins no other, and keeps those it has', () => {
  const g = new Guest({ maxFlowsPerGuest: 3 })
  const route = { source: GUEST, destination: REMOTE }
  const { socket, seq } = g.connect(1000)
  g.net.receive(udpFrame(route, 1000, 2000, NONE), icmpFrame(route, icmp.ECHO, 0, 7 << 16, NONE))
  assert.equal(g.net.stack.table.inUse, 3)
  g.net.receive(udpFrame(route, 1001, 2000, NONE), icmpFrame(route, icmp.ECHO, 0, 8 << 16, NONE))
  g.send(1001, { flags: SYN })
  assert.deepEqual([g.net.stack.table.inUse, g.net.kernel.inUse, g.net.stack.gate.limited], [3, 3, 3])
  assert.deepEqual(g.codes, [icmp.ADMINISTRATIVELY_PROHIBITED], 'datagrams only get lost')
  g.send(1000, { seq: 1, ack: seq, text: Uint8Array.of(1) })
  g.net.receive(udpFrame(route, 1000, 2001, NONE))
  assert.deepEqual([socket.sentLength, g.net.kernel.datagrams[0]!.sent.length], [1, 2])
  // Another guest of the same network is not concerned.
  g.net.receive(udpFrame({ ...route, source: GUEST + 1 }, 1001, 2000, NONE))
  assert.equal(g.net.stack.table.inUse, 4)
  g.net.stack.close()
  g.net.assertEmpty()
})

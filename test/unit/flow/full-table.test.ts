// A full table, seen from both sides of the stack: what a flood of new flows costs those that are there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACK, FIN, SYN } from '../../../src/wire/tcp.js'
import type { FakeTcp } from '../../support/fake-kernel.js'
import { type Endpoints, guestFrame, parse, type ReceivedSegment, type TcpFields } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const NONE = new Uint8Array()

const endpoints = (guestPort: number): Endpoints => ({ guest: GUEST, remote: REMOTE, guestPort, remotePort: 80 })

class Guest {
  readonly net = new SimulatedStack(new Random(1), { maxFlows: 8 })
  readonly sent: ReceivedSegment[] = []

  constructor() {
    this.net.kernel.onFrame = (frame) => this.sent.push(parse(frame))
  }

  send(port: number, s: Partial<TcpFields>): void {
    const whole = { seq: 0, ack: 0, flags: ACK, window: 65_535, options: NONE, text: NONE, ...s }
    this.net.receive(guestFrame(endpoints(port), whole))
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
  const { socket } = g.connect(1000)
  for (let port = 2000; port < 2200; port++) g.send(port, { flags: SYN })
  assert.equal(g.net.stack.table.inUse, 8)
  assert.equal(g.net.kernel.inUse, 8)
  assert.equal(g.net.stack.table.evictions, 200 - 7)
  g.send(1000, { seq: 1, ack: 0, text: Uint8Array.of(1, 2, 3) })
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
  assert.equal(g.net.stack.table.evictions, 1)
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
  assert.equal(g.net.stack.table.evictions, 1)
  g.net.wait(2000)
  assert.equal(g.net.stack.table.inUse, 8)
  for (const other of g.net.kernel.tcp.slice(1)) assert.equal(other.isClosed, false)
  g.net.stack.close()
  g.net.assertEmpty()
})

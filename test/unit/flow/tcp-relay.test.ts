// TCP between the guest and the host's sockets, through the whole stack: what the one does, the other is told as what it was.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { PROTOCOL_ICMP } from '../../../src/wire/numbers.js'
import { ACK, FIN, RST, SYN } from '../../../src/wire/tcp.js'
import type { FakeTcp } from '../../support/fake-tcp.js'
import { IP_AT, TRANSPORT_AT } from '../../support/frames.js'
import { type Endpoints, guestFrame, parse, type ReceivedSegment, type TcpFields } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const ECONNREFUSED = 111
const ENETUNREACH = 101
const EHOSTUNREACH = 113
const ETIMEDOUT = 110
const EACCES = 13
const EMFILE = 24
const ENFILE = 23
const ENOMEM = 12
const ENOBUFS = 105
const EADDRNOTAVAIL = 99
const NONE = new Uint8Array()
const ENDS: Endpoints = { guest: GUEST, remote: 0xc0000207 | 0, guestPort: 1000, remotePort: 80 }

class Guest {
  readonly net = new SimulatedStack(new Random(1))
  readonly segments: ReceivedSegment[] = []
  readonly errors: Uint8Array[] = []

  constructor() {
    this.net.kernel.onFrame = (frame) => {
      const isError = ipv4.protocol(new DataView(frame.buffer), IP_AT) === PROTOCOL_ICMP
      if (isError) this.errors.push(frame)
      else this.segments.push(parse(frame))
    }
  }

  frame(s: Partial<TcpFields>, e = ENDS): Uint8Array {
    return guestFrame(e, { seq: 0, ack: 0, flags: ACK, window: 65_535, options: NONE, text: NONE, ...s })
  }

  get socket(): FakeTcp {
    return this.net.kernel.tcp.at(-1)!
  }
  get last(): ReceivedSegment {
    return this.segments.at(-1)!
  }

  /** Opens the connection; returns the number of the stack's first byte. */
  connect(): number {
    this.net.receive(this.frame({ flags: SYN }))
    this.socket.accepts()
    this.net.kernel.run()
    const seq = (this.last.seq + 1) | 0
    this.net.receive(this.frame({ seq: 1, ack: seq }))
    return seq
  }

  /** The code of the only ICMP error, after what it quotes was found to be the SYN. */
  get code(): number {
    assert.equal(this.errors.length, 1)
    const view = new DataView(this.errors[0]!.buffer)
    const quote = TRANSPORT_AT + icmp.HEADER_LENGTH
    assert.equal(icmp.type(view, TRANSPORT_AT), icmp.UNREACHABLE)
    assert.equal(ipv4.source(view, IP_AT), GATEWAY)
    assert.equal(ipv4.source(view, quote), GUEST)
    assert.equal(ipv4.destination(view, quote), ENDS.remote)
    assert.equal(view.getInt32(quote + ipv4.HEADER_LENGTH), (ENDS.guestPort << 16) | ENDS.remotePort)
    assert.equal(view.getInt32(quote + ipv4.HEADER_LENGTH + 4), 0)
    return icmp.code(view, TRANSPORT_AT)
  }
}

test('a refused connect is a reset that acknowledges the SYN', () => {
  const g = new Guest()
  g.net.receive(g.frame({ flags: SYN }))
  g.socket.fails(ECONNREFUSED)
  g.net.kernel.run()
  assert.deepEqual([g.last.flags, g.last.seq, g.last.ack], [RST | ACK, 0, 1])
  g.net.assertEmpty()
})

test('a connect that fails otherwise is the matching ICMP error, at once or later', () => {
  for (const [errno, code] of [
    [EHOSTUNREACH, icmp.HOST_UNREACHABLE],
    [ETIMEDOUT, icmp.HOST_UNREACHABLE],
    [ENETUNREACH, icmp.NETWORK_UNREACHABLE],
    [EACCES, icmp.ADMINISTRATIVELY_PROHIBITED],
  ] as const) {
    const late = new Guest()
    late.net.receive(late.frame({ flags: SYN }))
    late.socket.fails(errno)
    late.net.kernel.run()
    assert.equal(late.code, code)
    late.net.assertEmpty()
    const atOnce = new Guest()
    atOnce.net.kernel.openStatus = -errno
    atOnce.net.receive(atOnce.frame({ flags: SYN }))
    assert.equal(atOnce.code, code)
    atOnce.net.assertEmpty()
  }
})

test('a host that lacks descriptors, ports or memory tells nobody that the other end is unreachable: the SYN comes again', () => {
  for (const errno of [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL]) {
    const g = new Guest()
    g.net.kernel.openStatus = -errno
    g.net.receive(g.frame({ flags: SYN }))
    assert.deepEqual([g.errors.length, g.segments.length, g.net.stack.input.drops.hostExhausted], [0, 0, 1])
    g.net.assertEmpty()
    g.net.kernel.openStatus = 0
    g.net.receive(g.frame({ flags: SYN }))
    g.socket.fails(errno)
    g.net.kernel.run()
    assert.deepEqual([g.errors.length, g.segments.length, g.net.stack.input.drops.hostExhausted], [0, 0, 2])
    g.net.assertEmpty()
    g.connect()
    g.net.stack.close()
    g.net.assertEmpty()
  }
})

test('text, end and reset of the host reach the guest as such', () => {
  const g = new Guest()
  const seq = g.connect()
  g.socket.incoming = Uint8Array.of(1, 2, 3)
  g.socket.delivers(3)
  g.net.kernel.run()
  assert.deepEqual([...g.last.text], [1, 2, 3])
  assert.equal(g.socket.front, 0)
  g.net.receive(g.frame({ seq: 1, ack: (seq + 3) | 0 }))
  assert.equal(g.socket.front, 3)
  g.socket.ends()
  g.net.kernel.run()
  assert.equal(g.last.flags, FIN | ACK)
  g.socket.resets()
  g.net.kernel.run()
  assert.equal(g.last.flags, RST | ACK)
  g.net.assertEmpty()
})

test('text, end and reset of the guest reach the host as such', () => {
  const g = new Guest()
  const seq = g.connect()
  g.net.receive(g.frame({ seq: 1, ack: seq, text: Uint8Array.of(4, 5), flags: ACK | FIN }))
  assert.deepEqual([g.socket.sentLength, g.socket.isShut, g.socket.wasReset], [2, true, false])
  g.net.receive(g.frame({ seq: 4, flags: RST }))
  assert.equal(g.socket.wasReset, true)
  g.net.assertEmpty()
})

test('an event of a socket that was closed earlier in the turn is not taken for the next one in its row', () => {
  const g = new Guest()
  g.connect()
  const old = g.socket
  // Both in one turn, the TAP first: the guest resets and connects anew, and the event of the old socket is on its way already.
  old.ends()
  const before = g.segments.length
  g.net.receive(g.frame({ seq: 1, flags: RST }), g.frame({ seq: 9000, flags: SYN }))
  assert.equal(old.wasReset, true)
  assert.notEqual(g.socket, old)
  g.net.wait(10)
  assert.equal(g.segments.length, before)
  g.socket.accepts()
  g.net.kernel.run()
  assert.deepEqual([g.last.flags, g.last.ack], [SYN | ACK, 9001])
  g.net.stack.close()
  g.net.assertEmpty()
})

test('what the host sends and ends with its SYN-ACK arrives with the handshake', () => {
  const g = new Guest()
  g.net.receive(g.frame({ flags: SYN }))
  g.socket.incoming = Uint8Array.of(7)
  g.socket.delivers(1)
  g.socket.ends()
  g.socket.accepts()
  g.net.kernel.run()
  g.net.receive(g.frame({ seq: 1, ack: (g.last.seq + 1) | 0 }))
  assert.deepEqual([g.last.flags & FIN, [...g.last.text]], [FIN, [7]])
  g.net.stack.close()
  g.net.assertEmpty()
})

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
import { arpFrame, GUEST_MAC, IP_AT, TRANSPORT_AT } from '../../support/frames.js'
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
    this.rule = this.net.stack.forwards.add(descriptor, mapped(GUEST), SERVER, DRIVER_DATAGRAMS)
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

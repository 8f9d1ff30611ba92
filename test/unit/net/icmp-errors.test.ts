// Errors that a router in the guest sends about our segments (RFC 792, 1191; RFC 9293, 3.9.2.2).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as icmp from '../../../src/wire/icmpv4.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import { ACK, SYN } from '../../../src/wire/tcp.js'
import { IP_AT, icmpFrame, tcpFrame } from '../../support/frames.js'
import { guestFrame, type ReceivedSegment, readFrame } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const ROUTE = { source: GUEST, destination: REMOTE }
const PORTS = [1000, 80] as const
const NONE = new Uint8Array()
const ENDPOINTS = { guest: GUEST, remote: REMOTE, guestPort: PORTS[0], remotePort: PORTS[1] }
const MSS_1460 = new Uint8Array([2, 4, 0x05, 0xb4])
const TEXT = 1200

/** A connection with a segment of the host's in flight: the frames of that, and what comes behind. */
function inFlight() {
  const net = new SimulatedStack(new Random(1), { offload: false })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame.slice())
  net.kernel.onConnect = (socket) => {
    socket.incoming = new Uint8Array(TEXT)
    socket.accepts()
    socket.delivers(TEXT)
  }
  net.receive(guestFrame(ENDPOINTS, { seq: 1000, ack: 0, flags: SYN, window: 65_535, options: MSS_1460, text: NONE }))
  net.kernel.run()
  const synAck = readFrame(frames.shift()!, 1500)!
  net.receive(tcpFrame(ROUTE, PORTS, 1001, (synAck.seq + 1) | 0, ACK, NONE))
  net.kernel.run()
  const texts = (): number[] => frames.splice(0).map((frame) => (readFrame(frame, 1500) as ReceivedSegment).text.length)
  const datagram = frames.map((frame) => frame.subarray(IP_AT)).find((bytes) => bytes.length > 100)!
  texts()
  return { net, datagram, texts }
}

const tooBig = (quote: Uint8Array): Uint8Array =>
  icmpFrame({ source: GUEST, destination: GATEWAY }, icmp.UNREACHABLE, icmp.FRAGMENTATION_NEEDED, 1000, quote)

test('a datagram that is too long for a link in the guest is sent again in shorter segments', () => {
  const { net, datagram, texts } = inFlight()
  net.receive(tooBig(datagram.subarray(0, ipv4.HEADER_LENGTH + 8)))
  net.kernel.run()
  assert.deepEqual(texts(), [960, 240])
  net.stack.close()
})

test('an error that quotes less than RFC 792 asks for, or nonsense, is nobody’s', () => {
  const { net, datagram, texts } = inFlight()
  const random = new Random(2)
  for (let length = 0; length < ipv4.HEADER_LENGTH + 8; length++) net.receive(tooBig(datagram.slice(0, length)))
  net.kernel.run()
  assert.deepEqual(texts(), [])
  for (let i = 0; i < 500; i++) {
    const quote = datagram.slice(0, 60)
    quote[random.below(quote.length)] = random.below(256)
    net.receive(tooBig(quote))
  }
  net.kernel.run()
  for (const length of texts()) assert.ok(length <= TEXT)
  net.stack.close()
})

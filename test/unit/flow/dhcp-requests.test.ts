// What is sent to the DHCP server's port, by who has no address yet too: to whom it goes, and what may come of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IP_AT, type Route, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { DNS, GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const EVERYBODY = -1
const REMOTE = 0xc0000207 | 0
const PAYLOAD = Uint8Array.of(1, 2, 3)

interface Setting {
  net: SimulatedStack
  /** Source and destination of what the server received. */
  served: [number, number][]
  frames: Uint8Array[]
}

function start(withServer = true): Setting {
  const net = new SimulatedStack(new Random(1))
  const served: [number, number][] = []
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame)
  const receiver = {
    receive(inbound: { source: number; destination: number }, at: number, length: number): void {
      assert.deepEqual(net.stack.interface.arena.bytes.slice(at, at + length), PAYLOAD)
      served.push([inbound.source, inbound.destination])
    },
  }
  if (withServer) net.stack.serveDhcp(receiver)
  return { net, served, frames }
}

const request = (source: number, destination: number, from = 68, to = 67, more: Partial<Route> = {}): Uint8Array =>
  udpFrame({ source, destination, ...more }, from, to, PAYLOAD)

test('broadcasts and datagrams to the gateway reach the server, with an address or without', () => {
  const { net, served } = start()
  const ways: [number, number][] = [
    [0, EVERYBODY],
    [GUEST, EVERYBODY],
    [0, GATEWAY],
    [GUEST, GATEWAY],
  ]
  net.receive(...ways.map(([source, destination]) => request(source, destination)))
  assert.deepEqual(served, ways)
  assert.equal(net.kernel.datagrams.length, 0)
  net.assertEmpty()
})

test('without an address nothing else passes (RFC 1122, 3.2.1.3), and nobody is told', () => {
  const { net, served, frames } = start()
  const fragment = request(0, EVERYBODY)
  const last = request(0, REMOTE)
  // More fragments; a time to live of 1. The IP checksum goes along.
  for (const [frame, at, by] of [
    [fragment, 6, 0x20],
    [last, 8, -63],
  ] as const) {
    frame[IP_AT + at]! += by
    const view = new DataView(frame.buffer)
    view.setUint16(IP_AT + 10, (view.getUint16(IP_AT + 10) - (by << 8) + 0xffff) % 0xffff)
  }
  const port = request(0, EVERYBODY, 68, 53)
  const others = [request(0, EVERYBODY, 67), request(0, GATEWAY, 68, 68), request(0, REMOTE), request(0x00000005, EVERYBODY)]
  net.receive(port, fragment, last, ...others)
  assert.equal(net.stack.input.drops.source, 7)
  assert.equal(net.stack.input.drops.ipv4Checksum, 0)
  // Allowed as far as the relay, where nobody is meant.
  net.receive(request(0, DNS))
  assert.deepEqual([served, frames], [[], []])
  net.assertEmpty()
})

test('with an address the port is the host’s as any other, but for the gateway’s', () => {
  const { net, served } = start()
  net.receive(request(GUEST, REMOTE))
  assert.deepEqual(served, [])
  assert.equal(net.kernel.datagrams[0]!.sent[0]!.address, REMOTE)
})

test('without a server the port is as any other, and who has no address has no flow', () => {
  const { net, frames } = start(false)
  net.receive(request(0, GATEWAY), request(0, EVERYBODY), request(GUEST, EVERYBODY))
  assert.equal(net.kernel.datagrams.length, 0)
  assert.deepEqual(frames, [])
  net.receive(request(GUEST, GATEWAY))
  assert.equal(net.kernel.datagrams[0]!.sent[0]!.address, 0x7f000001)
})

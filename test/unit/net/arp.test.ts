// Whom ARP remembers (RFC 826, "Packet Reception"): who asks us, who answers us, and of others only what has changed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as arp from '../../../src/wire/arp.js'
import { arpFrame, GUEST_MAC, type Mac, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { DNS, GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const OTHER = 0x0a000265
const OTHER_MAC: Mac = [0x0200, 0x9999]
const BEYOND = 0xc0000207 | 0
const MAPPED = 0xffff

function stack() {
  const net = new SimulatedStack(new Random(1))
  let answers = 0
  net.kernel.onFrame = () => answers++
  const { neighbors } = net.stack.input.arp
  const words = (address: number): Int32Array => Int32Array.from([0, 0, MAPPED, address])
  const isKnown = (address: number): boolean => neighbors.isKnown(words(address), 0)
  const find = (address: number): Mac | null => {
    const entry = neighbors.resolve(words(address), 0, net.kernel.time)
    return entry < 0 ? null : [neighbors.high(entry), neighbors.low(entry)]
  }
  return { net, isKnown, find, answered: () => answers }
}

test('who asks us is known from then on', () => {
  for (const target of [GATEWAY, DNS]) {
    const { net, find } = stack()
    net.receive(arpFrame(GUEST_MAC, GUEST, target))
    assert.deepEqual(find(GUEST), GUEST_MAC)
  }
})

test('who asks for others is not, but has moved if it was known', () => {
  const { net, isKnown, find, answered } = stack()
  net.receive(arpFrame(GUEST_MAC, GUEST, OTHER), arpFrame(GUEST_MAC, GUEST, GUEST))
  assert.deepEqual([isKnown(GUEST), answered()], [false, 0])
  net.receive(arpFrame(GUEST_MAC, GUEST, GATEWAY), arpFrame(OTHER_MAC, GUEST, OTHER))
  assert.deepEqual(find(GUEST), OTHER_MAC)
})

test('an answer to nobody’s question opens nothing; one to ours is believed', () => {
  const { net, isKnown, find } = stack()
  net.receive(arpFrame(GUEST_MAC, GUEST, GATEWAY, arp.OPERATION_REPLY))
  assert.equal(isKnown(GUEST), false)
  assert.equal(find(GUEST), null)
  net.receive(arpFrame(GUEST_MAC, GUEST, GATEWAY, arp.OPERATION_REPLY))
  assert.deepEqual(find(GUEST), GUEST_MAC)
})

test('nobody from beyond the network is remembered, nor who would be us', () => {
  for (const sender of [BEYOND, GATEWAY, DNS, 0, 0x0a0002ff]) {
    const { net, isKnown } = stack()
    net.receive(arpFrame(GUEST_MAC, sender, GATEWAY))
    assert.equal(isKnown(sender), false)
  }
})

test('what a bridge floods for another station is not answered by an error', () => {
  const { net, answered } = stack()
  const to = { source: GUEST, destination: 0x0a00024d }
  net.receive(udpFrame({ ...to, to: OTHER_MAC }, 1000, 2000, new Uint8Array()))
  assert.deepEqual([answered(), net.stack.input.drops.station], [0, 1])
  net.receive(udpFrame(to, 1000, 2000, new Uint8Array()))
  assert.equal(answered(), 1)
})

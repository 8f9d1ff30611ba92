// Neighbor discovery (RFC 4861, 7): who is answered, with what, and whom we remember.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Words } from '../../../src/wire/address.js'
import * as ethernet from '../../../src/wire/ethernet.js'
import * as ndp from '../../../src/wire/ndp.js'
import * as options from '../../../src/wire/ndp-options.js'
import { ETHERNET_AT, GUEST_MAC, IP_AT, type Mac } from '../../support/frames.js'
import {
  ALL_NODES,
  advertisementFrame,
  destinationOptions,
  fragment,
  LINK_LOCAL,
  REMOTE6,
  ROUTER_MAC,
  type Route6,
  readIcmp6,
  readOptions,
  solicitationFrame,
  sourceLink,
  targetLink,
  UNSPECIFIED,
  wordsAt,
} from '../../support/frames6.js'
import { Random } from '../../support/random.js'
import { DNS6, GATEWAY6, GUEST6, IPV6, NETWORK6, ROUTER6, SimulatedStack } from '../../support/simulated-stack.js'

const OTHER_MAC: Mac = [0x0200, 0x9999]
const OVERRIDE = ndp.OVERRIDE >>> 0
const NOBODY: Words = [0xfd000000 | 0, 0, 0, 0x4d]
const TARGET_AT = 0

function stack() {
  const net = new SimulatedStack(new Random(1), { ipv6: IPV6 })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame)
  const neighbors = net.stack.icmp.v6.ndp.neighbors
  /** Where an address is, or null while that is asked for. */
  const find = (address: Words): Mac | null => {
    const entry = neighbors.resolve(Int32Array.from(address), 0, net.kernel.time)
    return entry < 0 ? null : [neighbors.high(entry), neighbors.low(entry)]
  }
  const isKnown = (address: Words): boolean => neighbors.isKnown(Int32Array.from(address), 0)
  return { net, frames, find, isKnown, drops: net.stack.input.drops }
}

const answers = (frame: Uint8Array): Uint8Array[] => {
  const { net, frames } = stack()
  net.receive(frame)
  return frames
}

/** Stations of a frame: whom it is for, and who sends it. */
function stations(frame: Uint8Array): { to: Mac; from: Mac } {
  const view = new DataView(frame.buffer)
  const to: Mac = [ethernet.dstHigh(view, ETHERNET_AT), ethernet.dstLow(view, ETHERNET_AT)]
  return { to, from: [ethernet.srcHigh(view, ETHERNET_AT), ethernet.srcLow(view, ETHERNET_AT)] }
}

function checkAnswer(frame: Uint8Array, target: Words, to: Words, mac: Mac, flags: number): void {
  const { source, destination, hops, type, code, word, body } = readIcmp6(frame)
  assert.deepEqual([source, destination, hops, type, code], [target, to, 255, ndp.NEIGHBOR_ADVERTISEMENT, 0])
  assert.equal(word >>> 0, flags >>> 0)
  assert.deepEqual(wordsAt(body, TARGET_AT), target)
  const found = readOptions(frame)
  const own: Mac = [0x5256, target[3]]
  assert.deepEqual([found[options.TARGET_HIGH], found[options.TARGET_LOW]], own)
  assert.deepEqual(stations(frame), { to: mac, from: own })
}

test('each address of ours has a station of its own, which is a router (7.2.4)', () => {
  for (const target of [GATEWAY6, DNS6, ROUTER6]) {
    for (const source of [GUEST6, LINK_LOCAL]) {
      const [answer, ...more] = answers(solicitationFrame(target, { source }))
      assert.equal(more.length, 0)
      checkAnswer(answer!, target, source, GUEST_MAC, ndp.ROUTER | ndp.SOLICITED | OVERRIDE)
    }
    // Whether it is there still.
    const probe = solicitationFrame(target, { destination: target, source: GUEST6 }, [])
    checkAnswer(answers(probe)[0]!, target, GUEST6, GUEST_MAC, ndp.ROUTER | ndp.SOLICITED | OVERRIDE)
  }
})

test('the address of all routers of the network overrides nobody’s (RFC 4291, 2.6.1; RFC 4861, 7.2.7)', () => {
  checkAnswer(answers(solicitationFrame(NETWORK6))[0]!, NETWORK6, LINK_LOCAL, GUEST_MAC, ndp.ROUTER | ndp.SOLICITED)
})

test('who finds out whether an address of ours is free, hears that it is not, as everybody does (RFC 4862, 5.4.3)', () => {
  for (const target of [GATEWAY6, DNS6, ROUTER6]) {
    const [answer] = answers(solicitationFrame(target, { source: UNSPECIFIED }, []))
    checkAnswer(answer!, target, ALL_NODES, [0x3333, 1], ndp.ROUTER | OVERRIDE)
  }
})

test('the answer goes where the question says its sender is', () => {
  const [answer] = answers(solicitationFrame(GATEWAY6, { source: GUEST6 }, sourceLink(OTHER_MAC)))
  assert.deepEqual(stations(answer!).to, OTHER_MAC)
  // A group of stations is nobody's place.
  const [other] = answers(solicitationFrame(GATEWAY6, { source: GUEST6 }, sourceLink([0x3333, 1])))
  assert.deepEqual(stations(other!).to, GUEST_MAC)
})

test('nothing else is answered (7.1.1; RFC 6980, 5)', () => {
  const extensions = [fragment(0, 0)]
  const silent: [string, Uint8Array][] = [
    ['somebody else’s address', solicitationFrame(GUEST6)],
    ['nobody’s', solicitationFrame(NOBODY)],
    ['from beyond the link', solicitationFrame(GATEWAY6, { hops: 254 })],
    ['in a fragment, though it is all of it', solicitationFrame(GATEWAY6, { extensions })],
    ['with an option of no length', solicitationFrame(GATEWAY6, {}, [1, 0, 0, 0, 0, 0, 0, 0])],
    ['about a group', solicitationFrame(ALL_NODES, { destination: GATEWAY6 })],
    ['of ours about ours', solicitationFrame(GATEWAY6, { source: DNS6 })],
    ['a detection that says where it is', solicitationFrame(GATEWAY6, { source: UNSPECIFIED })],
    ['a detection to one', solicitationFrame(GATEWAY6, { source: UNSPECIFIED, destination: ALL_NODES }, [])],
    ['an answer', advertisementFrame(GUEST6, ndp.SOLICITED)],
  ]
  for (const [why, frame] of silent) assert.equal(answers(frame).length, 0, why)
  assert.equal(answers(solicitationFrame(GATEWAY6, { extensions: [destinationOptions()] })).length, 1)
})

test('a guest is asked for three times, a second apart, from our link-local address, and then given up (7.2.2)', () => {
  const { net, frames, find, isKnown } = stack()
  assert.equal(find(GUEST6), null)
  for (let i = 0; i < 3; i++) {
    const question = frames.pop()!
    assert.equal(frames.length, 0)
    const { source, destination, hops, type, body } = readIcmp6(question)
    assert.deepEqual([source, hops, type], [ROUTER6, 255, ndp.NEIGHBOR_SOLICITATION])
    assert.deepEqual(destination, [0xff020000 | 0, 0, 1, 0xff000000 | 0x100 | 0])
    assert.deepEqual(wordsAt(body, TARGET_AT), GUEST6)
    assert.deepEqual(stations(question), { to: [0x3333, 0xff000000 | 0x100 | 0], from: ROUTER_MAC })
    const found = readOptions(question)
    assert.deepEqual([found[options.SOURCE_HIGH], found[options.SOURCE_LOW]], ROUTER_MAC)
    net.stack.forwards.expire(net.kernel.time)
    net.kernel.time += 1000
    net.stack.forwards.expire(net.kernel.time)
  }
  assert.deepEqual([frames.length, isKnown(GUEST6)], [0, false])
})

test('an answer is believed with a MAC address alone (7.2.5)', () => {
  const { net, find, isKnown } = stack()
  find(GUEST6)
  net.receive(advertisementFrame(GUEST6, ndp.SOLICITED, {}, []))
  assert.deepEqual([find(GUEST6), isKnown(GUEST6)], [null, true])
  net.receive(advertisementFrame(GUEST6, ndp.SOLICITED, {}, targetLink([0x3333, 1])))
  assert.equal(find(GUEST6), null)
  net.receive(advertisementFrame(GUEST6, ndp.SOLICITED))
  assert.deepEqual(find(GUEST6), GUEST_MAC)
})

test('one that nobody has asked for opens nothing (7.2.5)', () => {
  const { net, isKnown } = stack()
  net.receive(advertisementFrame(GUEST6, OVERRIDE, { destination: ALL_NODES }))
  assert.equal(isKnown(GUEST6), false)
})

test('another MAC address counts if it overrides; if not, what we know is asked for again', () => {
  const { net, frames, find } = stack()
  find(GUEST6)
  net.receive(advertisementFrame(GUEST6, ndp.SOLICITED))
  frames.length = 0
  net.receive(advertisementFrame(GUEST6, 0, { destination: ALL_NODES }, targetLink(OTHER_MAC)))
  assert.deepEqual(find(GUEST6), GUEST_MAC)
  // Used, it is asked for after 5 s, there where it was.
  net.stack.forwards.expire(net.kernel.time)
  net.kernel.time += 5000
  net.stack.forwards.expire(net.kernel.time)
  assert.equal(frames.length, 1)
  assert.deepEqual([readIcmp6(frames[0]!).destination, stations(frames[0]!).to], [GUEST6, GUEST_MAC])
  net.receive(advertisementFrame(GUEST6, OVERRIDE, { destination: ALL_NODES }, targetLink(OTHER_MAC)))
  assert.deepEqual(find(GUEST6), OTHER_MAC)
})

test('a solicited answer without a MAC address confirms the one that is known', () => {
  const { net, frames, find } = stack()
  find(GUEST6)
  net.receive(advertisementFrame(GUEST6, ndp.SOLICITED))
  net.kernel.time += 40_000
  find(GUEST6)
  net.receive(advertisementFrame(GUEST6, ndp.SOLICITED, {}, []))
  frames.length = 0
  net.kernel.time += 20_000
  net.stack.forwards.expire(net.kernel.time)
  assert.deepEqual([find(GUEST6), frames.length], [GUEST_MAC, 0])
})

test('who asks us says where it is; who asks for others says nothing (7.2.3)', () => {
  const { net, find, isKnown } = stack()
  net.receive(solicitationFrame(NOBODY, { source: GUEST6 }))
  assert.equal(isKnown(GUEST6), false)
  net.receive(solicitationFrame(GATEWAY6, { source: GUEST6 }))
  net.receive(solicitationFrame(GATEWAY6, { source: LINK_LOCAL }, sourceLink(OTHER_MAC)))
  assert.deepEqual([find(GUEST6), find(LINK_LOCAL)], [GUEST_MAC, OTHER_MAC])
})

test('nobody is remembered who is not of the link, or who would be us', () => {
  const { net, isKnown } = stack()
  net.receive(solicitationFrame(GATEWAY6, { source: REMOTE6 }))
  assert.equal(isKnown(REMOTE6), false)
  for (const own of [GATEWAY6, DNS6, ROUTER6, NETWORK6]) {
    net.receive(advertisementFrame(own, OVERRIDE, { source: GUEST6, destination: ALL_NODES }))
    net.receive(solicitationFrame(GATEWAY6, { source: own }))
    assert.equal(isKnown(own), false)
  }
})

test('made-up addresses take the places of others like them, not of one that was just asked for', () => {
  const { net, find, isKnown } = stack()
  find(GUEST6)
  for (let i = 0; i < 1000; i++) {
    const source: Words = [0xfe800000 | 0, 0, 1, i]
    net.receive(solicitationFrame(GATEWAY6, { source } satisfies Partial<Route6>))
  }
  assert.ok(isKnown(GUEST6))
  net.receive(advertisementFrame(GUEST6, ndp.SOLICITED))
  assert.deepEqual(find(GUEST6), GUEST_MAC)
})

test('what is cut short, at any place, is nothing', () => {
  const frame = solicitationFrame(GATEWAY6)
  const { net, frames } = stack()
  for (let length = IP_AT; length < frame.length; length++) {
    const cut = frame.slice(0, length)
    // Its own header says so, too.
    if (length >= IP_AT + 40) new DataView(cut.buffer).setUint16(IP_AT + 4, length - IP_AT - 40)
    net.receive(cut)
  }
  assert.equal(frames.length, 0)
})

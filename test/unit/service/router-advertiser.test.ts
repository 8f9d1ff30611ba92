// The router of the guest's network (RFC 4861, 6.2): what it advertises, to whom, and when (RFC 4862, 5.5.3; RFC 8106).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as ethernet from '../../../src/wire/ethernet.js'
import * as ndp from '../../../src/wire/ndp.js'
import * as options from '../../../src/wire/ndp-options.js'
import { ETHERNET_AT, GUEST_MAC, IP_AT, type Mac } from '../../support/frames.js'
import {
  ALL_NODES,
  fragment,
  LINK_LOCAL,
  ROUTER_MAC,
  readIcmp6,
  readOptions,
  routerSolicitationFrame,
  sourceLink,
  TRANSPORT6_AT,
  UNSPECIFIED,
} from '../../support/frames6.js'
import { Random } from '../../support/random.js'
import { DNS6, GUEST6, IPV6, NETWORK6, ROUTER6, SimulatedStack } from '../../support/simulated-stack.js'

/** RFC 4861, 10 and 6.2.1. */
const SOON = 16_000
const MAX_INTERVAL = 600_000
const LEAST = 3_000
const EVERYBODY: Mac = [0x3333, 1]
const DETECTED = { source: UNSPECIFIED }

interface Advertised {
  readonly at: number
  readonly frame: Uint8Array
}

function start(o: { names?: readonly string[] | null; dhcp?: boolean; mtu?: number; start?: number } = {}) {
  const net = new SimulatedStack(new Random(1), {
    ipv6: IPV6,
    ...(o.mtu === undefined ? {} : { mtu: o.mtu }),
    ...(o.start === undefined ? {} : { start: o.start }),
  })
  const sent: Advertised[] = []
  net.kernel.onFrame = (frame) => sent.push({ at: net.kernel.time, frame })
  const names = o.names === undefined ? [] : o.names
  net.serveRouter(names === null ? null : { search: names }, o.dhcp ?? false)
  return { net, sent }
}

/** Whom an advertisement is for. */
function target(frame: Uint8Array): Mac {
  const view = new DataView(frame.buffer)
  return [ethernet.dstHigh(view, ETHERNET_AT), ethernet.dstLow(view, ETHERNET_AT)]
}

const lifetime = (frame: Uint8Array): number => ndp.routerLifetime(new DataView(frame.buffer), TRANSPORT6_AT)

test('it says who routes, what addresses to make, how long a packet may be, and where names are resolved', () => {
  const { sent } = start({ names: ['corp.example', 'lan'], mtu: 9000, dhcp: true })
  const { frame } = sent[0]!
  const { source, destination, hops, type } = readIcmp6(frame)
  assert.deepEqual([source, destination, hops, type], [ROUTER6, ALL_NODES, 255, ndp.ROUTER_ADVERTISEMENT])
  assert.deepEqual(target(frame), EVERYBODY)
  const view = new DataView(frame.buffer)
  const at = TRANSPORT6_AT
  assert.deepEqual([ndp.routerHopLimit(view, at), ndp.routerFlags(view, at), lifetime(frame)], [64, ndp.OTHER_CONFIGURATION, 1800])
  assert.deepEqual([ndp.reachableTime(view, at), ndp.retransTimer(view, at)], [0, 0])
  const found = readOptions(frame)
  assert.deepEqual([found[options.SOURCE_HIGH], found[options.SOURCE_LOW], found[options.MTU]], [...ROUTER_MAC, 9000])
  const prefix = at + found[options.PREFIX_AT]!
  assert.deepEqual([options.prefixLength(view, prefix), options.prefixFlags(view, prefix)], [64, options.ON_LINK | options.AUTONOMOUS])
  assert.deepEqual([options.validLifetime(view, prefix), options.preferredLifetime(view, prefix)], [2_592_000, 604_800])
  for (let i = 0; i < 4; i++) assert.equal(options.prefix(view, prefix, i), NETWORK6[i])
  const servers = at + found[options.RDNSS_AT]!
  assert.equal(options.serverCount(view, servers), 1)
  for (let i = 0; i < 4; i++) assert.equal(options.server(view, servers, 0, i), DNS6[i])
  // RFC 8106, 5.1: no shorter than the longest interval.
  assert.ok(options.lifetime(view, servers) * 1000 >= MAX_INTERVAL)
  const domains = at + found[options.DNSSL_AT]!
  const text = Buffer.from(frame.buffer, domains + 8, options.namesLength(view, domains)).toString('latin1')
  assert.ok(text.startsWith('\x04corp\x07example\0\x03lan\0'))
})

test('without a name server it names none, nor a list to search that is empty or cannot be said (RFC 8106, 5.2)', () => {
  for (const [names, hasServer] of [
    [null, false],
    [[], true],
    [['no good..name'], true],
  ] as const) {
    const found = readOptions(start({ names }).sent[0]!.frame)
    assert.deepEqual([found[options.RDNSS_AT] !== 0, found[options.DNSSL_AT]], [hasServer, 0])
  }
})

test('however many names there are, it fits a packet that every link takes', () => {
  const names = Array.from({ length: 200 }, (_, i) => `department-${i}.example`)
  const { frame } = start({ names }).sent[0]!
  assert.ok(frame.length - IP_AT <= 1280)
  assert.notEqual(readOptions(frame)[options.DNSSL_AT], 0)
})

test('unasked: when the link comes up, twice soon after that, and then every few minutes (6.2.4), whatever the clock says', () => {
  for (const begin of [1_000_000, -5_000_000, 0x7fff_f000]) {
    const { net, sent } = start({ start: begin | 0 })
    assert.equal(sent.length, 1)
    // Something has to begin the first turn.
    net.receive(routerSolicitationFrame())
    sent.splice(1)
    net.wait(24 * 3_600_000)
    const gaps = sent.slice(1).map(({ at }, i) => (at - sent[i]!.at) | 0)
    assert.deepEqual(gaps.slice(0, 2), [SOON, SOON])
    for (const gap of gaps.slice(2)) assert.ok(gap >= LEAST && gap <= MAX_INTERVAL && gap * 3 <= 1_800_000, `${gap}`)
    assert.ok(gaps.length > 100)
    for (const { frame } of sent) assert.deepEqual([target(frame), lifetime(frame)], [EVERYBODY, 1800])
  }
})

test('who asks is answered at once, and alone (6.2.6)', () => {
  const { net, sent } = start()
  sent.length = 0
  for (const source of [LINK_LOCAL, GUEST6]) {
    net.receive(routerSolicitationFrame({ source }))
    const { frame } = sent.pop()!
    assert.deepEqual([readIcmp6(frame).source, readIcmp6(frame).destination, target(frame)], [ROUTER6, source, GUEST_MAC])
    assert.equal(sent.length, 0)
  }
  net.receive(routerSolicitationFrame({}, sourceLink([0x0200, 0x9999])))
  assert.deepEqual(target(sent.pop()!.frame), [0x0200, 0x9999])
  net.receive(routerSolicitationFrame({}, []))
  assert.deepEqual(target(sent.pop()!.frame), GUEST_MAC)
})

test('who has no address yet is answered together with all others, who hear it no more often than every 3 s', () => {
  const { net, sent } = start()
  net.wait(1000)
  for (let i = 0; i < 100; i++) net.receive(routerSolicitationFrame(DETECTED, []))
  assert.equal(sent.length, 1)
  net.wait(LEAST - 1000)
  assert.deepEqual([sent.length, ((sent[1]!.at - sent[0]!.at) | 0) >= LEAST, target(sent[1]!.frame)], [2, true, EVERYBODY])
  net.wait(LEAST)
  net.receive(routerSolicitationFrame(DETECTED, []))
  assert.equal(sent.length, 3)
})

test('nonsense is not answered (6.1.1; RFC 6980, 5)', () => {
  const { net, sent } = start()
  sent.length = 0
  net.receive(
    routerSolicitationFrame({ hops: 64 }),
    routerSolicitationFrame({ source: UNSPECIFIED }),
    routerSolicitationFrame({ extensions: [fragment(0, 0)] }),
    routerSolicitationFrame({}, [1, 0, 0, 0, 0, 0, 0, 0]),
  )
  assert.deepEqual([sent.length, net.stack.input.drops.neighborDiscovery], [0, 4])
})

test('a link that goes away takes its router along (6.2.5), and one that is not there has none', () => {
  const { net, sent } = start()
  sent.length = 0
  net.stack.disconnect()
  assert.deepEqual([sent.length, lifetime(sent[0]!.frame), target(sent[0]!.frame)], [1, 0, EVERYBODY])
  net.receive(routerSolicitationFrame())
  net.wait(MAX_INTERVAL)
  net.stack.disconnect()
  assert.equal(sent.length, 1)
})

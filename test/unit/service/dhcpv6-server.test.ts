// Stateless DHCPv6, RFC 8415, 18.3.6: whom the server answers, and with what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Ipv6Addresses } from '../../../src/net/address-plan.js'
import { Dhcpv6Server } from '../../../src/service/dhcpv6-server.js'
import * as checksum from '../../../src/wire/checksum.js'
import * as ethernet from '../../../src/wire/ethernet.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import { ETHERTYPE_IPV6, PROTOCOL_ICMPV6, PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import * as udp from '../../../src/wire/udp.js'
import { ETHERNET_AT, IP_AT } from '../../support/frames.js'
import { forEachSeed, Random } from '../../support/random.js'
import { SimulatedStack } from '../../support/simulated-stack.js'
import { bytes } from '../wire/captured.js'
import { DHCLIENT_INFORMATION_REQUEST, DHCP6C_INFORMATION_REQUEST } from '../wire/captured-dhcp.js'

const DNS = 'fd000000000000000000000000000003'
/** DUID-LL of 52:56:00:00:00:02. */
const SERVER = '00030001525600000002'
const REQUEST = 0x0b
const UDP_AT = IP_AT + ipv6.HEADER_LENGTH
/** RFC 4861, 4.1 and 4.2. */
const [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, OTHER_CONFIGURATION] = [133, 134, 0x40] as const
/** What is left of a packet that every link takes. */
const MAX_REPLY = 1232

type Words = readonly [number, number, number, number]
const LINK_LOCAL: Words = [0xfe800000 | 0, 0, 0x48adbeff | 0, 0xfeef1064 | 0]
const GLOBAL: Words = [0xfd000000 | 0, 0, 0, 0x64]
const ALL_SERVERS: Words = [0xff020000 | 0, 0, 0, 0x00010002]
const ALL_ROUTERS: Words = [0xff020000 | 0, 0, 0, 2]
const ROUTER: Words = [0xfe800000 | 0, 0, 0, 2]
const network: Ipv6Addresses = {
  network: [0xfd000000 | 0, 0, 0, 0],
  prefix: 64,
  gateway: [0xfd000000 | 0, 0, 0, 2],
  dns: [0xfd000000 | 0, 0, 0, 3],
  guest: [0xfd000000 | 0, 0, 0, 0x100],
}

interface Options {
  readonly from?: Words
  readonly to?: Words
  readonly server?: boolean
  readonly search?: readonly string[]
}

function start(o: Options = {}): { net: SimulatedStack; frames: Uint8Array[] } {
  const net = new SimulatedStack(new Random(1), { ipv6: network })
  const frames: Uint8Array[] = []
  net.kernel.onFrame = (frame) => frames.push(frame.slice())
  const options = { dns: Int32Array.from(network.dns), search: () => o.search ?? [] }
  if (o.server !== false) net.stack.serveDhcpv6(new Dhcpv6Server(net.stack.udp, options))
  return { net, frames }
}

/** What a client sends. */
function frameOf(payload: Uint8Array, from: Words, to: Words): Uint8Array {
  const length = udp.HEADER_LENGTH + payload.length
  const frame = new Uint8Array(UDP_AT + length)
  const view = new DataView(frame.buffer)
  ethernet.write(view, ETHERNET_AT, 0x3333, to[3], 0x4aad, 0xbeef1064 | 0, ETHERTYPE_IPV6)
  ipv6.write(view, IP_AT, length, PROTOCOL_UDP, 1, 0, 0, ...from, ...to)
  frame.set(payload, UDP_AT + udp.HEADER_LENGTH)
  udp.write(view, UDP_AT, 546, 547, length)
  udp.setChecksum(view, UDP_AT, checksum.pseudoHeader6Of(...from, ...to, PROTOCOL_UDP, length))
  return frame
}

/** A host that asks for routers. */
function solicitation(): Uint8Array {
  const frame = new Uint8Array(UDP_AT + 8)
  const view = new DataView(frame.buffer)
  ethernet.write(view, ETHERNET_AT, 0x3333, ALL_ROUTERS[3], 0x4aad, 0xbeef1064 | 0, ETHERTYPE_IPV6)
  ipv6.write(view, IP_AT, 8, PROTOCOL_ICMPV6, 255, 0, 0, ...LINK_LOCAL, ...ALL_ROUTERS)
  view.setUint8(UDP_AT, ROUTER_SOLICITATION)
  const sum = checksum.pseudoHeader6Of(...LINK_LOCAL, ...ALL_ROUTERS, PROTOCOL_ICMPV6, 8)
  view.setUint16(UDP_AT + 2, checksum.finish(checksum.add(view, UDP_AT, 8, sum)))
  return frame
}

/** Type, transaction and options (code and value in hex) of the reply; null for none. */
function ask(payload: Uint8Array, o: Options = {}): { head: string; options: [number, string][] } | null {
  const { net, frames } = start(o)
  net.receive(frameOf(payload, o.from ?? LINK_LOCAL, o.to ?? ALL_SERVERS))
  assert.equal(net.kernel.datagrams.length, 0, 'it was passed on to the host')
  assert.ok(frames.length <= 1)
  net.stack.close()
  net.assertEmpty()
  return frames[0] === undefined ? null : decode(frames[0])
}

/** Reads a reply, which must be for the client and have its checksum. */
function decode(frame: Uint8Array): { head: string; options: [number, string][] } {
  const view = new DataView(frame.buffer)
  const words = Array.from({ length: 8 }, (_, i) => view.getInt32(IP_AT + ipv6.SOURCE_OFFSET + 4 * i))
  assert.deepEqual(words, [...ROUTER, ...LINK_LOCAL])
  assert.deepEqual([ethernet.dstHigh(view, ETHERNET_AT), ethernet.dstLow(view, ETHERNET_AT)], [0x4aad, 0xbeef1064 | 0])
  assert.deepEqual([udp.srcPort(view, UDP_AT), udp.dstPort(view, UDP_AT)], [547, 546])
  const size = udp.length(view, UDP_AT)
  assert.equal(size, frame.length - UDP_AT)
  assert.ok(size <= udp.HEADER_LENGTH + MAX_REPLY)
  const sum = checksum.pseudoHeader6Of(...ROUTER, ...LINK_LOCAL, PROTOCOL_UDP, size)
  assert.ok(udp.checksumIsRight(view, UDP_AT, sum))
  const hex = Buffer.from(frame.subarray(UDP_AT + udp.HEADER_LENGTH)).toString('hex')
  const options: [number, string][] = []
  for (let i = 8; i < hex.length; ) {
    const length = 2 * Number.parseInt(hex.slice(i + 4, i + 8), 16)
    options.push([Number.parseInt(hex.slice(i, i + 4), 16), hex.slice(i + 8, i + 8 + length)])
    i += 8 + length
    assert.ok(i <= hex.length)
  }
  return { head: hex.slice(0, 8), options }
}

const request = (options: string, type = REQUEST): Uint8Array => bytes(`${type.toString(16).padStart(2, '0')}abcdef ${options}`)

test('a captured client is told DNS server and domains, in the order it asks for them', () => {
  assert.deepEqual(ask(bytes(DHCLIENT_INFORMATION_REQUEST), { search: ['corp.example'] }), {
    head: '077b23c6',
    options: [
      [2, SERVER],
      [1, '000300014aadbeef1064'],
      [23, DNS],
      [24, '04636f7270076578616d706c6500'],
    ],
  })
})

test('who asks for nothing is told everything, and when to ask again', () => {
  const told = ask(bytes(DHCP6C_INFORMATION_REQUEST))!.options.slice(2)
  assert.deepEqual(told, [
    [23, DNS],
    [32, '00015180'],
  ])
  assert.deepEqual(
    ask(request(''), { search: ['corp.example'] })!.options.map(([code]) => code),
    [2, 23, 24, 32],
  )
})

test('domains that do not fit are left out, and the others told', () => {
  const search = Array.from({ length: 100 }, (_, i) => `zone-${i}.${'x'.repeat(40)}.example`)
  const client = 'ab'.repeat(130)
  const { options } = ask(request(`00010082${client} 0006000400180017`), { search })!
  assert.deepEqual(
    options.map(([code]) => code),
    [2, 1, 24, 23],
  )
  assert.ok(options[2]![1].length / 2 > 700)
})

test('only a request for information, and one for us, is answered (RFC 8415, 16.12)', () => {
  assert.notEqual(ask(request(`0002000a${SERVER}`)), null)
  assert.equal(ask(request('0002000a00030001525600000003')), null)
  // SOLICIT, REQUEST, RENEW, CONFIRM, RELEASE, REPLY, RELAY-FORW.
  for (const type of [1, 3, 5, 4, 8, 7, 12, 0, 255]) assert.equal(ask(request('', type)), null)
  // An identity association; an option that reaches past the end; a truncated header.
  assert.equal(ask(request(`0003000c${'00'.repeat(12)}`)), null)
  assert.equal(ask(request('00060003001700')), null)
  assert.equal(ask(request('000600080017')), null)
  assert.equal(ask(bytes('0babcd')), null)
})

test('only what a client of the link asks all servers of it (RFC 8415, 13.1 and 16)', () => {
  const message = request('')
  assert.notEqual(ask(message), null)
  assert.equal(ask(message, { from: GLOBAL }), null)
  // All servers of the site, which only relays ask.
  assert.equal(ask(message, { to: [0xff050000 | 0, 0, 0, 0x00010003] }), null)
  assert.equal(ask(message, { server: false }), null)
})

test('the router sends clients here where there is something to learn (RFC 4861, 4.2: other configuration)', () => {
  for (const [hasNames, hasDhcp, isAsked] of [
    [true, true, true],
    [true, false, false],
    [false, true, false],
  ]) {
    const { net, frames } = start()
    net.serveRouter(hasNames === true ? { search: [] } : null, hasDhcp === true)
    net.receive(solicitation())
    net.stack.close()
    const advertisement = frames.find((frame) => frame[UDP_AT] === ROUTER_ADVERTISEMENT)
    assert.ok(advertisement !== undefined, 'no advertisement')
    assert.equal((advertisement[UDP_AT + 5]! & OTHER_CONFIGURATION) !== 0, isAsked)
  }
})

test('no message makes it throw or write too much', () => {
  const search = ['corp.example', '', 'no name']
  let answered = 0
  forEachSeed('dhcpv6-server.test', 500, (random) => {
    const message = Uint8Array.from(bytes(DHCLIENT_INFORMATION_REQUEST))
    for (let n = random.between(0, 3); n > 0; n--)
      message[random.below(message.length)] = random.pick([0, 1, 2, 6, 11, 23, 255, random.below(256)])
    if (ask(message.subarray(0, random.chance(80) ? message.length : random.below(message.length)), { search }) !== null) answered++
  })
  assert.ok(answered > 50 || process.env['NETLOOM_RUNS'] !== undefined, `${answered} of 500`)
})

// What counts as the host's own, in every form that a packet or a name server's record can have it in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Census, Gate } from '../../../src/flow/gate.js'
import type { HostAddress } from '../../../src/host/host-addresses.js'
import { filtered, LocalAddresses } from '../../../src/host/local-addresses.js'
import { Interface } from '../../../src/net/interface.js'
import { Arena, MAX_FRAME } from '../../../src/packet/arena.js'
import { formatAny, mapped, parse, parseAny, type Words } from '../../../src/wire/address.js'
import { inboundTo, inboundTo6 } from '../../support/ends.js'

const owned = (text: string, prefix: number, broadcast: string | null = null): HostAddress => ({
  name: 'eth0',
  family: text.includes(':') ? 6 : 4,
  words: parseAny(text)!,
  prefix,
  broadcast: broadcast === null ? null : parseAny(broadcast),
  isUsable: true,
  isDeprecated: false,
})

const HOST = {
  isKnown: true,
  addresses: [
    owned('192.168.7.20', 24, '192.168.7.255'),
    owned('10.8.0.6', 32),
    owned('172.17.0.1', 16),
    owned('100.64.1.1', 31),
    owned('2001:db8:7::20', 64),
    owned('fdaa::1', 48),
  ],
  routes: [
    { words: parseAny('198.18.0.0')!, length: 96 + 15 },
    { words: parseAny('2001:db8:9::')!, length: 48 },
  ],
}

const OWN = [
  ...['192.168.7.20', '192.168.7.255', '192.168.7.0', '10.8.0.6', '172.17.0.1', '172.17.255.255', '172.17.0.0', '100.64.1.1'],
  ...['198.18.0.0', '198.19.255.255', '169.254.169.254', '169.254.0.0', '169.254.255.255', '127.0.0.1', '127.255.255.255', '0.0.0.0'],
  ...['168.63.129.16', '100.100.100.200'],
]
const OWN6 = [
  '2001:db8:7::20',
  'fdaa::1',
  '2001:db8:9::1',
  '2001:db8:9:ffff::',
  'fe80::1',
  'febf::1',
  '::',
  '::1',
  'fd00:ec2::254',
  'fd20:ce::254',
]
/** Neighbours, and others. */
const OTHERS = [
  '192.168.7.21',
  '192.168.8.20',
  '10.8.0.7',
  '172.17.0.2',
  '100.64.1.0',
  '198.20.0.1',
  '169.253.255.255',
  '170.0.0.1',
  '1.1.1.1',
  '128.0.0.1',
]
const OTHERS6 = ['2001:db8:7::21', 'fdaa::2', '2001:db8:a::1', 'fec0::1', '2001:4860:4860::8888', 'fd00:ec2::253', '::2']

const ROOM: Census = { admits: () => true, admitsClient: () => true }
const local = new LocalAddresses(HOST)
const iface = new Interface(new Arena(new ArrayBuffer(4 * MAX_FRAME)), {
  ...{ network: parse('10.0.2.0')!, prefix: 24, gateway: parse('10.0.2.2')!, dns: parse('10.0.2.3')!, guest: parse('10.0.2.100')! },
  ipv6: {
    network: [0xfd000000 | 0, 0, 0, 0],
    prefix: 64,
    gateway: parseAny('fd00::2')!,
    dns: parseAny('fd00::3')!,
    guest: parseAny('fd00::100')!,
  },
})
const gate = new Gate(iface, ROOM, { allowsHostLoopback: false, hasDns: true, closed: local })

/** Whether the gate lets none of the three kinds of flow go to an address. */
function isClosed(words: Words): boolean {
  const isIpv4 = words[0] === 0 && words[1] === 0 && words[2] === 0xffff
  const to = (port: number) => (isIpv4 ? inboundTo(parse('10.0.2.100')!, words[3], port) : inboundTo6(parseAny('fd00::100')!, words, port))
  const verdicts = [gate.tcp(to(80)).verdict, gate.udp(to(80)).verdict, gate.ping(to(0)).verdict]
  assert.equal(new Set(verdicts).size, 1)
  return verdicts[0] !== 'allow'
}

const embedded = (text: string): Words[] => {
  const a = parse(text)!
  const v48: Words = [0x64ff9b, 0x00010000 | (a >>> 16), (a & 0xffff) << 8, 0]
  const v56: Words = [0x64ff9b, 0x00012300 | (a >>> 24), a & 0xffffff, 0]
  const v64: Words = [0x64ff9b, 0x00012345, a >>> 8, (a & 0xff) << 24]
  return [[0x64ff9b, 0, 0, a], [0x64ff9b, 0x00010000, 0, a], [0x64ff9b, 0x00010000, 0x12345678, a], v48, v56, v64]
}

test('the host’s own addresses, and what is broadcast or only there for it, are closed', () => {
  for (const text of [...OWN, ...OWN6]) {
    assert.ok(filtered(local, parseAny(text)!), text)
    assert.ok(isClosed(parseAny(text)!), text)
  }
})

test('what IPv6 may be translated to is closed with it', () => {
  for (const text of OWN) for (const words of embedded(text)) assert.ok(isClosed(words), formatAny(...words))
  for (const text of OTHERS) assert.ok(!isClosed(embedded(text)[0]!), text)
})

test('neighbours and others are open', () => {
  for (const text of [...OTHERS, ...OTHERS6.filter((one) => one !== '::2')]) assert.ok(!isClosed(parseAny(text)!), text)
})

test('an address is closed however it is written', () => {
  const spelled = (text: string): fc.Arbitrary<string> => {
    const [a = 0, b = 0, c = 0, d = 0] = parseAny(text)!
    const groups = [a, b, c, d].flatMap((word) => [word >>> 16, word & 0xffff]).map((group) => group.toString(16))
    const long = groups.map((group) => group.padStart(4, '0')).join(':')
    const forms = [long, long.toUpperCase(), groups.join(':'), formatAny(a, b, c, d)]
    if (!text.includes(':')) forms.push(`::ffff:${text}`, `::FFFF:${groups[6]}:${groups[7]}`, `0:0:0:0:0:ffff:${text}`)
    return fc.constantFrom(...forms)
  }
  fc.assert(
    fc.property(fc.constantFrom(...OWN, ...OWN6).chain(spelled), (text) => {
      const words = parseAny(text)
      assert.ok(words !== null, text)
      assert.ok(isClosed(words), text)
    }),
  )
})

test('no address that the host owns is open, whatever it owns', () => {
  const ipv4 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
  fc.assert(
    fc.property(fc.array(fc.tuple(ipv4, fc.integer({ min: 1, max: 32 })), { minLength: 1, maxLength: 8 }), (all) => {
      const addresses = all.map(([word, prefix]) => owned(formatAny(...mapped(word)), prefix))
      const own = new LocalAddresses({ isKnown: true, addresses, routes: [] })
      const g = new Gate(iface, ROOM, { allowsHostLoopback: false, hasDns: true, closed: own })
      for (const [word, prefix] of all) {
        const mask = -1 << (32 - prefix)
        for (const address of prefix < 31 ? [word, word | ~mask, word & mask] : [word])
          assert.notEqual(g.tcp(inboundTo(parse('10.0.2.100')!, address, 80)).verdict, 'allow')
      }
    }),
  )
})

test('what changes counts from then on; while nothing is known everything is closed', () => {
  const host = { isKnown: true, addresses: [owned('192.0.2.9', 24)], routes: [] }
  const own = new LocalAddresses(host)
  assert.ok(!filtered(own, parseAny('192.0.2.10')!))
  host.addresses = [owned('192.0.2.10', 24)]
  own.update()
  assert.ok(filtered(own, parseAny('192.0.2.10')!))
  assert.ok(!filtered(own, parseAny('192.0.2.9')!))
  host.isKnown = false
  own.update()
  assert.ok(filtered(own, parseAny('1.1.1.1')!))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Census, Gate, type Verdict } from '../../../src/flow/gate.js'
import { Interface } from '../../../src/net/interface.js'
import { Arena, MAX_FRAME } from '../../../src/packet/arena.js'
import { parse } from '../../../src/wire/address.js'
import { inboundTo } from '../../support/ends.js'

const word = (text: string): number => parse(text)!
const iface = (): Interface =>
  new Interface(new Arena(new ArrayBuffer(4 * MAX_FRAME)), {
    network: word('10.0.2.0'),
    prefix: 24,
    gateway: word('10.0.2.2'),
    dns: word('10.0.2.3'),
    guest: word('10.0.2.100'),
  })
const GUEST = word('10.0.2.100')
const ROOM: Census = { admits: () => true, admitsClient: () => true }
const gate = (allowsHostLoopback = true, hasDns = true, census = ROOM): Gate => new Gate(iface(), census, { allowsHostLoopback, hasDns })

test('the gateway address is the loopback of the host', () => {
  const d = gate().tcp(inboundTo(GUEST, word('10.0.2.2'), 8080))
  assert.deepEqual([d.verdict, d.address2, d.address3, d.port], ['allow', 0xffff, word('127.0.0.1'), 8080])
})

test('without host loopback no form of it is reached', () => {
  const g = gate(false)
  for (const address of ['10.0.2.2', '127.0.0.1', '127.0.0.2', '127.255.255.255', '0.0.0.0', '0.1.2.3']) {
    for (const verdict of [
      g.tcp(inboundTo(GUEST, word(address), 80)).verdict,
      g.udp(inboundTo(GUEST, word(address), 80)).verdict,
      g.ping(inboundTo(GUEST, word(address))).verdict,
    ]) {
      assert.equal(verdict, 'network-unreachable', address)
    }
  }
})

test('loopback, this network, multicast and reserved addresses are never destinations', () => {
  const wanted: Record<string, Verdict> = {
    '127.0.0.1': 'network-unreachable',
    '0.0.0.0': 'network-unreachable',
    '224.0.0.1': 'network-unreachable',
    '240.0.0.1': 'network-unreachable',
    '255.255.255.255': 'network-unreachable',
    '10.0.2.77': 'host-unreachable',
    '192.0.2.1': 'allow',
    '10.0.3.1': 'allow',
  }
  for (const [address, verdict] of Object.entries(wanted))
    assert.equal(gate().tcp(inboundTo(GUEST, word(address), 80)).verdict, verdict, address)
})

test('port 53 of the DNS address is the forwarder, by either transport; its other ports go nowhere', () => {
  const g = gate()
  assert.equal(g.tcp(inboundTo(GUEST, word('10.0.2.3'), 53)).verdict, 'dns')
  assert.equal(g.udp(inboundTo(GUEST, word('10.0.2.3'), 53)).verdict, 'dns')
  assert.equal(g.refused, 0)
  assert.equal(g.tcp(inboundTo(GUEST, word('10.0.2.3'), 80)).verdict, 'network-unreachable')
  assert.equal(g.udp(inboundTo(GUEST, word('10.0.2.3'), 54)).verdict, 'network-unreachable')
})

test('without DNS its address is nobody', () => {
  const g = gate(true, false)
  assert.equal(g.udp(inboundTo(GUEST, word('10.0.2.3'), 53)).verdict, 'network-unreachable')
  assert.equal(g.tcp(inboundTo(GUEST, word('10.0.2.3'), 53)).verdict, 'network-unreachable')
})

test('an address without DNS that is to be silent is so for every port and protocol, and counts as refused', () => {
  const g = new Gate(iface(), ROOM, { allowsHostLoopback: true, hasDns: false, isDnsSilent: true })
  const to = (port: number) => inboundTo(GUEST, word('10.0.2.3'), port)
  assert.deepEqual([g.tcp(to(53)).verdict, g.tcp(to(80)).verdict, g.udp(to(53)).verdict], ['silence', 'silence', 'silence'])
  assert.equal(g.refused, 3)
})

test('refusals are counted', () => {
  const g = gate()
  g.tcp(inboundTo(GUEST, word('127.0.0.1'), 1))
  g.tcp(inboundTo(GUEST, word('192.0.2.1'), 1))
  assert.equal(g.refused, 1)
})

test('a connection too many is prohibited wherever it goes, and counted by itself', () => {
  const asked: number[][] = []
  const full: Census = {
    admits: (words, at) => {
      asked.push([words[at + 3]!, words[at + 7]!])
      return false
    },
    admitsClient: () => false,
  }
  const g = gate(true, true, full)
  assert.equal(g.tcp(inboundTo(GUEST, word('192.0.2.1'), 80)).verdict, 'prohibited')
  assert.equal(g.tcp(inboundTo(GUEST, word('10.0.2.3'), 53)).verdict, 'prohibited')
  assert.deepEqual([g.limited, g.refused], [2, 0])
  assert.equal(g.tcp(inboundTo(GUEST, word('127.0.0.1'), 80)).verdict, 'network-unreachable')
  assert.deepEqual([g.limited, g.refused], [2, 1])
  assert.deepEqual(asked, [
    [GUEST, word('192.0.2.1')],
    [GUEST, word('10.0.2.3')],
  ])
})

test('a datagram may go where it may, and begin a flow only when its guest has room', () => {
  let room = 1
  const admits = (words: Int32Array, at: number, hasRemote: boolean): boolean => words[at + 3] === GUEST && !hasRemote && room-- > 0
  const g = gate(true, true, { ...ROOM, admits })
  assert.equal(g.begins(inboundTo(GUEST, 0)), true)
  assert.equal(g.begins(inboundTo(GUEST, 0)), false)
  assert.equal(g.udp(inboundTo(GUEST, word('192.0.2.1'), 80)).verdict, 'allow')
  assert.deepEqual([g.limited, g.refused], [1, 0])
})

// Stateless DHCPv6, RFC 8415, 18.3.6: whom the server answers, and with what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Dhcpv6Server, MAX_REPLY } from '../../../src/service/dhcpv6-server.js'
import { forEachSeed } from '../../support/random.js'
import { bytes } from '../wire/captured.js'
import { DHCLIENT_INFORMATION_REQUEST, DHCP6C_INFORMATION_REQUEST } from '../wire/captured-dhcp.js'

const DNS = 'fd000000000000000000000000000003'
/** DUID-LL of 52:55:0a:00:02:02. */
const SERVER = '0003000152550a000202'
const REQUEST = 0x0b

let search: readonly string[] = []
const server = new Dhcpv6Server(0x5255, 0x0a000202, { dns: Int32Array.of(0xfd000000, 0, 0, 3), search: () => search })

/** Type, transaction and options (code and value in hex) of the reply; null for none. */
function ask(request: Uint8Array): { head: string; options: [number, string][] } | null {
  const memory = new Uint8Array(MAX_REPLY + 16 + request.length).fill(0xa5)
  memory.set(request, MAX_REPLY + 16)
  const length = server.answer(new DataView(memory.buffer), MAX_REPLY + 16, request.length, 0)
  assert.ok(length <= MAX_REPLY)
  assert.ok(memory.subarray(length, MAX_REPLY + 16).every((byte) => byte === 0xa5))
  if (length === 0) return null
  const hex = Buffer.from(memory.subarray(0, length)).toString('hex')
  const options: [number, string][] = []
  for (let i = 8; i < hex.length; ) {
    const size = 2 * Number.parseInt(hex.slice(i + 4, i + 8), 16)
    options.push([Number.parseInt(hex.slice(i, i + 4), 16), hex.slice(i + 8, i + 8 + size)])
    i += 8 + size
    assert.ok(i <= hex.length)
  }
  return { head: hex.slice(0, 8), options }
}

const request = (options: string, type = REQUEST): Uint8Array => bytes(`${type.toString(16).padStart(2, '0')}abcdef ${options}`)

test('a captured client is told DNS server and domains, in the order it asks for them', () => {
  search = ['corp.example']
  assert.deepEqual(ask(bytes(DHCLIENT_INFORMATION_REQUEST)), {
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
  search = []
  const told = ask(bytes(DHCP6C_INFORMATION_REQUEST))!.options.slice(2)
  assert.deepEqual(told, [
    [23, DNS],
    [32, '00015180'],
  ])
  search = ['corp.example']
  assert.deepEqual(
    ask(request(''))!.options.map(([code]) => code),
    [2, 23, 24, 32],
  )
})

test('domains that do not fit are left out, and the others told', () => {
  search = Array.from({ length: 100 }, (_, i) => `zone-${i}.${'x'.repeat(40)}.example`)
  const client = 'ab'.repeat(130)
  const { options } = ask(request(`00010082${client} 0006000400180017`))!
  assert.deepEqual(
    options.map(([code]) => code),
    [2, 1, 24, 23],
  )
  assert.ok(options[2]![1].length / 2 > 700)
  search = []
})

test('only a request for information, and one for us, is answered (RFC 8415, 16.12)', () => {
  assert.notEqual(ask(request(`0002000a${SERVER}`)), null)
  assert.equal(ask(request('0002000a0003000152550a000203')), null)
  // SOLICIT, REQUEST, RENEW, CONFIRM, RELEASE, REPLY, RELAY-FORW.
  for (const type of [1, 3, 5, 4, 8, 7, 12, 0, 255]) assert.equal(ask(request('', type)), null)
  // An identity association; an option that reaches past the end; a truncated header.
  assert.equal(ask(request(`0003000c${'00'.repeat(12)}`)), null)
  assert.equal(ask(request('00060003001700')), null)
  assert.equal(ask(request('000600080017')), null)
  assert.equal(ask(bytes('0babcd')), null)
})

test('no message makes it throw or write too much', () => {
  search = ['corp.example', '', 'no name']
  let answered = 0
  forEachSeed('dhcpv6-server.test', 500, (random) => {
    const message = Uint8Array.from(bytes(DHCLIENT_INFORMATION_REQUEST))
    for (let n = random.between(0, 3); n > 0; n--)
      message[random.below(message.length)] = random.pick([0, 1, 2, 6, 11, 23, 255, random.below(256)])
    if (ask(message.subarray(0, random.chance(80) ? message.length : random.below(message.length))) !== null) answered++
  })
  assert.ok(answered > 50 || process.env['NETLOOM_RUNS'] !== undefined, `${answered} of 500`)
  search = []
})

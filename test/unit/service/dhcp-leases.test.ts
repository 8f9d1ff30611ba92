// Which addresses DHCP gives in networks of every size.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveOptions } from '../../../src/app/options.js'
import { planPool } from '../../../src/service/dhcp-leases.js'
import { broadcast, format } from '../../../src/wire/address.js'

const pool = (cidr: string): string[] => planPool(resolveOptions({ cidr }).addresses).map(format)

const range = (base: string, first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${base}.${first + i}`)

test('sixteen addresses from .15 on, as slirp4netns has it', () => {
  assert.deepEqual(pool('10.0.2.0/24'), range('10.0.2', 15, 30))
  assert.deepEqual(pool('192.168.0.0/16'), range('192.168.0', 15, 30))
  assert.deepEqual(pool('10.1.1.128/25'), range('10.1.1', 143, 158))
  assert.deepEqual(pool('128.0.0.0/2'), range('128.0.0', 15, 30))
})

test('a network that ends sooner gives what it has, but for the address of the sandbox', () => {
  assert.deepEqual(pool('10.0.2.0/27'), range('10.0.2', 15, 29))
  assert.deepEqual(pool('192.0.2.224/28'), range('192.0.2', 228, 237))
  assert.deepEqual(pool('192.0.2.248/29'), range('192.0.2', 252, 253))
})

test('no network gives an address that is somebody’s', () => {
  for (let prefix = 2; prefix <= 29; prefix++) {
    const { addresses } = resolveOptions({ cidr: `128.0.0.0/${prefix}` })
    const { network, gateway, dns, guest } = addresses
    const given = planPool(addresses)
    assert.ok(given.length > 0 && given.length <= 16)
    for (const address of [network, gateway, dns, guest, broadcast(network, addresses.prefix)]) assert.ok(!given.includes(address))
    for (const address of given) assert.ok(address > network && address < broadcast(network, addresses.prefix))
  }
})

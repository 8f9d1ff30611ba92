// The kernel's messages taken apart, whatever they are; and a real kernel asked.
import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import { HostAddresses } from '../../../src/host/host-addresses.js'
import { filtered, LocalAddresses } from '../../../src/host/local-addresses.js'
import * as netlink from '../../../src/host/netlink.js'
import { formatAny, parseAny } from '../../../src/wire/address.js'

test('no bytes are read beyond a message, an attribute or what was received', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), (bytes, fixed) => {
      const padded = new Uint8Array(bytes.length + 64).fill(0xff)
      padded.set(bytes, 32)
      for (const { body } of netlink.messages(padded.subarray(32, 32 + bytes.length))) {
        assert.ok(body.byteOffset >= 32 && body.byteOffset + body.byteLength <= 32 + bytes.length)
        for (const data of netlink.attributes(body, fixed).values()) {
          assert.ok(data.byteOffset >= body.byteOffset && data.byteOffset + data.byteLength <= body.byteOffset + body.byteLength)
          netlink.text(data)
        }
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a message and its attributes are found at their places', () => {
  const request = netlink.dumpRequest(netlink.RTM_GETADDR, 7, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0))
  const [first, second] = netlink.messages(Uint8Array.from([...request, ...request, 1, 2, 3]))
  assert.deepEqual([first?.type, first?.sequence, first?.body.byteLength], [netlink.RTM_GETADDR, 7, 8])
  assert.equal(second?.body.getUint8(0), 2)
})

test('every address that this machine has is known, and its loopback’s routes', () => {
  const host = new HostAddresses(true)
  try {
    const local = new LocalAddresses(host)
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    assert.ok(own.length > 0)
    for (const { address } of own) {
      assert.ok(
        host.addresses.some(({ words }) => formatAny(...words) === formatAny(...parseAny(address)!)),
        address,
      )
      assert.ok(filtered(local, parseAny(address)!), address)
    }
    assert.ok(host.routes.some(({ words }) => formatAny(...words) === '127.0.0.1'))
  } finally {
    host.close()
  }
})

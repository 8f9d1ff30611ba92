// Port forwards as people write them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVERY_PORT, parsePublish, parsePublished, parseRange } from '../../../src/app/publish-spec.js'
import { NetloomError } from '../../../src/util/errors.js'

const GOOD: readonly (readonly [string, ReturnType<typeof parsePublish>])[] = [
  ['8080:80', [{ hostPort: 8080, guestPort: 80 }]],
  ['80', [{ hostPort: 0, guestPort: 80 }]],
  [':80', [{ hostPort: 0, guestPort: 80 }]],
  ['0:80', [{ hostPort: 0, guestPort: 80 }]],
  ['127.0.0.1::80', [{ hostAddress: '127.0.0.1', hostPort: 0, guestPort: 80 }]],
  ['127.0.0.1:8080:80', [{ hostAddress: '127.0.0.1', hostPort: 8080, guestPort: 80 }]],
  ['[::1]:8080:80', [{ hostAddress: '::1', hostPort: 8080, guestPort: 80 }]],
  ['[::1]::80/tcp6', [{ hostAddress: '::1', hostPort: 0, guestPort: 80, guestFamily: 6 }]],
  ['53:53/udp', [{ hostPort: 53, guestPort: 53, protocol: 'udp' }]],
  ['8080:80/tcp', [{ hostPort: 8080, guestPort: 80 }]],
  ['8080:80/TCP', [{ hostPort: 8080, guestPort: 80 }]],
  ['53:53/Udp6', [{ hostAddress: '::', hostPort: 53, guestPort: 53, protocol: 'udp', guestFamily: 6 }]],
  ['[fe80::1%eth0]:80:80', [{ hostAddress: 'fe80::1%eth0', hostPort: 80, guestPort: 80 }]],
  ['8080:80/tcp4', [{ hostAddress: '0.0.0.0', hostPort: 8080, guestPort: 80 }]],
  ['8080:80/tcp6', [{ hostAddress: '::', hostPort: 8080, guestPort: 80, guestFamily: 6 }]],
  [
    '8000-8001:9000-9001',
    [
      { hostPort: 8000, guestPort: 9000 },
      { hostPort: 8001, guestPort: 9001 },
    ],
  ],
  [
    '1:2,3:4',
    [
      { hostPort: 1, guestPort: 2 },
      { hostPort: 3, guestPort: 4 },
    ],
  ],
  ['65535:65535', [{ hostPort: 65_535, guestPort: 65_535 }]],
]

for (const [text, expected] of GOOD) test(`'${text}'`, () => assert.deepEqual(parsePublish(text), expected))

test('an interface is known by its name, whatever its addresses, and has to have one that suits', () => {
  const item = { address: '192.0.2.1', netmask: '255.255.255.0', family: 'IPv4' as const, mac: '', internal: false, cidr: null }
  const linkLocal = { ...item, address: 'fe80::1', family: 'IPv6' as const, scopeid: 1 }
  const interfaces = { eth0: [item, linkLocal] }
  const expected = { hostInterface: 'eth0', hostPort: 8080, guestPort: 80 }
  assert.deepEqual(parsePublish('eth0:8080:80', interfaces), [expected])
  assert.deepEqual(parsePublish('eth0:8080:80/tcp4', interfaces), [{ ...expected, hostFamily: 4 }])
  assert.throws(() => parsePublish('eth0:8080:80/tcp6', interfaces), { code: 'ERR_PUBLISH', message: /no address/ })
  assert.throws(() => parsePublish('eth1:8080:80', interfaces), { code: 'ERR_PUBLISH', message: /eth1/ })
  assert.deepEqual(parsePublished('eth0:8080:80/tcp6'), [{ ...expected, hostFamily: 6, guestFamily: 6 }])
})

const BAD = [
  '',
  ':',
  '0',
  'x',
  '80:',
  '80:0',
  '80:70000',
  '70000:80',
  '1-2:3',
  '2-1:3-2',
  '0-1:2-3',
  '1:2:3:4',
  '[::1]',
  '[::1:80:80',
  '80:80/tcp/udp',
  '80:80/sctp',
  '80:80/constructor',
  '[fe80::1]:80:80',
  '[fe80::1%]:80:80',
  '[2001:db8::1%eth0]:80:80',
  '127.0.0.1%eth0:80:80',
  '1.2.3:80:80',
  '-1:80',
  '8 0:80',
  '80:80,',
]
test('ranges of ports to publish by themselves', () => {
  assert.deepEqual(parseRange('8080'), { first: 8080, last: 8080 })
  assert.deepEqual(parseRange('1-65535'), EVERY_PORT)
  for (const text of ['', '0', '0-9', '9-8', '1-65536', '1-', 'x', '1-2-3', ' 1']) {
    assert.throws(() => parseRange(text), {
      code: 'ERR_PUBLISH',
      exitCode: 2,
      message: /no range of ports from 1 to 65535; write it as in/,
    })
  }
})

for (const text of BAD) {
  test(`'${text}' is no port forward, and one line says why`, () => {
    assert.throws(
      () => parsePublish(text),
      (error: unknown) =>
        error instanceof NetloomError && error.code === 'ERR_PUBLISH' && error.exitCode === 2 && !error.message.includes('\n'),
    )
  })
}

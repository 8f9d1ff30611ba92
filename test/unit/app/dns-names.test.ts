import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DnsNamesOption, parseDnsNames, resolveDnsNames } from '../../../src/app/dns-names.js'
import { NetloomError } from '../../../src/util/errors.js'
import { formatAny } from '../../../src/wire/address.js'

const resolved = (option: DnsNamesOption): Record<string, string[]> =>
  Object.fromEntries([...resolveDnsNames(option)].map(([name, all]) => [name, all.map((words) => formatAny(...words))]))

function wrong(read: () => unknown, message: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof NetloomError)
    assert.deepEqual([error.code, error.exitCode], ['ERR_DNS_NAME', 2])
    assert.match(error.message, message)
    assert.doesNotMatch(error.message, /\n/)
    assert.notEqual(error.hint, '')
    return true
  })
}

test('a name has one address, or several of both families, each once', () => {
  assert.deepEqual(resolved({ 'db.test': '192.0.2.7' }), { 'db.test': ['192.0.2.7'] })
  assert.deepEqual(resolved({ db: ['192.0.2.7', '2001:db8::7', '2001:DB8:0::7', '::ffff:192.0.2.7'] }), {
    db: ['192.0.2.7', '2001:db8::7'],
  })
  assert.deepEqual(resolved({}), {})
})

test('letters are of either case, a final dot says nothing, and what is not ASCII is asked for in ASCII', () => {
  assert.deepEqual(resolved({ 'DB.Test': '192.0.2.7', 'db.test.': '192.0.2.8' }), { 'db.test': ['192.0.2.7', '192.0.2.8'] })
  assert.deepEqual(resolved({ 'Bücher.test': '192.0.2.7' }), { 'xn--bcher-kva.test': ['192.0.2.7'] })
  assert.deepEqual(resolved({ '_x._tcp.1-2': '192.0.2.7' }), { '_x._tcp.1-2': ['192.0.2.7'] })
})

test('what is no name is told so', () => {
  for (const [name, message] of [
    ['', /empty/],
    ['.', /empty/],
    ['10.0.0.1', /is an address/],
    ['2001:db8::1', /is an address/],
    ['a..b', /no name of a host/],
    ['.a', /no name of a host/],
    ['a b', /no name of a host/],
    ['*.test', /no name of a host/],
    ['a/b', /no name of a host/],
    ['localhost', /is the loopback of whoever asks/],
    ['LocalHost.', /is the loopback of whoever asks/],
    ['db.localhost', /is the loopback of whoever asks/],
    ['a\0', /no name of a host/],
    ['\ud800', /no name of a host/],
    [`${'x'.repeat(64)}.test`, /part of 64 characters/],
    [`${'x'.repeat(49)}.`.repeat(5) + 'x'.repeat(4), /more than 253 characters/],
  ] as const) {
    wrong(() => resolveDnsNames({ [name]: '192.0.2.7' }), message)
  }
  const longest = `${'x'.repeat(49)}.`.repeat(5) + 'x'.repeat(3)
  assert.deepEqual(Object.keys(resolved({ [longest]: '192.0.2.7' })), [longest])
})

test('so is what is no address', () => {
  for (const text of ['', '192.0.2', '192.0.2.256', '010.0.0.1', 'localhost', 'fe80::1%eth0', '[::1]', '192.0.2.7/24', ' 192.0.2.7']) {
    wrong(() => resolveDnsNames({ 'db.test': text }), /no IPv4 or IPv6 address/)
  }
  wrong(() => resolveDnsNames({ 'db.test': [] }), /no address/)
  const many = (count: number) => Array.from({ length: count }, (_, i) => `192.0.2.${i}`)
  wrong(() => resolveDnsNames({ 'db.test': many(129) }), /129 addresses, and 128 is the most/)
  assert.equal(resolved({ 'db.test': many(128) })['db.test']?.length, 128)
})

test('a command line says it once for each address', () => {
  assert.deepEqual(parseDnsNames('a=192.0.2.1,b.test=::1,a=2001:db8::1'), { a: ['192.0.2.1', '2001:db8::1'], 'b.test': ['::1'] })
  assert.deepEqual([...resolveDnsNames(parseDnsNames('__proto__=192.0.2.1')).keys()], ['__proto__'])
  wrong(() => parseDnsNames('db.test'), /'db.test' gives no name an address/)
  wrong(() => parseDnsNames(''), /gives no name an address/)
  wrong(() => parseDnsNames('a=192.0.2.1,192.0.2.2'), /'192.0.2.2' gives/)
  wrong(() => resolveDnsNames(parseDnsNames('=192.0.2.1')), /empty/)
  wrong(() => resolveDnsNames(parseDnsNames('192.0.2.1=db.test')), /is an address/)
})

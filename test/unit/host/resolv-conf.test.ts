import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResolvConf } from '../../../src/host/resolv-conf.js'
import { formatAny } from '../../../src/wire/address.js'

const servers = (content: string): string[] =>
  parseResolvConf(content).servers.map(({ address, zone }) => `${formatAny(...address)}${zone === '' ? '' : `%${zone}`}`)
const search = (content: string): readonly string[] => parseResolvConf(content).search
const options = (content: string): unknown[] => {
  const { timeout, attempts, rotate } = parseResolvConf(content)
  return [timeout, attempts, rotate]
}

test('reads name servers of both families', () => {
  assert.deepEqual(servers('nameserver 192.0.2.1\nnameserver\t2001:db8::53\n'), ['192.0.2.1', '2001:db8::53'])
  assert.deepEqual(servers('nameserver ::ffff:192.0.2.1'), ['192.0.2.1'])
})

test('a link-local server keeps its zone, no other has one, and what follows is cut off', () => {
  assert.deepEqual(servers('nameserver fe80::1%eth0\nnameserver  2001:db8::1%eth0   # the first\r\nnameserver 192.0.2.2;x\n'), [
    'fe80::1%eth0',
    '2001:db8::1',
    '192.0.2.2',
  ])
  assert.deepEqual(servers('nameserver fe80::1%3\r\nnameserver fe80::2\nnameserver fe80::3%'), ['fe80::1%3', 'fe80::2'])
})

test('skips comments, other keywords and junk', () => {
  const lines = [
    '# nameserver 192.0.2.10',
    ';nameserver 192.0.2.11',
    ' nameserver 192.0.2.12', // resolv.conf(5): the keyword starts the line
    'nameservers 192.0.2.13',
    'nameserver',
    'nameserver example.com',
    'nameserver 192.0.2',
    'nameserver 192.0.2.256',
    'nameserver 1::2::3',
    'search example.com',
    'options rotate timeout:1 attempts:1 ndots:5 edns0',
    'sortlist 192.0.2.0/24',
    '\0\u{1f980}',
    'nameserver 192.0.2.1',
  ]
  assert.deepEqual(servers(lines.join('\n')), ['192.0.2.1'])
})

test('takes the first three', () => {
  const lines = ['nameserver junk', ...[1, 2, 3, 4].map((n) => `nameserver 192.0.2.${n}`)]
  assert.deepEqual(servers(lines.join('\n')), ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
})

test('without a server it is the machine itself', () => {
  assert.deepEqual(servers(''), ['127.0.0.1'])
  assert.deepEqual(servers('search example.com\n'), ['127.0.0.1'])
})

test('of search and domain the last line counts', () => {
  assert.deepEqual(search('search a.test b.test\n'), ['a.test', 'b.test'])
  assert.deepEqual(search('domain a.test b.test\n'), ['a.test'])
  assert.deepEqual(search('search a.test\ndomain b.test\n'), ['b.test'])
  assert.deepEqual(search('domain b.test\nsearch\tA.Test.  c.test # d.test\r\n'), ['a.test', 'c.test'])
  assert.deepEqual(search('nameserver 192.0.2.1\n'), [])
})

test('names to search are names, each once, and no more than anybody can wait for', () => {
  assert.deepEqual(search('search .'), [])
  assert.deepEqual(search(`search a..b ${'x'.repeat(64)} x\0y é.test a.test A.test _b.test`), ['a.test', '_b.test'])
  const many = Array.from({ length: 40 }, (_, i) => `n${i}.test`)
  assert.deepEqual(search(`search ${many.join(' ')}`), many.slice(0, 32))
})

test('options about how a program asks are for the guest, too, and no others', () => {
  const passed = (content: string) => parseResolvConf(content).options
  assert.deepEqual(passed(''), [])
  assert.deepEqual(passed('options ndots:2 rotate trust-ad edns0\noptions use-vc ndots:2 single-request debug x\u001b'), [
    'ndots:2',
    'edns0',
    'use-vc',
    'single-request',
  ])
  assert.deepEqual(passed('options timeout:3 attempts:1 timeout: ndots:x single-request-reopen no-aaaa'), [
    'timeout:3',
    'attempts:1',
    'single-request-reopen',
    'no-aaaa',
  ])
  assert.equal(passed(`options ${Array.from({ length: 100 }, (_, i) => `ndots:${i}`).join(' ')}`).length, 16)
  for (const [content, usesTcp] of [
    ['options use-vc', true],
    ['options usevc', true],
    ['options use-vcs', false],
    ['use-vc', false],
  ] as const)
    assert.equal(parseResolvConf(content).usesTcp, usesTcp)
})

test('options are those of all lines, within the bounds of the C library', () => {
  assert.deepEqual(options(''), [0, 0, false])
  assert.deepEqual(options('options timeout:2 attempts:3 rotate'), [2, 3, true])
  assert.deepEqual(options('options ndots:1 timeout:2\noptions rotate timeout:7'), [7, 0, true])
  assert.deepEqual(options('options timeout:99 attempts:99'), [30, 5, false])
  assert.deepEqual(options('options timeout:0 attempts:0'), [1, 1, false])
  assert.deepEqual(options('options timeout: attempts:x rotated timeout'), [0, 0, false])
  assert.deepEqual(options('#options rotate\nsearch options rotate'), [0, 0, false])
})

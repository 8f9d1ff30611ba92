import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkOpenFiles,
  MAX_FLOWS,
  MAX_MTU,
  MIN_MTU,
  type NetworkOptions,
  parseFlows,
  parseMtu,
  resolveOptions,
} from '../../../src/app/options.js'
import { NetloomError } from '../../../src/util/errors.js'
import { format } from '../../../src/wire/address.js'

/** The error that options are refused with: one line, status 2. */
function refusal(run: () => unknown): NetloomError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof NetloomError)
    assert.equal(error.exitCode, 2)
    assert.doesNotMatch(error.message, /\n|\.$/)
    return error
  }
  assert.fail('was not refused')
}

const plan = (cidr: string) => {
  const { network, prefix, gateway, dns, guest } = resolveOptions({ cidr }).addresses
  return [format(network), prefix, format(gateway), format(dns), format(guest)]
}

test('without options: the plan of slirp4netns', () => {
  const { log, addresses, ...rest } = resolveOptions()
  const limits = { maxFlows: 4096, maxHalfOpen: 1024, maxFlowsPerDestination: 4096, maxFlowsPerGuest: 4096, maxFlowsPerClient: 1024 }
  assert.deepEqual(rest, {
    mtu: 1500,
    ifname: 'tap0',
    macAddress: null,
    outbound4: null,
    outbound6: null,
    outboundInterface4: null,
    outboundInterface6: null,
    udpFiltering: 'endpoint-independent',
    hostLoopback: true,
    host: true,
    publishAuto: null,
    publishDriver: 'auto',
    directLoopback: false,
    name: null,
    control: true,
    warmUp: true,
    dns: true,
    isDnsSilent: false,
    dnsNames: new Map(),
    dhcp: true,
    impairment: null,
    ...limits,
  })
  const { ipv6, ...ipv4 } = addresses
  assert.deepEqual(ipv4, { network: 0x0a000200, prefix: 24, gateway: 0x0a000202, dns: 0x0a000203, guest: 0x0a000264 })
  const of = (last: number): number[] => [0xfd000000 | 0, 0, 0, last]
  assert.deepEqual(ipv6, { network: of(0), prefix: 64, gateway: of(2), dns: of(3), guest: of(0x100) })
  assert.equal(log.level, 'quiet')
})

test('the guest has address 100, or the last one where there is no such', () => {
  assert.deepEqual(plan('10.9.0.0/16'), ['10.9.0.0', 16, '10.9.0.2', '10.9.0.3', '10.9.0.100'])
  assert.deepEqual(plan('192.168.7.128/25'), ['192.168.7.128', 25, '192.168.7.130', '192.168.7.131', '192.168.7.228'])
  assert.deepEqual(plan('192.168.7.64/26'), ['192.168.7.64', 26, '192.168.7.66', '192.168.7.67', '192.168.7.126'])
  assert.deepEqual(plan('172.16.0.8/29'), ['172.16.0.8', 29, '172.16.0.10', '172.16.0.11', '172.16.0.14'])
  assert.deepEqual(plan('128.0.0.0/2'), ['128.0.0.0', 2, '128.0.0.2', '128.0.0.3', '128.0.0.100'])
})

test('every network that is taken has room for its addresses', () => {
  for (let prefix = 3; prefix <= 29; prefix++) {
    const { network, gateway, dns, guest } = resolveOptions({ cidr: `160.0.0.0/${prefix}` }).addresses
    const broadcast = network | ~(-1 << (32 - prefix))
    assert.ok(gateway < dns && dns < guest && guest < broadcast, `/${prefix}`)
  }
})

for (const cidr of [
  '',
  'x',
  '10.0.2.0',
  '10.0.2.0/',
  '10.0.2.0/33',
  '10.0.2.0/-1',
  '10.0.2.256/24',
  '10.0.2/24',
  '10.0.2.0/24 ',
  'fd00::/64',
  '010.0.2.0/24',
]) {
  test(`'${cidr}' is no network`, () => {
    const error = refusal(() => resolveOptions({ cidr }))
    assert.equal(error.code, 'ERR_CIDR')
    assert.match(error.message, /CIDR.*10\.0\.2\.0\/24/)
  })
}

test('a network that is too large or too small says what fits', () => {
  for (const cidr of ['10.0.0.0/30', '10.0.2.4/31', '10.0.2.4/32', '0.0.0.0/0'])
    assert.match(refusal(() => resolveOptions({ cidr })).message, /prefix length of \d+, and 1 to 29 leave room/)
})

test('host bits say which network was meant', () => {
  assert.match(refusal(() => resolveOptions({ cidr: '10.0.2.100/24' })).message, /has host bits set; did you mean 10\.0\.2\.0\/24\?$/)
})

test('blocks in which no host can be, and networks that hold them, are refused by name', () => {
  for (const [cidr, block] of [
    ['0.0.0.0/8', '0.0.0.0/8'],
    ['0.1.0.0/16', '0.0.0.0/8'],
    ['0.0.0.0/1', '0.0.0.0/8'],
    ['127.0.0.0/8', '127.0.0.0/8'],
    ['127.5.0.0/24', '127.0.0.0/8'],
    ['64.0.0.0/2', '127.0.0.0/8'],
    ['224.0.0.0/8', '224.0.0.0/3'],
    ['255.255.255.0/24', '224.0.0.0/3'],
    ['128.0.0.0/1', '224.0.0.0/3'],
  ] as const)
    assert.match(refusal(() => resolveOptions({ cidr })).message, new RegExp(`overlaps ${block.replaceAll('.', '\\.')}`), cidr)
})

test('an MTU is a whole number from 68 to 65,521', () => {
  for (const mtu of [MIN_MTU, 1500, 65_520, MAX_MTU]) assert.equal(resolveOptions({ mtu }).mtu, mtu)
  for (const mtu of [67, 65_522, 0, -1, 1500.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    const error = refusal(() => resolveOptions({ mtu }))
    assert.equal(error.code, 'ERR_MTU')
    assert.match(error.message, /MTU.*68 to 65521/)
  }
})

test('the text of an MTU is digits and nothing else', () => {
  assert.equal(parseMtu('9000'), 9000)
  for (const text of ['', 'abc', '1500.5', '1e3', '0x100', '-1', '+1500', ' 1500', '99999999999', '67'])
    assert.equal(refusal(() => parseMtu(text)).code, 'ERR_MTU', text)
})

test('interface names are what Linux and every tool take', () => {
  for (const ifname of ['t', 'tap0', 'eth0.100', 'a_b-c', 'fifteen-letters']) assert.equal(resolveOptions({ ifname }).ifname, ifname)
  for (const ifname of ['', 'sixteen-letters-', 'a/b', 'a b', '.', '..', 'lo', 'a:b', 'tap%d', 'ä'])
    assert.equal(refusal(() => resolveOptions({ ifname })).code, 'ERR_IFNAME', ifname)
})

const LIMITS = [
  ['maxFlows', '--max-flows', 'ERR_MAX_FLOWS'],
  ['maxHalfOpen', '--max-half-open', 'ERR_MAX_HALF_OPEN'],
  ['maxFlowsPerDestination', '--max-flows-per-destination', 'ERR_MAX_FLOWS_PER_DESTINATION'],
  ['maxFlowsPerGuest', '--max-flows-per-guest', 'ERR_MAX_FLOWS_PER_GUEST'],
  ['maxFlowsPerClient', '--max-flows-per-client', 'ERR_MAX_FLOWS_PER_CLIENT'],
] as const

test('a limit is a whole number from 1 to as many as the arena holds', () => {
  for (const [name, flag, code] of LIMITS) {
    for (const flows of [1, 16, MAX_FLOWS]) assert.equal(resolveOptions({ maxFlows: MAX_FLOWS, [name]: flows })[name], flows)
    for (const flows of [0, -1, 1.5, MAX_FLOWS + 1, Number.NaN]) {
      const error = refusal(() => resolveOptions({ [name]: flows }))
      assert.equal(error.code, code)
      assert.match(error.message, new RegExp(`${name} ${flows} is not .* from 1 to 50000; leave ${flag} out for `))
    }
  }
})

test('the text of a limit is digits and nothing else', () => {
  for (const [name, , code] of LIMITS) {
    assert.equal(parseFlows(name, '300'), 300)
    for (const text of ['', 'x', '1e3', '0x10', '-1', '+1', ' 1', '0', '50001', '99999999999'])
      assert.equal(refusal(() => parseFlows(name, text)).code, code, text)
  }
})

test('a limit of open files is a number of descriptors, or none', () => {
  for (const limit of [undefined, 0, 1024, 0x7fff_ffff]) assert.equal(checkOpenFiles(limit), limit)
  for (const limit of [-1, 1.5, 0x8000_0000, Number.NaN]) assert.equal(refusal(() => checkOpenFiles(limit)).code, 'ERR_OPEN_FILES')
})

test('half-open connections have a quarter of all flows, but no less than a page needs; no limit is above that of all flows', () => {
  const halfOpen = (maxFlows: number) => resolveOptions({ maxFlows }).maxHalfOpen
  assert.deepEqual([1, 8, 16, 64, 100, 4096, 32_768].map(halfOpen), [1, 8, 16, 16, 25, 1024, 8192])
  const perClient = (maxFlows: number) => resolveOptions({ maxFlows }).maxFlowsPerClient
  assert.deepEqual([1, 64, 100, 256, 4096, 32_768].map(perClient), [1, 64, 64, 64, 1024, 8192])
  const options: NetworkOptions = { maxFlows: 100, maxHalfOpen: 200, maxFlowsPerDestination: 101, maxFlowsPerGuest: 32_768 }
  const { maxHalfOpen, maxFlowsPerDestination, maxFlowsPerGuest } = resolveOptions(options)
  assert.deepEqual([maxHalfOpen, maxFlowsPerDestination, maxFlowsPerGuest], [100, 100, 100])
})

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { Counters, FlowInfo, Network } from '../../../src/app/types.js'
import { PatternCheck, sendPattern } from '../../../src/cli/demo/pattern.js'
import { describeFeatures, formatFlows, reportNetwork, reportTraffic } from '../../../src/cli/report.js'
import { formatBytes, formatDuration, formatRate } from '../../../src/cli/units.js'
import { Log, type LogLevel } from '../../../src/util/log.js'

const COUNTERS: Counters = {
  framesIn: 1,
  framesOut: 20,
  framesLost: 0,
  flowsOpen: 2,
  flowsTotal: 12,
  flowsRefused: 0,
  flowsLimited: 0,
  flowsEvicted: 0,
  bytesIn: 1500,
  bytesOut: 268_435_456,
  defects: 0,
  retransmissions: 0,
  impaired: null,
  drops: {},
}

/** As much of a network as a report looks at. */
function network(counters: Partial<Counters> = {}, isOn = true): Network {
  return {
    addresses: { ipv6: null, network: '10.0.2.0', prefix: 24, gateway: '10.0.2.2', dns: '10.0.2.3', guest: '10.0.2.100' },
    mtu: 1500,
    ifname: 'tap0',
    features: { vnetHeader: isOn, checksum: isOn, tso: isOn, uso: false },
    counters: { ...COUNTERS, ...counters },
    flows: () => [],
    name: 'test',
    control: null,
    published: [],
    publish: () => [],
    run: () => Promise.reject(new Error('not here')),
    attach: () => Promise.reject(new Error('not here')),
    attachDevice: () => assert.fail('not here'),
    harden: async () => {},
    drain: async () => {},
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function lines(level: LogLevel, report: (log: Log) => void): string[] {
  const written: string[] = []
  report(new Log(level, (text) => written.push(text.trimEnd())))
  return written
}

test('quantities', () => {
  assert.deepEqual([0, 999, 1000, 1500, 9_949, 9_960, 999_499, 999_500, 256e6, 5e15].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 kB',
    '9.9 kB',
    '10 kB',
    '999 kB',
    '1.0 MB',
    '256 MB',
    '5000 TB',
  ])
  assert.deepEqual([0.04, 9.94, 9.96, 994, 1000, 61_000].map(formatDuration), ['0.0 ms', '9.9 ms', '10 ms', '994 ms', '1.0 s', '61.0 s'])
  assert.equal(formatRate(256e6, 256), '8.0 Gbit/s')
  assert.match(formatRate(1, 0), /^\d+\.\d Gbit\/s$/)
})

test('a network and its traffic are reported to who asked for it only', () => {
  for (const level of ['quiet', 'normal'] as const) {
    assert.deepEqual(
      lines(level, (log) => reportNetwork(log, network(), 'PID 4')),
      [],
    )
    assert.deepEqual(
      lines(level, (log) => reportTraffic(log, network())),
      [],
    )
  }
  assert.deepEqual(
    lines('verbose', (log) => reportNetwork(log, network(), 'PID 4')),
    [
      'netloom: network 10.0.2.0/24: sandbox 10.0.2.100, gateway and host 10.0.2.2, DNS 10.0.2.3',
      'netloom: tap0 in PID 4: MTU 1500, checksum offload, TCP super-segments (TSO)',
    ],
  )
  assert.deepEqual(
    lines('verbose', (log) => reportTraffic(log, network())),
    ['netloom: 12 flows, 2 still open', 'netloom: 1.5 kB from the sandbox in 1 frame, 268 MB to it in 20'],
  )
})

test('what went wrong is reported when something did', () => {
  const bad = network({
    flowsTotal: 1,
    flowsRefused: 3,
    flowsLimited: 6,
    flowsEvicted: 4,
    retransmissions: 1,
    framesLost: 2,
    drops: { ipv4Checksum: 5 },
    impaired: {
      up: { lost: 7, overflowed: 0, duplicated: 8, corrupted: 0, reordered: 0 },
      down: { lost: 0, overflowed: 0, duplicated: 0, corrupted: 0, reordered: 0 },
    },
  })
  assert.deepEqual(
    lines('verbose', (log) => reportTraffic(log, bad)),
    [
      'netloom: 1 flow, 2 still open, 3 refused, 6 beyond a limit, 4 ended for want of room',
      'netloom: 1.5 kB from the sandbox in 1 frame, 268 MB to it in 20',
      'netloom: the bad link: 7 lost, 8 duplicated from the sandbox, nothing to it',
      'netloom: 1 segment sent again, 2 frames that the interface did not take, 5 dropped: ipv4Checksum',
    ],
  )
  assert.equal(describeFeatures(network({}, false)), 'no offloads')
})

test('flows are a table whose columns line up', () => {
  const flow: FlowInfo = {
    protocol: 'tcp',
    state: 'ESTABLISHED',
    guest: { address: '10.0.2.100', port: 40_000 },
    remote: { address: '10.0.2.2', port: 80 },
    host: { address: '::1', port: 80 },
    bytesIn: 5,
    bytesOut: 256e6,
    packetsIn: 1,
    packetsOut: 1,
    age: 1,
    idle: 0,
  }
  const table = formatFlows([flow, { ...flow, protocol: 'udp', state: 'TWO-WAY', remote: null, host: null }])
  assert.deepEqual(table, [
    'proto  state        sandbox           sees         host socket to  from it   to it',
    'tcp    ESTABLISHED  10.0.2.100:40000  10.0.2.2:80  [::1]:80            5 B  256 MB',
    'udp    TWO-WAY      10.0.2.100:40000  -            -                   5 B  256 MB',
  ])
  assert.equal(formatFlows([]).length, 1)
})

test('the pattern of the tour is recognised in pieces of any size, and nothing else is', async () => {
  const pipe = new PassThrough()
  const chunks: Buffer[] = []
  pipe.on('data', (chunk: Buffer) => chunks.push(chunk))
  await sendPattern(pipe, 2_500_000)
  pipe.end()
  await new Promise((resolve) => pipe.once('end', resolve))
  const sent = Buffer.concat(chunks)
  assert.equal(sent.length, 2_500_000)
  for (const size of [1000, 65_536, 1_000_003, 2_500_000]) {
    const check = new PatternCheck()
    for (let at = 0; at < sent.length; at += size) check.take(sent.subarray(at, at + size))
    assert.deepEqual([check.isWhole, check.bytes], [true, sent.length], `pieces of ${size}`)
  }
  const isTaken = (bytes: Buffer) => {
    const check = new PatternCheck()
    check.take(bytes)
    return check.isWhole
  }
  const flipped = Buffer.from(sent)
  flipped[2_000_000]! ^= 1
  assert.equal(isTaken(flipped), false)
  assert.equal(isTaken(Buffer.concat([sent.subarray(0, 65_536), sent.subarray(131_072)])), false, 'a block is missing')
  assert.equal(isTaken(Buffer.concat([sent.subarray(0, 65_536), sent.subarray(0, 65_536)])), false, 'a block came twice')
})

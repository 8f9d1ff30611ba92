/*
 * STYLE, 4: the packet path allocates nothing. Here it is measured for the bottom of it; and the lint rule that refuses what would allocate is
 * tried on sources with and without faults, for a rule that no longer matches anything would go unnoticed.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { HandlePool } from '../../src/util/handle-pool.js'
import { hash4, hash7 } from '../../src/util/hash.js'
import { TimerWheel } from '../../src/util/timer-wheel.js'
import * as arp from '../../src/wire/arp.js'
import * as checksum from '../../src/wire/checksum.js'
import * as ethernet from '../../src/wire/ethernet.js'
import * as icmpv4 from '../../src/wire/icmpv4.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import * as tcp from '../../src/wire/tcp.js'
import * as options from '../../src/wire/tcp-options.js'
import * as udp from '../../src/wire/udp.js'
import * as virtio from '../../src/wire/virtio-net.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const COUNT = 20_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Heap bytes an operation, the least of several rounds: the test runner may add, nothing takes away. */
function bytesOf(run: (count: number) => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 20; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    run(COUNT)
    least = Math.min(least, process.memoryUsage().heapUsed - before)
  }
  return least / COUNT
}

const view = new DataView(new ArrayBuffer(4_096))
const found = new Int32Array(options.LENGTH)
const ranges = Int32Array.of(-5, -4, -3, -2)

function segment(i: number): number {
  virtio.write(view, 3, virtio.FLAG_NEEDS_CSUM, virtio.GSO_TCPV4, 66, 1448, 34, 16)
  ethernet.write(view, 13, 0xffff, -i, 0x4aad, -1, 0x0800)
  ipv4.write(view, 27, 80, 6, -i, -2, i & 0xffff, 64, 0, 1)
  tcp.write(view, 47, i & 0xffff, 443, -i, i, 60, tcp.ACK, 0xffff)
  const length = options.writeTimestamp(view, 67, -i, i)
  options.writeSack(view, 67 + length, ranges, 0, 2)
  const pseudo = checksum.pseudoHeader4(ipv4.source(view, 27), ipv4.destination(view, 27), 6, 60)
  tcp.setChecksum(view, 47, 60, pseudo)
  if (!ethernet.isValid(view, 13, 94) || !ipv4.isValid(view, 27, 80) || !tcp.isValid(view, 47, 60)) return -1
  if (!ipv4.checksumIsRight(view, 27) || !tcp.checksumIsRight(view, 47, 60, pseudo)) return -1
  options.parse(view, 67, 40, found)
  return tcp.sequence(view, 47) ^ tcp.acknowledgment(view, 47) ^ ethernet.dstLow(view, 13) ^ found[options.TS_VALUE]!
}

function others(i: number): void {
  arp.write(view, 200, arp.OPERATION_REPLY, 0x5255, -i, -1, 0x4aad, i, -2)
  arp.isValid(view, 200, 28)
  icmpv4.write(view, 300, icmpv4.ECHO, 0, -i)
  icmpv4.setChecksum(view, 300, 64)
  udp.write(view, 400, i & 0xffff, 53, 512)
  udp.setChecksum4(view, 400, -1, -i)
  udp.checksumIsRight4(view, 400, -1, -i)
}

test('wire: writing and reading frames allocates nothing', () => {
  const bytes = bytesOf((count) => {
    for (let i = 0; i < count; i++) {
      segment(i)
      others(i)
    }
  })
  assert.ok(bytes < 1, `${bytes} bytes a frame`)
})

test('util: hashes, handles and timers allocate nothing', () => {
  const pool = new HandlePool(64)
  const wheel = new TimerWheel(64)
  let now = 0
  const handler = { expire: (id: number): void => wheel.schedule(id, (now + 100) | 0) }
  const bytes = bytesOf((count) => {
    for (let i = 0; i < count; i++) {
      const handle = pool.acquire()
      wheel.schedule(hash4(-1, 1, i, -i, 3, 4) & 63, (now + (hash7(-1, 1, i, 2, 3, 4, 5, 6, 7) & 8191)) | 0)
      now = (now + 1) | 0
      wheel.advance(now, handler)
      wheel.next(now)
      pool.release(handle)
    }
  })
  assert.ok(bytes < 1, `${bytes} bytes a turn`)
})

/** Lints sources, by their paths, under the project's configuration, and returns the paths in which something allocates. */
function faults(sources: Readonly<Record<string, string>>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-lint-'))
  try {
    for (const name of ['.biome.json', '.config/no-allocation.grit']) cpSync(join(ROOT, name), join(folder, name))
    for (const [path, source] of Object.entries(sources)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), `${source}\n`)
    }
    const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
    const args = [biome, 'lint', '--vcs-enabled=false', '--colors=off', '--max-diagnostics=none', '.']
    const { error, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    assert.equal(error, undefined)
    const output = stdout + stderr
    assert.match(output, /Checked \d+ files/)
    return Object.keys(sources).filter((path) => new RegExp(`${path}:\\d+:\\d+ plugin`).test(output))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the lint rule refuses what allocates', () => {
  const statements = [
    'new DataView(view.buffer, at)',
    'view.subarray(at)',
    '({ at })',
    '[at]',
    '() => at',
    'function () {}',
    '`of $' + '{at}`',
    'f(...view)',
    'Buffer.from(view)',
    'BigInt(at)',
    '1n',
  ]
  const sources: Record<string, string> = { 'src/util/hash.ts': 'export function probe(at) { return [at] }' }
  statements.forEach((statement, i) => {
    sources[`src/tcp/probe${i}.ts`] = `export class Probe {\n  run(view, at) {\n    return ${statement}\n  }\n}`
  })
  assert.deepEqual(faults(sources), Object.keys(sources))
})

test('the lint rule lets alone what runs once, and what is off the packet path', () => {
  const sources = {
    'src/tcp/table.ts': 'export const TABLE = [1, 2, 3]',
    'src/tcp/class.ts': 'export class Table { rows = new Int32Array(4); constructor() { this.make = () => 1 } }',
    'src/tcp/throw.ts': 'export function probe(at) { throw new RangeError(`no $' + '{at}`) }',
    'src/tcp/marked.ts': 'export function probe(at) {\n  // Off the packet path: once.\n  return [at].map((x) => ({ x }))\n}',
    'src/tcp/reader.ts': 'export function probe(view, at) { return view.getUint16(at) }',
    'src/wire/describe.ts': 'export function probe(at) { return [at] }',
    'src/cli/main.ts': 'export function probe(at) { return [at] }',
  }
  assert.deepEqual(faults(sources), [])
})

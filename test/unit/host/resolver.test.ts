import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ResolvConfFile } from '../../../src/host/resolv-conf-file.js'
import { type Nameserver, Resolver } from '../../../src/host/resolver.js'
import { formatAny } from '../../../src/wire/address.js'

const folder = mkdtempSync(join(tmpdir(), 'netloom-resolver-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0

class World {
  now = 1_000
  readonly path = join(folder, `resolv.conf.${++files}`)
  readonly resolver = new Resolver(() => this.now, new ResolvConfFile(this.path))

  constructor(...servers: readonly string[]) {
    if (servers.length > 0) this.write(...servers)
  }

  write(...servers: readonly string[]): void {
    this.writeText(servers.map((server) => `nameserver ${server}\n`).join(''))
  }

  writeText(text: string): void {
    writeFileSync(this.path, text)
  }

  order(): string[] {
    return this.resolver.servers().map(text)
  }

  server(address: string): Nameserver {
    const found = this.resolver.servers().find((server) => text(server) === address)
    assert.ok(found, `${address} is not among ${this.order().join()}`)
    return found
  }

  orderByTcp(): string[] {
    return this.resolver.tcpServers().map(text)
  }
}

const text = (server: Nameserver): string => formatAny(...server.address)

test('without a server, or a file, it is the machine itself', () => {
  assert.deepEqual(new World().order(), ['127.0.0.1'])
})

test('a link-local server leads nowhere without its zone', () => {
  assert.deepEqual(new World('fe80::1', 'febf::1', '192.0.2.1').order(), ['192.0.2.1'])
  const world = new World('fe80::1')
  assert.deepEqual(world.order(), [])
  assert.deepEqual(world.orderByTcp(), [])
})

test('with its zone it is as any other, once for each zone, and the zone is the number of an interface', () => {
  const world = new World('fe80::1%7', 'fe80::1%nowhere', 'fe80::1%7')
  assert.deepEqual(
    world.resolver.servers().map((server) => [server.zone, server.scope]),
    [
      ['7', 7],
      ['nowhere', 0],
    ],
  )
})

test('names a server once, and its family', () => {
  const world = new World('192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1')
  assert.deepEqual(
    world.resolver.servers().map((server) => server.family),
    [4, 6],
  )
})

test('reads a file again when it was rewritten, within a second', () => {
  const world = new World('192.0.2.1')
  assert.deepEqual(world.order(), ['192.0.2.1'])
  const before = world.resolver.version
  world.write('192.0.2.2', '192.0.2.3')
  world.now += 999
  assert.deepEqual(world.order(), ['192.0.2.1'])
  world.now += 1
  assert.deepEqual(world.order(), ['192.0.2.2', '192.0.2.3'])
  assert.notEqual(world.resolver.version, before)
})

test('reads another file in the place of the first, of the same size', () => {
  const world = new World('192.0.2.1')
  assert.deepEqual(world.order(), ['192.0.2.1'])
  writeFileSync(`${world.path}.new`, 'nameserver 192.0.2.2\n')
  renameSync(`${world.path}.new`, world.path)
  world.now += 1_000
  assert.deepEqual(world.order(), ['192.0.2.2'])
})

test('follows a symbolic link, and one that is pointed elsewhere', () => {
  const world = new World()
  writeFileSync(`${world.path}.a`, 'nameserver 192.0.2.1\n')
  writeFileSync(`${world.path}.b`, 'nameserver 192.0.2.2\n')
  symlinkSync(`${world.path}.a`, world.path)
  assert.deepEqual(world.order(), ['192.0.2.1'])
  rmSync(world.path)
  symlinkSync(`${world.path}.b`, world.path)
  world.now += 1_000
  assert.deepEqual(world.order(), ['192.0.2.2'])
})

test('a file that goes away, and comes back', () => {
  const world = new World('192.0.2.1')
  assert.deepEqual(world.order(), ['192.0.2.1'])
  rmSync(world.path)
  world.now += 1_000
  assert.deepEqual(world.order(), ['127.0.0.1'])
  world.write('192.0.2.3')
  world.now += 1_000
  assert.deepEqual(world.order(), ['192.0.2.3'])
})

test('what is no file is not read: a folder, or a pipe that nobody writes to', () => {
  const world = new World()
  mkdirSync(world.path)
  assert.deepEqual(world.order(), ['127.0.0.1'])
  rmSync(world.path, { recursive: true })
  assert.equal(spawnSync('mkfifo', [world.path]).status, 0)
  world.now += 1_000
  assert.deepEqual(world.order(), ['127.0.0.1'])
})

test('looks at the file across the wrap of the clock', () => {
  const world = new World('192.0.2.1')
  world.now = 0x7fffffff - 100
  assert.deepEqual(world.order(), ['192.0.2.1'])
  world.write('192.0.2.22')
  world.now = (world.now + 1_000) | 0
  assert.ok(world.now < 0)
  assert.deepEqual(world.order(), ['192.0.2.22'])
})

test('the same servers in another text are no new list, and keep their history', () => {
  const world = new World('192.0.2.1', '192.0.2.2')
  world.resolver.failed(world.server('192.0.2.1'))
  const version = world.resolver.version
  writeFileSync(world.path, '# touched\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n')
  world.now += 1_000
  assert.deepEqual(world.order(), ['192.0.2.2', '192.0.2.1'])
  assert.equal(world.resolver.version, version)
})

test('a server that failed is asked last for ten seconds', () => {
  const world = new World('192.0.2.1', '192.0.2.2', '192.0.2.3')
  world.resolver.failed(world.server('192.0.2.1'))
  assert.deepEqual(world.order(), ['192.0.2.2', '192.0.2.3', '192.0.2.1'])
  world.now += 9_999
  assert.deepEqual(world.order(), ['192.0.2.2', '192.0.2.3', '192.0.2.1'])
  world.now += 1
  assert.deepEqual(world.order(), ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
})

test('of several that failed, the one that did longest ago comes first', () => {
  const world = new World('192.0.2.1', '192.0.2.2', '192.0.2.3')
  for (const address of ['192.0.2.2', '192.0.2.1', '192.0.2.3']) world.resolver.failed(world.server(address))
  assert.deepEqual(world.order(), ['192.0.2.2', '192.0.2.1', '192.0.2.3'])
})

test('an answer takes a failure back', () => {
  const world = new World('192.0.2.1', '192.0.2.2')
  const first = world.server('192.0.2.1')
  world.resolver.failed(first)
  world.resolver.answered(first)
  assert.deepEqual(world.order(), ['192.0.2.1', '192.0.2.2'])
})

test('silence is no failure of a server that answered something else meanwhile', () => {
  const world = new World('192.0.2.1', '192.0.2.2')
  const first = world.server('192.0.2.1')
  const since = world.now
  world.now += 500
  world.resolver.answered(first)
  world.now += 500
  world.resolver.wasSilent(first, since)
  assert.deepEqual(world.order(), ['192.0.2.1', '192.0.2.2'])
  world.resolver.wasSilent(first, world.now)
  assert.deepEqual(world.order(), ['192.0.2.2', '192.0.2.1'])
})

test('a server that failed by TCP is asked last by TCP, for a while, or until it answers', () => {
  const world = new World('192.0.2.1', '192.0.2.2', '2001:db8::3')
  const first = world.server('192.0.2.1')
  world.resolver.failedByTcp(first)
  assert.deepEqual(world.orderByTcp(), ['192.0.2.2', '2001:db8::3', '192.0.2.1'])
  world.resolver.failedByTcp(world.server('192.0.2.2'))
  assert.deepEqual(world.orderByTcp(), ['2001:db8::3', '192.0.2.1', '192.0.2.2'])
  world.resolver.answeredByTcp(first)
  assert.deepEqual(world.orderByTcp(), ['192.0.2.1', '2001:db8::3', '192.0.2.2'])
  world.now += 10_000
  assert.deepEqual(world.orderByTcp(), ['192.0.2.1', '192.0.2.2', '2001:db8::3'])
})

test('a server without TCP is still asked first by UDP, one that is silent by UDP is not by TCP', () => {
  const world = new World('192.0.2.1', '192.0.2.2')
  world.resolver.failedByTcp(world.server('192.0.2.1'))
  assert.deepEqual(world.order(), ['192.0.2.1', '192.0.2.2'])
  const other = new World('192.0.2.1', '192.0.2.2')
  other.resolver.failed(other.server('192.0.2.1'))
  assert.deepEqual(other.orderByTcp(), ['192.0.2.2', '192.0.2.1'])
})

test('names to search are followed as the servers are', () => {
  const world = new World()
  assert.deepEqual(world.resolver.search, [])
  world.writeText('search a.test b.test\nnameserver 192.0.2.1\n')
  world.now += 1_000
  assert.deepEqual(world.resolver.search, ['a.test', 'b.test'])
  rmSync(world.path)
  world.now += 1_000
  assert.deepEqual(world.resolver.search, [])
})

test('rotate: each question begins with the next server, and those that failed are still last', () => {
  const world = new World()
  world.writeText('options rotate\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n')
  assert.deepEqual(world.order(), ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
  assert.deepEqual(world.order(), ['192.0.2.2', '192.0.2.3', '192.0.2.1'])
  assert.deepEqual(world.orderByTcp(), ['192.0.2.3', '192.0.2.1', '192.0.2.2'])
  assert.deepEqual(world.order(), ['192.0.2.1', '192.0.2.2', '192.0.2.3'])
  const second = world.resolver.servers()[0]!
  assert.equal(text(second), '192.0.2.2')
  world.resolver.failed(second)
  assert.deepEqual(world.order(), ['192.0.2.3', '192.0.2.1', '192.0.2.2'])
  assert.deepEqual(world.order(), ['192.0.2.1', '192.0.2.3', '192.0.2.2'])
})

test('how long to wait is what resolv.conf says, or as short as makes sense', () => {
  const world = new World()
  const pace = (text: string) => {
    world.writeText(`nameserver 192.0.2.1\nnameserver 192.0.2.2\n${text}`)
    world.now += 1_000
    return world.resolver.pace
  }
  const unlimited = Number.POSITIVE_INFINITY
  assert.deepEqual(pace(''), { patience: null, rounds: unlimited, deadline: 5_000 })
  assert.deepEqual(pace('options attempts:1'), { patience: null, rounds: 1, deadline: 5_000 })
  assert.deepEqual(pace('options timeout:1 attempts:1'), { patience: 1_000, rounds: 1, deadline: 2_000 })
  assert.deepEqual(pace('options timeout:3'), { patience: 3_000, rounds: unlimited, deadline: 12_000 })
  assert.deepEqual(pace('options timeout:30 attempts:5'), { patience: 30_000, rounds: 5, deadline: 30_000 })
})

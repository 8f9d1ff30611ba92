// How the programs start Node (native/src/node/start.c): with a script in its place that prints its arguments.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { PACKAGE_ROOT } from '../../../src/util/package-root.js'

const FRONT = join(PACKAGE_ROOT, 'native', 'build', 'Release', 'netloom-front')
const NO_ADDRESS = '--inspect-port=[ff00::]:0'
const NO_SIGNAL = '--disable-sigusr1'

class Place {
  readonly folder: string

  constructor(t: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'netloom-start-'))
    t.after(() => rmSync(this.folder, { recursive: true }))
    copyFileSync(FRONT, join(this.folder, 'netloom'))
  }

  /** A Node that says which it is, and how it was called. */
  node(path: string, name: string): void {
    mkdirSync(join(this.folder, path, '..'), { recursive: true })
    writeFileSync(join(this.folder, path), `#!/bin/sh\necho ${name} "$@"\nenv | grep NODE_OPTIONS | sort\n`, { mode: 0o755 })
  }

  /** What the built Node is known for; of another size when it has been replaced since. */
  know(more = 0): void {
    const { size, mtimeMs } = statSync(join(this.folder, 'node'))
    writeFileSync(join(this.folder, 'node.disables-sigusr1'), `${size + more} ${Math.floor(mtimeMs / 1000)}\n`)
  }

  start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string[] {
    const env = { PATH: `${join(this.folder, 'path')}:${process.env['PATH']}`, ...environment }
    const { status, stdout, stderr } = spawnSync(join(this.folder, 'netloom'), args, { encoding: 'utf8', env })
    assert.deepEqual([status, stderr], [0, ''])
    return stdout.trimEnd().replaceAll(`${this.folder}/`, '').split('\n')
  }
}

test('the Node beside it, with an address for the debugger that cannot be had', (t) => {
  const place = new Place(t)
  place.node('node', 'built')
  assert.deepEqual(place.start(['run', '--', 'a b', 'c']), [`built ${NO_ADDRESS} main.cjs run -- a b c`])
  assert.deepEqual(place.start([]), [`built ${NO_ADDRESS} main.cjs`])
})

test('--disable-sigusr1 goes to the Node that is known to have it, and to no other', (t) => {
  const place = new Place(t)
  place.node('node', 'built')
  place.node('path/node', 'found')
  place.know()
  assert.deepEqual(place.start(['ps']), [`built ${NO_ADDRESS} ${NO_SIGNAL} main.cjs ps`])
  place.know(1)
  assert.deepEqual(place.start(['ps']), [`built ${NO_ADDRESS} main.cjs ps`])
  place.know()
  rmSync(join(place.folder, 'node'))
  assert.deepEqual(place.start(['ps']), [`found ${NO_ADDRESS} main.cjs ps`])
})

test('NODE_OPTIONS is kept from Node, and kept for the command', (t) => {
  const place = new Place(t)
  place.node('node', 'built')
  const [, ...variables] = place.start([], { NODE_OPTIONS: '--inspect', NETLOOM_NODE_OPTIONS: 'of somebody else' })
  assert.deepEqual(variables, ['NETLOOM_NODE_OPTIONS=--inspect'])
  assert.deepEqual(place.start([], { NETLOOM_NODE_OPTIONS: 'of somebody else' }).slice(1), [])
})

test('without any Node: one line, status 1', (t) => {
  const place = new Place(t)
  const { status, stderr } = spawnSync(join(place.folder, 'netloom'), [], { encoding: 'utf8', env: { PATH: place.folder } })
  assert.equal(status, 1)
  assert.match(stderr, /^netloom: Node\.js cannot be started: [^\n]+\n$/)
})

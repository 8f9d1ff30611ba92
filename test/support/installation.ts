// Where the product runs from during the e2e tests. A checkout that the test user can read is used as it is. One that lies in a
// folder of root's only (a CI clone) is copied, as little of it as a package would hold, into a folder that the user can read.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeFor } from './sanitized.js'
import { canRead, type TestUser } from './test-user.js'

interface Installation {
  /** Holds dist/, native/build/Release/, package.json, node_modules/ and test/e2e/guest/. */
  root: string
  node: string
  /** The user's own folders. */
  home: string
  runtime: string
  temporary: string
}

/** What run-tests.ts tells a test file about the place it runs in, as JSON in the variable. */
export interface World extends Installation {
  user: TestUser
  /** Whether the tests were started by root, and can play other users. */
  isRoot: boolean
  /** The machine's own network namespace, which the tests must not be in. */
  outerNetwork: string
  /** A folder of this run, entered by everybody. */
  scratch: string
  /** Why /dev/net/tun cannot be had, or ''. */
  tunProblem: string
  /** Not root: the process whose user namespace holds the caller's uid without privileges. */
  holder: number
}

export const WORLD_VARIABLE = 'NETLOOM_E2E'

/** The checkout that this file was compiled in. */
export const CHECKOUT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const NATIVE = ['native/build/Release/netloom.node', 'native/build/Release/netloom-launcher']
const GUEST = 'test/e2e/guest'

/** The paths of the packages that the product needs, from the lock file that npm leaves in node_modules. */
function productionPackages(root: string): string[] {
  const lock: { packages: Record<string, { dev?: boolean; devOptional?: boolean }> } = JSON.parse(
    readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8'),
  )
  return Object.entries(lock.packages)
    .filter(([, entry]) => entry.dev !== true && entry.devOptional !== true)
    .map(([path]) => path)
}

function copyPackage(to: string): void {
  for (const path of ['dist', ...NATIVE, 'package.json', GUEST, ...productionPackages(CHECKOUT)]) {
    const source = join(CHECKOUT, path)
    if (!existsSync(source)) continue
    mkdirSync(dirname(join(to, path)), { recursive: true })
    cpSync(source, join(to, path), { recursive: true, preserveTimestamps: true })
  }
}

/** A new folder that anybody may enter, for all that a test run needs on disk. The caller removes it. */
export function makeScratch(): string {
  // Not $TMPDIR: in a CI it may lie where only root can go.
  const scratch = mkdtempSync('/tmp/netloom-test-')
  chmodSync(scratch, 0o755)
  return scratch
}

/** What dist/bin/node leads to, '' when nowhere. */
function linkedNode(root: string): string {
  try {
    return realpathSync(join(root, 'dist/bin/node'))
  } catch {
    return ''
  }
}

export function install(scratch: string, user: TestUser): Installation {
  const make = (name: string): string => {
    const path = join(scratch, name)
    mkdirSync(path, { mode: 0o700 })
    if (process.getuid?.() === 0) chownSync(path, user.uid, user.gid)
    return path
  }
  const folders = { home: make('home'), runtime: make('run'), temporary: make('tmp') }

  const installed = realpathSync(process.execPath)
  let node = installed
  if (!canRead(user, [node])) {
    const copy = join(scratch, 'node')
    cpSync(node, copy)
    chmodSync(copy, 0o755)
    node = copy
  }
  node = nodeFor(join(CHECKOUT, 'native/build/Release/netloom.node'), node, scratch)

  let root = CHECKOUT
  const needed = [
    'package.json',
    'dist/bin/netloom',
    'dist/bin/netloom-slirp4netns',
    `${GUEST}/tcp.py`,
    'node_modules/dns-packet/package.json',
    ...NATIVE,
  ]
  const present = needed.map((path) => join(root, path)).filter((path) => existsSync(path))
  // The programs start the Node that they are linked to: it has to be the one that runs the tests.
  if (linkedNode(root) !== node || !canRead(user, present)) {
    root = join(scratch, 'netloom')
    mkdirSync(root, { mode: 0o755 })
    copyPackage(root)
    const linked = spawnSync(process.execPath, [join(CHECKOUT, '.config/link-node.mjs'), join(root, 'dist/bin'), node], {
      encoding: 'utf8',
    })
    if (linked.status !== 0) throw new Error(`.config/link-node.mjs: ${linked.stderr}`)
  }
  return { root, node, ...folders }
}

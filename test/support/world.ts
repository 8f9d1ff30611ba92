// What an e2e test file is told about the place it runs in, by run-tests.ts through the environment: the user, the installation,
// the namespaces. A test file that was started in any other way refuses to run, so that no test can touch the machine's own network.
import { readlinkSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { WORLD_VARIABLE, type World } from './installation.js'
import { becomeUser } from './test-user.js'

/** Replaces the command line under test by another program with the same arguments. */
const CLI_VARIABLE = 'NETLOOM_TEST_CLI'

function readWorld(): World {
  const text = process.env[WORLD_VARIABLE]
  if (text === undefined) throw new Error('start e2e tests with `npm run test:e2e` or `node dist/test/support/run-tests.js e2e/NAME`')
  const parsed: World = JSON.parse(text)
  if (readlinkSync('/proc/self/ns/net') === parsed.outerNetwork)
    throw new Error("e2e tests must not run in the machine's own network namespace")
  return parsed
}

export const world = readWorld()

/** The command line of netloom, for `asUser`. */
export const NETLOOM: readonly string[] = [process.env[CLI_VARIABLE] ?? join(world.root, 'dist/bin/netloom')]

/** The environment that the user has: nothing of ours but the path. */
export const userEnvironment: NodeJS.ProcessEnv = {
  PATH: ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin', dirname(world.node)].join(delimiter),
  HOME: world.home,
  USER: world.user.name,
  LOGNAME: world.user.name,
  SHELL: '/bin/sh',
  LANG: 'C.UTF-8',
  XDG_RUNTIME_DIR: world.runtime,
  TMPDIR: world.temporary,
  PYTHONDONTWRITEBYTECODE: '1',
}

/** The command line that runs a command as the unprivileged user, in the same process (so that its pid is the command's). */
export function asUser(command: readonly string[]): string[] {
  if (world.isRoot) return [...becomeUser(world.user), ...command]
  return ['nsenter', `--user=/proc/${world.holder}/ns/user`, '--preserve-credentials', '--', ...command]
}

/** A program of test/e2e/guest, with its interpreter. */
export function guestProgram(name: string): string[] {
  if (name.endsWith('.py')) return ['/usr/bin/env', 'python3', join(world.root, 'test/e2e/guest', name)]
  return [world.node, join(world.root, 'dist/test/e2e/guest', name)]
}

// The first program in the private namespaces of an e2e test file (network, mounts, processes): prepares them, then loads the file.
//
//   lo up; low ports and ping sockets for everybody; an /etc of this file's own, so that resolv.conf can be rewritten and replaced as on
//   a real machine, without the machine's own being touched; a /dev/shm of its own.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe } from 'node:test'
import { pathToFileURL } from 'node:url'
import { WORLD_VARIABLE, type World } from './installation.js'

function command(name: string, ...args: string[]): void {
  const done = spawnSync(name, args, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${done.stderr || done.error?.message || `status ${done.status}`}`)
}

const sysctl = (name: string, value: string) => writeFileSync(join('/proc/sys', name), value)

function prepareNetwork(world: World): void {
  command('ip', 'link', 'set', 'lo', 'up')
  sysctl('net/ipv4/ip_unprivileged_port_start', '0')
  // In a user namespace only its own groups can be named.
  sysctl('net/ipv4/ping_group_range', world.isRoot ? '0 2147483647' : '0 0')
}

/** A copy, not an overlay: an overlay can lie on one other at most, and a container's root is one, and the sandbox's /etc is one. */
function copyEtc(scratch: string): void {
  const copy = join(scratch, 'etc')
  mkdirSync(copy, { recursive: true })
  command('mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', copy)
  // Without privileges some files cannot be read, such as shadow.
  spawnSync('cp', ['-a', '/etc/.', copy], { stdio: 'ignore' })
  command('mount', '--bind', copy, '/etc')
  // A file of our own, whatever the machine has there: a plain file or a link to somewhere else.
  spawnSync('rm', ['-f', '/etc/resolv.conf'])
  writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.53\n', { mode: 0o644 })
}

/** Without root the tests are root of a user namespace; this one inside it holds the caller's own uid, and no privilege. */
function holdUserNamespace(user: World['user']): number {
  const holder = spawn('unshare', ['--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, 'sleep', 'infinity'], { stdio: 'ignore' })
  if (holder.pid === undefined) throw new Error('unshare --user could not be started')
  holder.unref()
  const map = () => readFileSync(`/proc/${holder.pid}/uid_map`, 'utf8')
  for (const end = Date.now() + 10_000; !new RegExp(`^\\s*${user.uid}\\s`).test(map()); ) {
    if (Date.now() > end) throw new Error('unshare --user --map-user: no map appeared')
  }
  return holder.pid
}

const world: World = JSON.parse(process.env[WORLD_VARIABLE] ?? '{}')
if (world.outerNetwork === undefined) throw new Error('started by run-tests.ts only')
process.umask(0o022)
prepareNetwork(world)
copyEtc(world.scratch)
// Podman keeps its locks there, those of every run of the same user's in one file.
command('mount', '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', '/dev/shm')
if (!world.isRoot) world.holder = holdUserNamespace(world.user)
process.env[WORLD_VARIABLE] = JSON.stringify(world)
const file = process.argv[2]!
// In a suite, not at the root: hooks of the root run when the process has nothing else to do, which a shared sandbox prevents.
describe(basename(file, '.js'), async () => {
  await import(pathToFileURL(file).href)
})

// The closed room a run takes place in. The program starts itself again, twice:
//
//   front   what the user started: makes the room and a temporary folder, waits, copies the JSON out, cleans up
//     unshare --net --mount --pid --fork --kill-child          (as an ordinary user: --user --map-root-user as well)
//   keeper  process 1 of the room, its root: lo, a veth with a default route, cubic on every route, sysctls, /dev/net/tun
//   runner  an unprivileged user in the room, who does all the measuring
//
// Nothing of the machine's own network is touched or seen, every port is free, and when the keeper ends, for whatever reason,
// the kernel ends every process in the room. The runner's standard input is a pipe from the front: its end means that the front
// is gone or was interrupted.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { repository } from '../support/machine.js'
import { UsageError } from '../support/options.js'
import { fileLimit, readText } from '../support/proc.js'
import { recordFor } from './recorder.js'

export const RESULTS_FILE = 'results.json'
const FOLDER = 'NETLOOM_BENCH_FOLDER'
const STAGE = 'NETLOOM_BENCH_STAGE'
const PROGRAM = join(repository, 'dist', 'bench', 'main.js')
const INTERRUPT_MS = 5000 // what the room has to end by itself
const NOBODY = 65534
/** Enough for ten thousand connections with two descriptors each, and for whoever asks what the limit is. */
const OPEN_FILES = 65536
/** First of the subordinate IDs, and how many, as useradd(8) gives them. */
const SUBORDINATE = '200000:65536'
/** In the environment: the user may map subordinate IDs. */
export const HAS_SUBORDINATE_IDS = 'NETLOOM_BENCH_SUBORDINATE_IDS'

// The template that pasta takes its interface from (TEST-NET-1; nothing is ever sent there), and clients' ports: above the
// servers', and many, as a benchmark of connections uses up tens of thousands.
const TEMPLATE = { device: 'bench0', peer: 'bench1', address: '192.0.2.2/24', gateway: '192.0.2.1' }
export const LOCAL_PORTS = '10000 65535'

/** The folder of the run, in the room. */
export function roomFolder(): string {
  return process.env[FOLDER] ?? ''
}

export function stage(): 'front' | 'keeper' | 'runner' {
  const value = process.env[STAGE]
  return value === 'keeper' || value === 'runner' ? value : 'front'
}

/** Better now than after the run. */
function checkWritable(path: string): void {
  try {
    writeFileSync(path, '')
  } catch (error) {
    throw new UsageError(`--json: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The user's settings for Node are no part of what is measured; reading NODE_EXTRA_CA_CERTS alone takes Node longer than its own start. */
const withoutNodes = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('NODE_')))

/** Front: runs this program in a room of its own and returns its exit status. */
export async function enterRoom(args: readonly string[], json: string | undefined): Promise<number> {
  if (json !== undefined) checkWritable(json)
  const isRoot = process.getuid?.() === 0
  const folder = mkdtempSync(join(tmpdir(), 'netloom-bench-'))
  const room = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child']
  const identity = isRoot ? [] : ['--user', '--map-root-user']
  const child = spawn('unshare', [...identity, ...room, process.execPath, PROGRAM, ...args], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...withoutNodes(process.env), [STAGE]: 'keeper', [FOLDER]: folder },
  })
  let interrupted = false
  const interrupt = () => {
    interrupted = true
    child.stdin?.destroy()
    setTimeout(() => child.kill('SIGKILL'), INTERRUPT_MS).unref()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  try {
    const status = await new Promise<number>((done, failed) => {
      child.once('error', failed)
      child.once('exit', (code) => done(code ?? 1))
    })
    const results = join(folder, RESULTS_FILE)
    if (json !== undefined && existsSync(results)) copyFileSync(results, resolve(json))
    return interrupted ? 130 : status
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function must(command: string, ...args: string[]): void {
  const done = spawnSync(command, args, { encoding: 'utf8' })
  if (done.status !== 0) throw new UsageError(`\`${command} ${args.join(' ')}\`: ${(done.error?.message ?? done.stderr).trim()}`)
}

/** Writes the first of the values that the kernel takes; the machine's description prints what came of it. */
function sysctl(name: string, ...values: string[]): void {
  for (const value of values) {
    try {
      writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, value)
      return
    } catch {}
  }
}

/** Keeper: furnishes the room, then has the runner do its work in it. Returns the runner's exit status. */
export async function keepRoom(args: readonly string[], buffersMiB: number): Promise<number> {
  const isRoot = readText('/proc/self/uid_map')?.split(/\s+/)[1] === '0'
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  furnishNetwork(buffersMiB)
  if (isRoot) openTun()
  const user = isRoot ? Number(process.env['SUDO_UID'] ?? NOBODY) : 0
  const group = isRoot ? Number(process.env['SUDO_GID'] ?? NOBODY) : 0
  if (isRoot) chownSync(roomFolder(), user, group)
  chmodSync(roomFolder(), 0o755)
  if (isRoot) giveSubordinateIds(user)
  raiseFileLimit()
  const identity = isRoot ? [] : ['unshare', '--user', '--map-user=1000', '--map-group=1000']
  const [command = '', ...rest] = [...identity, process.execPath, PROGRAM, ...args]
  const child = spawn(command, rest, {
    stdio: isRoot ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit',
    env: { ...process.env, [STAGE]: 'runner', HOME: roomFolder() },
    ...(isRoot ? { uid: user, gid: group } : {}),
  })
  if (isRoot) recordFor(child, roomFolder())
  return await new Promise<number>((done, failed) => {
    child.once('error', failed)
    child.once('exit', (code) => done(code ?? 1))
  })
}

function furnishNetwork(buffersMiB: number): void {
  const { device, peer, address, gateway } = TEMPLATE
  must('ip', 'link', 'set', 'lo', 'up')
  must('ip', 'link', 'add', device, 'type', 'veth', 'peer', peer)
  must('ip', 'address', 'add', address, 'dev', device)
  must('ip', 'link', 'set', device, 'up')
  must('ip', 'link', 'set', peer, 'up')
  // The sysctl cannot be set to what tcp_allowed_congestion_control does not list, which belongs to the machine; a route can.
  must('ip', 'route', 'add', 'default', 'via', gateway, 'dev', device, 'congctl', 'cubic')
  for (const net of ['127.0.0.0/8', '127.0.0.1']) {
    must('ip', 'route', 'replace', 'local', net, 'dev', 'lo', 'src', '127.0.0.1', 'table', 'local', 'congctl', 'cubic')
  }
  sysctl('net.ipv4.ip_local_port_range', LOCAL_PORTS)
  sysctl('net.ipv4.tcp_no_metrics_save', '1') // a round learns nothing from the one before
  sysctl('net.ipv4.ping_group_range', '0 2147483647', '0 0')
  if (buffersMiB === 0) return
  sysctl('net.ipv4.tcp_rmem', `4096 131072 ${buffersMiB * 2 ** 20}`)
  sysctl('net.ipv4.tcp_wmem', `4096 16384 ${buffersMiB * 2 ** 20}`)
}

/** For those who make their own user namespaces with newuidmap(1). Not of the machine: its root may not want it. */
function giveSubordinateIds(user: number): void {
  const own = join(roomFolder(), 'subordinate-ids')
  const name = spawnSync('id', ['--name', '--user', String(user)], { encoding: 'utf8' }).stdout.trim()
  writeFileSync(own, `${name}:${SUBORDINATE}\n`)
  try {
    for (const file of ['/etc/subuid', '/etc/subgid']) must('mount', '--bind', own, file)
    process.env[HAS_SUBORDINATE_IDS] = '1'
  } catch {} // without them RootlessKit is left out
}

/** For all that is started from here; what may not be had is left as it is, and the workload says how many connections it made. */
function raiseFileLimit(): void {
  const raise = (limit: string) => spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${limit}`]).status === 0
  if (!raise(`${OPEN_FILES}:${OPEN_FILES}`)) raise(`${fileLimit()}:${fileLimit()}`)
}

/** Everybody may open /dev/net/tun on a distribution; where not, the room gets a node of its own. */
function openTun(): void {
  if (!existsSync('/dev/net/tun')) throw new UsageError('there is no /dev/net/tun: run `modprobe tun`')
  if ((statSync('/dev/net/tun').mode & 0o006) === 0o006) return
  const devices = join(roomFolder(), 'dev')
  mkdirSync(devices)
  must('mount', '-t', 'tmpfs', '-o', 'mode=755', 'netloom-bench', devices)
  must('mknod', '-m', '666', join(devices, 'tun'), 'c', '10', '200')
  must('mount', '--bind', join(devices, 'tun'), '/dev/net/tun')
}

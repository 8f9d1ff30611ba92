// "Nothing left behind", as something that can be compared: the processes, sockets, interfaces, mounts and the user's files that
// there are. A test file has its namespaces to itself, so whatever is there after a test and was not before is the
// test's or the product's.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './program.js'
import { world } from './world.js'

/** What it is, and what helps to recognise it. */
type Entry = readonly [string, string]

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended between the listing and the reading.
    return ''
  }
}

function* processes(): Generator<Entry> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = read(`/proc/${name}/stat`)
    // proc(5): the name in brackets may hold anything; after it the state is the first field and the start time the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X' || fields.length < 20) continue
    // One that is ending has none any more.
    const command = read(`/proc/${name}/cmdline`).replaceAll('\0', ' ').trim()
    // With the start time, since a number may be used again, and without the command line, which an exec replaces.
    if (command !== '') yield [`process ${name} started ${fields[19]}`, command]
  }
}

/** The sockets that processes other than this one hold: they are those processes' matter, which are in the list themselves. */
function socketsOfOthers(): Set<string> {
  const inodes = new Set<string>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    try {
      for (const descriptor of readdirSync(`/proc/${name}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${name}/fd/${descriptor}`))
        if (inode !== null) inodes.add(inode[1]!)
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return inodes
}

/** Every socket of the host's side that is this process's or nobody's; what the kernel winds down alone (TIME-WAIT) has no inode. */
function* sockets(): Generator<Entry> {
  const others = socketsOfOthers()
  for (const protocol of ['tcp', 'tcp6', 'udp', 'udp6', 'icmp', 'icmp6', 'raw', 'raw6']) {
    for (const line of read(`/proc/net/${protocol}`).split('\n').slice(1)) {
      const [, local, remote, state, , , , uid, , inode] = line.trim().split(/\s+/)
      if (inode === undefined || inode === '0' || others.has(inode)) continue
      yield [`socket ${protocol} inode ${inode}`, `${local} ${remote} state ${state} of uid ${uid}`]
    }
  }
  for (const line of read('/proc/net/unix').split('\n').slice(1)) {
    const [, , , , , , inode, path] = line.trim().split(/\s+/)
    if (path !== undefined && !others.has(inode!)) yield [`socket unix inode ${inode}`, path]
  }
}

function* links(): Generator<Entry> {
  for (const line of read('/proc/net/dev').split('\n').slice(2)) {
    const name = line.split(':')[0]!.trim()
    if (name !== '') yield [`interface ${name}`, '']
  }
}

function* mounts(): Generator<Entry> {
  for (const line of read('/proc/self/mountinfo').split('\n')) if (line !== '') yield [`mount ${line}`, '']
}

/** The user's own folders in depth, and what is the user's in the shared ones. */
function* files(): Generator<Entry> {
  for (const folder of [world.home, world.runtime, world.temporary]) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) yield [`file ${join(folder, name)}`, '']
  }
  if (!world.isRoot) return
  for (const folder of ['/tmp', '/var/tmp', '/dev/shm', '/run']) {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      if (statSync(path, { throwIfNoEntry: false })?.uid === world.user.uid) yield [`file ${path}`, '']
    }
  }
}

export type Inventory = ReadonlyMap<string, string>

export function takeInventory(): Inventory {
  return new Map([...processes(), ...sockets(), ...links(), ...mounts(), ...files()])
}

/** Waits until there is no more than there was, and all the processes; fails with the difference. */
export async function expectNothingLeft(before: Inventory, deadline = 15_000): Promise<void> {
  let differences: string[] = []
  const isSame = () => {
    const now = takeInventory()
    differences = [...now].filter(([key]) => !before.has(key)).map(([key, detail]) => `left behind: ${key} ${detail}`)
    // A process that is gone is one that should have lived on: a sandbox that the file shares. Mounts may go with what is theirs outside.
    for (const [key, detail] of before) if (key.startsWith('process') && !now.has(key)) differences.push(`gone: ${key} ${detail}`)
    return differences.length === 0
  }
  await until(isSame, () => differences.join('\n'), deadline)
}

/** Ends every process that was not there before: a test that failed leaves none to the next one. */
export async function killNewcomers(before: Inventory): Promise<void> {
  const newcomers = () => [...processes()].map(([key]) => key).filter((key) => !before.has(key))
  const areGone = () => {
    for (const key of newcomers()) {
      try {
        process.kill(Number(key.split(' ')[1]), 'SIGKILL')
      } catch {
        // It ended meanwhile.
      }
    }
    return newcomers().length === 0
  }
  await until(areGone, () => `cannot be ended: ${newcomers().join(', ')}`)
}

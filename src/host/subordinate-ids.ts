// Which IDs a sandbox with `mapAuto` has: the user's own and its subordinate ones, as subuid(5) and subgid(5) give them
// to it, laid out behind each other. newuidmap(1) and newgidmap(1) write such maps for those who may not; root may, and
// has every ID stay what it is.
import { accessSync, constants, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { NetloomError } from '../util/errors.js'

/** Lines of a map: NUMBERS_MAX of native/src/idmap.c. Linux takes 340. */
const MAX_LINES = 64
/** Where distributions have the programs, whatever PATH says. */
const FOLDERS = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin']

/** IDs `inside` and so on are `outside` and so on. */
export interface IdLine {
  readonly inside: number
  readonly outside: number
  readonly count: number
}

/** Maps of users and groups, and the programs that write them; null: root does. */
export interface IdMaps {
  readonly users: readonly IdLine[]
  readonly groups: readonly IdLine[]
  readonly helpers: { readonly users: string; readonly groups: string } | null
}

interface Range {
  readonly first: number
  readonly count: number
}

/** The ranges that a file of subuid(5) gives to somebody, by name or number. */
export function parseRanges(text: string, name: string, id: number): Range[] {
  return text
    .split('\n')
    .map((line) => /^([^:#]+):(\d+):(\d+)\s*$/.exec(line))
    .filter((match) => match !== null && (match[1] === name || match[1] === String(id)))
    .map((match) => ({ first: Number(match![2]), count: Number(match![3]) }))
    .filter(({ count }) => count > 0)
}

/** Our own ID as `own` inside, and around it, from 0 on, those of the ranges. */
export function layOut(own: number, outside: number, ranges: readonly Range[]): IdLine[] {
  const lines: IdLine[] = [{ inside: own, outside, count: 1 }]
  let next = own === 0 ? 1 : 0
  for (let { first, count } of ranges) {
    while (count > 0 && lines.length < MAX_LINES) {
      // Up to our own, then behind it.
      const part = next < own ? Math.min(count, own - next) : count
      lines.push({ inside: next, outside: first, count: part })
      next += part + (next + part === own ? 1 : 0)
      first += part
      count -= part
    }
  }
  return lines.sort((a, b) => a.inside - b.inside)
}

/** As they are: every ID that we have ourselves (`/proc/self/uid_map`: inside, outside, count). */
export const asTheyAre = (map: string): IdLine[] =>
  map
    .trim()
    .split('\n')
    .slice(0, MAX_LINES)
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([inside = 0, , count = 0]) => ({ inside, outside: inside, count }))

/**
 * The maps of a sandbox of this user's.
 * @throws NetloomError `ERR_SUBORDINATE_IDS`: it has no such IDs, or nobody to map them.
 */
export function findIdMaps(keepsOwn: boolean): IdMaps {
  const user = process.geteuid!()
  const group = process.getegid!()
  if (user === 0) return { users: asTheyAre(read('/proc/self/uid_map')), groups: asTheyAre(read('/proc/self/gid_map')), helpers: null }
  const name = nameOf(user)
  const ranges = { users: parseRanges(read('/etc/subuid'), name, user), groups: parseRanges(read('/etc/subgid'), name, user) }
  for (const [kind, file] of [
    ['users', '/etc/subuid'],
    ['groups', '/etc/subgid'],
  ] as const)
    if (ranges[kind].length === 0)
      throw new NetloomError(
        'ERR_SUBORDINATE_IDS',
        `${file} gives ${name} no subordinate IDs, which --map-auto maps`,
        `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`,
      )
  return {
    users: layOut(keepsOwn ? user : 0, user, ranges.users),
    groups: layOut(keepsOwn ? group : 0, group, ranges.groups),
    helpers: { users: findHelper('newuidmap'), groups: findHelper('newgidmap') },
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function nameOf(user: number): string {
  try {
    return userInfo().username
  } catch {
    return String(user)
  }
}

function findHelper(name: string): string {
  for (const folder of [...FOLDERS, ...(process.env['PATH'] ?? '').split(delimiter)]) {
    const path = join(folder, name)
    if (!path.startsWith('/')) continue
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  throw new NetloomError(
    'ERR_SUBORDINATE_IDS',
    `${name} is not installed, which --map-auto needs`,
    'sudo apt install uidmap (elsewhere: shadow-utils)',
  )
}

// Files that stand for network namespaces: `/proc/PID/ns/net`, and what is bind-mounted from there. See namespaces(7).
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** As many links as path_resolution(7) follows. */
const MAX_LINKS = 40

/** What tells one namespace from all others, '' when the file does not exist or may not be looked at. */
export function identifyNamespace(path: string): string {
  try {
    const { dev, ino } = statSync(path)
    return `${dev}:${ino}`
  } catch {
    return ''
  }
}

/** A process in the namespace, 0 when there is none: one pass over /proc. Those of other users cannot be looked at. */
export function findProcess(namespace: string): number {
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && identifyNamespace(`/proc/${name}/ns/net`) === namespace) return Number(name)
  }
  return 0
}

/** Whether there is a process in the namespace; so it is taken to be where nobody can look, for want of a descriptor. */
export function hasProcess(namespace: string): boolean {
  try {
    return findProcess(namespace) !== 0
  } catch {
    return true
  }
}

/** The process whose namespace file a path leads to, 0 when it is a file of another kind. */
export function processOf(path: string): number {
  let at = path
  for (let links = 0; links < MAX_LINKS; links++) {
    try {
      at = join(realpathSync(dirname(resolve(at))), basename(at))
      const found = /^\/proc\/(\d+)\/(?:task\/\d+\/)?ns\/net$/.exec(at)
      if (found !== null) return Number(found[1])
      if (!lstatSync(at).isSymbolicLink()) return 0
      at = resolve(dirname(at), readlinkSync(at))
    } catch {
      return 0
    }
  }
  return 0
}

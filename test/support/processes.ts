// The processes of a test file, by their command lines: those of its own PID namespace.
import { readdirSync, readFileSync } from 'node:fs'

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    // It ended between the listing and the reading.
    return ''
  }
}

/** Those whose command line, its words ended by zeros, is like the pattern; first those that none of the others has started. */
export function findProcesses(pattern: RegExp): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && pattern.test(read(name, 'cmdline')))
  const hasParent = (pid: string): boolean => pids.includes(/^PPid:\t(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? '')
  return [...pids.filter((pid) => !hasParent(pid)), ...pids.filter(hasParent)].map(Number)
}

const statusOf = (pid: string, field: string): string[] =>
  (new RegExp(`^${field}:\\s*(.+)$`, 'm').exec(read(pid, 'status'))?.[1] ?? '').split(/\s+/)

/** The process that `ancestor` has started, by way of others, and that a PID namespace within ours knows as `inside`; 0 when there is none. */
export function findInside(ancestor: number, inside: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map(pids.map((pid) => [pid, statusOf(pid, 'PPid')[0]!]))
  const isBelow = (pid: string): boolean => {
    for (let at: string | undefined = pid; at !== undefined; at = parents.get(at)) if (Number(at) === ancestor) return true
    return false
  }
  return Number(pids.find((pid) => statusOf(pid, 'NSpid').at(-1) === String(inside) && isBelow(pid)) ?? 0)
}

// What a command would have had from whoever started us, and Node has changed before the first line of ours runs: it raises the soft
// limit of open files to the hard one. A command may not be up to that (select(2) is not, nor are loops that close every descriptor
// there might be), and what its own limit was nothing tells any more; but nearly always it is that of the process that started us.
import { readFileSync } from 'node:fs'

interface Limit {
  readonly soft: number
  readonly hard: number
}

/** Of a process, as proc(5) has it; null when it cannot be known. Limits that are "unlimited" are NaN, and equal nothing. */
function openFilesOf(pid: number | 'self'): Limit | null {
  try {
    const found = /^Max open files +(\w+) +(\w+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))
    return found === null ? null : { soft: Number(found[1]), hard: Number(found[2]) }
  } catch {
    return null
  }
}

/**
 * The soft limit of open files of the process that started this one. Undefined where its hard limit is another, for then somebody has set
 * both for us (a service manager, `ulimit -n`), and where it is gone or in another PID namespace.
 */
export function callerOpenFiles(): number | undefined {
  const ours = openFilesOf('self')
  const theirs = openFilesOf(process.ppid)
  return ours !== null && theirs !== null && theirs.hard === ours.hard && theirs.soft < ours.soft ? theirs.soft : undefined
}

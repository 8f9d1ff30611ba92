// Figures that the kernel keeps about processes, the machine and its sockets (proc(5)).
import { readdirSync, readFileSync } from 'node:fs'

/** The text of a small file, without the white space around it; undefined when it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

const TICKS_PER_SECOND = 100 // USER_HZ, the same on every architecture Node runs on

/** CPU seconds since boot of the whole machine: busy ones, and all. */
export function machineCpu(): { busy: number; all: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = (readText('/proc/stat') ?? '')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / TICKS_PER_SECOND)
  const busy = user + nice + system + irq + softIrq + steal
  return { busy, all: busy + idle + ioWait }
}

/** The share of the machine (0..1) that somebody uses while the caller waits: what the figures are disturbed by. */
export async function backgroundLoad(ms: number): Promise<number> {
  const before = machineCpu()
  await new Promise((resolve) => setTimeout(resolve, ms))
  const after = machineCpu()
  return after.all > before.all ? (after.busy - before.busy) / (after.all - before.all) : 0
}

/** The paths of a process' threads; none when it has ended. */
function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`)
  } catch {
    return []
  }
}

/** The process and everything it started that still runs. */
export function withDescendants(pid: number): number[] {
  const found = [pid]
  for (let i = 0; i < found.length; i++) {
    for (const thread of threads(found[i] ?? 0)) {
      for (const child of (readText(`${thread}/children`) ?? '').split(' ')) if (child !== '') found.push(Number(child))
    }
  }
  return found
}

/** User and system CPU seconds of whole thread groups, ended threads included, to 10 ms (stat, fields 14 and 15). */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const text = readText(`/proc/${pid}/stat`) ?? ''
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ') // the name may hold anything; field 3 comes first here
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  }
  return ticks / TICKS_PER_SECOND
}

/** CPU milliseconds of the threads that run now, to the nanosecond: for what is nearly idle. */
export function preciseCpuMs(pids: readonly number[]): number {
  let ns = 0
  for (const pid of pids) {
    for (const thread of threads(pid)) ns += Number((readText(`${thread}/schedstat`) ?? '').split(' ')[0])
  }
  return ns / 1e6
}

/** How often the threads were switched away from, which is how often they woke up. */
export function contextSwitches(pids: readonly number[]): number {
  let count = 0
  for (const pid of pids) {
    for (const thread of threads(pid)) {
      for (const match of (readText(`${thread}/status`) ?? '').matchAll(/ctxt_switches:\s+(\d+)/g)) count += Number(match[1])
    }
  }
  return count
}

/** A field of /proc/PID/status that is in kB, summed, in MiB. */
export function memoryMiB(pids: readonly number[], field: 'VmRSS' | 'VmHWM'): number {
  let kib = 0
  for (const pid of pids) kib += Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readText(`/proc/${pid}/status`) ?? '')?.[1] ?? 0)
  return kib / 1024
}

/** How many files a process started from here may have open, when it has raised its limit (the second figure). */
export function fileLimit(): number {
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readText('/proc/self/limits') ?? '')?.[1] ?? 1024)
}

/** Whether something in a process' network namespace has the IPv4 port open (TCP: listens, state 0A; UDP: bound, 07). */
export function isListening(port: number, transport: 'tcp' | 'udp', pid: number | 'self' = 'self'): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const state = transport === 'tcp' ? '0A' : '07'
  return new RegExp(`:${hex} [0-9A-F]{8}:0000 ${state} `).test(readFileSync(`/proc/${pid}/net/${transport}`, 'latin1'))
}

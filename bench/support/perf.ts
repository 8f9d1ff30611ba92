// What perf(1) has recorded, as a list: which system calls, and what else, the CPU time went to, each with the functions that took it. A sample is
// a stack of functions, the innermost first, as `perf script -F comm,pid,tid,ip,sym,dso` prints it.
import { basename } from 'node:path'

export interface Share {
  readonly name: string
  /** Of all samples, 0..1. */
  readonly share: number
}

export interface Cost extends Share {
  /** The functions that took most of it themselves. */
  readonly mostly: readonly Share[]
}

interface Frame {
  readonly isKernel: boolean
  readonly symbol: string
  readonly object: string
}

interface Sample {
  readonly isMainThread: boolean
  readonly frames: readonly Frame[]
}

const FRAME = /^\s+([0-9a-f]+) (.*) \((.*)\)$/
const HEAD = /^.*?\s(\d+)\/(\d+)\s*$/
/** The upper half of the address space. */
const KERNEL = /^ffff[0-9a-f]{12}$/
const SYSTEM_CALL = /^(?:__(?:x64|arm64|riscv)_sys_(\w+)|(?:ksys|vfs)_(readv?|writev?))$/
const MOSTLY = 3

/** What a system call is about, by the first of its functions, outermost first, that tells. */
const ABOUT: readonly (readonly [RegExp, string])[] = [
  [/^tun_/, 'TAP'],
  [/^(tcp|inet_stream|inet_csk)_/, 'TCP'],
  [/^udpv?6?_/, 'UDP'],
  [/^unix_/, 'AF_UNIX'],
  [/^(pipe|splice_pipe)_/, 'pipe'],
  [/^timerfd_/, 'timerfd'],
]

export function parseSamples(text: string): Sample[] {
  return text.split('\n\n').flatMap((block) => {
    const [first = '', ...rest] = block.replace(/^\n+/, '').split('\n')
    const head = HEAD.exec(first)
    const frames = rest.flatMap((line): Frame[] => {
      const found = FRAME.exec(line)
      if (found === null) return []
      const [, address = '', symbol = '', object = ''] = found
      return [{ isKernel: KERNEL.test(address), symbol: symbol.replace(/\+0x[0-9a-f]+$/, ''), object }]
    })
    return head === null || frames.length === 0 ? [] : [{ isMainThread: head[1] === head[2], frames }]
  })
}

function systemCall(outermostFirst: readonly Frame[]): string | undefined {
  const at = outermostFirst.findIndex(({ symbol }) => SYSTEM_CALL.test(symbol))
  if (at < 0) return undefined
  const [, entry, file] = SYSTEM_CALL.exec(outermostFirst[at]!.symbol)!
  const name = entry ?? file!
  for (const { symbol } of outermostFirst.slice(at + 1)) {
    const about = ABOUT.find(([pattern]) => pattern.test(symbol))
    if (about !== undefined) return `${name} (${about[1]})`
  }
  return name
}

/** What a sample is counted as. */
export function costOf({ isMainThread, frames }: Sample): string {
  const [leaf] = frames
  if (leaf === undefined) return 'unknown'
  if (leaf.isKernel) {
    const kernel = frames.filter(({ isKernel }) => isKernel).toReversed()
    const call = systemCall(kernel)
    if (call !== undefined) return call
    if (kernel.some(({ symbol }) => symbol.includes('seccomp'))) return 'the seccomp filter'
    if (kernel.some(({ symbol }) => symbol.includes('page_fault'))) return 'page faults'
    if (kernel.some(({ symbol }) => /interrupt|irq/.test(symbol))) return 'interrupts'
    return 'entering and leaving the kernel'
  }
  if (leaf.object.endsWith('netloom.node')) return 'the addon'
  if (/perf-\d+\.map$|anon|unknown|memfd/.test(leaf.object) || leaf.symbol.startsWith('Builtins_')) return 'JavaScript'
  if (basename(leaf.object) === 'node') return isMainThread ? 'Node and V8' : "V8's other threads (compiler, garbage)"
  return basename(leaf.object)
}

/** V8's names of functions have the way they were compiled in front, and a path; those of C++ have their namespaces. */
function functionName({ symbol, object }: Frame): string {
  if (symbol === '[unknown]') return object.includes('perf-') || object.startsWith('[') ? 'code without a name' : basename(object)
  if (/^(JS:)?[~^*+]/.test(symbol)) return symbol.replace(/^(JS:)?[~^*+]/, '').replace(/ .*\//, ' ')
  return symbol.split('::').slice(-2).join('::')
}

function shares(counts: ReadonlyMap<string, number>, all: number, most: number): Share[] {
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, most)
  return sorted.map(([name, count]) => ({ name, share: count / all }))
}

const increase = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)

/** The largest first. */
export function costs(text: string, most: number): Cost[] {
  const samples = parseSamples(text)
  const counts = new Map<string, number>()
  const functions = new Map<string, Map<string, number>>()
  for (const sample of samples) {
    const name = costOf(sample)
    const own = functions.get(name) ?? new Map<string, number>()
    functions.set(name, own)
    increase(counts, name)
    increase(own, functionName(sample.frames[0]!))
  }
  return shares(counts, samples.length, most).map((cost) => ({
    ...cost,
    mostly: shares(functions.get(cost.name)!, samples.length, MOSTLY),
  }))
}

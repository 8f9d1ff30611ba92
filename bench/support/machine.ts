// What a reader needs to judge a figure by: the machine, its kernel and its settings.
import { spawnSync } from 'node:child_process'
import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { readText } from './proc.js'

/** The checkout; this file runs from dist/bench/support. */
export const repository = fileURLToPath(new URL('../../../', import.meta.url))

const SYSCTLS = [
  'net.ipv4.tcp_congestion_control',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
  'net.core.rmem_max',
  'net.core.wmem_max',
  'net.core.busy_read',
  'net.ipv4.ping_group_range',
]

export interface Machine {
  readonly kernel: string
  readonly cpu: string
  readonly cores: number
  readonly memoryMiB: number
  readonly node: string
  readonly load: number
  readonly sysctls: Readonly<Record<string, string>>
}

/** The first line that `command --version` or the like prints, or undefined when there is no such program or it fails. */
export function versionLine(command: string, args: readonly string[] = ['--version']): string | undefined {
  const done = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 5000 })
  if (done.status !== 0) return undefined
  return `${done.stdout}${done.stderr}`.split('\n')[0]?.trim() ?? ''
}

export function describeMachine(): Machine {
  const sysctls: Record<string, string> = {}
  for (const name of SYSCTLS) {
    const value = readText(`/proc/sys/${name.replaceAll('.', '/')}`)
    if (value !== undefined) sysctls[name] = value.replaceAll(/\s+/g, ' ')
  }
  return {
    kernel: `${release()} ${arch()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    load: loadavg()[0] ?? 0,
    sysctls,
  }
}

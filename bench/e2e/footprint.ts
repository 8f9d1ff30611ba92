// What a stack costs when it does nothing: the time until it is ready, and then CPU, wake-ups and memory.
import { contextSwitches, memoryMiB, preciseCpuMs } from '../support/proc.js'
import type { Workload } from './workload.js'

const MTU = 1500
// Until then the guest's kernel sends router solicitations (RFC 4861, 10) and group reports, and a runtime still compiles.
const SETTLE_MS = 4000
const STARTS = 7

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export const startUp: Workload = {
  name: 'startup',
  title: 'from the start of the program to ready',
  mtu: MTU,
  metrics: [{ key: 'readyMs', title: 'ms', better: 'less', ratio: true }],
  hasLimit: false,
  repeat: STARTS,
  measure: (session) => Promise.resolve({ readyMs: session.readyMs }),
}

export const idle: Workload = {
  name: 'idle',
  title: 'ready, and nothing to do',
  mtu: MTU,
  metrics: [
    { key: 'cpuMs', title: 'CPU ms per s', better: 'less' },
    { key: 'wakeUps', title: 'wake-ups per s', better: 'less' },
    { key: 'rss', title: 'RSS MiB', better: 'less', ratio: true },
  ],
  hasLimit: false,
  measure: async (session, { seconds }) => {
    await sleep(SETTLE_MS)
    const pids = session.pids()
    const cpu = preciseCpuMs(pids)
    const switches = contextSwitches(pids)
    await sleep(seconds * 1000)
    return {
      cpuMs: (preciseCpuMs(pids) - cpu) / seconds,
      wakeUps: (contextSwitches(pids) - switches) / seconds,
      rss: memoryMiB(pids, 'VmRSS'),
      peakRss: memoryMiB(pids, 'VmHWM'),
    }
  },
}

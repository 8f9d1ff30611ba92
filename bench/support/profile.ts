// What Node's profiler (--cpu-prof) has written, as a list: which functions the time was spent in themselves, with the addon's functions that they
// call. Waiting does not count.

interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface Cost {
  readonly name: string
  /** Of the time that something was done in, 0..1. */
  readonly share: number
}

/** Several classes have a `receive`; lines are counted from 0. */
function nameOf({ functionName, url, lineNumber }: Frame): string {
  const place = url === '' ? '' : `  ${url.split('/').at(-1)}:${lineNumber + 1}`
  return `${functionName === '' ? '(anonymous)' : functionName}${place}`
}

/** The largest first. */
export function costs(text: string, most: number): Cost[] {
  const { nodes, samples, timeDeltas } = JSON.parse(text) as CpuProfile
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const spent = new Map<string, number>()
  let all = 0
  for (let i = 0; i < samples.length; i++) {
    const name = names.get(samples[i]!) ?? '(unknown)'
    if (name === '(idle)') continue
    const us = Math.max(0, timeDeltas[i] ?? 0)
    all += us
    spent.set(name, (spent.get(name) ?? 0) + us)
  }
  const sorted = [...spent].sort((a, b) => b[1] - a[1]).slice(0, most)
  return sorted.map(([name, us]) => ({ name, share: us / all }))
}

// Who takes part, in the order of the tables.
import { loopback, node, veth } from './limits.js'
import { rootlesskit } from './rootlesskit.js'
import { netloomSlirp4netns, netloomSlirp4netnsHardened, slirp4netns, slirp4netnsHardened } from './slirp4netns.js'
import { netloom, pasta, type Stack } from './stack.js'
import type { Workload } from './workload.js'

export const stacks: readonly Stack[] = [
  netloom('netloom'),
  netloom('netloom-tap', 'tap'),
  netloom('netloom-direct', 'direct'),
  netloomSlirp4netns,
  netloomSlirp4netnsHardened,
  slirp4netns,
  slirp4netnsHardened,
  pasta,
  rootlesskit,
  loopback,
  veth,
  node,
]

/** Whether a stack is measured by a workload. */
export function takesPart(workload: Workload, stack: Stack): boolean {
  if (workload.isForward ? !stack.publishes : !stack.connects) return false
  const isChosen = stack.only?.includes(workload.name) ?? (workload.hasLimit || !stack.isLimit)
  return isChosen && (workload.stacks?.includes(stack.name) ?? true)
}

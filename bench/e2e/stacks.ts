// Who takes part, in the order of the tables.
import { rootlesskit } from './rootlesskit.js'
import { loopback, netloom, pasta, type Stack, slirp4netns } from './stack.js'
import type { Workload } from './workload.js'

export const stacks: readonly Stack[] = [
  netloom('netloom'),
  netloom('netloom-tap', 'tap'),
  netloom('netloom-direct', 'direct'),
  slirp4netns,
  pasta,
  rootlesskit,
  loopback,
]

/** Whether a stack is measured by a workload. */
export function takesPart(workload: Workload, stack: Stack): boolean {
  if (workload.isForward ? !stack.publishes : !stack.connects) return false
  return (workload.hasLimit || stack.open !== undefined) && (workload.stacks?.includes(stack.name) ?? true)
}

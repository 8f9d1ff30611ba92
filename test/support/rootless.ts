// What rootless container tools find on a machine where people use them, made for one test file: subordinate IDs, a runtime folder, a cgroup
// tree of version 2. Each function returns what undoes it; /etc, the mounts and the processes are the test file's own (e2e-main.ts).
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { requirePrograms } from './packages.js'
import { must } from './program.js'
import { world } from './world.js'

/** First of the user's subordinate IDs, and how many, as useradd(8) gives them. */
const SUBORDINATE = [200_000, 65_536] as const
export const RUNTIME = `/run/user/${world.user.uid}`
const CGROUP = '/sys/fs/cgroup'
/** statfs(2): CGROUP2_SUPER_MAGIC. */
const CGROUP2_MAGIC = '63677270'

/** Gives the user subordinate IDs, which newuidmap(1) then lets it map. */
export function giveSubordinateIds(): void {
  requirePrograms(['newuidmap'])
  const line = `${world.user.name}:${SUBORDINATE.join(':')}\n`
  for (const file of ['/etc/subuid', '/etc/subgid']) writeFileSync(file, line)
}

/** Makes the user's runtime folder, where systemd-logind(8) does; returns what undoes it. */
export async function mountRuntime(): Promise<() => Promise<void>> {
  const folder = dirname(RUNTIME)
  // As on every machine with systemd, and left there: another test run may be using it.
  mkdirSync(folder, { recursive: true })
  await must(['mount', '-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', folder])
  mkdirSync(RUNTIME, { mode: 0o700 })
  chownSync(RUNTIME, world.user.uid, world.user.gid)
  return async () => {
    await must(['umount', folder])
  }
}

/** Makes the cgroup tree one of version 2; returns what undoes it. */
export async function mountCgroup2(): Promise<() => Promise<void>> {
  if ((await must(['stat', '--file-system', '--format=%t', CGROUP])).trim() === CGROUP2_MAGIC) return async () => {}
  await must(['umount', '--recursive', '--lazy', CGROUP])
  await must(['mount', '-t', 'cgroup2', 'cgroup2', CGROUP])
  return async () => {
    await must(['umount', CGROUP])
  }
}

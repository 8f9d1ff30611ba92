// Whether this process lives in a chroot: its root folder is not the root of its mount namespace. There the kernel lets nobody make a user
// namespace (user_namespaces(7), EPERM of unshare(2)), for a process could come out of the chroot by one.
import { closeSync, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs'

/** What tells one root from another: its mount, and its folder there. */
function identify(path: string): string {
  const descriptor = openSync(path, 'r')
  try {
    const mount = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1]
    const { dev, ino } = fstatSync(descriptor)
    return `${mount} ${dev} ${ino}`
  } finally {
    closeSync(descriptor)
  }
}

/** Null when it cannot be told: another user's init shows nobody its root. */
export function isInChroot(): boolean | null {
  try {
    // proc(5): the fifth field is where it is mounted, seen from our root. A root that is no mount is in no line.
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').trim().split('\n')
    if (!mounts.some((line) => line.split(' ')[4] === '/')) return true
    if (readlinkSync('/proc/self/ns/mnt') !== readlinkSync('/proc/1/ns/mnt')) return null
    return identify('/proc/1/root') !== identify('/')
  } catch {
    return null
  }
}

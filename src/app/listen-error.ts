// Why a port cannot be listened on, in one line with the remedy, and who has it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { errnoName, NetloomError } from '../util/errors.js'

/** What an errno means for one who wants to listen, and what to do. `namesOwner`: who has the port is worth a search of /proc. */
export function listenError(protocol: 'tcp' | 'udp', hostAddress: string, port: number, errno: number, namesOwner: boolean): NetloomError {
  const name = errnoName(errno)
  const where = hostAddress.includes(':') ? `[${hostAddress}]:${port}` : `${hostAddress}:${port}`
  const fail = (why: string, hint: string): NetloomError => new NetloomError(name, `cannot listen on ${where}: ${why}`, hint)
  switch (name) {
    case 'EADDRINUSE': {
      const owner = namesOwner ? whoListens(protocol, port) : ''
      return fail(owner === '' ? 'the port is in use' : `the port is in use by ${owner}`, 'choose another one, or 0 for one that is free')
    }
    case 'EACCES':
      return fail(
        'an ordinary user may not have so low a port',
        'choose a higher one, or lower the bound: sysctl net.ipv4.ip_unprivileged_port_start',
      )
    case 'EADDRNOTAVAIL':
      return fail('the address is none of this host', 'see `ip address`')
    default:
      return fail(name, '')
  }
}

/** The program that listens on a port, as far as /proc tells: `nginx (PID 1234)`; '' when it does not. */
function whoListens(protocol: 'tcp' | 'udp', port: number): string {
  // States of include/net/tcp_states.h: listening, and of UDP unconnected.
  const state = protocol === 'tcp' ? '0A' : '07'
  const inodes = new Set<string>()
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const file of [`/proc/net/${protocol}`, `/proc/net/${protocol}6`]) {
    for (const line of readOr(() => readFileSync(file, 'utf8'), '').split('\n')) {
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(suffix) && fields[3] === state) inodes.add(`socket:[${fields[9]}]`)
    }
  }
  if (inodes.size === 0) return ''
  for (const pid of readOr(() => readdirSync('/proc'), []).filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of readOr(() => readdirSync(`/proc/${pid}/fd`), [])) {
      if (!inodes.has(readOr(() => readlinkSync(`/proc/${pid}/fd/${descriptor}`), ''))) continue
      return `${readOr(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), 'a program')} (PID ${pid})`
    }
  }
  return ''
}

// Processes come and go, and those of others are not to be looked into.
function readOr<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}

// Published ports of one network: listening sockets are opened here, all or none, and what can go wrong is said in one line.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { BACKLOG, MAX_LISTENERS, type PortForwards } from '../flow/port-forwards.js'
import type { NativeContext } from '../host/native.js'
import { errnoName, NetloomError } from '../util/errors.js'
import * as address from '../wire/address.js'
import type { PublishOptions } from './publish-spec.js'

/** One published port: what it is, and how it fares. */
export interface Publication {
  /** Address and port of the host that are listened on. */
  readonly hostAddress: string
  readonly hostPort: number
  /** Where its connections go. */
  readonly guestAddress: string
  readonly guestPort: number
  /** Connections that were made to it, and of them those that were not even tried in the sandbox. */
  readonly connections: number
  readonly refused: number
  /** Listens no longer. Connections that are open go on. Safe to call twice. */
  close(): void
}

/** What two families may take to agree on a free port. */
const PORT_TRIES = 16
const EVERY_ADDRESS = ['0.0.0.0', '::'] as const

export class Publications {
  readonly #native: NativeContext
  readonly #forwards: PortForwards
  readonly #guest: number
  readonly #open = new Set<Publication>()

  constructor(native: NativeContext, forwards: PortForwards, guest: number) {
    this.#native = native
    this.#forwards = forwards
    this.#guest = guest
  }

  get all(): readonly Publication[] {
    return [...this.#open]
  }

  /**
   * Opens them all, or none.
   * @throws NetloomError with the errno's name as its code (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` ...), or `ERR_PUBLISH`.
   */
  open(wanted: readonly PublishOptions[]): Publication[] {
    const opened: Publication[] = []
    try {
      for (const one of wanted) opened.push(...this.#publish(one))
    } catch (error) {
      for (const publication of opened) publication.close()
      throw error
    }
    return opened
  }

  #publish({ hostAddress, hostPort = 0, guestPort }: PublishOptions): Publication[] {
    check(hostPort, 0, 'hostPort')
    check(guestPort, 1, 'guestPort')
    if (hostAddress !== undefined) return [this.#listen(hostAddress, hostPort, guestPort)]
    for (let i = 1; ; i++) {
      const first = this.#listen(EVERY_ADDRESS[0], hostPort, guestPort)
      try {
        return [first, this.#listen(EVERY_ADDRESS[1], first.hostPort, guestPort)]
      } catch (error) {
        const code = (error as NetloomError).code
        // A host without IPv6 has IPv4 alone to publish on.
        if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') return [first]
        first.close()
        if (code !== 'EADDRINUSE' || hostPort !== 0 || i === PORT_TRIES) throw error
      }
    }
  }

  #listen(hostAddress: string, hostPort: number, guestPort: number): Publication {
    const words = address.parseAny(hostAddress)
    if (words === null) throw new NetloomError('ERR_PUBLISH', `'${hostAddress}' is no IP address`, 'give one of this host', 2)
    const descriptor = this.#native.tcpListen(...words, hostPort, BACKLOG)
    if (descriptor < 0) throw listenError(hostAddress, hostPort, -descriptor)
    const port = new Int32Array(this.#native.scratch)[4]!
    const rule = this.#forwards.add(descriptor, this.#guest, guestPort)
    if (rule === 0) {
      this.#native.closeDescriptor(descriptor)
      throw new NetloomError('ERR_PUBLISH', `more than ${MAX_LISTENERS} ports are published`, 'publish fewer')
    }
    return this.#publication(rule, hostAddress, port, guestPort)
  }

  #publication(rule: number, hostAddress: string, hostPort: number, guestPort: number): Publication {
    const forwards = this.#forwards
    const open = this.#open
    const ended = { connections: 0, refused: 0 }
    const publication: Publication = {
      hostAddress,
      hostPort,
      guestAddress: address.format(this.#guest),
      guestPort,
      get connections() {
        return open.has(publication) ? forwards.accepted(rule) : ended.connections
      },
      get refused() {
        return open.has(publication) ? forwards.refused(rule) : ended.refused
      },
      close() {
        if (!open.has(publication)) return
        ended.connections = publication.connections
        ended.refused = publication.refused
        open.delete(publication)
        forwards.remove(rule)
      },
    }
    open.add(publication)
    return publication
  }
}

function check(port: number, least: number, name: string): void {
  if (Number.isInteger(port) && port >= least && port <= 65_535) return
  throw new NetloomError('ERR_PUBLISH', `${name} ${port} is not a whole number from ${least} to 65,535`, 'give a port', 2)
}

function listenError(hostAddress: string, port: number, errno: number): NetloomError {
  const name = errnoName(errno)
  const where = hostAddress.includes(':') ? `[${hostAddress}]:${port}` : `${hostAddress}:${port}`
  const fail = (why: string, hint: string): NetloomError => new NetloomError(name, `cannot listen on ${where}: ${why}`, hint)
  switch (name) {
    case 'EADDRINUSE': {
      const owner = whoListens(port)
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
function whoListens(port: number): string {
  const LISTEN = '0A'
  const inodes = new Set<string>()
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readOr(() => readFileSync(file, 'utf8'), '').split('\n')) {
      const fields = line.trim().split(/\s+/)
      if (fields[1]?.endsWith(suffix) && fields[3] === LISTEN) inodes.add(`socket:[${fields[9]}]`)
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

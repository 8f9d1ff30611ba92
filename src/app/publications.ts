// Published ports of one network: listening sockets are opened here, all or none, and what can go wrong is said in one line.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { BACKLOG, type PortForwards } from '../flow/port-forwards.js'
import { MAX_RULES } from '../flow/rule-counts.js'
import type { NativeContext } from '../host/native.js'
import { errnoName, NetloomError } from '../util/errors.js'
import * as address from '../wire/address.js'
import { checkDriver, DRIVERS, type PublishDriver, type PublishOptions } from './publish-spec.js'

/** What has gone through a published port. Payload and frames, or with the direct driver the pieces it was moved in. */
export interface PublicationCounters {
  /** Connections that were made to it, and of them those that the sandbox did not take. */
  readonly connections: number
  readonly refused: number
  /** Connections that are open. */
  readonly current: number
  /** From the sandbox, and to it. */
  readonly packetsIn: number
  readonly packetsOut: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** One published port: what it is, and how it fares. */
export interface Publication {
  /** Number by which it is known to the control socket: 1, 2 ..., never used again. */
  readonly id: number
  /** Address and port of the host that are listened on. */
  readonly hostAddress: string
  readonly hostPort: number
  /** Where its connections go. */
  readonly guestAddress: string
  readonly guestPort: number
  readonly protocol: 'tcp'
  readonly driver: PublishDriver
  /** A snapshot; of one that is closed, as of then. */
  readonly counters: PublicationCounters
  /** Listens no longer. Connections that are open go on, or with `flows: true` see a reset at both ends. Safe to call twice. */
  close(options?: { readonly flows?: boolean }): void
}

/** What two families may take to agree on a free port. */
const PORT_TRIES = 16
const EVERY_ADDRESS = ['0.0.0.0', '::'] as const

/** What a publication leads to, and how. */
interface Destination {
  readonly guestPort: number
  readonly driver: PublishDriver
}

export class Publications {
  readonly #native: NativeContext
  readonly #forwards: PortForwards
  readonly #guest: number
  readonly #driver: PublishDriver
  readonly #open = new Map<number, Publication>()
  #lastId = 0
  #isUpToDate = false

  /** `driver`: of those that do not say. */
  constructor(native: NativeContext, forwards: PortForwards, guest: number, driver: PublishDriver) {
    this.#native = native
    this.#forwards = forwards
    this.#guest = guest
    this.#driver = driver
  }

  get all(): readonly Publication[] {
    return [...this.#open.values()]
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

  #publish({ hostAddress, hostPort = 0, guestPort, driver = this.#driver }: PublishOptions): Publication[] {
    check(hostPort, 0, 'hostPort')
    check(guestPort, 1, 'guestPort')
    const to = { guestPort, driver: checkDriver(driver) }
    if (hostAddress !== undefined) return [this.#listen(hostAddress, hostPort, to)]
    for (let i = 1; ; i++) {
      const first = this.#listen(EVERY_ADDRESS[0], hostPort, to)
      try {
        return [first, this.#listen(EVERY_ADDRESS[1], first.hostPort, to)]
      } catch (error) {
        const code = (error as NetloomError).code
        // A host without IPv6 has IPv4 alone to publish on.
        if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') return [first]
        first.close()
        if (code !== 'EADDRINUSE' || hostPort !== 0 || i === PORT_TRIES) throw error
      }
    }
  }

  #listen(hostAddress: string, hostPort: number, to: Destination): Publication {
    const words = address.parseAny(hostAddress)
    if (words === null) throw new NetloomError('ERR_PUBLISH', `'${hostAddress}' is no IP address`, 'give one of this host', 2)
    const descriptor = this.#native.tcpListen(...words, hostPort, BACKLOG)
    if (descriptor < 0) throw listenError(hostAddress, hostPort, -descriptor)
    const port = new Int32Array(this.#native.scratch)[4]!
    const rule = this.#forwards.add(descriptor, address.mapped(this.#guest), to.guestPort, DRIVERS.indexOf(to.driver))
    if (rule === 0) {
      this.#native.closeDescriptor(descriptor)
      throw new NetloomError('ERR_PUBLISH', `more than ${MAX_RULES} ports are published`, 'publish fewer')
    }
    return this.#publication(rule, hostAddress, port, to)
  }

  // Once for as many as are asked for in one go: no traffic comes in between.
  #tally(): void {
    if (this.#isUpToDate) return
    this.#forwards.tally()
    this.#isUpToDate = true
    queueMicrotask(() => {
      this.#isUpToDate = false
    })
  }

  #publication(rule: number, hostAddress: string, hostPort: number, { guestPort, driver }: Destination): Publication {
    const forwards = this.#forwards
    const open = this.#open
    const id = ++this.#lastId
    const bringUpToDate = () => this.#tally()
    let ended: PublicationCounters | null = null
    const guestAddress = address.format(this.#guest)
    const publication: Publication = {
      ...{ id, hostAddress, hostPort, guestAddress, guestPort, protocol: 'tcp', driver },
      get counters() {
        if (ended !== null) return ended
        bringUpToDate()
        return countersOf(forwards, rule)
      },
      close({ flows = false } = {}) {
        if (ended !== null) return
        ended = { ...publication.counters, current: 0 }
        open.delete(id)
        forwards.remove(rule, flows)
      },
    }
    open.set(id, publication)
    return publication
  }
}

function countersOf({ counts }: PortForwards, rule: number): PublicationCounters {
  return {
    connections: counts.connections[rule]!,
    refused: counts.refused[rule]!,
    current: counts.current[rule]!,
    packetsIn: counts.packetsIn[rule]!,
    packetsOut: counts.packetsOut[rule]!,
    bytesIn: counts.bytesIn[rule]!,
    bytesOut: counts.bytesOut[rule]!,
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

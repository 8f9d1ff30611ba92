// Published ports of one network: listening sockets are opened here, all or none, and what can go wrong is said in one line.
import { BACKLOG, DRIVER_DATAGRAMS, type PortForwards } from '../flow/port-forwards.js'
import { MAX_RULES } from '../flow/rule-counts.js'
import type { NativeContext } from '../host/native.js'
import { AddressPlan, type InterfaceAddresses, NOT_OURS } from '../net/address-plan.js'
import { NetloomError } from '../util/errors.js'
import type { Log } from '../util/log.js'
import * as address from '../wire/address.js'
import { type AddressSource, InterfaceListeners } from './interface-listeners.js'
import { listenError } from './listen-error.js'
import { Listeners } from './listeners.js'
import { checkDriver, DRIVERS, type PublishDriver, type PublishOptions, type PublishProtocol, parseHost } from './publish-spec.js'

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
  /** The interface of the host whose addresses are listened on, as they come and go; null: it was not given. */
  readonly hostInterface: string | null
  /** Addresses of the host that are listened on now; of an interface there may be several, or none. */
  readonly hostAddresses: readonly string[]
  /** The first of them, '' when there is none. */
  readonly hostAddress: string
  /** Port of the host. */
  readonly hostPort: number
  /** Where its connections go. */
  readonly guestAddress: string
  readonly guestPort: number
  readonly protocol: PublishProtocol
  readonly driver: PublishDriver
  /** Published because a program in the sandbox listens (option `publishAuto`), and only as long as it does. */
  readonly isAutomatic: boolean
  /** A snapshot; of one that is closed, as of then. */
  readonly counters: PublicationCounters
  /** Listens no longer. Connections that are open go on, or with `flows: true` see a reset at both ends. Safe to call twice. */
  close(options?: { readonly flows?: boolean }): void
}

/** What two families may take to agree on a free port. */
const PORT_TRIES = 16
/** errno(3). */
const EADDRINUSE = 98
const EVERY_ADDRESS = ['0.0.0.0', '::'] as const

/** What a publication leads to, and how. */
interface Destination {
  readonly guest: address.Words
  readonly guestPort: number
  readonly protocol: PublishProtocol
  readonly driver: PublishDriver
  readonly isAutomatic: boolean
}

export class Publications {
  readonly #native: NativeContext
  readonly #forwards: PortForwards
  readonly #addresses: InterfaceAddresses
  readonly #driver: PublishDriver
  readonly #open = new Map<number, Publication>()
  readonly #interfaces: InterfaceListeners
  #lastId = 0
  #isUpToDate = false

  /** `driver`: of those that do not say. `host`: where the addresses of interfaces are looked up, asked for when the first is published. */
  constructor(
    native: NativeContext,
    forwards: PortForwards,
    addresses: InterfaceAddresses,
    driver: PublishDriver,
    host: () => AddressSource,
    log: Log,
  ) {
    this.#interfaces = new InterfaceListeners(host, log)
    this.#native = native
    this.#forwards = forwards
    this.#addresses = addresses
    this.#driver = driver
  }

  get all(): readonly Publication[] {
    return [...this.#open.values()]
  }

  /** What the host has may have changed. */
  updateAddresses(): void {
    this.#interfaces.update()
  }

  /**
   * Opens them all, or none.
   * @throws NetloomError with the errno's name as its code (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` ...), or `ERR_PUBLISH`.
   */
  open(wanted: readonly PublishOptions[], isAutomatic = false): Publication[] {
    checkOverlap(wanted)
    const opened: Publication[] = []
    try {
      for (const one of wanted) opened.push(...this.#publish(one, isAutomatic))
    } catch (error) {
      for (const publication of opened) publication.close()
      throw error
    }
    return opened
  }

  #publish(options: PublishOptions, isAutomatic: boolean): Publication[] {
    const { hostAddress, hostInterface, hostPort = 0, guestPort, driver = this.#driver, protocol = 'tcp' } = options
    check(hostPort, 0, 'hostPort')
    check(guestPort, 1, 'guestPort')
    const to = { guest: this.#guestOf(options), guestPort, driver: checkDriver(driver), protocol, isAutomatic }
    if (hostInterface !== undefined) return [this.#publishInterface(hostInterface, options, to)]
    if (hostAddress !== undefined) return [this.#publishAddress(hostAddress, hostPort, to)]
    for (let i = 1; ; i++) {
      const first = this.#publishAddress(EVERY_ADDRESS[0], hostPort, to)
      try {
        return [first, this.#publishAddress(EVERY_ADDRESS[1], first.hostPort, to)]
      } catch (error) {
        const code = (error as NetloomError).code
        // A host without IPv6 has IPv4 alone to publish on.
        if (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL') return [first]
        first.close()
        if (code !== 'EADDRINUSE' || hostPort !== 0 || i === PORT_TRIES) throw error
      }
    }
  }

  #publishAddress(hostAddress: string, hostPort: number, to: Destination): Publication {
    const listeners = new Listeners(this.#forwards)
    const { rule, port } = this.#listen(hostAddress, hostPort, to)
    listeners.add(hostAddress, rule)
    return this.#publication(listeners, null, port, to)
  }

  // One, whatever addresses there are: the first socket chooses the port for all that come.
  #publishInterface(name: string, { hostAddress, hostPort = 0, hostFamily }: PublishOptions, to: Destination): Publication {
    if (hostAddress !== undefined)
      throw new NetloomError('ERR_PUBLISH', 'hostAddress and hostInterface are both given', 'give one of them', 2)
    const addresses = this.#interfaces.addresses(name, hostFamily)
    if (addresses.length === 0)
      throw new NetloomError('ERR_PUBLISH', `the interface ${name} has no address to listen on`, 'see `ip address`', 2)
    for (let i = 1; ; i++) {
      const listeners = new Listeners(this.#forwards)
      let port = hostPort
      try {
        for (const one of addresses) {
          const opened = this.#listen(one, port, to)
          listeners.add(one, opened.rule)
          port = opened.port
        }
      } catch (error) {
        listeners.close(false)
        if ((error as NetloomError).code !== 'EADDRINUSE' || hostPort !== 0 || i === PORT_TRIES) throw error
        continue
      }
      const publication = this.#publication(listeners, name, port, to)
      const listen = (one: string) => listeners.add(one, this.#listen(one, port, { ...to, isAutomatic: true }).rule)
      const bringUpToDate = () => this.#tally()
      this.#interfaces.follow(publication.id, { name, family: hostFamily, port, listeners, listen, bringUpToDate })
      return publication
    }
  }

  #guestOf({ guestAddress, guestFamily = 4 }: PublishOptions): address.Words {
    const { guest, ipv6 } = this.#addresses
    const fail = (what: string, hint: string) => new NetloomError('ERR_PUBLISH', what, hint, 2)
    if (guestAddress === undefined) {
      if (guestFamily === 4) return address.mapped(guest)
      if (ipv6 !== undefined) return ipv6.guest
      throw fail('the sandbox has no IPv6 address to publish', 'leave the 6 at the end out')
    }
    const words = address.parseAny(guestAddress)
    if (words === null) throw fail(`'${guestAddress}' is no IP address`, "give the sandbox's")
    const plan = new AddressPlan(this.#addresses)
    const own = Int32Array.from(words)
    if (plan.isOnLink(own, 0) && !plan.isGroup(own, 0) && plan.role(own, 0) === NOT_OURS) return words
    throw fail(`the address ${guestAddress} is none that a sandbox of this network can have`, 'leave it out for the one it has')
  }

  #listen(hostAddress: string, hostPort: number, to: Destination): { readonly rule: number; readonly port: number } {
    const { words, zone } = parseHost(hostAddress)
    if (words === null) throw new NetloomError('ERR_PUBLISH', `'${hostAddress}' is no IP address`, 'give one of this host', 2)
    const scope = this.#scopeOf(zone)
    const isUdp = to.protocol === 'udp'
    const listen = () =>
      isUdp ? this.#native.udpListen(...words, hostPort, scope) : this.#native.tcpListen(...words, hostPort, BACKLOG, scope)
    let descriptor = listen()
    if (isUdp && descriptor === -EADDRINUSE && this.#forwards.freePort(hostPort)) descriptor = listen()
    if (descriptor < 0) throw listenError(to.protocol, hostAddress, hostPort, -descriptor, !to.isAutomatic)
    const port = new Int32Array(this.#native.scratch)[4]!
    const rule = this.#forwards.add(descriptor, words, to.guest, to.guestPort, isUdp ? DRIVER_DATAGRAMS : DRIVERS.indexOf(to.driver))
    if (rule === 0) {
      this.#native.closeDescriptor(descriptor)
      throw new NetloomError('ERR_PUBLISH', `more than ${MAX_RULES} ports are published`, 'publish fewer')
    }
    return { rule, port }
  }

  /** The number of the interface that a link-local address is of, 0 for none. */
  #scopeOf(zone: string): number {
    if (zone === '') return 0
    const index = /^\d{1,9}$/.test(zone) ? Number(zone) : this.#indexOf(zone)
    if (index > 0) return index
    throw new NetloomError('ERR_PUBLISH', `'${zone}' is no interface of this host`, 'see `ip -6 address`', 2)
  }

  #indexOf(name: string): number {
    const bytes = Buffer.from(name)
    const scratch = new Uint8Array(this.#native.scratch)
    if (bytes.length > scratch.length) return 0
    scratch.set(bytes)
    return this.#native.interfaceIndex(bytes.length)
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

  #publication(listeners: Listeners, hostInterface: string | null, hostPort: number, to: Destination): Publication {
    const { guest, guestPort, driver, protocol, isAutomatic } = to
    const open = this.#open
    const interfaces = this.#interfaces
    const id = ++this.#lastId
    const bringUpToDate = () => this.#tally()
    let ended: PublicationCounters | null = null
    const guestAddress = address.formatAny(...guest)
    const publication: Publication = {
      ...{ id, hostInterface, hostPort, guestAddress, guestPort, protocol, driver: protocol === 'udp' ? 'tap' : driver, isAutomatic },
      get hostAddresses() {
        return listeners.addresses
      },
      get hostAddress() {
        return listeners.addresses[0] ?? ''
      },
      get counters() {
        if (ended !== null) return ended
        bringUpToDate()
        return listeners.counters
      },
      close({ flows = false } = {}) {
        if (ended !== null) return
        ended = { ...publication.counters, current: 0 }
        open.delete(id)
        interfaces.forget(id)
        listeners.close(flows)
      },
    }
    open.set(id, publication)
    return publication
  }
}

/** Refuses what asks for one port of the host twice, before anything is opened. An address that is left out is every one of its kind. */
function checkOverlap(wanted: readonly PublishOptions[]): void {
  const seen = new Map<string, Set<string>>()
  for (const one of wanted) {
    const { hostPort = 0, protocol = 'tcp' } = one
    if (hostPort === 0) continue
    const hostAddress = addressKey(one)
    const addresses = seen.get(`${protocol} ${hostPort}`) ?? new Set()
    const isTaken =
      hostAddress === '' ? addresses.size > 0 : addresses.has(hostAddress) || addresses.has('') || addresses.has(wildcard(hostAddress))
    const isWider = hostAddress === wildcard(hostAddress) && [...addresses].some((other) => wildcard(other) === hostAddress)
    if (isTaken || isWider) {
      const where = hostAddress === '' ? `port ${hostPort} of every address` : `port ${hostPort} of ${one.hostInterface ?? hostAddress}`
      const isOfRange = wanted.some((other) => Math.abs((other.hostPort ?? 0) - hostPort) === 1)
      throw new NetloomError('ERR_PUBLISH', `${where} is asked for twice`, isOfRange ? 'part the ranges' : 'ask for it once', 2)
    }
    seen.set(`${protocol} ${hostPort}`, addresses.add(hostAddress))
  }
}

/** What tells the addresses apart that are asked for: an interface's IPv6 addresses alone are others than its IPv4 addresses. */
const addressKey = ({ hostAddress = '', hostInterface, hostFamily }: PublishOptions): string =>
  hostInterface === undefined ? hostAddress : `${hostInterface}${hostFamily === 6 ? '::' : ''}`

const wildcard = (hostAddress: string): string => (hostAddress.includes(':') ? '::' : '0.0.0.0')

function check(port: number, least: number, name: string): void {
  if (Number.isInteger(port) && port >= least && port <= 65_535) return
  throw new NetloomError('ERR_PUBLISH', `${name} ${port} is not a whole number from ${least} to 65,535`, 'give a port', 2)
}

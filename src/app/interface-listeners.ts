// Ports that are published on an interface of the host (`-p IFNAME:...`): they are listened on at whatever addresses it has, which is heard of by
// netlink (host-addresses.ts). An address that comes gets a listening socket, the socket of one that goes is closed; connections are left alone.
import type { HostAddress } from '../host/host-addresses.js'
import type { Log } from '../util/log.js'
import { formatAny } from '../wire/address.js'
import type { Listeners } from './listeners.js'
import { isOfInterface } from './outbound-interfaces.js'

export interface AddressSource {
  readonly addresses: readonly HostAddress[]
  readonly isKnown: boolean
}

interface Followed {
  readonly name: string
  /** undefined: both. */
  readonly family: 4 | 6 | undefined
  readonly port: number
  readonly listeners: Listeners
  /** @throws Error when an address cannot be listened at. */
  readonly listen: (address: string) => void
  /** Brings the counts up to date. */
  readonly bringUpToDate: () => void
}

export class InterfaceListeners {
  readonly #host: () => AddressSource
  readonly #log: Log
  readonly #followed = new Map<number, Followed>()
  /** Those of which it has been said that an address cannot be listened at: once each. */
  readonly #told = new Set<number>()

  constructor(host: () => AddressSource, log: Log) {
    this.#host = host
    this.#log = log
  }

  /** The addresses of an interface that can be listened at, as text. */
  addresses(name: string, family?: 4 | 6): string[] {
    const isWanted = (one: HostAddress): boolean => (family === undefined || family === one.family) && isOfInterface(one, name, one.family)
    return [
      ...new Set(
        this.#host()
          .addresses.filter(isWanted)
          .map(({ words }) => formatAny(...words)),
      ),
    ]
  }

  /** A publication begins; `id`: its number. */
  follow(id: number, followed: Followed): void {
    this.#followed.set(id, followed)
  }

  /** It has ended; one that is of no interface is none of these. */
  forget(id: number): void {
    this.#followed.delete(id)
    this.#told.delete(id)
  }

  /** What the host has may have changed. */
  update(): void {
    if (this.#followed.size === 0 || !this.#host().isKnown) return
    for (const [id, one] of this.#followed) this.#update(id, one)
  }

  #update(id: number, { name, family, port, listeners, listen, bringUpToDate }: Followed): void {
    const wanted = this.addresses(name, family)
    const had = listeners.addresses
    const gone = had.filter((address) => !wanted.includes(address))
    if (gone.length > 0) bringUpToDate()
    for (const address of gone) listeners.remove(address, false)
    for (const address of wanted) {
      if (had.includes(address)) continue
      try {
        listen(address)
      } catch (error) {
        // It is tried again at the next change.
        this.#tell(id, `port ${port} is not published on the new address of ${name}: ${(error as Error).message}`)
      }
    }
  }

  #tell(id: number, text: string): void {
    if (this.#told.has(id)) this.#log.verbose(text)
    else this.#log.warn(text)
    this.#told.add(id)
  }
}

// The addresses that a network sends from, where they were given as interfaces (options `outboundAddress`, `outboundAddress6`): followed, so that a VPN
// that comes back with another address is used again. TCP connections from the old address end by themselves, as any program's do; mappings of UDP and
// ping would go on with a socket that can send nothing, so they end, and the next packet begins another.
import type { HostAddress } from '../host/host-addresses.js'
import type { NativeContext } from '../host/native.js'
import { isLinkLocal6, type Words } from '../wire/address.js'

type Family = 4 | 6

interface Followed {
  readonly family: Family
  readonly name: string
  /** Null: the interface has none. */
  words: Words | null
}

interface OutboundOptions {
  readonly outbound4: Words | null
  readonly outbound6: Words | null
  readonly outboundInterface4: string | null
  readonly outboundInterface6: string | null
}

interface Source {
  readonly addresses: readonly HostAddress[]
  readonly isKnown: boolean
}

export class OutboundInterfaces {
  readonly #native: Pick<NativeContext, 'outboundAddress' | 'outboundMissing'>
  readonly #host: Source
  readonly #followed: Followed[] = []
  readonly #onMoved: (family: Family) => void

  /** `onMoved`: told of a family whose address is another one, or has gone. */
  constructor(
    native: Pick<NativeContext, 'outboundAddress' | 'outboundMissing'>,
    host: Source,
    options: OutboundOptions,
    onMoved: (family: Family) => void,
  ) {
    this.#native = native
    this.#host = host
    this.#onMoved = onMoved
    const { outboundInterface4: name4, outboundInterface6: name6 } = options
    if (name4 !== null) this.#followed.push({ family: 4, name: name4, words: options.outbound4 })
    if (name6 !== null) this.#followed.push({ family: 6, name: name6, words: options.outbound6 })
  }

  /** What the host has may have changed. */
  update(): void {
    // An address that is gone by now cannot be bound, so nothing leaves by another one meanwhile.
    if (!this.#host.isKnown) return
    for (const one of this.#followed) {
      const words = currentAddress(this.#host.addresses, one.name, one.family, one.words)
      if (String(words) === String(one.words)) continue
      one.words = words
      if (words === null) this.#native.outboundMissing(one.family)
      else this.#native.outboundAddress(...words)
      this.#onMoved(one.family)
    }
  }
}

/** Whether something can be sent from it without naming its interface, too. */
export const isOfInterface = (one: HostAddress, name: string, family: Family): boolean =>
  one.name === name && one.family === family && one.isUsable && !(family === 6 && isLinkLocal6(one.words))

// The one in use stays while it can be: a new temporary address of IPv6 ends no flows.
function currentAddress(addresses: readonly HostAddress[], name: string, family: Family, current: Words | null): Words | null {
  const own = addresses.filter((one) => isOfInterface(one, name, family))
  const good = own.filter((one) => !one.isDeprecated)
  const candidates = good.length > 0 ? good : own
  const found = candidates.find(({ words }) => String(words) === String(current)) ?? candidates[0]
  return found?.words ?? null
}

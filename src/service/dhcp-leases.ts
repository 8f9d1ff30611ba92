/*
 * The addresses that DHCP gives away: which these are, and whose each is. RFC 2131, 3.1, 4.3.1.
 *
 *     FREE --offer--> OFFERED --claim--> BOUND --release--> FREE          any --decline--> DECLINED
 *       ^                |                 |                                                  |
 *       +-- OFFER_TIME --+-- LEASE_TIME ---+-------------------- DECLINE_TIME ----------------+
 *
 * A free address still knows who had it last: a client gets the same one again, and a new client the one that nobody ever had, or that
 * has been out of use longest. However many clients there are, there is no more to remember than a row for each address.
 *
 * The plan is slirp4netns', sixteen addresses from network+15 on, as far as the network reaches. A network too small for any of them
 * gives those behind the DNS address. Never given are our own and the one that the sandbox has without asking.
 */

import { broadcast } from '../wire/address.js'

/** ms for which an offer is kept: longer than any client takes to say whether it wants it. */
const OFFER_TIME = 60_000
/** Seconds of a lease, and ms: a day, so that a sandbox that was stopped overnight keeps its address and its connections. */
export const LEASE_SECONDS = 86_400
export const LEASE_TIME = 1000 * LEASE_SECONDS
/** ms for which an address is left alone that somebody else in the sandbox is using. */
const DECLINE_TIME = 600_000

/** First address and number of them, as libslirp has it. */
const FIRST_OFFSET = 15
const MOST = 16
/** Behind network, gateway's neighbour, gateway and DNS address. */
const FIRST_OFFSET_OF_SMALL = 4

/** Addresses that a pool is planned by. */
export interface PoolAddresses {
  readonly network: number
  readonly prefix: number
  readonly gateway: number
  readonly dns: number
  readonly guest: number
}

type LeaseState = 'FREE' | 'OFFERED' | 'BOUND' | 'DECLINED'

class Lease {
  readonly address: number
  state: LeaseState = 'FREE'
  /** Whose it is or was; '': nobody's. */
  client = ''
  /** int32 ms, when it is free again. */
  until = 0
  /** Which of all uses was its last; 0: never used. */
  lastUse = 0

  constructor(address: number) {
    this.address = address
  }
}

/** What became of a claim. */
type Claim = 'new' | 'renewed' | 'refused'

/** The addresses of a network's pool, in their order. */
export function planPool({ network, prefix, gateway, dns, guest }: PoolAddresses): number[] {
  const end = broadcast(network, prefix)
  const first = network + FIRST_OFFSET < end ? network + FIRST_OFFSET : network + FIRST_OFFSET_OF_SMALL
  const pool: number[] = []
  for (let i = 0; i < MOST && first + i < end; i++) {
    const address = (first + i) | 0
    if (address !== gateway && address !== dns && address !== guest) pool.push(address)
  }
  return pool
}

export class Leases {
  readonly #leases: readonly Lease[]
  #uses = 0
  #seen = 0

  constructor(addresses: PoolAddresses) {
    this.#leases = planPool(addresses).map((address) => new Lease(address))
  }

  has(address: number): boolean {
    return this.#at(address) !== undefined
  }

  /** An address for the client, the `wanted` one if it can be; 0: none is left. */
  offer(client: string, wanted: number, now: number): number {
    this.#expire(now)
    const lease = this.#of(client) ?? this.#free(wanted)
    if (lease === undefined) return 0
    if (lease.state !== 'BOUND') this.#use(lease, 'OFFERED', client, now + OFFER_TIME)
    return lease.address
  }

  /**
   * The client is to have this address. Refused when it is another's or out of order, or when the client has been given another one.
   * One that nobody has is given: it was leased before we began, and no other server gives addresses of ours.
   */
  claim(client: string, address: number, now: number): Claim {
    this.#expire(now)
    const lease = this.#at(address)
    const own = this.#of(client)
    if (lease === undefined || (lease.state !== 'FREE' && lease !== own)) return 'refused'
    if (own !== undefined && own !== lease) {
      if (own.state !== 'FREE') return 'refused'
      own.client = ''
    }
    const isRenewed = lease.state === 'BOUND'
    this.#use(lease, 'BOUND', client, now + LEASE_TIME)
    return isRenewed ? 'renewed' : 'new'
  }

  /** The client takes another server's offer: ours is free again. */
  withdraw(client: string): void {
    const lease = this.#of(client)
    if (lease?.state === 'OFFERED') lease.state = 'FREE'
  }

  /** The client needs its address no longer. */
  release(client: string, address: number): void {
    const lease = this.#of(client)
    if (lease?.address === address && lease.state !== 'FREE') this.#use(lease, 'FREE', client, 0)
  }

  /** The client has found that somebody else uses the address it was given; true when it was given it. */
  decline(client: string, address: number, now: number): boolean {
    const lease = this.#of(client)
    if (lease?.address !== address || lease.state === 'FREE') return false
    this.#use(lease, 'DECLINED', '', now + DECLINE_TIME)
    return true
  }

  // Not seen for 24 days, the clock has come round: whatever there was has run out.
  #expire(now: number): void {
    const isLate = ((now - this.#seen) | 0) < 0
    this.#seen = now
    for (const lease of this.#leases) {
      if (lease.state !== 'FREE' && (isLate || ((now - lease.until) | 0) >= 0)) lease.state = 'FREE'
    }
  }

  #use(lease: Lease, state: LeaseState, client: string, until: number): void {
    lease.state = state
    lease.client = client
    lease.until = until | 0
    lease.lastUse = ++this.#uses
  }

  #at(address: number): Lease | undefined {
    return this.#leases.find((lease) => lease.address === address)
  }

  #of(client: string): Lease | undefined {
    return this.#leases.find((lease) => lease.client === client)
  }

  /** The wanted one, else the one that has been out of use longest. */
  #free(wanted: number): Lease | undefined {
    const at = this.#at(wanted)
    if (at?.state === 'FREE') return at
    let oldest: Lease | undefined
    for (const lease of this.#leases) {
      if (lease.state === 'FREE' && (oldest === undefined || lease.lastUse < oldest.lastUse)) oldest = lease
    }
    return oldest
  }
}

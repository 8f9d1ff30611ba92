// What every descriptor of the fake kernel has (fake-kernel.ts): its place in the epoll set, and a queue of errors.
import { mapped, type Words } from '../../src/wire/address.js'

/** An address of either family; a number is one of IPv4. */
export type FakeAddress = number | Words
export const wordsOf = (address: FakeAddress): Words => (typeof address === 'number' ? mapped(address) : address)

/** What every descriptor has: its place in the epoll set. */
export class FakeDescriptor {
  token = 0
  events = 0
  isRegistered = false
  isPending = false
  /** The error queue (MSG_ERRQUEUE). */
  readonly errors: FakeError[] = []
  poll(): number {
    return 0
  }
}

/** Who is told of an edge. */
export interface FakeWaker {
  wake(d: FakeDescriptor): void
}

/** One error of a queue: an ICMP message (origin 2), or the host's own word (1). */
export interface FakeError {
  readonly origin: number
  readonly type: number
  readonly code: number
  /** The next hop's MTU. */
  readonly info: number
  /** Where the packet went. */
  readonly address: FakeAddress
  readonly port: number
  /** Who says so. */
  readonly offender: FakeAddress
  /** Hop limit that the error came with. */
  readonly ttl: number
  readonly quote: Uint8Array
}

// A UDP or ping socket of the fake kernel (fake-kernel.ts), and its far end, which a test plays.
import { EPOLLERR, EPOLLIN, EPOLLOUT } from '../../src/host/event-loop.js'
import type { Words } from '../../src/wire/address.js'
import { type FakeAddress, FakeDescriptor, type FakeError, type FakeWaker } from './fake-descriptor.js'

/** What a socket puts into the IP header. */
interface FakeHeader {
  readonly ttl: number
  readonly tos: number
  readonly dontFragment: boolean
}

/** A UDP or ping socket: what was sent through it, and what has come back. */
export class FakeDatagram extends FakeDescriptor {
  readonly kernel: FakeWaker
  readonly sent: { bytes: Uint8Array; segment: number; words: Words; address: number; port: number; header: FakeHeader }[] = []
  readonly incoming: { bytes: Uint8Array; address: FakeAddress; port: number; ttl: number; tos: number; segment: number }[] = []
  readonly family: 4 | 6
  /** To whom it is connected. */
  peer: { readonly words: Words; readonly port: number } | null = null
  /** What it sends with: Linux's defaults. */
  header: FakeHeader = { ttl: 64, tos: 0, dontFragment: true }
  /** MTU of the path, for what may not be cut. */
  mtu = 65_535

  constructor(kernel: FakeWaker, family: 4 | 6) {
    super()
    this.kernel = kernel
    this.family = family
  }

  /** A datagram arrives, or a train of such of `segment` bytes. */
  delivers(bytes: Uint8Array, address: FakeAddress, port: number, ttl = 63, tos = 0, segment = 0): void {
    this.incoming.push({ bytes, address, port, ttl, tos, segment })
    this.kernel.wake(this)
  }

  /** An error arrives about what was sent. */
  fails(error: FakeError): void {
    this.errors.push(error)
    this.kernel.wake(this)
  }

  override poll(): number {
    return EPOLLOUT | (this.incoming.length > 0 ? EPOLLIN : 0) | (this.errors.length > 0 ? EPOLLERR : 0)
  }
}

// The host's socket of each TCP connection, a column of its row: opened to where the gate has said, registered with epoll once, edge-triggered,
// and set up for peeking once it is connected.
import { EPOLLET, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, TOKEN_TCP, token } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import { isLoopback } from '../net/address-plan.js'
import { BYTES_OUT, GENERATION, HOST_ADDRESS, HOST_PORT, isMapped, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import type { Decision } from './gate.js'
import { outgoing } from './hops.js'
import type { SendRing } from './send-ring.js'

/**
 * Receive buffer of a socket to the host's loopback, bytes. Left alone it grows to tens of megabytes, because such a sender is always
 * faster than we are: all of it kernel memory, and cold when its turn comes. A path with a round trip keeps what it needs.
 */
const LOOPBACK_BUFFER = 1 << 20
/** Bytes behind which it is bounded: before that it has not grown, and most connections end. */
const BOUND_BEHIND = 1 << 16

const EVENTS = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET

/** Serves connections of the guest itself. */
export interface StreamService {
  /** A new connection: the descriptor of our end of it, which becomes the socket of the row, or -errno. */
  open(): number
}

export class TcpSockets {
  /** Who serves connections to the DNS address. */
  dns: StreamService | null = null
  readonly #native: NativeContext
  readonly #rows: Int32Array
  readonly #ring: SendRing | null
  readonly #peeksIpv4: boolean

  /** `ring`: where bytes wait when the kernel has no peek offset for TCP, null when it has; `peeksIpv4`: it has for IPv4 alone. */
  constructor(native: NativeContext, rows: Int32Array, ring: SendRing | null, peeksIpv4: boolean) {
    this.#native = native
    this.#rows = rows
    this.#ring = ring
    this.#peeksIpv4 = peeksIpv4
  }

  /** Begins to connect to where the gate has said; -errno. */
  open(row: number, decision: Decision, ttl: number): number {
    const rows = this.#rows
    const base = row << ROW_SHIFT
    rows[base + HOST_ADDRESS] = decision.address0
    rows[base + HOST_ADDRESS + 1] = decision.address1
    rows[base + HOST_ADDRESS + 2] = decision.address2
    rows[base + HOST_ADDRESS + 3] = decision.address3
    rows[base + HOST_PORT] = decision.port
    // No router is on the way to the loopback: no hop limit matters there.
    const socket = this.#connect(decision, decision.isLoopback ? 0 : outgoing(ttl, false))
    if (socket < 0) return socket
    const status = this.take(row, socket)
    if (status < 0) this.#native.closeDescriptor(socket)
    return status
  }

  #connect(decision: Decision, hops: number): number {
    if (decision.verdict === 'dns') return this.dns === null ? -1 : this.dns.open()
    return this.#native.tcpConnect(decision.address0, decision.address1, decision.address2, decision.address3, decision.port, hops)
  }

  /** The row has this socket from now on; -errno, and it has none. */
  take(row: number, socket: number): number {
    const status = this.#native.epollAdd(socket, this.#token(row), EVENTS)
    this.#rows[(row << ROW_SHIFT) + SOCKET] = status < 0 ? -1 : socket
    return status
  }

  /** The row's socket is connected; -errno: it cannot be peeked at from where the last peek ended, and so its bytes cannot be told apart. */
  connected(base: number): number {
    const socket = this.#rows[base + SOCKET]!
    if (!isMapped(this.#rows, base + HOST_ADDRESS) && !isLoopback(this.#rows, base + HOST_ADDRESS)) this.#native.tcpConnected(socket)
    return this.ringOf(base) === null ? this.#native.tcpPeekOffset(socket, 0) : 0
  }

  /** The guest takes `length` bytes more of the host's: bounds the receive buffer of a sender on the loopback once it has sent much. */
  bound(base: number, length: number): void {
    const rows = this.#rows
    const before = rows[base + BYTES_OUT]! >>> 0
    if (before >= BOUND_BEHIND || before + length < BOUND_BEHIND || rows[base + BYTES_OUT + 1] !== 0) return
    if (isLoopback(rows, base + HOST_ADDRESS)) this.#native.tcpReceiveBuffer(rows[base + SOCKET]!, LOOPBACK_BUFFER)
  }

  /** Where a connection's bytes wait; null: in the host's socket. */
  ringOf(base: number): SendRing | null {
    return this.#ring === null || (this.#peeksIpv4 && isMapped(this.#rows, base + HOST_ADDRESS)) ? null : this.#ring
  }

  /** Registering anew makes the kernel look, and remember that somebody waits for room (tcp_poll sets SOCK_NOSPACE). */
  look(row: number): void {
    this.#native.epollModify(this.#rows[(row << ROW_SHIFT) + SOCKET]!, this.#token(row), EVENTS)
  }

  /** Closes the row's socket, if it has one. */
  close(base: number): void {
    const socket = this.#rows[base + SOCKET]!
    if (socket < 0) return
    this.#native.closeDescriptor(socket)
    this.#rows[base + SOCKET] = -1
  }

  #token(row: number): number {
    return token(TOKEN_TCP, this.#rows[(row << ROW_SHIFT) + GENERATION]!, row)
  }
}

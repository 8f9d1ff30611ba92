// Connections of published ports that go past the interface: a socket of ours that belongs to the guest's network namespace
// (host/namespace-sockets.ts) is connected to the server there, and the kernel moves the bytes between it and the client's.
//
//     client ──> accept() ──> socket ══ splice ══ pipe ══ splice ══> socket ──> connect() in the namespace ──> server
//                                      <══ splice ══ pipe ══ splice <══
//
// The server sees a client in its own namespace: the address that was connected to. Each way ends by itself; a reset at one end is one
// at the other. Sockets are registered with epoll once, edge-triggered, and what an event has said is remembered (READY) until the kernel
// says EAGAIN. A flow is in a row like any other (direct-row.ts), in which the bytes of its pipes are not (direct-ways.ts): they count as
// taken, and as given when the receiving kernel has them.
import {
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  type EventLoop,
  type ReadyHandler,
  TOKEN_DIRECT,
  token,
} from '../host/event-loop.js'
import type { NamespaceSockets } from '../host/namespace-sockets.js'
import type { NativeContext } from '../host/native.js'
import { ACTIVE, CREATED, GENERATION, KIND, KIND_DIRECT, PORTS, REMOTE_ADDRESS, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import {
  BOTH,
  CLIENT_READABLE,
  CLIENT_WRITABLE,
  COLUMNS,
  CONNECTING,
  DIRECT,
  DONE,
  ERA,
  FROM_GUEST,
  PEER,
  PEER_READABLE,
  PEER_WRITABLE,
  READY,
} from './direct-row.js'
import { DirectWays } from './direct-ways.js'
import type { Farewells } from './farewells.js'
import { LIST_HALF_OPEN, LIST_NONE } from './flow-lists.js'
import type { Evictor, FlowTable } from './flow-table.js'
import type { Gate } from './gate.js'

const EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
/** errno(3). */
const EINPROGRESS = 115

/** What became of a connection that was to go directly. */
export const TAKEN = 0
/** Nobody listens there: the socket is the caller's still. */
export const REFUSED = 1
/** No socket, row or permission is to be had. The caller keeps the client's socket. */
export const IMPOSSIBLE = 2
export type Outcome = typeof TAKEN | typeof REFUSED | typeof IMPOSSIBLE

export class DirectRelay implements ReadyHandler, Evictor {
  readonly #native: NativeContext
  readonly #loop: EventLoop
  readonly #table: FlowTable
  readonly #rows: Int32Array
  readonly #gate: Gate
  readonly #farewells: Farewells
  readonly #scratch: Int32Array
  readonly #ways: DirectWays
  #sockets: NamespaceSockets | null = null
  // Counts the namespaces that there have been: a flow may outlive its own, which has no use for another one's socket.
  #era = 0

  constructor(native: NativeContext, loop: EventLoop, table: FlowTable, gate: Gate, farewells: Farewells) {
    this.#native = native
    this.#loop = loop
    this.#table = table
    this.#rows = table.rows
    this.#gate = gate
    this.#farewells = farewells
    this.#scratch = new Int32Array(native.scratch)
    this.#ways = new DirectWays(native, loop, table)
    loop.serve(TOKEN_DIRECT, this)
    table.serve(KIND_DIRECT, this)
  }

  /** Names where sockets of the guest's namespace come from; null: nowhere any more. */
  connect(sockets: NamespaceSockets | null): void {
    this.#sockets = sockets
    this.#era = (this.#era + 1) | 0
  }

  /** True while some flow waits for its next turn. */
  get hasWork(): boolean {
    return this.#ways.hasWork
  }

  /** The ms until a connection that comes may find a socket of the namespace, where there is none now but may be soon; else 0. */
  delay(): number {
    return this.#sockets === null ? 0 : this.#sockets.delay(this.#loop.now)
  }

  /**
   * Takes over a connection that somebody has made to the host, and connects to `port` of an address within the namespace. The guest's
   * address, that one, and from `client` on who it is (four words and the port): all in `words`, the first two from `at` on.
   */
  adopt(socket: number, words: Int32Array, at: number, port: number, client: number, rule: number): Outcome {
    const now = this.#loop.now
    if (this.#sockets === null || !this.#gate.forward(words, at, words, client)) return IMPOSSIBLE
    const peer = this.#sockets.take(now)
    if (peer < 0) return IMPOSSIBLE
    const to = at + 4
    const status = this.#native.socketConnect(peer, words[to]!, words[to + 1]!, words[to + 2]!, words[to + 3]!, port)
    const ports = (port << 16) | this.#scratch[0]!
    const isBegun = status === 0 || status === -EINPROGRESS
    const row = isBegun ? this.#table.insertClient(KIND_DIRECT, words, at, ports, words, client) : 0
    if (row === 0) {
      this.#native.closeDescriptor(peer)
      return isBegun ? IMPOSSIBLE : REFUSED
    }
    const rows = this.#rows
    const base = row << ROW_SHIFT
    rows.fill(0, base + DIRECT, base + DIRECT + COLUMNS)
    rows[base + CREATED] = rows[base + ACTIVE] = now
    rows[base + PORTS] = ports
    for (let i = 0; i < 4; i++) rows[base + REMOTE_ADDRESS + i] = words[to + i]!
    rows[base + SOCKET] = socket
    rows[base + PEER] = peer
    rows[base + ERA] = this.#era
    rows[base + READY] = status === 0 ? 0 : CONNECTING
    this.#table.file(row, status === 0 ? LIST_NONE : LIST_HALF_OPEN)
    // The kernel tells at once of what is there already.
    const isRegistered =
      this.#native.epollAdd(socket, this.#token(row, 0), EVENTS) >= 0 && this.#native.epollAdd(peer, this.#token(row, 1), EVENTS) >= 0
    if (!isRegistered) {
      this.#native.epollDelete(socket)
      rows[base + SOCKET] = -1
      this.#end(row)
      return IMPOSSIBLE
    }
    this.#table.rules.begin(rows, base, rule)
    return TAKEN
  }

  #token(row: number, end: 0 | 1): number {
    return token(TOKEN_DIRECT, this.#rows[(row << ROW_SHIFT) + GENERATION]!, (row << 1) | end)
  }

  /** An event of either socket (epoll). */
  ready(index: number, generation: number, events: number): void {
    const row = index >>> 1
    const base = row << ROW_SHIFT
    const rows = this.#rows
    // The row may have ended, and begun anew, since the event was queued.
    if (rows[base + KIND] !== KIND_DIRECT || rows[base + GENERATION] !== generation) return
    const isPeer = (index & 1) === 1
    // What an end has sent before it failed comes first, as it would without us.
    if ((events & EPOLLERR) !== 0) {
      const isWell = (rows[base + READY]! & CONNECTING) !== 0 || this.#ways.salvage(row, isPeer)
      if (!isWell || this.#native.socketError(isPeer ? rows[base + PEER]! : rows[base + SOCKET]!) !== 0) {
        this.disconnect(row)
        return
      }
    }
    let ready = rows[base + READY]!
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) !== 0) ready |= isPeer ? PEER_READABLE : CLIENT_READABLE
    if ((events & EPOLLOUT) !== 0) ready |= isPeer ? PEER_WRITABLE : CLIENT_WRITABLE
    if (isPeer && (ready & CONNECTING) !== 0 && (events & EPOLLOUT) !== 0) {
      ready &= ~CONNECTING
      this.#table.file(row, LIST_NONE)
    }
    rows[base + READY] = ready
    if ((ready & CONNECTING) === 0) this.#serve(row)
  }

  /** Goes on with what a budget has cut short. */
  resume(): void {
    const rows = this.#rows
    for (let left = this.#ways.beginTurn(); left > 0; left--) {
      const row = this.#ways.next()
      // It may have ended meanwhile; another one in its row has nothing to do, and finds that out.
      if (rows[(row << ROW_SHIFT) + KIND] === KIND_DIRECT && (rows[(row << ROW_SHIFT) + READY]! & CONNECTING) === 0) this.#serve(row)
    }
  }

  /** The end of a turn: sockets for the next connections. */
  settle(): void {
    this.#sockets?.refill(this.#loop.now)
  }

  #serve(row: number): void {
    if (!this.#ways.carry(row)) this.disconnect(row)
    else if (this.#rows[(row << ROW_SHIFT) + DONE] === BOTH) this.#end(row)
  }

  /** Ends a flow: both ends see a reset, the client once it has what is under way to it; an end that has been told of already stays one. */
  disconnect(row: number): void {
    const base = row << ROW_SHIFT
    const rows = this.#rows
    this.#ways.part(row, this.#farewells)
    rows[base + SOCKET] = rows[base + PEER] = -1
    this.#end(row)
  }

  evict(row: number): void {
    this.disconnect(row)
  }

  /** True when all that the guest has sent, and its end, is in the client's kernel. */
  isDrained(row: number): boolean {
    return (this.#rows[(row << ROW_SHIFT) + DONE]! & FROM_GUEST) !== 0
  }

  // Gives everything back; sockets that are still open end in order.
  #end(row: number): void {
    const base = row << ROW_SHIFT
    const rows = this.#rows
    const peer = rows[base + PEER]!
    this.#ways.drop(row)
    if (rows[base + SOCKET]! >= 0) this.#native.closeDescriptor(rows[base + SOCKET]!)
    if (peer >= 0) this.#leave(peer, rows[base + DONE] === BOTH && rows[base + ERA] === this.#era)
    rows[base + SOCKET] = rows[base + PEER] = -1
    rows.fill(0, base + DIRECT, base + DIRECT + COLUMNS)
    this.#table.remove(row)
  }

  // What is done with a socket in the namespace.
  #leave(peer: number, isReusable: boolean): void {
    if (!isReusable || this.#sockets === null) {
      this.#native.closeDescriptor(peer)
      return
    }
    this.#native.epollDelete(peer)
    this.#sockets.give(peer)
  }

  close(): void {
    this.#ways.close()
  }
}

// TCP's user: joins each connection of the guest to a socket of the host. Read tcp/stack.ts (Relay) first.
//
//   guest SYN -> gate -> connect() ........ EPOLLOUT -> SYN-ACK            (refused: RST; unreachable: the matching ICMP error)
//                     -> one end of a stream pair, for what a service of ours answers (DNS): a socket as any other
//   guest text -> send()                    what the kernel takes is acknowledged
//   host bytes -> recv(MSG_PEEK) at the socket's peek offset -> TAP; recv(MSG_TRUNC) when the guest acknowledges
//   FIN <-> shutdown(SHUT_WR) / end of file, RST <-> SO_LINGER 0 / ECONNRESET, each way by itself
//
// The sockets are tcp-sockets.ts', what they have for the guest is host-text.ts'.
import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  type EventLoop,
  type ReadyHandler,
  TOKEN_TCP,
} from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { DropCounters } from '../net/drops.js'
import { ACTIVE, CREATED, GENERATION, KIND, KIND_TCP, MAC_HIGH, MAC_LOW, PACKETS_IN, ROW_SHIFT, SOCKET } from '../net/flow-row.js'
import type { Icmp } from '../net/icmp.js'
import type { ErrorReceiver } from '../net/icmp-common.js'
import type { Inbound } from '../net/inbound.js'
import { HOST_READABLE } from '../tcp/columns.js'
import type { Connection } from '../tcp/connection.js'
import type { TcpDemux } from '../tcp/demux.js'
import type { Relay } from '../tcp/stack.js'
import { PROTOCOL_TCP } from '../wire/numbers.js'
import type { Farewells } from './farewells.js'
import { LIST_NONE, LIST_TIME_WAIT } from './flow-lists.js'
import type { Evictor, FlowTable } from './flow-table.js'
import type { Gate } from './gate.js'
import { EAGAIN, HostErrors } from './host-errors.js'
import { HostText } from './host-text.js'
import type { SendRing } from './send-ring.js'
import { type StreamService, TcpSockets } from './tcp-sockets.js'
import { isShortage, tellFailure, tellRefusal, unreachableCode } from './unreachable.js'

/** errno(3). */
const EINPROGRESS = 115
const ECONNREFUSED = 111

export class TcpRelay implements Relay, ReadyHandler, Evictor, ErrorReceiver {
  readonly #native: NativeContext
  readonly #loop: EventLoop
  readonly #table: FlowTable
  readonly #rows: Int32Array
  readonly #gate: Gate
  readonly #icmp: Icmp
  readonly #drops: DropCounters
  readonly #sockets: TcpSockets
  readonly #text: HostText
  readonly #errors: HostErrors
  readonly #farewells: Farewells
  #demux: TcpDemux | null = null

  /** `ring`: where bytes wait when the kernel has no peek offset for TCP, null when it has; `peeksIpv4`: it has for IPv4 alone. */
  constructor(
    native: NativeContext,
    loop: EventLoop,
    table: FlowTable,
    gate: Gate,
    to: Icmp,
    drops: DropCounters,
    ring: SendRing | null,
    peeksIpv4: boolean,
    farewells: Farewells,
  ) {
    this.#native = native
    this.#farewells = farewells
    this.#loop = loop
    this.#table = table
    this.#rows = table.rows
    this.#gate = gate
    this.#icmp = to
    this.#drops = drops
    this.#sockets = new TcpSockets(native, table.rows, ring, peeksIpv4)
    this.#text = new HostText(native, this.#sockets)
    this.#errors = new HostErrors(native, to, PROTOCOL_TCP)
    loop.serve(TOKEN_TCP, this)
    table.serve(KIND_TCP, this)
  }

  /** Names TCP's other end. */
  connect(demux: TcpDemux): void {
    this.#demux = demux
  }

  /** Names who serves connections to the DNS address. */
  serveDns(service: StreamService): void {
    this.#sockets.dns = service
  }

  find(inbound: Inbound): number {
    const row = this.#table.find(KIND_TCP, inbound.words, 0, inbound.ports)
    if (row !== 0) {
      const base = row << ROW_SHIFT
      this.#rows[base + ACTIVE] = inbound.now
      this.#rows[base + PACKETS_IN] = (this.#rows[base + PACKETS_IN]! + 1) | 0
    }
    return row
  }

  accept(inbound: Inbound): number {
    const decision = this.#gate.tcp(inbound)
    if (decision.verdict !== 'allow' && (decision.verdict !== 'dns' || this.#sockets.dns === null)) {
      tellRefusal(this.#icmp, inbound, decision.verdict)
      return 0
    }
    const row = this.#table.insert(KIND_TCP, inbound.words, 0, inbound.ports)
    if (row === 0) {
      this.#drops.tableFull++
      return 0
    }
    const rows = this.#rows
    const base = row << ROW_SHIFT
    rows[base + MAC_HIGH] = inbound.macHigh
    rows[base + MAC_LOW] = inbound.macLow
    rows[base + CREATED] = inbound.now
    rows[base + ACTIVE] = inbound.now
    rows[base + PACKETS_IN] = 1
    const status = this.#sockets.open(row, decision, inbound.timeToLive)
    if (status >= 0) return row
    tellFailure(this.#icmp, this.#drops, inbound, -status)
    this.#table.remove(row)
    return 0
  }

  /** True when there is a flow with these ends: the guest's and the remote one, four words each from `at` on. */
  isKnown(words: Int32Array, at: number, ports: number): boolean {
    return this.#table.find(KIND_TCP, words, at, ports) !== 0
  }

  /**
   * Takes over a connection that somebody has made to the host, and begins to open it to the guest: both ends from `at` of `words` on, four
   * words each, and from `client` on who it really is, four words and the port; `rule`: the port forward. False, and the socket is the
   * caller's still, when the gate refuses or there is no row.
   */
  adopt(
    socket: number,
    words: Int32Array,
    at: number,
    ports: number,
    macHigh: number,
    macLow: number,
    client: number,
    rule: number,
    now: number,
  ): boolean {
    if (!this.#gate.forward(words, at, words, client)) return false
    const row = this.#table.insertClient(KIND_TCP, words, at, ports, words, client)
    if (row === 0) {
      this.#drops.tableFull++
      return false
    }
    const rows = this.#rows
    const base = row << ROW_SHIFT
    rows[base + MAC_HIGH] = macHigh
    rows[base + MAC_LOW] = macLow
    rows[base + CREATED] = now
    rows[base + ACTIVE] = now
    if (this.#sockets.take(row, socket) < 0 || this.#sockets.connected(base) < 0) {
      this.#table.remove(row)
      return false
    }
    this.#table.rules.begin(rows, base, rule)
    this.#demux!.open(row, now)
    return true
  }

  /** Ends a flow for a reason of our own: both ends see a reset. */
  disconnect(row: number): void {
    this.#demux!.hostBroken(row, this.#loop.now)
  }

  unreachable(words: Int32Array, ports: number, second: number, code: number, mtu: number, now: number): void {
    const row = this.#table.find(KIND_TCP, words, 0, ports)
    if (row !== 0) this.#demux!.unreachable(row, second, code, mtu, now)
  }

  /** An event of a socket (epoll). */
  ready(row: number, generation: number, events: number): void {
    const base = row << ROW_SHIFT
    const rows = this.#rows
    // The row may have ended, and begun anew, since the event was queued.
    if (rows[base + KIND] !== KIND_TCP || rows[base + GENERATION] !== generation || rows[base + SOCKET]! < 0) return
    const demux = this.#demux!
    const now = this.#loop.now
    if (demux.isPending(row)) {
      if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) !== 0) this.#connected(row, events)
      return
    }
    if ((events & EPOLLERR) !== 0 && this.#native.socketError(rows[base + SOCKET]!) !== 0) {
      demux.hostBroken(row, now)
      return
    }
    if ((events & EPOLLOUT) !== 0) demux.hostWritable(row, now)
    this.#readable(row, events)
  }

  #readable(row: number, events: number): void {
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) === 0) return
    if ((events & EPOLLPRI) !== 0) this.#demux!.hostUrgent(row)
    this.#demux!.hostReadable(row, (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP)) !== 0)
  }

  // The connect has ended, one way or the other; or a router has told why it will not (tcp(7) keeps that, as Linux 5.9 does for a traceroute).
  #connected(row: number, events: number): void {
    const base = row << ROW_SHIFT
    const socket = this.#rows[base + SOCKET]!
    this.#errors.told = 0
    if ((events & EPOLLERR) !== 0) this.#errors.drain(socket, this.#rows, base, this.#demux!.guestSequence(row))
    // A socket is writable when it is connected, and not before (tcp_poll).
    const error = (events & (EPOLLERR | EPOLLHUP)) !== 0 ? this.#native.socketError(socket) : 0
    if (error === EINPROGRESS || error === EAGAIN) return
    if (error !== 0) {
      this.#failed(row, error, this.#errors.told > 0)
      return
    }
    if ((events & EPOLLOUT) === 0) return
    if (this.#sockets.connected(base) < 0) {
      this.#demux!.hostBroken(row, this.#loop.now)
      return
    }
    this.#demux!.hostConnected(row, this.#loop.now)
    // What came along with the host's SYN-ACK: no other event tells.
    this.#readable(row, events)
  }

  // The failure is told as what it is, unless whoever knows more has told it.
  #failed(row: number, error: number, isTold: boolean): void {
    const base = row << ROW_SHIFT
    const rows = this.#rows
    this.#sockets.close(base)
    if (isTold) {
      this.#demux!.hostUnreachable(row)
      return
    }
    if (error === ECONNREFUSED) {
      this.#demux!.hostBroken(row, this.#loop.now)
      return
    }
    if (isShortage(error)) {
      // The guest's SYN comes again, and gets a row of its own.
      this.#drops.hostExhausted++
      this.#demux!.hostUnreachable(row)
      return
    }
    this.#icmp.unreachableAbout(rows, base, PROTOCOL_TCP, this.#demux!.guestSequence(row), unreachableCode(error))
    this.#demux!.hostUnreachable(row)
  }

  send(c: Connection, at: number, length: number): number {
    const taken = this.#native.tcpSend(c.socket, at, length)
    return taken === -EAGAIN ? 0 : taken
  }

  sendUrgent(c: Connection, at: number): number {
    const taken = this.#native.tcpSendUrgent(c.socket, at)
    return taken === -EAGAIN ? 0 : taken
  }

  mark(c: Connection): number {
    return this.#text.mark(c)
  }

  receive(c: Connection, at: number, length: number): number {
    return this.#text.receive(c, at, length)
  }

  rewind(c: Connection, offset: number): void {
    if (!this.#text.rewind(c, offset)) this.#lost(c)
  }

  consume(c: Connection, length: number): void {
    if (!this.#text.consume(c, length)) this.#lost(c)
  }

  // Which byte of the host's socket is next is not known any more. Without a socket the next read breaks the connection.
  #lost(c: Connection): void {
    this.abort(c)
    c.raise(HOST_READABLE)
  }

  room(c: Connection): number {
    return this.#native.tcpRoom(c.socket)
  }

  makeRoom(c: Connection, length: number): void {
    this.#native.tcpMakeRoom(c.socket, length)
  }

  silence(c: Connection, asks: boolean): number {
    return Math.max(0, this.#native.tcpSilence(c.socket, asks ? 1 : 0))
  }

  stalled(c: Connection): boolean {
    return this.#native.tcpStalled(c.socket) > 0
  }

  // Registering anew makes the kernel look, and remember that somebody waits for room (tcp_poll sets SOCK_NOSPACE).
  wantRoom(c: Connection): void {
    this.#sockets.look(c.row)
  }

  finish(c: Connection): void {
    // Our FIN is acknowledged as well: `close` follows, and sends the guest's.
    if (c.state === 'FIN-WAIT-2') return
    this.#native.tcpShutdown(c.socket)
  }

  opened(c: Connection): void {
    this.#table.file(c.row, LIST_NONE)
  }

  close(c: Connection): void {
    this.#sockets.close(c.base)
    this.#table.file(c.row, LIST_TIME_WAIT)
  }

  /** The guest is not told: its SYN or FIN comes again, and finds its place or is answered as one that belongs to nothing. */
  evict(row: number): void {
    this.#demux!.abandon(row)
  }

  abort(c: Connection): void {
    if (c.socket < 0) return
    // What is acknowledged to the guest is the host's kernel's to deliver, whatever comes then.
    this.#farewells.addSocket(c.socket, this.#loop.now)
    c.socket = -1
  }

  release(c: Connection): void {
    this.#sockets.close(c.base)
    this.#sockets.ringOf(c.base)?.release(c)
    this.#table.remove(c.row)
  }
}

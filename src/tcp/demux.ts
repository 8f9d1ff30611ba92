// TCP's two ends: segments from the guest find their connection here, and so do events of the host's sockets. Work that
// several segments of a batch may add to (acknowledgments, text) is done once, in `settle`, when the batch ends.
import type { DropCounters } from '../net/drops.js'
import type { Inbound, ProtocolReceiver } from '../net/inbound.js'
import { PROTOCOL_TCP } from '../wire/numbers.js'
import * as wire from '../wire/tcp.js'
import { drop, resetGuest, resetHost } from './close.js'
import { ACK_NOW, FIN_DELIVERED, HOST_FULL, HOST_READABLE, HOST_URGENT, READS_ON, WANTS_ROOM } from './columns.js'
import type { Connection } from './connection.js'
import { unreachable } from './icmp-error.js'
import * as listen from './listen.js'
import { open } from './open.js'
import * as output from './output.js'
import * as receive from './receive.js'
import { segmentArrives } from './segment-arrives.js'
import * as send from './send.js'
import * as seq from './seq.js'
import { restore, snapshot } from './snapshot.js'
import type { Tcp } from './stack.js'
import * as timers from './timers.js'
import * as window from './window.js'

export class TcpDemux implements ProtocolReceiver {
  readonly #tcp: Tcp
  readonly #drops: DropCounters

  constructor(tcp: Tcp, drops: DropCounters) {
    this.#tcp = tcp
    this.#drops = drops
  }

  /** A segment from the guest. */
  receive(inbound: Inbound): void {
    const tcp = this.#tcp
    const view = tcp.interface.view
    const at = inbound.payloadAt
    const length = inbound.payloadLength
    if (!wire.isValid(view, at, length)) {
      this.#drops.transportInvalid++
      return
    }
    if (!inbound.isTrusted) {
      if (!wire.checksumIsRight(view, at, length, inbound.pseudoSum(PROTOCOL_TCP, length))) {
        this.#drops.transportChecksum++
        return
      }
    }
    // RFC 9293, 3.9.2.3 (MUST-57): nobody connects to several hosts, and a reset would come from an address that is no sender's.
    if (tcp.interface.addresses.isGroup(inbound.words, 4)) {
      this.#drops.destination++
      return
    }
    const s = tcp.segment
    tcp.now = inbound.now
    s.read(view, inbound)
    inbound.ports = wire.ports(view, at)
    const row = tcp.relay.find(inbound)
    if (row === 0 || !segmentArrives(tcp, tcp.connection(row), s)) this.#open(inbound)
    else if (tcp.verify !== null) this.#verify(row)
  }

  // A row that is free again, or that another connection has, is none of ours.
  #verify(row: number): void {
    const c = this.#tcp.connection(row)
    if (c.isOpen && this.#tcp.verify !== null) this.#tcp.verify(this.#tcp, c)
  }

  /** A router in the guest could not pass on a segment of ours. `mtu`: of the next hop, with FRAGMENTATION_NEEDED. */
  unreachable(row: number, sequence: number, code: number, mtu: number, now: number): void {
    this.#tcp.now = now
    unreachable(this.#tcp, this.#tcp.connection(row), code, sequence, mtu)
  }

  /** Everything about a connection, for a process that takes over: snapshot.ts. */
  snapshot(row: number): Uint8Array {
    return snapshot(this.#tcp, this.#tcp.connection(row))
  }

  /**
   * Goes on with a connection of another process in a fresh row that has its addresses and socket.
   * @throws NetloomError `ERR_SNAPSHOT`
   */
  restore(row: number, bytes: Uint8Array, now: number): void {
    restore(this.#tcp, this.#tcp.connection(row), bytes, now)
  }

  // RFC 9293, 3.10.7.1 and 3.10.7.2: no connection is known.
  #open(inbound: Inbound): void {
    const tcp = this.#tcp
    const s = tcp.segment
    if (s.has(wire.RST)) return
    if (s.has(wire.ACK) || !s.has(wire.SYN)) {
      output.sendStrayReset(tcp, s, inbound)
      return
    }
    const row = tcp.relay.accept(inbound)
    if (row !== 0) listen.listen(tcp, tcp.connection(row), s)
  }

  /** Connects to the guest: the row is fresh, with its addresses, ports and socket. */
  open(row: number, now: number): void {
    this.#tcp.now = now
    open(this.#tcp, this.#tcp.connection(row))
  }

  /** True while the host's connect is pending. */
  isPending(row: number): boolean {
    return this.#tcp.connection(row).state === 'LISTEN'
  }

  /** Sequence number of the guest's SYN: what an ICMP error about it quotes. */
  guestSequence(row: number): number {
    return this.#tcp.connection(row).irs
  }

  /** The host's connect has succeeded. */
  hostConnected(row: number, now: number): void {
    this.#tcp.now = now
    listen.connected(this.#tcp, this.#tcp.connection(row))
  }

  /** The host's connect has failed, and the guest has been told otherwise (ICMP): the row goes. */
  hostUnreachable(row: number): void {
    drop(this.#tcp, this.#tcp.connection(row))
  }

  /** The host's socket is broken, or refused the connection: the guest sees a reset. */
  hostBroken(row: number, now: number): void {
    this.#tcp.now = now
    resetGuest(this.#tcp, this.#tcp.connection(row))
  }

  /** True when the guest has nothing more to send: all of it, and its FIN, is in the host's kernel, or it never got to send any. */
  isDrained(row: number): boolean {
    const c = this.#tcp.connection(row)
    return c.has(FIN_DELIVERED) || c.state === 'LISTEN' || c.state === 'SYN-SENT' || c.state === 'SYN-RECEIVED'
  }

  /** The guest is gone: the host sees a reset, or if the guest had ended before, the rest of what is queued and the guest's FIN. */
  abandon(row: number): void {
    const tcp = this.#tcp
    const c = tcp.connection(row)
    if (!c.has(FIN_DELIVERED)) {
      resetHost(tcp, c)
      return
    }
    // In TIME-WAIT the row may be wanted before the batch has ended.
    if (c.has(ACK_NOW)) output.sendAck(tcp, c)
    drop(tcp, c)
  }

  /** The host's socket has something to read, or its end. `readsOn`: that end, or an urgent mark, is reported (READS_ON). */
  hostReadable(row: number, readsOn: boolean): void {
    const c = this.#tcp.connection(row)
    c.raise(readsOn ? HOST_READABLE | READS_ON : HOST_READABLE)
    this.#tcp.touch(c)
  }

  /** The host's socket has an urgent byte. */
  hostUrgent(row: number): void {
    this.#tcp.connection(row).raise(HOST_URGENT)
  }

  /** The host's socket has drained. */
  hostWritable(row: number, now: number): void {
    const tcp = this.#tcp
    const c = tcp.connection(row)
    tcp.now = now
    c.lower(WANTS_ROOM)
    if (c.has(HOST_FULL)) {
      c.lower(HOST_FULL)
      if (!receive.deliverHeld(tcp, c)) {
        resetGuest(tcp, c)
        return
      }
      receive.deliverFin(tcp, c)
      tcp.touch(c)
    }
    if (c.state === 'SYN-SENT' || c.state === 'TIME-WAIT') return
    const before = c.rcvEdge
    window.advance(tcp, c)
    if (seq.gt(c.rcvEdge, before)) {
      c.raise(ACK_NOW)
      tcp.touch(c)
    }
  }

  /** A timer of the row went off. */
  expire(row: number, kind: number, now: number): void {
    this.#tcp.now = now
    timers.expire(this.#tcp, this.#tcp.connection(row), kind)
  }

  /** True while `settle` has work. */
  get hasWork(): boolean {
    return this.#tcp.hasTouched
  }

  /** Ends a batch: sends text, and the acknowledgments that no text carried. */
  settle(now: number): void {
    const tcp = this.#tcp
    tcp.now = now
    const count = tcp.takeTouched()
    for (let i = 0; i < count; i++) {
      const c = tcp.touched(i)
      if (!c.isOpen) continue
      this.#settle(c)
      if (tcp.verify !== null) this.#verify(c.row)
    }
  }

  #settle(c: Connection): void {
    const tcp = this.#tcp
    switch (c.state) {
      case 'ESTABLISHED':
      case 'CLOSE-WAIT':
      case 'FIN-WAIT-1':
      case 'CLOSING':
      case 'LAST-ACK': {
        receive.scheduleAck(tcp, c)
        const outcome = send.send(tcp, c)
        if (outcome === send.BROKEN) {
          resetGuest(tcp, c)
          return
        }
        c.flightSize = seq.diff(c.sndNxt, c.sndUna)
        if (outcome === send.MORE) tcp.touch(c)
        break
      }
      case 'FIN-WAIT-2':
        receive.scheduleAck(tcp, c)
        break
      case 'TIME-WAIT':
        break
      // A challenge, if anything.
      case 'SYN-RECEIVED':
        break
      case 'CLOSED':
      case 'LISTEN':
      case 'SYN-SENT':
        return
    }
    if (c.has(ACK_NOW)) output.sendAck(tcp, c)
  }
}

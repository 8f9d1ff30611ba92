// Port forwards: listening sockets of the host whose connections are opened again to the guest, over the TAP and in the client's name.
//
//   client -> accept() -> gate -> whose MAC? -> SYN to the guest, from the client's address and port ......... SYN-ACK -> bytes flow
//                                 (ARP)         (from the gateway's when that is no address a guest can answer: loopback, IPv6)
//
// Nothing is read from the client's socket before the guest has answered, so a client of a server that is not there sees a reset and
// loses nothing it could not have lost otherwise.
import { EPOLLET, EPOLLIN, type EventLoop, type ReadyHandler, TOKEN_LISTENER, token } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { Arp } from '../net/arp.js'
import { RULE as FLOW_RULE, KIND, KIND_FREE, ROW_SHIFT } from '../net/flow-row.js'
import type { Interface } from '../net/interface.js'
import { HandlePool } from '../util/handle-pool.js'
import type { FlowTable } from './flow-table.js'
import { isUnicast } from './gate.js'
import { EAGAIN } from './host-errors.js'
import { MAX_RULES, type RuleCounts } from './rule-counts.js'
import type { TcpRelay } from './tcp-relay.js'

/** Connections that may wait to be accepted (listen(2)). */
export const BACKLOG = 512
/** Connections taken from one listener at a time: the rest comes with the next event. */
const ACCEPTS = 64
/** Connections that wait for the guest's MAC address. */
const MAX_WAITING = 256
/** Time between questions for it, ms, and how many there are (RFC 4861, 10: RETRANS_TIMER, MAX_MULTICAST_SOLICIT). */
const ASK_INTERVAL = 1000
const QUESTIONS = 3
/** Words of one that waits: its socket, where it goes, whose name it goes in, the client, and what was asked. */
const SOCKET = 0
const GUEST = 1
const REMOTE = 2
const PORTS = 3
const CLIENT = 4 // four words and the port
const ASKED = 9 // ms
const TRIES = 10
const RULE = 11
const WORDS = 12
/** Source ports that are tried when the client's is taken: those that no kernel picks by itself. */
const FIRST_PORT = 1024
const LAST_PORT = 32_767
const PORT_TRIES = 64
const LOOPBACK_NET = 127
const MAPPED = 0xffff

export class PortForwards implements ReadyHandler {
  readonly #native: NativeContext
  readonly #loop: EventLoop
  readonly #table: FlowTable
  readonly #relay: TcpRelay
  readonly #interface: Interface
  readonly #arp: Arp
  readonly #scratch: Int32Array
  readonly #pool = new HandlePool(MAX_RULES)
  readonly #descriptors = new Int32Array(MAX_RULES + 1)
  readonly #generations = new Int32Array(MAX_RULES + 1)
  readonly #guests = new Int32Array(MAX_RULES + 1)
  readonly #ports = new Int32Array(MAX_RULES + 1)
  readonly #waiting = new Int32Array(MAX_WAITING * WORDS)
  #waitingCount = 0
  #nextPort = FIRST_PORT
  /** Room for one more behind those that wait. */
  readonly #fresh = new Int32Array(WORDS)

  constructor(native: NativeContext, loop: EventLoop, table: FlowTable, relay: TcpRelay, iface: Interface, arp: Arp) {
    this.#native = native
    this.#loop = loop
    this.#table = table
    this.#relay = relay
    this.#interface = iface
    this.#arp = arp
    this.#scratch = new Int32Array(native.scratch)
    loop.serve(TOKEN_LISTENER, this)
  }

  /** Connections of `descriptor`, a listening socket, go to a port of the guest. A handle, or 0 when there are too many. */
  add(descriptor: number, guest: number, port: number): number {
    const rule = this.#pool.acquire()
    if (rule === 0) return 0
    this.#descriptors[rule] = descriptor
    this.#generations[rule] = (this.#generations[rule]! + 1) & 0xff
    this.#guests[rule] = guest
    this.#ports[rule] = port
    this.counts.reset(rule)
    this.#native.epollAdd(descriptor, token(TOKEN_LISTENER, this.#generations[rule]!, rule), EPOLLIN | EPOLLET)
    return rule
  }

  /** Ends a forward. Its connections go on, uncounted, or see a reset at both ends. */
  remove(rule: number, isEndingFlows: boolean): void {
    this.#native.closeDescriptor(this.#descriptors[rule]!)
    this.#descriptors[rule] = 0
    const { rows, capacity, rules } = this.#table
    for (let row = 1; row <= capacity && rules.isUsed(rule); row++) {
      const base = row << ROW_SHIFT
      if (rows[base + KIND] === KIND_FREE || rows[base + FLOW_RULE] !== rule) continue
      rules.forget(rows, base)
      if (isEndingFlows) this.#relay.disconnect(row)
    }
    for (let i = 0; i < this.#waitingCount; i++) if (this.#waiting[i * WORDS + RULE] === rule) this.#waiting[i * WORDS + RULE] = 0
    this.#pool.release(rule)
  }

  get counts(): RuleCounts {
    return this.#table.rules
  }

  /** Brings the counts of packets and bytes up to date. */
  tally(): void {
    this.counts.tally(this.#table.rows, this.#table.capacity)
  }

  /** A listener has connections. */
  ready(rule: number, generation: number, _events: number): void {
    if (this.#generations[rule] !== generation || this.#descriptors[rule] === 0) return
    for (let i = 0; i < ACCEPTS; i++) {
      const socket = this.#native.tcpAccept(this.#descriptors[rule]!)
      if (socket === -EAGAIN) return
      // Gone again before we came, or no descriptor is left: the next event sees to what there is then.
      if (socket < 0) continue
      this.counts.connections[rule]!++
      this.#arrived(socket, rule)
    }
    // Edge-triggered: what is left tells of itself when it is registered anew.
    this.#native.epollModify(this.#descriptors[rule]!, token(TOKEN_LISTENER, generation, rule), EPOLLIN | EPOLLET)
  }

  // Who it is, and in whose name it goes on.
  #arrived(socket: number, rule: number): void {
    const w = this.#fresh
    const scratch = this.#scratch
    for (let i = 0; i < 5; i++) w[CLIENT + i] = scratch[i]!
    w[SOCKET] = socket
    w[RULE] = rule
    w[GUEST] = this.#guests[rule]!
    w[TRIES] = 0
    const client = this.#isAnswerable() ? scratch[3]! : this.#interface.addresses.gateway
    w[REMOTE] = client
    w[PORTS] = this.#freePorts(this.#guests[rule]!, client, this.#ports[rule]!, scratch[4]!)
    if (w[PORTS] === 0) this.#refuse(socket, rule)
    else if (!this.#connect(w, 0)) this.#wait(w)
  }

  // An IPv4 address that the guest sends to us.
  #isAnswerable(): boolean {
    const s = this.#scratch
    const isIpv4 = s[0] === 0 && s[1] === 0 && s[2] === MAPPED
    return isIpv4 && isUnicast(s[3]!) && s[3]! >>> 24 !== LOOPBACK_NET && !this.#interface.isOnLink(s[3]!)
  }

  // The client's port, or another one when a flow has it; 0 when none of those that are tried is free.
  #freePorts(guest: number, remote: number, guestPort: number, clientPort: number): number {
    const own = (guestPort << 16) | clientPort
    if (!this.#relay.isKnown(guest, remote, own)) return own
    for (let i = 0; i < PORT_TRIES; i++) {
      this.#nextPort = this.#nextPort >= LAST_PORT ? FIRST_PORT : this.#nextPort + 1
      const ports = (guestPort << 16) | this.#nextPort
      if (!this.#relay.isKnown(guest, remote, ports)) return ports
    }
    return 0
  }

  // False while the guest's MAC address is not known.
  #connect(w: Int32Array, at: number): boolean {
    const { neighbors } = this.#arp
    const guest = w[at + GUEST]!
    const entry = neighbors.find(guest)
    if (entry < 0) return false
    const now = this.#loop.now
    if (neighbors.isStale(entry, now)) this.#arp.request(guest)
    const isBegun = this.#relay.adopt(
      w[at + SOCKET]!,
      guest,
      w[at + REMOTE]!,
      w[at + PORTS]!,
      neighbors.high(entry),
      neighbors.low(entry),
      w,
      at + CLIENT,
      w[at + RULE]!,
      now,
    )
    if (!isBegun) this.#refuse(w[at + SOCKET]!, w[at + RULE]!)
    return true
  }

  #refuse(socket: number, rule: number): void {
    this.#native.tcpReset(socket)
    this.counts.refused[rule]!++
  }

  #wait(w: Int32Array): void {
    if (this.#waitingCount === MAX_WAITING) {
      this.#refuse(w[SOCKET]!, w[RULE]!)
      return
    }
    w[ASKED] = this.#loop.now
    w[TRIES] = 1
    this.#waiting.set(w, this.#waitingCount++ * WORDS)
    this.#arp.request(w[GUEST]!)
  }

  /** Goes on with those that waited, asks again for those that wait for long, and returns the ms until that is due; -1: nobody waits. */
  expire(now: number): number {
    let wait = -1
    const w = this.#waiting
    for (let i = 0; i < this.#waitingCount; ) {
      const at = i * WORDS
      const left = (w[at + ASKED]! + ASK_INTERVAL - now) | 0
      if (this.#connect(w, at) || (left <= 0 && !this.#askAgain(at, now))) {
        this.#waitingCount--
        w.copyWithin(at, this.#waitingCount * WORDS, (this.#waitingCount + 1) * WORDS)
        continue
      }
      const next = left <= 0 ? ASK_INTERVAL : left
      if (wait < 0 || next < wait) wait = next
      i++
    }
    return wait
  }

  // False when it was asked often enough: nobody has the address.
  #askAgain(at: number, now: number): boolean {
    const w = this.#waiting
    if (w[at + TRIES]! >= QUESTIONS) {
      this.#refuse(w[at + SOCKET]!, w[at + RULE]!)
      return false
    }
    w[at + TRIES]!++
    w[at + ASKED] = now
    this.#arp.request(w[at + GUEST]!)
    return true
  }

  /** Closes every listener, and resets who still waits. */
  close(): void {
    for (let rule = 1; rule <= MAX_RULES; rule++) if (this.#descriptors[rule] !== 0) this.remove(rule, false)
    for (let i = 0; i < this.#waitingCount; i++) this.#native.tcpReset(this.#waiting[i * WORDS + SOCKET]!)
    this.#waitingCount = 0
  }
}

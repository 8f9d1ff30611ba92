// Port forwards: listening sockets of the host whose connections are opened again to the guest, over the TAP and in the client's name.
//
//   client -> accept() -> gate -> whose MAC? -> SYN to the guest, from the client's address and port ......... SYN-ACK -> bytes flow
//                                 (ARP)         (from the gateway's when that is no address a guest can answer: loopback, IPv6)
//
// A client on the host's loopback, whose address says nothing to the server, goes past the interface where the server can be reached so
// (direct-relay.ts), unless the rule says otherwise.
//
// Nothing is read from the client's socket before the guest has answered, so a client of a server that is not there sees a reset and
// loses nothing it could not have lost otherwise.
import { EPOLLET, EPOLLIN, type EventLoop, type ReadyHandler, TOKEN_LISTENER, token } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import { isLoopback } from '../net/address-plan.js'
import {
  RULE as FLOW_RULE,
  guestPort,
  isMapped,
  KIND,
  KIND_DIRECT,
  KIND_FREE,
  KIND_UDP,
  KIND_UDP_FORWARD,
  ROW_SHIFT,
} from '../net/flow-row.js'
import type { Interface } from '../net/interface.js'
import type { NeighborCache } from '../net/neighbor-cache.js'
import { HandlePool } from '../util/handle-pool.js'
import { sooner } from '../util/wait.js'
import { FIRST_PORT, GUEST, nameClient, PORT_TRIES, REMOTE } from './client-name.js'
import { type DirectRelay, REFUSED, TAKEN } from './direct-relay.js'
import type { FlowTable } from './flow-table.js'
import { EAGAIN } from './host-errors.js'
import { MOST_FAILURES, READ_FAILS, READ_ON, READ_PAUSE } from './read-outcome.js'
import { MAX_RULES, type RuleCounts } from './rule-counts.js'
import { StalledRules } from './stalled-rules.js'
import type { TcpRelay } from './tcp-relay.js'
import type { UdpForwards } from './udp-forwards.js'

/** Connections that may wait to be accepted (listen(2)). */
export const BACKLOG = 512
/** Connections taken from one listener at a time: the rest comes with the next event. */
const ACCEPTS = 64
/** While no descriptor is left for what is published, nothing is accepted for so long, ms. */
const SHORTAGE_PAUSE = 100
/** errno(3), of accept(2). */
const EINTR = 4
const ECONNABORTED = 103
/** Word of tcpAccept's answer: not 0 when there is no descriptor for another connection. */
const IS_LAST = 5
/** Connections that wait for the guest's MAC address. */
const MAX_WAITING = 256
/** Words of one that waits, behind both ends (client-name.ts): its ports, its client, its socket and its rule. */
const PORTS = 8
const CLIENT = 9 // four words and the port
const SOCKET = 14
const RULE = 15
const WORDS = 16
/** Behind it kernels pick ports by themselves. */
const LAST_PORT = 32_767

/** How a connection goes on: over the interface, past it, or past it where its client is on the host's loopback. */
const DRIVER_AUTO = 0
const DRIVER_TAP = 1
const DRIVER_DIRECT = 2
/** A rule of UDP: its listener has datagrams. */
export const DRIVER_DATAGRAMS = 3
const LOOPBACK = 0x7f000001

export class PortForwards implements ReadyHandler {
  readonly #native: NativeContext
  readonly #loop: EventLoop
  readonly #table: FlowTable
  readonly #relay: TcpRelay
  readonly #direct: DirectRelay
  readonly #datagrams: UdpForwards
  readonly #interface: Interface
  readonly #neighbors4: NeighborCache
  readonly #neighbors6: NeighborCache
  readonly #scratch: Int32Array
  readonly #pool = new HandlePool(MAX_RULES)
  readonly #descriptors = new Int32Array(MAX_RULES + 1)
  readonly #generations = new Int32Array(MAX_RULES + 1)
  readonly #guests = new Int32Array(4 * (MAX_RULES + 1))
  readonly #ports = new Int32Array(MAX_RULES + 1)
  readonly #drivers = new Uint8Array(MAX_RULES + 1)
  /** Whether a connection past the interface may reach a server on the loopback of the guest. */
  reachesLoopback = false
  readonly #waiting = new Int32Array(MAX_WAITING * WORDS)
  #waitingCount = 0
  /** Rules of UDP whose guest is asked for, and whether one is among them. */
  readonly #heldUp = new Int32Array(MAX_RULES)
  readonly #isHeldUp = new Uint8Array(MAX_RULES + 1)
  #heldUpCount = 0
  readonly #stalled = new StalledRules()
  /** The last connection has taken the last descriptor that there was for what is published. */
  #isShort = false
  #nextPort = FIRST_PORT
  /** Room for one more behind those that wait. */
  readonly #fresh = new Int32Array(WORDS)

  /** `neighbors4`, `neighbors6`: where the guests of each family are. */
  constructor(
    native: NativeContext,
    loop: EventLoop,
    table: FlowTable,
    relay: TcpRelay,
    direct: DirectRelay,
    datagrams: UdpForwards,
    iface: Interface,
    neighbors4: NeighborCache,
    neighbors6: NeighborCache,
  ) {
    this.#native = native
    this.#loop = loop
    this.#table = table
    this.#relay = relay
    this.#direct = direct
    this.#datagrams = datagrams
    this.#interface = iface
    this.#neighbors4 = neighbors4
    this.#neighbors6 = neighbors6
    this.#scratch = new Int32Array(native.scratch)
    loop.serve(TOKEN_LISTENER, this)
  }

  /**
   * Connections of `descriptor`, a listening socket at `host`, go to a port of the guest, four words each. A handle, or 0 when there are too
   * many.
   */
  add(descriptor: number, host: ArrayLike<number>, guest: ArrayLike<number>, port: number, driver: number): number {
    const rule = this.#pool.acquire()
    if (rule === 0) return 0
    this.#descriptors[rule] = descriptor
    this.#generations[rule] = (this.#generations[rule]! + 1) & 0xff
    for (let i = 0; i < 4; i++) this.#guests[4 * rule + i] = guest[i]!
    this.#ports[rule] = port
    this.#drivers[rule] = driver
    if (driver === DRIVER_DATAGRAMS) this.#datagrams.ports.add(rule, descriptor, host, guest, port)
    this.counts.reset(rule)
    this.#native.epollAdd(descriptor, token(TOKEN_LISTENER, this.#generations[rule]!, rule), EPOLLIN | EPOLLET)
    return rule
  }

  /** Ends a forward. Its connections go on, uncounted, or see a reset at both ends. */
  remove(rule: number, isEndingFlows: boolean): void {
    if (!isEndingFlows && this.#drivers[rule] !== DRIVER_DATAGRAMS) this.#acceptAll(rule)
    this.#native.closeDescriptor(this.#descriptors[rule]!)
    this.#descriptors[rule] = 0
    if (this.#drivers[rule] === DRIVER_DATAGRAMS) this.#datagrams.ports.remove(rule)
    const { rows, capacity, rules } = this.#table
    for (let row = 1; row <= capacity && rules.isUsed(rule); row++) {
      const base = row << ROW_SHIFT
      if (rows[base + KIND] === KIND_FREE || rows[base + FLOW_RULE] !== rule) continue
      rules.forget(rows, base)
      if (!isEndingFlows) continue
      if (rows[base + KIND] === KIND_DIRECT) this.#direct.disconnect(row)
      else if (rows[base + KIND] === KIND_UDP_FORWARD) this.#datagrams.end(row)
      else this.#relay.disconnect(row)
    }
    for (let i = 0; i < this.#waitingCount; i++) if (this.#waiting[i * WORDS + RULE] === rule) this.#waiting[i * WORDS + RULE] = 0
    this.#pool.release(rule)
  }

  /**
   * Ends what has a port of the host that is to be published now: clients of UDP rules that are no more, whose sockets are still bound to it, and
   * a mapping that has it because the guest sends from the same. False when there was nothing.
   */
  freePort(hostPort: number): boolean {
    const { rows, capacity } = this.#table
    let isFreed = false
    for (let row = 1; row <= capacity; row++) {
      const base = row << ROW_SHIFT
      const isLeft = rows[base + KIND] === KIND_UDP_FORWARD && rows[base + FLOW_RULE] === 0
      if (!isLeft && (rows[base + KIND] !== KIND_UDP || guestPort(rows, base) !== hostPort)) continue
      this.#datagrams.end(row)
      isFreed = true
    }
    return isFreed
  }

  /** The port of the guest that a rule leads to. */
  guestPort(rule: number): number {
    return this.#ports[rule]!
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
    if (this.#drivers[rule] === DRIVER_DATAGRAMS) {
      this.#takeDatagrams(rule)
      return
    }
    let failures = 0
    for (let i = 0; i < ACCEPTS; i++) {
      const delay = this.#delay(rule)
      if (delay > 0) {
        this.#stalled.add(rule, delay, this.#loop.now)
        return
      }
      const socket = this.#native.tcpAccept(this.#descriptors[rule]!)
      if (socket === -EAGAIN) return
      // Gone again before we came; anything else may last (ENFILE, ENOMEM, a rule of the host's firewall).
      if ((socket === -ECONNABORTED || socket === -EINTR) && ++failures < MOST_FAILURES) continue
      if (socket < 0) {
        this.#stalled.add(rule, SHORTAGE_PAUSE, this.#loop.now)
        return
      }
      this.#isShort = this.#scratch[IS_LAST] !== 0
      this.counts.connections[rule]!++
      this.#arrived(socket, rule)
    }
    // Edge-triggered: what is left tells of itself when it is registered anew.
    this.#native.epollModify(this.#descriptors[rule]!, token(TOKEN_LISTENER, generation, rule), EPOLLIN | EPOLLET)
  }

  // Clients that are connected already, as far as they know: without the listener they would be reset.
  #acceptAll(rule: number): void {
    for (let i = 0; i < BACKLOG; i++) {
      const socket = this.#native.tcpAccept(this.#descriptors[rule]!)
      if (socket < 0) return
      this.counts.connections[rule]!++
      this.#arrived(socket, rule)
    }
  }

  // What a connection needs is there before it is accepted: until then it waits in the kernel. The ms until it is worth while to look again, 0: now.
  #delay(rule: number): number {
    if (this.#isShort) this.#isShort = this.#native.descriptorRoom() < 0
    if (this.#isShort) return SHORTAGE_PAUSE
    const mayGoDirectly = this.#drivers[rule] !== DRIVER_TAP && isMapped(this.#guests, 4 * rule)
    return mayGoDirectly ? this.#direct.delay() : 0
  }

  // Goes on with the rules that have accepted nothing for a while.
  #resumeStalled(now: number): void {
    if (this.#stalled.wait(now) !== 0) return
    // One look serves all rules.
    if (this.#isShort) this.#isShort = this.#native.descriptorRoom() < 0
    if (this.#isShort) this.#stalled.postpone(SHORTAGE_PAUSE, now)
    const count = this.#stalled.takeDue(now)
    for (let i = 0; i < count; i++) {
      const rule = this.#stalled.rule(i)
      if (this.#descriptors[rule] !== 0) this.ready(rule, this.#generations[rule]!, EPOLLIN)
    }
  }

  // Until the guest's MAC address is known they wait in the kernel.
  #takeDatagrams(rule: number): void {
    const guests = this.#guests
    const neighbors = this.#neighborsOf(guests, 4 * rule)
    const now = this.#loop.now
    const outcome = this.#datagrams.ready(
      rule,
      this.#generations[rule]!,
      this.#descriptors[rule]!,
      guests,
      4 * rule,
      this.#ports[rule]!,
      neighbors,
      now,
    )
    if (outcome === READ_FAILS) this.#stalled.add(rule, READ_PAUSE, now)
    if (outcome !== READ_ON || this.#isHeldUp[rule] === 1) return
    this.#isHeldUp[rule] = 1
    this.#heldUp[this.#heldUpCount++] = rule
  }

  // Goes on with the rules whose guest is known by now, or that nobody knows.
  #resumeDatagrams(): void {
    const count = this.#heldUpCount
    this.#heldUpCount = 0
    for (let i = 0; i < count; i++) {
      const rule = this.#heldUp[i]!
      this.#isHeldUp[rule] = 0
      if (this.#descriptors[rule] === 0 || this.#drivers[rule] !== DRIVER_DATAGRAMS) continue
      if (this.#neighborsOf(this.#guests, 4 * rule).isKnown(this.#guests, 4 * rule)) this.#takeDatagrams(rule)
      else this.#datagrams.drain(rule, this.#descriptors[rule]!)
    }
  }

  // Who it is, and in whose name it goes on.
  #arrived(socket: number, rule: number): void {
    const w = this.#fresh
    const scratch = this.#scratch
    for (let i = 0; i < 4; i++) {
      w[GUEST + i] = this.#guests[4 * rule + i]!
      w[CLIENT + i] = scratch[i]!
    }
    w[CLIENT + 4] = scratch[4]!
    w[SOCKET] = socket
    w[RULE] = rule
    if (this.#goesDirectly(w, rule)) return
    nameClient(this.#interface.addresses, w, w, CLIENT)
    w[PORTS] = this.#freePorts(w, this.#ports[rule]!, w[CLIENT + 4]!)
    if (w[PORTS] === 0) this.#refuse(socket, rule)
    else if (!this.#connect(w, 0)) this.#wait(w)
  }

  // Past the interface, as far as that is to be; false: it is to go over it, or may as well.
  #goesDirectly(w: Int32Array, rule: number): boolean {
    const driver = this.#drivers[rule]
    if (driver === DRIVER_TAP || (driver === DRIVER_AUTO && !isLoopback(w, CLIENT)) || !isMapped(w, GUEST)) return false
    const port = this.#ports[rule]!
    for (let i = 0; i < 4; i++) w[REMOTE + i] = w[GUEST + i]!
    let outcome = this.#direct.adopt(w[SOCKET]!, w, GUEST, port, CLIENT, rule)
    if (outcome === REFUSED && this.reachesLoopback) {
      w[REMOTE + 3] = LOOPBACK
      outcome = this.#direct.adopt(w[SOCKET]!, w, GUEST, port, CLIENT, rule)
    }
    if (outcome === TAKEN) return true
    if (driver === DRIVER_DIRECT) this.#refuse(w[SOCKET]!, rule)
    return driver === DRIVER_DIRECT
  }

  // The client's port, or another one when a flow has it; 0 when none of those that are tried is free.
  #freePorts(w: Int32Array, guestPort: number, clientPort: number): number {
    const own = (guestPort << 16) | clientPort
    if (!this.#relay.isKnown(w, GUEST, own)) return own
    for (let i = 0; i < PORT_TRIES; i++) {
      this.#nextPort = this.#nextPort >= LAST_PORT ? FIRST_PORT : this.#nextPort + 1
      const ports = (guestPort << 16) | this.#nextPort
      if (!this.#relay.isKnown(w, GUEST, ports)) return ports
    }
    return 0
  }

  #neighborsOf(w: Int32Array, at: number): NeighborCache {
    return isMapped(w, at + GUEST) ? this.#neighbors4 : this.#neighbors6
  }

  // False while the guest's MAC address is not known.
  #connect(w: Int32Array, at: number): boolean {
    const now = this.#loop.now
    const neighbors = this.#neighborsOf(w, at)
    const entry = neighbors.resolve(w, at + GUEST, now)
    if (entry < 0) return false
    const high = neighbors.high(entry)
    const low = neighbors.low(entry)
    const rule = w[at + RULE]!
    const isBegun = this.#relay.adopt(w[at + SOCKET]!, w, at + GUEST, w[at + PORTS]!, high, low, at + CLIENT, rule, now)
    if (!isBegun) this.#refuse(w[at + SOCKET]!, rule)
    return true
  }

  #refuse(socket: number, rule: number): void {
    this.#native.tcpReset(socket)
    this.counts.refuse(rule)
  }

  #wait(w: Int32Array): void {
    if (this.#waitingCount === MAX_WAITING) {
      this.#refuse(w[SOCKET]!, w[RULE]!)
      return
    }
    this.#waiting.set(w, this.#waitingCount++ * WORDS)
  }

  /** Goes on with those that waited, and returns the ms until somebody is asked for again; -1: nobody is. */
  expire(now: number): number {
    this.#resumeStalled(now)
    const wait = sooner(this.#neighbors4.expire(now), this.#neighbors6.expire(now))
    if (this.#heldUpCount > 0) this.#resumeDatagrams()
    const w = this.#waiting
    for (let i = 0; i < this.#waitingCount; ) {
      const at = i * WORDS
      // Who was asked for often enough is forgotten: nobody has the address.
      const isGone = !this.#neighborsOf(w, at).isKnown(w, at + GUEST)
      if (isGone) this.#refuse(w[at + SOCKET]!, w[at + RULE]!)
      if (isGone || this.#connect(w, at)) w.copyWithin(at, --this.#waitingCount * WORDS, (this.#waitingCount + 1) * WORDS)
      else i++
    }
    return sooner(wait, this.#stalled.wait(now))
  }

  /** Closes every listener, and resets who still waits. */
  close(): void {
    for (let rule = 1; rule <= MAX_RULES; rule++) if (this.#descriptors[rule] !== 0) this.remove(rule, false)
    for (let i = 0; i < this.#waitingCount; i++) this.#native.tcpReset(this.#waiting[i * WORDS + SOCKET]!)
    this.#waitingCount = 0
  }
}

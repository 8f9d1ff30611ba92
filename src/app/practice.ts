// What a network practises when it comes up (warm-up.ts): two stacks, as app/stack.ts puts them together, carry connections between sockets of
// this process, and what V8 learns and compiles is what it needs for the sandbox.
//
//   client | port forward, stack, device | frames | device, stack, relay | server
//    pair  |   in the place of the guest |  pair  | as for the sandbox   |  pair
//
// Nothing leaves this process: clients and servers are socket pairs, the way that DNS connections go, and frames go by a pair in place of the TAP. The
// calls of the addon are the same, of the same context, as V8 tells them apart. Connections are opened, used and closed in one piece, so no
// descriptor of theirs is there any more when the event loop looks.
//
// V8 compiles what it has seen: a branch that was never taken is a way back to the interpreter, for the whole function. So there is
// some of everything that the first second of traffic brings: several connections at once, ends from either side and resets, ports that
// are used again, more remembered connections than there is room for, odd lengths, a clock that goes, ARP, router advertisements.
// `node --log-deopt` tells what is missing.

import { isOver } from '../flow/flow-lists.js'
import { tableBytes } from '../flow/flow-table.js'
import { EPOLLIN, EPOLLOUT, EPOLLRDHUP, EventLoop } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import { RECEIVE_REGION, TapDevice } from '../host/tap-device.js'
import type { InterfaceAddresses } from '../net/address-plan.js'
import { GENERATION, HOST_ADDRESS, KIND, KIND_TCP, ROW_SHIFT } from '../net/flow-row.js'
import { MAC_OF_IPV4 } from '../net/interface.js'
import { Arena } from '../packet/arena.js'
import { MAPPED } from '../wire/numbers.js'
import { arenaBytes, Stack, type StackOptions } from './stack.js'

const GUEST = 0x0a000264
const SERVER = 0x0a000203
const SERVER_PORT = 53
const NETWORK = { network: 0x0a000200, prefix: 24 }
const NETWORK6 = { network: [0xfd00 << 16, 0, 0, 0], prefix: 64 } as const
const address6 = (last: number) => [0xfd00 << 16, 0, 0, last] as const
const OURS: InterfaceAddresses = {
  ...{ ...NETWORK, gateway: 0x0a000202, dns: SERVER, guest: GUEST },
  ipv6: { ...NETWORK6, gateway: address6(2), dns: address6(3), guest: address6(0x100) },
}
/** Of the stack in the guest's place, whose guest is the server. */
const THEIRS: InterfaceAddresses = {
  ...{ ...NETWORK, gateway: 0x0a000265, dns: 0x0a000266, guest: SERVER },
  ipv6: { ...NETWORK6, gateway: address6(0x101), dns: address6(0x102), guest: address6(3) },
}
const LOOPBACK = [0, 0, MAPPED, 0x7f000001]
const FEATURES = { vnetHeader: true, checksum: true, tso: true, uso: false }

/** Rows: few, so that what is remembered must make room. */
const FLOWS = 8
const OPTIONS: StackOptions = {
  mtu: 1500,
  addresses: OURS,
  impairment: null,
  hostLoopback: false,
  udpFiltering: 'endpoint-independent',
  dns: true,
  hostRead: 'peek',
  maxFlows: FLOWS,
  maxHalfOpen: FLOWS,
  maxFlowsPerDestination: FLOWS,
  maxFlowsPerGuest: FLOWS,
  maxFlowsPerClient: FLOWS,
}

/** To the server, from the guest; and who it really is, with its port. By both versions. */
const ENDS4 = new Int32Array([...[0, 0, MAPPED, SERVER], ...[0, 0, MAPPED, GUEST], ...[0, 0, MAPPED, GUEST], 0])
const ENDS6 = new Int32Array([...address6(3), ...address6(0x100), ...address6(0x100), 0])
const CLIENT_AT = 8

/** What a socket pair takes at a time, and one frame holds with its headers (bytes). */
const MOST_TEXT = 60 << 10
/** Bytes of the arena, of which few are ever touched. */
export const PRACTICE_BYTES = 2 * (arenaBytes(OPTIONS) + RECEIVE_REGION + 64) + MOST_TEXT + 64
/** Turns until what was sent must have come, or something is wrong. */
const PATIENCE = 64
/** What the clock goes on by in each turn, ms: round trips differ. */
const STEPS = [0, 0, 1, 0, 0, 2, 0, 1]
/** ms after which no connection is remembered (2 MSL, tcp/close.ts). */
const TIME_WAIT = 60_001
/** Exercises until that time has passed: some find their port taken by what is remembered, and some the table full. */
const REMEMBERED = 24

/** Who ends connections first. RESET: the client, without having read all. */
const SERVER_FIRST = 0
const CLIENT_FIRST = 1
const RESET = 2
/** Connections that the server has ended are remembered by us, not by the guest, who may use their ports again. */
const FIRST_PORTS = [1024, 20_000, 40_000] as const

/** Connections that are open at once, requests and responses on each of them, their bytes, the end, and who they are between. */
interface Exercise {
  readonly atOnce: number
  readonly count: number
  readonly request: number
  readonly response: number
  readonly end: typeof SERVER_FIRST | typeof CLIENT_FIRST | typeof RESET
  readonly ends?: Int32Array
}

/** In turn: connections for one question, conversations, transfers each way. Each is short: the network waits meanwhile. */
export const EXERCISES: readonly Exercise[] = [
  { atOnce: 1, count: 1, request: 1, response: 1, end: SERVER_FIRST },
  { atOnce: 1, count: 8, request: 1, response: 1, end: SERVER_FIRST },
  { atOnce: 4, count: 1, request: 1, response: 1, end: SERVER_FIRST },
  { atOnce: 1, count: 1, request: 103, response: 302, end: CLIENT_FIRST },
  { atOnce: 1, count: 8, request: 102, response: 2001, end: RESET },
  { atOnce: 1, count: 3, request: MOST_TEXT, response: 1, end: SERVER_FIRST },
  { atOnce: 1, count: 3, request: 1, response: MOST_TEXT, end: CLIENT_FIRST },
  { atOnce: 1, count: 4, request: 101, response: 3000, end: CLIENT_FIRST, ends: ENDS6 },
]

/** What comes out is not what went in: there is no more practising, and nothing else is concerned. */
export class Failure extends Error {}

/** A stack, its device, and its relay's sockets, which take part in each of its turns. */
class Half {
  readonly stack: Stack
  readonly #device: TapDevice
  readonly #loop: EventLoop

  constructor(native: NativeContext, arena: Arena, descriptor: number, addresses: InterfaceAddresses) {
    // Never started: it names the time.
    this.#loop = new EventLoop(native)
    const table = new ArrayBuffer(tableBytes(FLOWS))
    this.stack = new Stack(native, this.#loop, arena, table, new Int32Array([1, 2, 3, 4]), { ...OPTIONS, addresses })
    this.stack.serveRouter(null, false)
    const region = arena.allot(RECEIVE_REGION)
    this.#device = new TapDevice(native, this.#loop, arena, region, descriptor, OPTIONS.mtu, FEATURES, this.stack.receiver)
    // The loop that is started would take it for the sandbox's.
    native.epollDelete(descriptor)
    this.stack.connect(this.#device)
  }

  turn(now: number, events: number): void {
    const { stack } = this
    this.#loop.now = now
    stack.begin(now)
    this.#device.ready()
    const { rows } = stack.table
    for (let row = 1; row <= FLOWS; row++) {
      const base = row << ROW_SHIFT
      if (rows[base + KIND] === KIND_TCP) stack.tcpRelay.ready(row, rows[base + GENERATION]!, events)
    }
    stack.resume()
    stack.settle(now)
    stack.expire(now)
  }

  /** Nothing is open; what is over may be remembered. */
  get isQuiet(): boolean {
    const { rows } = this.stack.table
    for (let row = 1; row <= FLOWS; row++) {
      const base = row << ROW_SHIFT
      if (rows[base + KIND] === KIND_TCP && !isOver(rows, base)) return false
    }
    return true
  }

  /** Has the servers be on the host's loopback, where they usually are when much comes from the guest at once. */
  setLoopback(): void {
    const { rows } = this.stack.table
    for (let row = 1; row <= FLOWS; row++) rows.set(LOOPBACK, (row << ROW_SHIFT) + HOST_ADDRESS)
  }

  close(): void {
    this.stack.close()
    this.#device.close()
  }
}

/** The two stacks, and what is between them. */
export class Practice {
  readonly #native: NativeContext
  readonly #scratch: Int32Array
  readonly #text: number
  readonly #ours: Half
  readonly #theirs: Half
  // Of each way to end, how many connections there have been.
  readonly #counts = [0, 0, 0]
  readonly #clients: number[] = []
  readonly #servers: number[] = []
  #done = 0
  #now = 1
  #turns = 0
  #events = EPOLLIN | EPOLLOUT

  /** From `arenaAt` on PRACTICE_BYTES of the arena are its own. */
  constructor(native: NativeContext, arenaAt: number) {
    const arena = new Arena(native.arena, arenaAt)
    this.#native = native
    this.#scratch = new Int32Array(native.scratch)
    this.#text = arena.allot(MOST_TEXT)
    if (native.framePair() < 0) throw new Failure()
    const [left, right] = [this.#scratch[0]!, this.#scratch[1]!]
    this.#ours = new Half(native, arena, left, OURS)
    this.#theirs = new Half(native, arena, right, THEIRS)
    this.#ours.stack.tcpRelay.serveDns({
      open: () => {
        if (native.streamPair() < 0) return -1
        this.#servers.push(this.#scratch[1]!)
        return this.#scratch[0]!
      },
    })
  }

  exercise({ atOnce, count, request, response, end, ends = ENDS4 }: Exercise): void {
    const [clients, servers] = [this.#clients, this.#servers]
    this.#events = EPOLLIN | EPOLLOUT
    this.#theirs.stack.input.arp.solicit(ENDS4, 0)
    for (let i = 0; i < atOnce; i++) this.#open(end, ends)
    for (let round = 0; round < count; round++) {
      for (let i = 0; i < atOnce; i++) {
        this.#pass(clients[i]!, servers[i]!, request)
        this.#pass(servers[i]!, clients[i]!, response)
      }
    }
    // Without a turn until the end: it goes with the last text, or that stays unread.
    if (end !== CLIENT_FIRST) for (const server of servers) this.#native.tcpSend(server, this.#text, response)
    this.#events |= EPOLLRDHUP
    this.#end(end === SERVER_FIRST ? servers : clients, end === RESET)
    this.#end(end === SERVER_FIRST ? clients : servers, false)
    for (let i = 0; i < PATIENCE && !this.#isOver; i++) this.#turn()
    this.#closeEnds()
    if (++this.#done % REMEMBERED === 0) this.#now = (this.#now + TIME_WAIT) | 0
    this.#turn()
    if (!this.#isOver) throw new Failure()
  }

  close(): void {
    this.#ours.close()
    this.#theirs.close()
    this.#closeEnds()
  }

  #open(end: Exercise['end'], ends: Int32Array): void {
    const native = this.#native
    if (native.streamPair() < 0) throw new Failure()
    const socket = this.#scratch[0]!
    this.#clients.push(this.#scratch[1]!)
    const count = this.#counts[end]!++
    // Four ports, the same four again, the next four: what is open at once has different ones.
    const port = FIRST_PORTS[end] + (end === SERVER_FIRST ? ((count >>> 3) << 2) | (count & 3) : count)
    const ports = (SERVER_PORT << 16) | port
    const { tcpRelay } = this.#theirs.stack
    if (!tcpRelay.adopt(socket, ends, 0, ports, MAC_OF_IPV4, OURS.gateway, CLIENT_AT, 0, this.#now)) {
      native.closeDescriptor(socket)
      throw new Failure()
    }
    for (let i = 0; i < PATIENCE && this.#servers.length < this.#clients.length; i++) this.#turn()
    if (this.#servers.length < this.#clients.length) throw new Failure()
    this.#ours.setLoopback()
  }

  #end(sockets: number[], isReset: boolean): void {
    // What has come by then is unread when it is closed (unix(7): the other end hears of a reset).
    for (let i = 0; isReset && i < 4; i++) this.#turn()
    for (const socket of sockets) {
      if (isReset) this.#native.closeDescriptor(socket)
      else this.#native.tcpShutdown(socket)
    }
    if (isReset) sockets.length = 0
    this.#turn()
  }

  // Each has its turn once: a frame there, and one back the next time.
  #turn(): void {
    this.#now = (this.#now + STEPS[this.#turns++ % STEPS.length]!) | 0
    this.#theirs.turn(this.#now, this.#events)
    this.#ours.turn(this.#now, this.#events)
  }

  #pass(from: number, to: number, bytes: number): void {
    const native = this.#native
    native.tcpSend(from, this.#text, bytes)
    let left = bytes
    for (let i = 0; i < PATIENCE && left > 0; i++) {
      this.#turn()
      const got = native.tcpReceive(to, this.#text, MOST_TEXT)
      if (got > 0) left -= got
    }
    if (left !== 0) throw new Failure()
  }

  get #isOver(): boolean {
    return this.#ours.isQuiet && this.#theirs.isQuiet
  }

  #closeEnds(): void {
    for (const sockets of [this.#clients, this.#servers]) {
      for (const socket of sockets) this.#native.closeDescriptor(socket)
      sockets.length = 0
    }
  }
}

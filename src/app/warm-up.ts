// Warming up. V8 interprets what a process runs for the first time, and compiles what it has run often: until then a packet takes several times as
// long. So a network that has just come up practises for a moment: two stacks, as app/stack.ts puts them together, carry connections between sockets
// of this process, and what V8 learns and compiles is what it needs for the sandbox.
//
//   client | port forward, stack, device | frames | device, stack, relay | server
//    pair  |   in the place of the guest |  pair  | as for the sandbox   |  pair
//
// Nothing leaves this process: clients and servers are socket pairs, the way that DNS connections go, and frames go by a pair in place of the TAP. The
// calls of the addon are the same, of the same context, as V8 tells them apart. Each connection is opened, used and closed in one piece, so no
// descriptor of it is there any more when the event loop looks; between two of them the network has its turn.

import { tableBytes } from '../flow/flow-table.js'
import { EPOLLIN, EPOLLOUT, EventLoop } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import { RECEIVE_REGION, TapDevice } from '../host/tap-device.js'
import type { InterfaceAddresses } from '../net/address-plan.js'
import { GENERATION, KIND, KIND_TCP, ROW_SHIFT } from '../net/flow-row.js'
import { MAC_OF_IPV4 } from '../net/interface.js'
import { Arena } from '../packet/arena.js'
import { MAPPED } from '../wire/numbers.js'
import { arenaBytes, Stack, type StackOptions } from './stack.js'

const GUEST = 0x0a000264
const SERVER = 0x0a000203
const SERVER_PORT = 53
const FIRST_PORT = 1024
const LAST_PORT = 65_535
const NETWORK = { network: 0x0a000200, prefix: 24 }
const OURS: InterfaceAddresses = { ...NETWORK, gateway: 0x0a000202, dns: SERVER, guest: GUEST }
/** Of the stack in the guest's place, whose guest is the server. */
const THEIRS: InterfaceAddresses = { ...NETWORK, gateway: 0x0a000265, dns: 0x0a000266, guest: SERVER }
const FEATURES = { vnetHeader: true, checksum: true, tso: true, uso: false }

/** Rows: one connection at a time, and what is left of those before. */
const FLOWS = 16
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
}

/** What a socket pair takes at a time, and one frame holds with its headers (bytes). */
const MOST_TEXT = 60 << 10
/** Bytes of the arena, of which few are ever touched; they are given back at the end. */
export const WARM_UP_BYTES = 2 * (arenaBytes(OPTIONS) + RECEIVE_REGION + 64) + MOST_TEXT + 64
/** Turns until what was sent must have come, or something is wrong. */
const PATIENCE = 64
/** ms after which no connection is remembered (2 MSL, tcp/close.ts). */
const TIME_WAIT = 60_001

/** Requests and responses of a connection, and their bytes. */
interface Exercise {
  readonly count: number
  readonly request: number
  readonly response: number
}

/** In turn: connections for one question, conversations, transfers each way. */
const EXERCISES: readonly Exercise[] = [
  { count: 1, request: 1, response: 1 },
  { count: 10, request: 1, response: 1 },
  { count: 1, request: 100, response: 300 },
  { count: 10, request: 100, response: 2000 },
  { count: 4, request: MOST_TEXT, response: 1 },
  { count: 4, request: 1, response: MOST_TEXT },
]
/** As many as it took until more made no difference: 0.1 s of processor time, and as much again in V8's compiler threads. */
const ROUNDS = 6

/** What comes out is not what went in: there is no more practising, and nothing else is concerned. */
class Failure extends Error {}

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
    const region = arena.allot(RECEIVE_REGION)
    this.#device = new TapDevice(native, this.#loop, arena, region, descriptor, OPTIONS.mtu, FEATURES, this.stack.receiver)
    // The loop that is started would take it for the sandbox's.
    native.epollDelete(descriptor)
    this.stack.connect(this.#device)
  }

  turn(now: number): void {
    const { stack } = this
    this.#loop.now = now
    stack.begin(now)
    this.#device.ready()
    const { rows } = stack.table
    for (let row = 1; row <= FLOWS; row++) {
      const base = row << ROW_SHIFT
      if (rows[base + KIND] === KIND_TCP) stack.tcpRelay.ready(row, rows[base + GENERATION]!, EPOLLIN | EPOLLOUT)
    }
    stack.resume()
    stack.settle(now)
    stack.expire(now)
  }

  close(): void {
    this.stack.close()
    this.#device.close()
  }
}

/** The two stacks, and a connection at a time. */
class Practice {
  readonly #native: NativeContext
  readonly #scratch: Int32Array
  readonly #text: number
  readonly #ours: Half
  readonly #theirs: Half
  // To the server, from the guest; and who it really is, with its port.
  readonly #ends = new Int32Array([0, 0, MAPPED, SERVER, 0, 0, MAPPED, GUEST, 0, 0, MAPPED, GUEST, 0])
  #port = FIRST_PORT
  #now = 1
  #client = -1
  #server = -1

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
        this.#server = this.#scratch[1]!
        return this.#scratch[0]!
      },
    })
  }

  connection({ count, request, response }: Exercise): void {
    const native = this.#native
    this.#open()
    for (let i = 0; i < count; i++) {
      this.#pass(this.#client, this.#server, request)
      this.#pass(this.#server, this.#client, response)
    }
    native.tcpShutdown(this.#server)
    this.#turn()
    native.tcpShutdown(this.#client)
    for (let i = 0; i < PATIENCE && !this.#isOver; i++) this.#turn()
    this.#closeEnds()
    this.#now = (this.#now + TIME_WAIT) | 0
    this.#turn()
    if (!this.#isOver) throw new Failure()
  }

  close(): void {
    this.#ours.close()
    this.#theirs.close()
    this.#closeEnds()
  }

  #open(): void {
    const native = this.#native
    if (native.streamPair() < 0) throw new Failure()
    const socket = this.#scratch[0]!
    this.#client = this.#scratch[1]!
    this.#port = this.#port === LAST_PORT ? FIRST_PORT : this.#port + 1
    const ports = (SERVER_PORT << 16) | this.#port
    const { tcpRelay } = this.#theirs.stack
    if (!tcpRelay.adopt(socket, this.#ends, 0, ports, MAC_OF_IPV4, OURS.gateway, 8, 0, this.#now)) {
      native.closeDescriptor(socket)
      throw new Failure()
    }
    for (let i = 0; i < PATIENCE && this.#server < 0; i++) this.#turn()
  }

  // Each has its turn once: a frame there, and one back the next time.
  #turn(): void {
    this.#theirs.turn(this.#now)
    this.#ours.turn(this.#now)
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
    return this.#ours.stack.table.inUse === 0 && this.#theirs.stack.table.inUse === 0
  }

  #closeEnds(): void {
    if (this.#client >= 0) this.#native.closeDescriptor(this.#client)
    if (this.#server >= 0) this.#native.closeDescriptor(this.#server)
    this.#client = this.#server = -1
  }
}

export class WarmUp {
  readonly #native: NativeContext
  readonly #arenaAt: number
  #practice: Practice | null = null
  #next: NodeJS.Immediate | null = null
  #done = 0
  /** Settles when it is over or given up: whether it came to its end. */
  readonly ended: Promise<boolean>
  #end: (isWell: boolean) => void = () => {}

  /** `arenaAt`: from there on WARM_UP_BYTES of the arena are its own until it ends. */
  constructor(native: NativeContext, arenaAt: number) {
    this.#native = native
    this.#arenaAt = arenaAt
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** Begins: connection by connection, and in between whatever else is to be done. */
  start(): void {
    this.#later()
  }

  /** Gives up. Again, when it is over, or before it has begun: does nothing. */
  stop(): void {
    this.#finish(false)
  }

  #later(): void {
    this.#next = setImmediate(() => this.#step())
  }

  #step(): void {
    try {
      this.#practice ??= new Practice(this.#native, this.#arenaAt)
      this.#practice.connection(EXERCISES[this.#done % EXERCISES.length]!)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.#finish(false)
      return
    }
    this.#done++
    if (this.#done < ROUNDS * EXERCISES.length) this.#later()
    else this.#finish(true)
  }

  #finish(isWell: boolean): void {
    if (this.#next === null) return
    clearImmediate(this.#next)
    this.#next = null
    this.#practice?.close()
    this.#practice = null
    this.#native.releasePages(this.#arenaAt, WARM_UP_BYTES)
    this.#end(isWell)
  }
}

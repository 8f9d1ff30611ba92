// Connections past the interface, with a kernel that is played: what is moved when, and what comes to an end with what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DirectRelay, IMPOSSIBLE, REFUSED, TAKEN } from '../../../src/flow/direct-relay.js'
import { directState } from '../../../src/flow/direct-row.js'
import { Farewells } from '../../../src/flow/farewells.js'
import { FlowTable, tableBytes } from '../../../src/flow/flow-table.js'
import type { Gate } from '../../../src/flow/gate.js'
import { EPOLLERR, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type EventLoop } from '../../../src/host/event-loop.js'
import type { NamespaceSockets } from '../../../src/host/namespace-sockets.js'
import { MOVE_EMPTY, MOVE_ENDED, MOVE_FROM_BROKEN, MOVE_FULL, type NativeContext } from '../../../src/host/native.js'
import { GENERATION, ROW_SHIFT, SOCKET } from '../../../src/net/flow-row.js'

const FLOWS = 4
const RULE = 7
const EINPROGRESS = 115
const ECONNREFUSED = 111
const BOTH_WAYS = EPOLLIN | EPOLLOUT
/** The guest's address, the one that is connected to, then the client's and its port. */
const GUEST = [0, 0, 0xffff, 0x0a000264]
const CLIENT = [0, 0, 0xffff, 0x7f000001, 50_000]
const WORDS = Int32Array.from([...GUEST, ...GUEST, ...CLIENT])
const CLIENT_AT = 8

interface Move {
  readonly from: number
  readonly to: number
  readonly held: number
  readonly pipe: number
}

class Kernel {
  readonly scratch = new ArrayBuffer(64)
  readonly moves: Move[] = []
  readonly done: string[] = []
  /** Of socketConnect; of the next moves: flags, bytes taken and given. */
  connects = 0
  results: (readonly [number, number, number])[] = []
  error = 0
  pipes = 0
  mostPipes = 8
  readonly epollAdd = () => 0
  readonly epollDelete = (descriptor: number) => this.#note(`unwatch ${descriptor}`)
  readonly socketError = () => this.error
  /** What tcpUnsent and tcpUnread say. */
  unsent = 0
  unread = 0
  readonly tcpUnsent = () => this.unsent
  readonly tcpUnread = () => this.unread
  readonly tcpDiscard = (_socket: number, length: number) => length
  readonly tcpShutdown = (descriptor: number) => this.#note(`end ${descriptor}`)
  readonly tcpReset = (descriptor: number) => this.#note(`reset ${descriptor}`)
  readonly closeDescriptor = (descriptor: number) => this.#note(`close ${descriptor}`)

  socketConnect(): number {
    new Int32Array(this.scratch)[0] = 40_000
    return this.connects
  }

  pipeOpen(): number {
    if (this.pipes === this.mostPipes) return -24
    new Int32Array(this.scratch).set([1000 + 2 * ++this.pipes, 1001 + 2 * this.pipes])
    return 0
  }

  spliceMove(from: number, to: number, pipe: number, _write: number, held: number): number {
    this.moves.push({ from, to, held, pipe })
    const [flags, taken, given] = this.results.shift() ?? [MOVE_EMPTY, 0, held]
    new Int32Array(this.scratch).set([taken, given])
    return flags
  }

  #note(what: string): number {
    // Pipes are the pool's matter.
    if (Number(what.split(' ')[1]) < 1000) this.done.push(what)
    return 0
  }
}

class World {
  readonly kernel = new Kernel()
  readonly table = new FlowTable(new ArrayBuffer(tableBytes(FLOWS)), FLOWS, new Int32Array([1, 2]))
  readonly farewells = new Farewells(this.kernel as unknown as NativeContext, FLOWS)
  readonly relay: DirectRelay
  isAllowed = true
  spare = 100

  constructor() {
    const loop = { now: 5, serve: () => {} } as unknown as EventLoop
    const gate = { forward: () => this.isAllowed } as unknown as Gate
    this.relay = new DirectRelay(this.kernel as unknown as NativeContext, loop, this.table, gate, this.farewells)
    this.connect()
  }

  /** There is a namespace, the first one or another. */
  connect(): void {
    const take = () => (this.spare < 0 ? -1 : this.spare++)
    const give = (socket: number) => this.kernel.done.push(`give ${socket}`)
    this.relay.connect({ take, give, refill: () => {} } as unknown as NamespaceSockets)
  }

  /** A connection of socket `client`; its row. */
  adopt(client: number): number {
    assert.equal(this.relay.adopt(client, WORDS, 0, 80, CLIENT_AT, RULE), TAKEN)
    for (let row = 1; row <= FLOWS; row++) if (this.table.rows[(row << ROW_SHIFT) + SOCKET] === client) return row
    assert.fail('it has no row')
  }

  event(row: number, end: 0 | 1, events: number): void {
    this.relay.ready((row << 1) | end, this.table.rows[(row << ROW_SHIFT) + GENERATION]!, events)
  }

  state(row: number): string {
    return directState(this.table.rows, row << ROW_SHIFT)
  }

  /** Both sockets have told what there is at the start: room, and nothing to read. */
  settled(client: number): number {
    const row = this.adopt(client)
    this.event(row, 0, EPOLLOUT)
    this.event(row, 1, EPOLLOUT)
    return row
  }
}

test('bytes go on as soon as the one end has some and the other has room', () => {
  const w = new World()
  const row = w.settled(1)
  assert.deepEqual(w.kernel.moves, [])
  w.kernel.results = [[MOVE_EMPTY, 9, 9]]
  w.event(row, 0, EPOLLIN)
  assert.deepEqual(w.kernel.moves, [{ from: 1, to: 100, held: 0, pipe: 1002 }])
  w.event(row, 1, EPOLLIN)
  assert.deepEqual(w.kernel.moves.at(-1), { from: 100, to: 1, held: 0, pipe: 1002 })
  assert.equal(w.kernel.pipes, 1)
})

test('what finds no room waits in its pipe, and is not asked for again before there is room', () => {
  const w = new World()
  const row = w.settled(1)
  w.kernel.results = [[MOVE_FULL, 100, 30]]
  w.event(row, 0, EPOLLIN)
  w.event(row, 0, EPOLLIN)
  assert.equal(w.kernel.moves.length, 1)
  w.kernel.results = [[MOVE_EMPTY, 0, 70]]
  w.event(row, 1, EPOLLOUT)
  assert.equal(w.kernel.moves[1]!.held, 70)
})

test('each way ends by itself, and with both the flow', () => {
  const w = new World()
  const row = w.settled(1)
  w.kernel.results = [[MOVE_ENDED, 5, 5]]
  w.event(row, 0, EPOLLIN | EPOLLRDHUP)
  assert.deepEqual(w.kernel.done, ['end 100'])
  assert.deepEqual([w.state(row), w.relay.isDrained(row)], ['FIN-WAIT-2', false])
  w.kernel.results = [[MOVE_ENDED, 0, 0]]
  w.event(row, 1, EPOLLIN | EPOLLRDHUP)
  // The next connection may have the socket in the namespace.
  assert.deepEqual(w.kernel.done, ['end 100', 'end 1', 'close 1', 'unwatch 100', 'give 100'])
  assert.equal(w.table.inUse, 0)
})

test('a socket of one namespace is not kept for the next', () => {
  const w = new World()
  const row = w.settled(1)
  w.relay.connect(null)
  w.connect()
  w.kernel.results = [
    [MOVE_ENDED, 0, 0],
    [MOVE_ENDED, 0, 0],
  ]
  w.event(row, 0, EPOLLIN | EPOLLRDHUP)
  w.event(row, 1, EPOLLIN | EPOLLRDHUP)
  assert.deepEqual(w.kernel.done, ['end 100', 'end 1', 'close 1', 'close 100'])
  assert.equal(w.table.inUse, 0)
})

test('an end that came with bytes waits for them', () => {
  const w = new World()
  const row = w.settled(1)
  w.kernel.results = [
    [MOVE_FULL, 100, 50],
    [MOVE_ENDED, 0, 50],
  ]
  w.event(row, 0, EPOLLIN | EPOLLRDHUP)
  assert.deepEqual(w.kernel.done, [])
  w.event(row, 1, EPOLLOUT)
  assert.deepEqual(w.kernel.done, ['end 100'])
})

test('a reset at one end is one at the other, however it is found out', () => {
  for (const tell of [
    (w: World, row: number) => {
      w.kernel.error = 104
      w.event(row, 1, EPOLLERR | EPOLLIN)
    },
    (w: World, row: number) => {
      w.kernel.results = [[MOVE_FROM_BROKEN, 0, 0]]
      w.event(row, 0, EPOLLIN)
    },
    (w: World, row: number) => w.relay.evict(row),
  ]) {
    const w = new World()
    tell(w, w.settled(1))
    assert.deepEqual(w.kernel.done, ['reset 1', 'reset 100'])
    assert.equal(w.table.inUse, 0)
  }
})

test('a flow that has much to move lets the others have their turn', () => {
  const w = new World()
  const one = w.settled(1)
  const other = w.settled(2)
  w.kernel.results = [
    [0, 1 << 20, 1 << 20],
    [0, 1 << 20, 1 << 20],
  ]
  w.event(one, 0, EPOLLIN)
  w.event(other, 0, EPOLLIN)
  assert.ok(w.relay.hasWork)
  w.relay.resume()
  assert.deepEqual(
    w.kernel.moves.map(({ from }) => from),
    [1, 2, 1, 2],
  )
  assert.ok(!w.relay.hasWork)
})

test('a flow without a pipe goes on without one, whoever has them all', () => {
  const w = new World()
  w.kernel.mostPipes = 1
  const one = w.settled(1)
  const other = w.settled(2)
  w.kernel.results = [
    [MOVE_FULL, 10, 0],
    [MOVE_EMPTY, 20, 20],
  ]
  w.event(one, 0, EPOLLIN)
  w.event(other, 0, EPOLLIN)
  assert.deepEqual(w.kernel.moves, [
    { from: 1, to: 100, held: 0, pipe: 1002 },
    { from: 2, to: 101, held: 0, pipe: -1 },
  ])
  assert.ok(!w.relay.hasWork)
  w.event(one, 1, EPOLLOUT)
  assert.deepEqual(w.kernel.moves.at(-1), { from: 1, to: 100, held: 10, pipe: 1002 })
  assert.deepEqual(w.kernel.done, [])
})

test('nothing is moved before the server has answered', () => {
  const w = new World()
  w.kernel.connects = -EINPROGRESS
  const row = w.adopt(1)
  w.event(row, 0, BOTH_WAYS)
  assert.deepEqual([w.kernel.moves.length, w.state(row)], [0, 'SYN-SENT'])
  w.event(row, 1, EPOLLOUT)
  assert.deepEqual([w.kernel.moves.length, w.state(row)], [1, 'ESTABLISHED'])
  assert.equal(w.table.rules.current[RULE], 1)
})

test('what cannot go directly leaves the client its socket', () => {
  const w = new World()
  const attempt = () => w.relay.adopt(1, WORDS, 0, 80, CLIENT_AT, RULE)
  w.kernel.connects = -ECONNREFUSED
  assert.equal(attempt(), REFUSED)
  w.kernel.connects = 0
  w.isAllowed = false
  assert.equal(attempt(), IMPOSSIBLE)
  assert.deepEqual(w.kernel.done, ['close 100'])
  w.isAllowed = true
  for (let client = 2; client < 2 + FLOWS; client++) w.relay.adopt(client, WORDS, 0, 80, CLIENT_AT, RULE)
  assert.equal(attempt(), IMPOSSIBLE)
  w.spare = -1
  assert.equal(attempt(), IMPOSSIBLE)
  // A quarter of the table stays the sandbox's.
  assert.equal(w.table.inUse, FLOWS - 1)
})

test('a late event does not reach the next flow of its row', () => {
  const w = new World()
  const row = w.settled(1)
  const generation = w.table.rows[(row << ROW_SHIFT) + GENERATION]!
  w.relay.disconnect(row)
  assert.equal(w.settled(2), row)
  w.relay.ready(row << 1, generation, EPOLLIN)
  assert.deepEqual(w.kernel.moves, [])
})

// A whole session of a sandbox (TCP both ways, UDP, ping, published ports of every kind, the end) in which one system call fails: each call in its turn,
// with each error that it can give. Nothing may be thrown out of a turn, the loop comes to rest, and at the end nothing is left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRIVER_DATAGRAMS } from '../../../src/flow/port-forwards.js'
import { NamespaceSockets } from '../../../src/host/namespace-sockets.js'
import { MOVE_EMPTY, MOVE_ENDED, type NativeContext } from '../../../src/host/native.js'
import { ECHO } from '../../../src/wire/icmpv4.js'
import { ACK, FIN, SYN } from '../../../src/wire/tcp.js'
import { FakeDatagram } from '../../support/fake-datagram.js'
import { FakeDescriptor } from '../../support/fake-descriptor.js'
import type { FakeKernel } from '../../support/fake-kernel.js'
import { FakeTcp } from '../../support/fake-tcp.js'
import { arpFrame, GUEST_MAC, IP_AT, icmpFrame, type Route, udpFrame } from '../../support/frames.js'
import { guestFrame, parse, type ReceivedSegment, type TcpFields } from '../../support/guest-frame.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const CLIENT = 0xc6336401 | 0
const MAPPED = 0xffff
const TCP = 6
const NONE = new Uint8Array()
const TEXT = Uint8Array.of(1, 2, 3, 4, 5)
const ARP_REPLY = 2
const DRIVER_TAP = 1
const DRIVER_DIRECT = 2

/** errno(3). */
const [EPERM, EINTR, EIO, EBADF, EAGAIN, ENOMEM, EINVAL, ENFILE, EMFILE, ENOSPC, EPIPE] = [1, 4, 5, 9, 11, 12, 22, 23, 24, 28, 32]
const [EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH, ECONNABORTED, ECONNRESET, ENOBUFS, ETIMEDOUT, ECONNREFUSED] = [
  98, 99, 101, 103, 104, 105, 110, 111,
]
const OPENS = [EMFILE, ENFILE, ENOMEM, ENOBUFS, EPERM]
/** Of those, what may last. */
const LACKS = [EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC, EPERM]
const SENDS = [EAGAIN, ENOBUFS, ENOMEM, EPIPE, ECONNRESET, EPERM, ENETUNREACH]
const RECEIVES = [EAGAIN, ENOMEM, ECONNRESET, ETIMEDOUT, ECONNREFUSED]

/** What each call of the addon can fail with. Those that close have closed all the same (close(2)). */
const ERRORS: Readonly<Record<string, readonly number[]>> = {
  tcpConnect: [...OPENS, EADDRNOTAVAIL, ENETUNREACH, ECONNREFUSED, EAGAIN],
  udpOpen: [...OPENS, EADDRINUSE],
  pingOpen: OPENS,
  udpAnswer: [...OPENS, EADDRINUSE, ENETUNREACH],
  tcpAccept: [...OPENS, ECONNABORTED, EINTR, EAGAIN],
  udpFirst: [...RECEIVES, EINTR],
  socketMint: [...OPENS, EAGAIN, ENETUNREACH, EADDRINUSE],
  socketConnect: [ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, EPERM],
  socketRecycle: [EBADF, ECONNRESET],
  pipeOpen: OPENS,
  epollAdd: [ENOSPC, ENOMEM, EPERM],
  epollModify: [ENOMEM],
  epollDelete: [ENOMEM],
  tcpSend: SENDS,
  tcpPeek: RECEIVES,
  tcpReceive: RECEIVES,
  tcpDiscard: [ENOMEM],
  tcpPeekOffset: [EINVAL, ENOMEM],
  tcpShutdown: [107],
  tcpRoom: [EBADF],
  tcpMakeRoom: [EBADF],
  tcpUnsent: [EINVAL],
  tcpUnread: [EINVAL],
  tcpConnected: [EINVAL],
  socketError: [EBADF],
  udpSend: SENDS,
  udpSendMany: SENDS,
  udpReceive: RECEIVES,
  udpReceiveMany: RECEIVES,
  udpTrains: [EINVAL],
  errorReceive: [EAGAIN, ENOMEM],
  datagramHeader: [EINVAL, EPERM],
  tapRead: [ENOMEM, ENOBUFS],
  tapWrite: [EAGAIN, EIO, ENOBUFS, ENOMEM, EINVAL],
  timerArm: [EINVAL],
  timerRead: [EAGAIN],
  descriptorRoom: [EMFILE],
  closeDescriptor: [EIO, EINTR],
  tcpReset: [EIO, EINTR],
}
const CLOSES = ['closeDescriptor', 'tcpReset']

class Listener extends FakeDescriptor {
  readonly waiting: FakeDescriptor[] = []
  override poll(): number {
    return this.waiting.length > 0 ? 1 : 0
  }
}

type Calls = Record<string, (...given: number[]) => number>

/** What the fake kernel has not: listeners, and sockets of the sandbox's namespace. */
function complete(kernel: FakeKernel): { listen(): readonly [number, Listener] } {
  const words = new Int32Array(kernel.scratch)
  const { open } = kernel
  let next = 1000
  const add = (d: FakeDescriptor): number => {
    open.set(++next, d)
    return next
  }
  const client = [0, 0, MAPPED, CLIENT, 40_000]
  const calls: Calls = {
    tcpAccept: (listener) => {
      const socket = (open.get(listener!) as Listener).waiting.shift()
      words.set([...client, 0])
      return socket === undefined ? -EAGAIN : add(socket)
    },
    descriptorRoom: () => 0,
    udpFirst: (listener, at) => {
      if ((open.get(listener!) as Listener).waiting.shift() === undefined) return -EAGAIN
      new Uint8Array(kernel.arena).set(TEXT, at!)
      words.set([...client, 60, 0])
      return TEXT.length
    },
    udpAnswer: () => add(new FakeDatagram(kernel, 4)),
    socketMint: (_seed, _other, count) => {
      for (let i = 0; i < count!; i++) words[i] = add(connected(kernel))
      return count!
    },
    socketConnect: () => {
      words[0] = 40_000
      return 0
    },
    socketRecycle: () => 0,
    pipeOpen: () => {
      words.set([add(new FakeDescriptor()), add(new FakeDescriptor())])
      return 0
    },
    spliceMove: (from, _to, _read, _write, held) => {
      const { arrived, front, isEnded } = open.get(from!) as FakeTcp
      const moved = arrived - front
      ;(open.get(from!) as FakeTcp).front = arrived
      words.set([moved, moved + held!, 0])
      return isEnded ? MOVE_ENDED : MOVE_EMPTY
    },
  }
  Object.assign(kernel, calls)
  return {
    listen: () => {
      const listener = new Listener()
      return [add(listener), listener]
    },
  }
}

function connected(kernel: FakeKernel): FakeTcp {
  const socket = new FakeTcp(kernel, [0, 0, MAPPED, CLIENT], 40_000, 0)
  socket.isConnected = true
  socket.incoming = TEXT
  return socket
}

/**
 * Runs a session in which call `failing` (counted from 0) comes to -errno, and with `lasts` all later ones of its kind; the names of all calls that
 * there were.
 */
function session(failing: number, errno: number, lasts = false): string[] {
  const net = new SimulatedStack(new Random(1), { maxFlows: 16 })
  const { kernel, stack } = net
  const { listen } = complete(kernel)
  const before = kernel.inUse
  const names: string[] = []
  for (const name of Object.keys(ERRORS)) {
    const call = (kernel as unknown as Calls)[name]!.bind(kernel)
    ;(kernel as unknown as Calls)[name] = (...given) => {
      names.push(name)
      const isLater = lasts && names.length > failing && names[failing] === name
      if (names.length - 1 !== failing && !isLater) return call(...given)
      if (CLOSES.includes(name)) call(...given)
      return -errno
    }
  }
  const sent: ReceivedSegment[] = []
  kernel.onFrame = (frame) => {
    if (frame.length > IP_AT + 20 && frame[IP_AT + 9] === TCP) sent.push(parse(frame))
  }
  const say = (remote: number, guestPort: number, remotePort: number, fields: Partial<TcpFields>): void => {
    const whole = { seq: 0, ack: 0, flags: ACK, window: 65_535, options: NONE, text: NONE, ...fields }
    net.receive(guestFrame({ guest: GUEST, remote, guestPort, remotePort }, whole))
  }
  const sockets = new NamespaceSockets(kernel as unknown as NativeContext, { tcp: [1, 2], diag: [] })
  stack.direct.connect(sockets)
  net.receive(arpFrame(GUEST_MAC, GUEST, GATEWAY))

  // The guest connects, both send, both end.
  say(REMOTE, 2000, 80, { flags: SYN })
  const socket = kernel.tcp.at(-1)
  socket?.accepts()
  kernel.run()
  const ack = ((sent.at(-1)?.seq ?? 0) + 1) | 0
  say(REMOTE, 2000, 80, { seq: 1, ack, text: TEXT })
  if (socket !== undefined) {
    socket.incoming = TEXT
    socket.delivers(TEXT.length)
    kernel.run()
    socket.ends()
  }
  kernel.run()
  say(REMOTE, 2000, 80, { seq: 1 + TEXT.length, ack: (ack + TEXT.length + 1) | 0, flags: FIN | ACK })
  // One that stays.
  say(REMOTE, 2001, 80, { flags: SYN })
  kernel.tcp.at(-1)?.accepts()
  kernel.run()
  // Datagrams and pings, and what comes back.
  const route: Route = { source: GUEST, destination: REMOTE }
  net.receive(udpFrame(route, 3000, 9000, TEXT), udpFrame(route, 3000, 9001, TEXT))
  net.receive(icmpFrame(route, ECHO, 0, (7 << 16) | 1, TEXT))
  for (const d of kernel.datagrams) {
    d.delivers(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 9), REMOTE, 9000)
    kernel.run()
    d.fails({ origin: 2, type: 3, code: 3, info: 0, address: REMOTE, port: 9000, offender: REMOTE, ttl: 60, quote: TEXT })
    kernel.run()
  }
  // Published: over the interface, past it, datagrams.
  const guest = [0, 0, MAPPED, GUEST]
  const rules = [DRIVER_TAP, DRIVER_DIRECT, DRIVER_DATAGRAMS].map((driver, i) => {
    const [descriptor, listener] = listen()
    const rule = stack.forwards.add(descriptor, [0, 0, MAPPED, 0], guest, 8000 + i, driver)
    const visitors = [connected(kernel), connected(kernel)]
    for (const visitor of visitors) {
      listener.waiting.push(visitor)
      kernel.wake(listener)
      kernel.run()
      visitor.delivers(TEXT.length)
      kernel.run()
    }
    return { rule, visitors }
  })
  // Now it is known where the guest is.
  net.receive(arpFrame(GUEST_MAC, GUEST, GATEWAY, ARP_REPLY))
  net.wait(5_000)
  say(CLIENT, 8000, 40_000, { flags: SYN | ACK, seq: 0, ack: ((sent.at(-1)?.seq ?? 0) + 1) | 0 })
  for (const visitor of rules[1]!.visitors) {
    visitor.ends()
    kernel.run()
  }
  net.wait(1_000)
  for (const { rule } of rules) stack.forwards.remove(rule, rule === rules[0]!.rule)
  net.wait(30_000)
  stack.close()
  stack.farewells.close()
  stack.direct.connect(null)
  for (const seed of [1, 2]) kernel.open.set(seed, new FakeDescriptor())
  sockets.close()
  assert.equal(stack.table.inUse, 0, 'a row was left')
  assert.equal(stack.tcp.slabs.inUse, 0, 'a slab was left')
  assert.equal(kernel.inUse, before, 'a descriptor was left')
  return names
}

test('a session in which nothing fails makes every kind of call that matters', () => {
  const names = new Set(session(-1, 0))
  for (const name of [
    'tcpConnect',
    'udpOpen',
    'pingOpen',
    'udpAnswer',
    'tcpAccept',
    'socketMint',
    'pipeOpen',
    'epollAdd',
    'tcpSend',
    'tcpPeek',
  ])
    assert.ok(names.has(name), name)
})

test('whichever call fails, and however, the session goes on to its end and leaves nothing', () => {
  const names = session(-1, 0)
  const failures: string[] = []
  for (const [i, name] of names.entries()) {
    for (const errno of ERRORS[name]!) {
      try {
        session(i, errno)
      } catch (error) {
        failures.push(`${name} (call ${i}) with errno ${errno}: ${(error as Error).stack?.split('\n').slice(0, 4).join(' ')}`)
      }
    }
  }
  assert.deepEqual(failures.slice(0, 20), [], `${failures.length} failures`)
})

test('what lacks a descriptor, a file or memory for good keeps nobody busy, and what is there ends as ever', () => {
  const names = session(-1, 0)
  const failures: string[] = []
  for (const name of new Set(names)) {
    const lacks = ERRORS[name]!.filter((errno) => LACKS.includes(errno))
    for (const errno of lacks) {
      try {
        session(names.indexOf(name), errno, true)
      } catch (error) {
        failures.push(`${name} with errno ${errno}: ${(error as Error).stack?.split('\n').slice(0, 4).join(' ')}`)
      }
    }
  }
  assert.deepEqual(failures.slice(0, 20), [], `${failures.length} failures`)
})

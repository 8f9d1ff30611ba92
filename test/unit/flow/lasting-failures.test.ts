// A read that fails again and again, while the kernel says that there is something to read, is not tried again and again: calls are counted in
// virtual time. When it works again, what waited is served.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRIVER_DATAGRAMS } from '../../../src/flow/port-forwards.js'
import { mapped } from '../../../src/wire/address.js'
import { ECHO } from '../../../src/wire/icmpv4.js'
import { FakeDescriptor } from '../../support/fake-descriptor.js'
import type { FakeKernel } from '../../support/fake-kernel.js'
import { arpFrame, GUEST_MAC, icmpFrame, type Route, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { GATEWAY, GUEST, SimulatedStack } from '../../support/simulated-stack.js'

const REMOTE = 0xc0000207 | 0
const DRIVER_TAP = 1
const ROUTE: Route = { source: GUEST, destination: REMOTE }
const TEXT = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 9)
/** ms. */
const LASTS = 1_000
/** Calls in that time that are no busy loop: a pause is some 20 ms, and each try a few calls. */
const MOST_CALLS = 1_000
const [EAGAIN, ENOMEM, ECONNABORTED] = [11, 12, 103]

type Calls = Record<string, (...given: number[]) => number>

/** Has a call fail until the end is told, which returns how often it was made. */
function failing(kernel: FakeKernel, name: string, errno: number): () => number {
  const calls = kernel as unknown as Calls
  const call = calls[name]!
  let count = 0
  calls[name] = () => {
    count++
    return -errno
  }
  return () => {
    calls[name] = call
    return count
  }
}

/** What comes of it when `begin` has made a socket that has something to read, and the read with `name` fails for a while. */
function lasting(name: string, errno: number, begin: (net: SimulatedStack) => void): void {
  const net = new SimulatedStack(new Random(1))
  const { kernel } = net
  let frames = 0
  kernel.onFrame = () => frames++
  net.receive(arpFrame(GUEST_MAC, GUEST, GATEWAY))
  frames = 0
  const end = failing(kernel, name, errno)
  begin(net)
  kernel.run()
  net.wait(LASTS)
  const count = end()
  assert.ok(count > 1, `${name} was tried ${count} times`)
  assert.ok(count < MOST_CALLS, `${name} was tried ${count} times in ${LASTS} ms`)
  const before = frames
  net.wait(100)
  kernel.run()
  assert.ok(frames > before, 'what waited was forgotten')
  net.stack.close()
  net.assertEmpty()
}

test('a mapping whose socket cannot be read for want of memory', () => {
  lasting('udpReceiveMany', ENOMEM, (net) => {
    net.receive(udpFrame(ROUTE, 3000, 9000, TEXT))
    net.kernel.datagrams[0]!.delivers(TEXT, REMOTE, 9000)
  })
})

test('a ping whose answer cannot be read for want of memory', () => {
  lasting('udpReceive', ENOMEM, (net) => {
    net.receive(icmpFrame(ROUTE, ECHO, 0, (7 << 16) | 1, TEXT))
    net.kernel.datagrams[0]!.delivers(TEXT, REMOTE, 0)
  })
})

test('a published UDP port that cannot be read for want of memory', () => {
  lasting('udpFirst', ENOMEM, (net) => {
    const listener = net.kernel.udpListen()
    net.stack.forwards.add(listener, mapped(0), mapped(GUEST), 7081, DRIVER_DATAGRAMS)
    net.kernel.datagrams[0]!.delivers(TEXT, REMOTE, 9000)
  })
})

test('a TAP that cannot be read for want of memory', () => {
  lasting('tapRead', ENOMEM, (net) => {
    net.kernel.tap.frames.push(arpFrame(GUEST_MAC, GUEST, GATEWAY))
  })
})

test('a published port whose connections are always gone again', () => {
  const net = new SimulatedStack(new Random(1))
  const { kernel } = net
  class Listener extends FakeDescriptor {
    override poll(): number {
      return 1
    }
  }
  const listener = new Listener()
  kernel.open.set(1000, listener)
  Object.assign(kernel, { tcpAccept: () => -EAGAIN })
  const end = failing(kernel, 'tcpAccept', ECONNABORTED)
  net.stack.forwards.add(1000, mapped(0), mapped(GUEST), 80, DRIVER_TAP)
  kernel.run()
  net.wait(LASTS)
  const count = end()
  assert.ok(count > 1 && count < MOST_CALLS, `it was tried ${count} times in ${LASTS} ms`)
  net.stack.close()
  net.assertEmpty()
})

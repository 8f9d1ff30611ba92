/*
 * The addon's own part: contexts and how they end, the arena's bounds, the event loop, and frames in batches.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createContext, LAUNCHER_PATH } from '../../../src/host/native.js'
import { EBADF, EBUSY, EFAULT, EINVAL, ENOBUFS, EPOLLIN, EPOLLOUT, makeBench } from './native-bench.js'

const run = promisify(execFile)
const ADDON = new URL('../../../src/host/native.js', import.meta.url).href
/** A largest frame in its slot: 10 + 14 + 65,536 bytes, rounded up to 64. */
const SLOT = 65_600

/** Runs a module in a Node of its own, with createContext in scope, and returns what it printed. */
async function inNode(source: string): Promise<string> {
  const module = `import { createContext } from ${JSON.stringify(ADDON)}\n${source}`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', module], { timeout: 60_000 })
  return stdout.trim()
}

test('a context has an arena, a scratch and a clock', (t) => {
  const { native } = makeBench(t, 123_456)
  assert.equal(native.arena.byteLength, 123_456)
  assert.equal(native.scratch.byteLength, 4096 * 4)
  const before = native.now()
  const after = native.now()
  assert.ok(((after - before) | 0) >= 0 && ((after - before) | 0) < 10_000)
  accessSync(LAUNCHER_PATH, constants.X_OK)
})

test('a context that cannot be made says so', () => {
  assert.throws(() => createContext(0), { code: 'EINVAL' })
  assert.throws(() => createContext(-1), { code: 'EINVAL' })
})

test('V8 counts an arena as what it is', async () => {
  const source = `
    const before = process.memoryUsage().external
    globalThis.native = createContext(64 << 20)
    console.log((process.memoryUsage().external - before) >> 20)`
  assert.equal(await inNode(source), '64')
})

test('every range is checked against the arena', (t) => {
  const { native } = makeBench(t, 4096)
  const bad = [
    [-1, 1],
    [0, -1],
    [4096, 1],
    [1, 4096],
    [0x7fffffff, 0x7fffffff],
    [-0x80000000, -0x80000000],
  ] as const
  for (const [at, length] of bad) {
    const calls = [
      native.tapRead(0, at, length, 1),
      native.tapWrite(0, at, length),
      native.tcpSend(0, at, length),
      native.tcpPeek(0, at, length),
      native.tcpReceive(0, at, length),
      native.udpSend(0, at, length, 0, 0, 0, 0, 1, 1),
      native.udpReceive(0, at, length),
      native.receiveMessage(0, at, length),
      native.sendMessage(0, at, length, -1),
      native.releasePages(at, length),
    ]
    assert.deepEqual(calls, new Array(calls.length).fill(-EFAULT), `[${at}, ${at} + ${length})`)
  }
})

test('an argument that is not a number is EINVAL, and a missing one too', (t) => {
  const { native } = makeBench(t)
  const untyped = native as unknown as Record<string, (...given: unknown[]) => number>
  assert.equal(untyped['tapWrite']!(0, '0', 1), -EINVAL)
  assert.equal(untyped['tapWrite']!(0), -EINVAL)
  assert.equal(untyped['start']!({}), -EINVAL)
})

test('a wrong descriptor is EBADF', (t) => {
  const { native } = makeBench(t)
  assert.deepEqual(
    [native.closeDescriptor(-1), native.tapWrite(-1, 0, 1), native.tcpSend(-1, 0, 1), native.epollAdd(-1, 0, EPOLLIN)],
    [-EBADF, -EBADF, -EBADF, -EBADF],
  )
})

test('after close every method still answers', () => {
  const native = createContext(4096)
  const buffer = new Uint8Array(native.arena).fill(7)
  native.start(() => assert.fail('closed'))
  assert.equal(native.close(), 0)
  assert.equal(native.close(), 0)
  assert.equal(buffer[4095], 7)
  assert.equal(native.tapWrite(1, 0, 0), -EFAULT)
  const answers = [native.stop(), native.ref(), native.unref(), native.epollWait(1, 0), native.timerArm(0), native.timerRead()]
  assert.deepEqual(answers, new Array(answers.length).fill(-EBADF))
  assert.equal(
    native.start(() => {}),
    -EBADF,
  )
  assert.equal(native.signalStart(1 << 12), -EBADF)
})

test('a function may outlive its object, and an arena its context', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const writes: ((descriptor: number, at: number, length: number) => number)[] = []
  const arenas: Uint8Array[] = []
  for (let i = 0; i < 50; i++) {
    const native = createContext(1 << 16)
    if (i % 2 === 0) arenas.push(new Uint8Array(native.arena).fill(i))
    writes.push(native.tapWrite)
    if (i % 3 === 0) native.close()
    else native.unref()
  }
  for (let i = 0; i < 3; i++) collect()
  assert.ok(arenas.every((bytes, i) => bytes[65_535] === 2 * i))
  for (const [i, write] of writes.entries()) assert.equal(write(-1, 0, 1), i % 3 === 0 ? -EFAULT : -EBADF)
})

test('the timer fires once per arming, never when disarmed', async (t) => {
  const native = createContext(4096)
  t.after(() => native.close())
  const words = new Int32Array(native.scratch)
  const fired: number[] = []
  let resume = () => {}
  native.start(() => {
    while (native.epollWait(8, 0) > 0) fired.push(words[0]!, native.timerRead())
    resume()
  })
  for (const ms of [0, 1, 20]) {
    const start = native.now()
    native.timerArm(ms)
    await new Promise<void>((resolve) => {
      resume = resolve
    })
    assert.ok(((native.now() - start) | 0) >= ms, `not before ${ms} ms`)
    assert.deepEqual(fired.splice(0), [-1, 1])
  }
  native.timerArm(5)
  native.timerArm(-1)
  await delay(30)
  assert.deepEqual(fired, [])
  assert.equal(native.timerRead(), 0)
})

test('events come with their tokens, are changed and deleted', (t) => {
  const { native, words } = makeBench(t)
  assert.equal(native.socketPair(), 0)
  const [a, b] = [words[0]!, words[1]!]
  const token = -0x7fffffff
  assert.equal(native.epollAdd(a, token, EPOLLIN), 0)
  assert.equal(native.epollWait(8, 0), 0)
  native.sendMessage(b, 0, 1, -1)
  assert.equal(native.epollWait(8, 0), 1)
  assert.deepEqual(Array.from(words.subarray(0, 2)), [token, EPOLLIN])
  native.epollModify(a, 5, EPOLLIN | EPOLLOUT)
  assert.equal(native.epollWait(8, 0), 1)
  assert.deepEqual(Array.from(words.subarray(0, 2)), [5, EPOLLIN | EPOLLOUT])
  native.epollDelete(a)
  assert.equal(native.epollWait(8, 0), 0)
  assert.equal(native.epollWait(0, 0), -EINVAL)
  native.closeDescriptor(a)
  native.closeDescriptor(b)
})

test('frames are packed on cache lines while a largest one fits', (t) => {
  const { native, words, bytes } = makeBench(t, 1 << 20)
  native.socketPair() // Messages of a SOCK_SEQPACKET pair are read one by one, as frames are.
  const [tap, guest] = [words[0]!, words[1]!]
  const lengths = [60, 64, 65, 1514, 1]
  const send = () => {
    for (const [i, length] of lengths.entries()) {
      bytes.fill(i + 1, 0, length)
      assert.equal(native.tapWrite(guest, 0, length), length)
    }
  }
  send()
  assert.equal(native.tapRead(tap, 1000, 1 << 19, lengths.length), lengths.length)
  const frames = Array.from(words.subarray(0, 2 * lengths.length))
  assert.deepEqual(frames, [1024, 60, 1088, 64, 1152, 65, 1280, 1514, 2816, 1])
  for (const [i, length] of lengths.entries()) assert.deepEqual([bytes[frames[2 * i]!], bytes[frames[2 * i]! + length - 1]], [i + 1, i + 1])
  send()
  assert.equal(native.tapRead(tap, 64, SLOT + 128, 100), 3, 'the third leaves less than a slot')
  assert.equal(native.tapRead(tap, 64, SLOT, 100), 1)
  assert.equal(native.tapRead(tap, 64, SLOT - 1, 100), -ENOBUFS)
  assert.equal(native.tapRead(tap, 65, SLOT + 62, 100), -ENOBUFS)
  bytes.fill(0xa5, 0, 65_560)
  assert.equal(native.tapWrite(guest, 0, 65_560), 65_560)
  assert.equal(native.tapRead(tap, 128, SLOT, 1), 1)
  assert.equal(native.tapRead(tap, SLOT, SLOT, 1), 1)
  assert.deepEqual([words[0], words[1]], [SLOT, 65_560])
  native.closeDescriptor(tap)
  native.closeDescriptor(guest)
})

test('released pages read as zero, the bytes around them stay', (t) => {
  const { native, bytes } = makeBench(t, 1 << 16)
  bytes.fill(1)
  assert.equal(native.releasePages(100, 3 * 4096), 0)
  const zeros = bytes.reduce((sum, byte) => sum + (byte === 0 ? 1 : 0), 0)
  assert.equal(zeros, 2 * 4096)
  assert.deepEqual([bytes[100], bytes[4096], bytes[3 * 4096]], [1, 0, 1])
})

test('what the callback throws is an uncaught exception', async () => {
  const printed = await inNode(`
    const native = createContext(4096)
    process.on('uncaughtException', (error) => {
      console.log(error.message)
      native.close()
    })
    native.start(() => {
      native.timerRead()
      throw new Error('from the callback')
    })
    native.timerArm(0)`)
  assert.equal(printed, 'from the callback')
})

test('a started context keeps the process, unless unref', async () => {
  const ends = 'native.start(() => {}); native.unref(); console.log("end")'
  assert.equal(await inNode(`const native = createContext(4096); ${ends}`), 'end')
  const stays = 'native.start(() => { console.log("fired"); native.timerRead(); native.stop() }); native.timerArm(10)'
  assert.equal(await inNode(`const native = createContext(4096); ${stays}`), 'fired')
})

test('workers have contexts of their own, and clean up when they are ended in mid-flight', async () => {
  const printed = await inNode(`
    import { Worker } from 'node:worker_threads'
    import { readdirSync } from 'node:fs'
    const mine = createContext(4096)
    const open = []
    const source = \`
      import { parentPort } from 'node:worker_threads'
      import { createContext } from ${JSON.stringify(ADDON)}
      const native = createContext(4096)
      native.signalStart(1 << 10)
      native.start(() => { native.timerRead(); native.timerArm(1) })
      native.timerArm(1)
      createContext(4096).close()
      parentPort.postMessage('up')\`
    for (let i = 0; i < 5; i++) {
      const worker = new Worker(source, { eval: true })
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
      open.push(readdirSync('/proc/self/fd').length)
    }
    console.log(open[4] - open[0], mine.signalStart(1 << 10) > 0)
    process.exit(0)`)
  assert.equal(printed, '0 true')
})

test('only one context at a time has the signals', (t) => {
  const first = makeBench(t).native
  const second = makeBench(t).native
  const descriptor = first.signalStart(1 << 12)
  assert.ok(descriptor >= 0)
  assert.equal(second.signalStart(1 << 12), -EBUSY)
  assert.equal(second.signalStop(), 0)
  assert.equal(first.signalRead(descriptor), 0)
  first.close()
  assert.ok(second.signalStart(1 << 12) >= 0)
})

// The link between two namespaces of Linux: `relay.js SPEC PID PID`. Opens a TAP in each, as netloom does for --impair (no segmentation),
// and passes frames between them through the impaired device that netloom has, and nothing else. The first one is the sandbox: `up`
// is from it. Prints a line when the link is there, and ends when it is told to.
//
//   sandbox ── tap0 ═ LinkEnd ── ImpairedDevice ── LinkEnd ═ tap0 ── host        10.0.2.100 and 10.0.2.101, one Ethernet
import { parseImpairment, resolveImpairment } from '../../src/app/impairment.js'
import { DEFAULT_MTU } from '../../src/app/options.js'
import { EPOLLIN, EventLoop, type ReadyHandler, TOKEN_SERVICE, TOKEN_TAP, type TurnHandler, token } from '../../src/host/event-loop.js'
import { type LaunchContext, launchAttach } from '../../src/host/launcher.js'
import { createContext, type NativeContext } from '../../src/host/native.js'
import { RECEIVE_BATCH, RECEIVE_REGION } from '../../src/host/tap-device.js'
import type { Device, FrameReceiver } from '../../src/link/device.js'
import { ImpairedDevice, impairedBytes } from '../../src/link/impaired-device.js'
import { Arena, MAX_DATAGRAM } from '../../src/packet/arena.js'
import { Log } from '../../src/util/log.js'

const FRAMES_PER_CALL = 256
const ADDRESSES = ['10.0.2.100', '10.0.2.101'] as const

/** One TAP: what it delivers goes to `exit`, what is received from the link goes out of it. */
class LinkEnd implements Device, FrameReceiver, ReadyHandler {
  readonly mtu = DEFAULT_MTU
  readonly hasOffload = false
  readonly largestDatagram = MAX_DATAGRAM
  exit: FrameReceiver | null = null
  readonly #native: NativeContext
  readonly #descriptor: number
  readonly #region: number
  readonly #batch = new Int32Array(2 * FRAMES_PER_CALL)
  readonly #frames: Int32Array

  constructor(native: NativeContext, loop: EventLoop, tokenClass: number, descriptor: number, region: number) {
    this.#native = native
    this.#descriptor = descriptor
    this.#region = region
    this.#frames = new Int32Array(native.scratch)
    loop.serve(tokenClass, this)
    native.epollAdd(descriptor, token(tokenClass, 0, 0), EPOLLIN)
  }

  ready(): void {
    const count = this.#native.tapRead(this.#descriptor, this.#region, RECEIVE_BATCH, FRAMES_PER_CALL)
    if (count < 0) process.exit(0) // the namespace is gone
    this.#batch.set(this.#frames.subarray(0, 2 * count))
    for (let i = 0; i < count; i++) this.exit?.receive(this.#batch[2 * i]!, this.#batch[2 * i + 1]!)
  }

  transmit(at: number, length: number): boolean {
    return this.#native.tapWrite(this.#descriptor, at, length) >= 0
  }

  receive(at: number, length: number): void {
    this.transmit(at, length)
  }
}

async function main(spec: string, pids: readonly number[]): Promise<void> {
  const impairment = resolveImpairment(parseImpairment(spec))
  if (impairment === null) throw new Error('no impairment')
  const native = createContext(2 * RECEIVE_REGION + impairedBytes(DEFAULT_MTU) + 4096)
  const arena = new Arena(native.arena)
  const loop = new EventLoop(native)
  let link: ImpairedDevice | null = null
  const turn: TurnHandler = {
    begin: (now) => link?.advance(now),
    resume: () => {},
    settle: () => {},
    expire: (now) => link?.next(now) ?? -1,
    hasWork: false,
  }
  loop.start(turn)
  const ends: LinkEnd[] = []
  for (const [i, pid] of pids.entries()) {
    const region = arena.allot(RECEIVE_REGION)
    const { signal } = new AbortController()
    const context: LaunchContext = { native, loop, arena, region, log: new Log('quiet', () => {}), signal }
    const address = ADDRESSES[i]!
    const { descriptor } = await launchAttach(
      context,
      { ifname: 'tap0', mtu: DEFAULT_MTU, address, prefix: 24, gateway: '10.0.2.2', superSegments: false, ipv6: null, mac: null },
      { pid },
    )
    ends.push(new LinkEnd(native, loop, i === 0 ? TOKEN_TAP : TOKEN_SERVICE, descriptor, region))
  }
  const [sandbox, host] = ends as [LinkEnd, LinkEnd]
  link = new ImpairedDevice(arena, DEFAULT_MTU, host, impairment.toGuest, impairment.fromGuest, impairment.seed | 0, native.now())
  const entry = link
  entry.connect(sandbox)
  sandbox.exit = entry
  host.exit = { receive: (at, length) => void entry.transmit(at, length) }
  console.log('ready')
}

const [spec = '', ...pids] = process.argv.slice(2)
await main(spec, pids.map(Number))

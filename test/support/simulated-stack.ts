// The whole stack on a fake kernel: event loop, TAP, table, relays and TCP as app/network.ts puts them together, with frames and
// time in the test's hands and nothing left to chance.
import assert from 'node:assert/strict'
import { arenaBytes, SECRET_WORDS, Stack } from '../../src/app/stack.js'
import { tableBytes } from '../../src/flow/flow-table.js'
import type { UdpFiltering } from '../../src/flow/udp-relay.js'
import { EventLoop } from '../../src/host/event-loop.js'
import { RECEIVE_REGION, TapDevice } from '../../src/host/tap-device.js'
import type { Ipv6Addresses } from '../../src/net/address-plan.js'
import type { AddressFilter } from '../../src/net/address-set.js'
import { Arena } from '../../src/packet/arena.js'
import type { NameService } from '../../src/service/router-advertiser.js'
import type { Words } from '../../src/wire/address.js'
import { FakeKernel } from './fake-kernel.js'
import type { Random } from './random.js'

export const GATEWAY = 0x0a000202
export const DNS = 0x0a000203
export const GUEST = 0x0a000264
export const NETWORK = 0x0a000200

/** The IPv6 of a link that has any. */
export const GATEWAY6: Words = [0xfd000000 | 0, 0, 0, 2]
export const DNS6: Words = [0xfd000000 | 0, 0, 0, 3]
export const GUEST6: Words = [0xfd000000 | 0, 0, 0, 0x100]
export const ROUTER6: Words = [0xfe800000 | 0, 0, 0, 2]
export const NETWORK6: Words = [0xfd000000 | 0, 0, 0, 0]
export const IPV6: Ipv6Addresses = { network: NETWORK6, prefix: 64, gateway: GATEWAY6, dns: DNS6, guest: GUEST6 }

export interface SimulationOptions {
  readonly mtu?: number
  readonly offload?: boolean
  readonly bigTcp?: boolean
  readonly hostRead?: 'peek' | 'ring'
  readonly maxFlows?: number
  /** All flows, without the option. */
  readonly maxHalfOpen?: number
  readonly maxFlowsPerDestination?: number
  readonly maxFlowsPerGuest?: number
  readonly maxFlowsPerClient?: number
  readonly hostLoopback?: boolean
  readonly udpFiltering?: UdpFiltering
  /** Addresses that nothing may go to; none without the option. */
  readonly closed?: AddressFilter
  /** Without it the link has no IPv6. */
  readonly ipv6?: Ipv6Addresses
  /** Bytes at the arena's end that are nobody's. */
  readonly spare?: number
  /** First ms of the clock. */
  readonly start?: number
}

export class SimulatedStack {
  readonly kernel: FakeKernel
  readonly loop: EventLoop
  readonly stack: Stack
  readonly #device: TapDevice

  constructor(random: Random, o: SimulationOptions = {}) {
    const maxFlows = o.maxFlows ?? 4
    const options = {
      mtu: o.mtu ?? 1500,
      impairment: null,
      addresses: { network: NETWORK, prefix: 24, gateway: GATEWAY, dns: DNS, guest: GUEST, ipv6: o.ipv6 },
      hostLoopback: o.hostLoopback ?? true,
      udpFiltering: o.udpFiltering ?? 'endpoint-independent',
      dns: false,
      closed: o.closed ?? null,
      maxFlows,
      maxHalfOpen: o.maxHalfOpen ?? maxFlows,
      maxFlowsPerDestination: o.maxFlowsPerDestination ?? maxFlows,
      maxFlowsPerGuest: o.maxFlowsPerGuest ?? maxFlows,
      maxFlowsPerClient: o.maxFlowsPerClient ?? maxFlows,
      hostRead: o.hostRead ?? 'peek',
    }
    this.kernel = new FakeKernel(arenaBytes(options) + (o.spare ?? 0), o.start ?? 1_000_000)
    this.kernel.hasBigTcp = o.bigTcp ?? false
    const native = this.kernel.native
    this.loop = new EventLoop(native)
    const arena = new Arena(this.kernel.arena)
    const table = new ArrayBuffer(tableBytes(maxFlows))
    const secrets = new Int32Array(SECRET_WORDS).map(() => random.int32())
    this.stack = new Stack(native, this.loop, arena, table, secrets, options)
    this.stack.interface.isStrict = true
    const offload = o.offload ?? true
    const features = { vnetHeader: true, checksum: offload, tso: offload, uso: offload }
    const device = new TapDevice(
      native,
      this.loop,
      arena,
      arena.allot(RECEIVE_REGION),
      this.kernel.tapDescriptor,
      o.mtu ?? 1500,
      features,
      this.stack.input,
    )
    this.#device = device
    this.stack.interface.connect(device)
    this.loop.start(this.stack)
  }

  /** Is the router of the link, which comes up now. */
  serveRouter(names: NameService | null, hasDhcp = false): void {
    this.stack.serveRouter(names, hasDhcp)
    this.stack.connect(this.#device)
  }

  /** Frames reach the TAP in one batch; virtio-net header first. */
  receive(...frames: Uint8Array[]): void {
    this.kernel.tap.frames.push(...frames)
    this.kernel.run()
  }

  /** A frame that lies at `at` in the arena already: in a turn of its own. */
  receiveAt(at: number, length: number): void {
    this.loop.now = this.kernel.time
    this.stack.begin(this.kernel.time)
    this.stack.input.receive(at, length)
    this.loop.schedule()
    this.kernel.run()
  }

  /** Lets `ms` pass, timer by timer. */
  wait(ms: number): void {
    const end = (this.kernel.time + ms) | 0
    for (;;) {
      const next = this.kernel.untilTimer
      if (next < 0 || ((this.kernel.time + next - end) | 0) > 0) break
      this.kernel.time = (this.kernel.time + next) | 0
      this.kernel.run()
    }
    this.kernel.time = end
  }

  /** Nothing may be left when no flow is: no slab, timer or descriptor. */
  assertEmpty(): void {
    assert.equal(this.stack.table.inUse, 0, 'a row was left')
    assert.equal(this.stack.tcp.slabs.inUse, 0, 'a slab was left')
    assert.equal(this.stack.tcp.timers.scheduled, 0, 'a timer was left')
    assert.equal(this.stack.reassembly.inUse, 0, 'a fragment was left')
    assert.equal(this.kernel.inUse, 0, 'a descriptor was left')
  }
}

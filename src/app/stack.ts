// One network's stack, put together: the only place that knows every layer. Nothing here looks at a packet; it connects
// who does, and gives each turn of the event loop its parts.
import { DatagramFlows } from '../flow/datagram-flows.js'
import { DirectRelay } from '../flow/direct-relay.js'
import { Farewells } from '../flow/farewells.js'
import { type FlowLimits, FlowTable } from '../flow/flow-table.js'
import { Gate } from '../flow/gate.js'
import { INCOMING_BYTES } from '../flow/incoming-trains.js'
import { PingRelay } from '../flow/ping-relay.js'
import { PortForwards } from '../flow/port-forwards.js'
import { SendRing } from '../flow/send-ring.js'
import { TcpRelay } from '../flow/tcp-relay.js'
import { FIRST_BYTES, UdpForwards } from '../flow/udp-forwards.js'
import { type UdpFiltering, UdpRelay } from '../flow/udp-relay.js'
import type { EventLoop, TurnHandler } from '../host/event-loop.js'
import type { NativeContext } from '../host/native.js'
import type { Device, FrameReceiver } from '../link/device.js'
import { ImpairedDevice, impairedBytes } from '../link/impaired-device.js'
import type { InterfaceAddresses } from '../net/address-plan.js'
import type { AddressFilter } from '../net/address-set.js'
import { IS_IPV6, KIND, KIND_DIRECT, KIND_PING, KIND_TCP, KIND_UDP, ROW_SHIFT } from '../net/flow-row.js'
import { REASSEMBLY_BYTES } from '../net/fragment-slots.js'
import { Icmp } from '../net/icmp.js'
import { Inbound } from '../net/inbound.js'
import { Input } from '../net/input.js'
import { Interface } from '../net/interface.js'
import { Reassembly } from '../net/reassembly.js'
import { type Arena, BIG_FRAME, MAX_FRAME } from '../packet/arena.js'
import { SLAB_CLASSES, SlabPool, slabBytes } from '../packet/slab-pool.js'
import type { DnsForwarder } from '../service/dns-forwarder.js'
import { type NameService, RouterAdvertiser } from '../service/router-advertiser.js'
import { TcpDemux } from '../tcp/demux.js'
import { Tcp, TIMERS_PER_ROW } from '../tcp/stack.js'
import { type DatagramReceiver, Udp } from '../udp/udp.js'
import { TimerWheel } from '../util/timer-wheel.js'
import { sooner } from '../util/wait.js'
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/numbers.js'
import type { HostRead } from './host-facts.js'
import type { LinkImpairment } from './impairment.js'

/** What a stack is told. */
export interface StackOptions extends FlowLimits {
  readonly mtu: number
  readonly addresses: InterfaceAddresses
  readonly impairment: LinkImpairment | null
  readonly hostLoopback: boolean
  /** Addresses that are nobody's to reach; left out or null: none. */
  readonly closed?: AddressFilter | null
  readonly udpFiltering: UdpFiltering
  readonly dns: boolean
  /** See Gate; default false. */
  readonly isDnsSilent?: boolean
  readonly maxFlows: number
  /** Whether published ports may lead to servers on the guest's own loopback. Default false. */
  readonly directLoopback?: boolean
  readonly hostRead: HostRead
}

/** Arena bytes beside the slabs: receive batch, transmit slot, fragments, and what services set aside. */
const FIXED_BYTES = 8 * MAX_FRAME + BIG_FRAME + REASSEMBLY_BYTES

/** Words of chance that a stack is given: keys of the flow table's hash, and of initial sequence numbers (RFC 6528). */
export const SECRET_WORDS = 4

/** Arena bytes of a network with these options. */
export const arenaBytes = (options: StackOptions): number =>
  FIXED_BYTES +
  INCOMING_BYTES +
  FIRST_BYTES +
  slabBytes(options.maxFlows) * (options.hostRead === 'peek' ? 1 : 2) +
  (options.impairment === null ? 0 : impairedBytes(options.mtu))

export class Stack implements TurnHandler {
  readonly interface: Interface
  readonly input: Input
  readonly icmp: Icmp
  readonly reassembly: Reassembly
  readonly table: FlowTable
  readonly tcp: Tcp
  readonly udp: Udp
  readonly gate: Gate
  readonly forwards: PortForwards
  readonly direct: DirectRelay
  readonly tcpRelay: TcpRelay
  /** Connections that are over, with bytes that are still on their way to the host. */
  readonly farewells: Farewells
  readonly pings: PingRelay
  /** The bad link in front of the device; null: none. */
  readonly impaired: ImpairedDevice | null
  readonly #demux: TcpDemux
  readonly #flows: DatagramFlows
  readonly #udpRelay: UdpRelay
  readonly #timers: TimerWheel
  readonly #loop: EventLoop
  #dns: DnsForwarder | null = null
  #router: RouterAdvertiser | null = null

  /** `buffer`: flow-table.ts, tableBytes(maxFlows) zero bytes. `random`: SECRET_WORDS words that nobody can guess. */
  constructor(native: NativeContext, loop: EventLoop, arena: Arena, buffer: ArrayBuffer, random: Int32Array, options: StackOptions) {
    const flows = options.maxFlows
    const inbound = new Inbound()
    this.#loop = loop
    this.farewells = new Farewells(native, flows)
    this.#timers = new TimerWheel((flows + 1) * TIMERS_PER_ROW, loop.now)
    this.interface = new Interface(arena, options.addresses)
    this.input = new Input(this.interface, inbound)
    const bad = options.impairment
    this.impaired =
      bad === null ? null : new ImpairedDevice(arena, options.mtu, this.input, bad.toGuest, bad.fromGuest, bad.seed | 0, loop.now)
    this.table = new FlowTable(buffer, flows, random.subarray(0, 2), options)
    this.gate = new Gate(this.interface, this.table, {
      allowsHostLoopback: options.hostLoopback,
      hasDns: options.dns,
      isDnsSilent: options.isDnsSilent ?? false,
      closed: options.closed ?? null,
    })
    const drops = this.input.drops
    const icmp = new Icmp(this.interface, drops)
    this.icmp = icmp
    this.reassembly = new Reassembly(this.interface, icmp, drops)
    this.input.connect(this.reassembly, icmp)
    this.udp = new Udp(this.interface, drops)
    this.#flows = new DatagramFlows(native, loop, this.table, this.#timers, drops)
    this.#udpRelay = new UdpRelay(native, this.#flows, this.gate, this.udp, icmp, options)
    this.pings = new PingRelay(native, this.#flows, this.gate, icmp)
    const slabs = new SlabPool(arena, flows)
    const ring = options.hostRead === 'peek' ? null : new SendRing(native, arena.bytes, new SlabPool(arena, flows))
    const relay = new TcpRelay(native, loop, this.table, this.gate, icmp, drops, ring, options.hostRead !== 'ring', this.farewells)
    this.tcp = new Tcp(this.interface, relay, this.table.rows, flows, slabs, this.#timers, random.subarray(2, 4), SLAB_CLASSES - 1)
    this.#demux = new TcpDemux(this.tcp, drops)
    relay.connect(this.#demux)
    this.tcpRelay = relay
    this.direct = new DirectRelay(native, loop, this.table, this.gate, this.farewells)
    const { neighbors } = this.input.arp
    const datagrams = new UdpForwards(native, this.table, this.gate, this.#udpRelay.clients, this.interface)
    this.#udpRelay.connect(datagrams)
    this.forwards = new PortForwards(
      native,
      loop,
      this.table,
      relay,
      this.direct,
      datagrams,
      this.interface,
      neighbors,
      icmp.v6.ndp.neighbors,
    )
    this.forwards.reachesLoopback = options.directLoopback ?? false
    icmp.serveTcpErrors(relay)
    this.input.serve(PROTOCOL_TCP, this.#demux)
    this.input.serve(PROTOCOL_UDP, this.udp)
    this.input.serve(PROTOCOL_ICMP, icmp.v4)
    this.input.serve(PROTOCOL_ICMPV6, icmp.v6)
  }

  /** Where the device delivers its frames. */
  get receiver(): FrameReceiver {
    return this.impaired ?? this.input
  }

  /** Names the device; frames before that are lost. */
  connect(device: Device): void {
    this.impaired?.connect(device)
    this.interface.connect(this.impaired ?? device)
    this.#router?.start(this.#loop.now)
  }

  /** The device goes. */
  disconnect(): void {
    this.#router?.stop()
  }

  /** Is the router of the guest's IPv6 network; `names`: of the name server at the DNS address, null where there is none. */
  serveRouter(names: NameService | null, hasDhcp: boolean): void {
    this.#router = new RouterAdvertiser(this.interface, this.icmp.v6.ndp, names, hasDhcp)
  }

  /** Names who answers what is sent to the DNS address. */
  serveDns(forwarder: DnsForwarder): void {
    this.#dns = forwarder
    this.#udpRelay.serveDns(forwarder)
    this.tcpRelay.serveDns(forwarder.streams)
  }

  /** Names who gives addresses to the guest. */
  serveDhcp(receiver: DatagramReceiver): void {
    this.#udpRelay.serveDhcp(receiver)
  }

  /** Names who tells the guest about its IPv6 network. */
  serveDhcpv6(receiver: DatagramReceiver): void {
    this.#udpRelay.serveDhcpv6(receiver)
  }

  begin(now: number): void {
    this.input.inbound.now = now
    this.impaired?.advance(now)
  }

  resume(): void {
    this.#flows.resume()
    this.direct.resume()
  }

  settle(now: number): void {
    this.#udpRelay.settle()
    this.#demux.settle(now)
    this.direct.settle()
  }

  expire(now: number): number {
    this.#timers.advance(now, this.#expiry)
    if (this.#demux.hasWork) this.#demux.settle(now)
    const dns = this.#dns === null ? -1 : this.#dns.expire(now)
    const forwards = sooner(this.forwards.expire(now), this.#flows.expire(now))
    const net = sooner(this.reassembly.expire(now), this.interface.paths.expire(now))
    const own = sooner(sooner(dns, net), this.#router?.expire(now) ?? -1)
    const next = sooner(sooner(this.#timers.next(now), own), sooner(forwards, this.farewells.expire(now)))
    return this.impaired === null ? next : sooner(next, this.impaired.next(now))
  }

  get hasWork(): boolean {
    return this.#flows.hasWork || this.#demux.hasWork || this.direct.hasWork
  }

  // A timer belongs to a row; what it means depends on the row's kind.
  readonly #expiry = {
    expire: (id: number): void => {
      const row = Math.trunc(id / TIMERS_PER_ROW)
      if (this.table.rows[(row << ROW_SHIFT) + KIND] !== KIND_TCP) this.#flows.remove(row)
      else this.#demux.expire(row, id % TIMERS_PER_ROW, this.input.inbound.now)
    },
  }

  /** Ends the mappings of UDP and ping of a family: what they are bound to is no address to send from. Clients of published ports stay. */
  endMappings(family: 4 | 6): void {
    const { rows, capacity } = this.table
    for (let row = 1; row <= capacity; row++) {
      const base = row << ROW_SHIFT
      const kind = rows[base + KIND]
      if ((kind === KIND_UDP || kind === KIND_PING) && (rows[base + IS_IPV6] === 1) === (family === 6)) this.#flows.remove(row)
    }
  }

  /** True when every TCP connection has passed on all that the guest sent, and its end. */
  get isDrained(): boolean {
    const rows = this.table.rows
    for (let row = 1; row <= this.table.capacity; row++) {
      const kind = rows[(row << ROW_SHIFT) + KIND]
      if (kind === KIND_TCP && !this.#demux.isDrained(row)) return false
      if (kind === KIND_DIRECT && !this.direct.isDrained(row)) return false
    }
    return true
  }

  /**
   * Ends every flow: TCP peers on the host see a reset, for the guest is gone, or the end, where it has ended before. What is under way to them
   * is in `farewells` then.
   */
  close(): void {
    this.farewells.isLast = true
    this.forwards.close()
    const rows = this.table.rows
    for (let row = 1; row <= this.table.capacity; row++) {
      const kind = rows[(row << ROW_SHIFT) + KIND]
      if (kind === KIND_TCP) this.#demux.abandon(row)
      else if (kind === KIND_DIRECT) this.direct.disconnect(row)
      else if (kind !== 0) this.#flows.remove(row)
    }
    this.direct.close()
    this.reassembly.close()
    this.#dns?.close()
    this.#dns = null
  }
}

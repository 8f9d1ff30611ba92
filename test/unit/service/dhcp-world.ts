// A DHCP server behind the whole stack: what clients send are frames, and so is what they get, whose checksums must all be there.
import assert from 'node:assert/strict'
import { DhcpServer, type DhcpServerOptions } from '../../../src/service/dhcp-server.js'
import { Log } from '../../../src/util/log.js'
import * as ethernet from '../../../src/wire/ethernet.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import * as udp from '../../../src/wire/udp.js'
import * as virtio from '../../../src/wire/virtio-net.js'
import { BROADCAST_MAC, ETHERNET_AT, IP_AT, type Mac, TRANSPORT_AT, udpFrame } from '../../support/frames.js'
import { Random } from '../../support/random.js'
import { DNS, GATEWAY, GUEST, NETWORK, SimulatedStack } from '../../support/simulated-stack.js'

export const [DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM] = [1, 2, 3, 4, 5, 6, 7, 8] as const
export const EVERYBODY = -1

/** The address of the network with this last byte. */
export const host = (last: number): number => NETWORK + last

/** A client's MAC address. */
export const mac = (n: number): Mac => [0x0200, 0x00005000 + n]

/** What a client sends. */
export interface Message {
  readonly type: number
  readonly mac?: Mac
  readonly op?: number
  readonly xid?: number
  readonly broadcast?: boolean
  readonly ciaddr?: number
  readonly giaddr?: number
  readonly requested?: number
  readonly server?: number
  /** Client identifier, in hex. */
  readonly id?: string
  /** Codes asked for. */
  readonly asks?: readonly number[]
  /** More options, in hex. */
  readonly more?: string
}

/** How it is sent, where that is not from 0.0.0.0 to everybody. */
export interface Way {
  readonly source?: number
  readonly destination?: number
  readonly from?: Mac
  readonly port?: number
}

export interface Reply {
  readonly mac: Mac
  readonly destination: number
  readonly port: number
  readonly type: number
  readonly xid: number
  readonly isBroadcast: boolean
  readonly ciaddr: number
  readonly yiaddr: number
  readonly giaddr: number
  readonly chaddr: Mac
  /** Values in hex by code. */
  readonly options: ReadonlyMap<number, string>
  readonly length: number
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
const option = (code: number, value: string): number[] => [code, value.length / 2, ...Buffer.from(value, 'hex')]

export function encodeMessage(m: Message): Uint8Array {
  const fixed = new Uint8Array(240)
  const view = new DataView(fixed.buffer)
  const [high, low] = m.mac ?? mac(1)
  view.setInt32(0, ((m.op ?? 1) << 24) | 0x010600)
  view.setInt32(4, m.xid ?? 0x12345678)
  view.setUint16(10, m.broadcast === true ? 0x8000 : 0)
  view.setInt32(12, m.ciaddr ?? 0)
  view.setInt32(24, m.giaddr ?? 0)
  view.setUint16(28, high)
  view.setInt32(30, low)
  view.setInt32(236, 0x63825363)
  const options = [
    ...option(53, m.type.toString(16).padStart(2, '0')),
    ...(m.requested === undefined ? [] : option(50, hex(m.requested))),
    ...(m.server === undefined ? [] : option(54, hex(m.server))),
    ...(m.id === undefined ? [] : option(61, m.id)),
    ...(m.asks === undefined ? [] : option(55, Buffer.from(m.asks).toString('hex'))),
    ...Buffer.from((m.more ?? '').replace(/\s/g, ''), 'hex'),
    255,
  ]
  return Uint8Array.from([...fixed, ...options])
}

function optionsOf(message: Uint8Array): Map<number, string> {
  const found = new Map<number, string>()
  for (let i = 240; message[i] !== 255; i += 2 + message[i + 1]!) {
    assert.ok(i + 2 + message[i + 1]! < message.length, 'an option reaches past the end')
    found.set(message[i]!, Buffer.from(message.subarray(i + 2, i + 2 + message[i + 1]!)).toString('hex'))
  }
  return found
}

/** Reads a reply as a client's raw socket does: nothing is left to the kernel. */
function decodeReply(frame: Uint8Array): Reply {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const destination = ipv4.destination(view, IP_AT)
  assert.equal(virtio.flags(view, 0), 0, 'a checksum was left open')
  assert.equal(ipv4.source(view, IP_AT), GATEWAY)
  assert.ok(ipv4.isValid(view, IP_AT, frame.length - IP_AT) && ipv4.checksumIsRight(view, IP_AT))
  assert.ok(udp.isValid(view, TRANSPORT_AT, frame.length - TRANSPORT_AT))
  assert.ok(udp.checksum(view, TRANSPORT_AT) !== 0 && udp.checksumIsRight4(view, TRANSPORT_AT, GATEWAY, destination))
  assert.equal(udp.srcPort(view, TRANSPORT_AT), 67)
  const at = TRANSPORT_AT + udp.HEADER_LENGTH
  const message = frame.subarray(at, TRANSPORT_AT + udp.length(view, TRANSPORT_AT))
  const options = optionsOf(message)
  assert.equal(message[0], 2)
  return {
    mac: [ethernet.dstHigh(view, ETHERNET_AT), ethernet.dstLow(view, ETHERNET_AT)],
    destination,
    port: udp.dstPort(view, TRANSPORT_AT),
    type: Number.parseInt(options.get(53) ?? '0', 16),
    xid: view.getInt32(at + 4),
    isBroadcast: view.getUint16(at + 10) === 0x8000,
    ciaddr: view.getInt32(at + 12),
    yiaddr: view.getInt32(at + 16),
    giaddr: view.getInt32(at + 24),
    chaddr: [view.getUint16(at + 28), view.getInt32(at + 30)],
    options,
    length: message.length,
  }
}

export class DhcpWorld {
  readonly net: SimulatedStack
  readonly lines: string[] = []
  readonly frames: Uint8Array[] = []
  search: readonly string[] = []
  hostName = ''

  constructor(options: Partial<DhcpServerOptions> = {}, start = 1_000_000) {
    this.net = new SimulatedStack(new Random(1), { start })
    this.net.kernel.onFrame = (frame) => this.frames.push(frame.slice())
    const log = new Log('verbose', (line) => this.lines.push(line.trimEnd()))
    const addresses = { network: NETWORK, prefix: 24, gateway: GATEWAY, dns: DNS, guest: GUEST }
    const told = { mtu: 1500, dns: true, search: () => this.search, hostName: () => this.hostName, log, ...options }
    this.net.stack.serveDhcp(new DhcpServer(this.net.stack.udp, addresses, told))
  }

  /** Sends bytes from port 68 to the server; returns what came back. */
  deliver(payload: Uint8Array, way: Way = {}): Reply[] {
    const route = { source: way.source ?? 0, destination: way.destination ?? EVERYBODY, from: way.from ?? mac(1), to: BROADCAST_MAC }
    const to = route.destination === EVERYBODY ? BROADCAST_MAC : ([0x5255, GATEWAY] as const)
    this.net.receive(udpFrame({ ...route, to }, way.port ?? 68, 67, payload))
    return this.frames.splice(0).map(decodeReply)
  }

  send(message: Message, way: Way = {}): Reply[] {
    return this.deliver(encodeMessage(message), { from: message.mac ?? mac(1), ...way })
  }

  /** Sends what has to be answered once. */
  ask(message: Message, way: Way = {}): Reply {
    const replies = this.send(message, way)
    assert.equal(replies.length, 1, `${replies.length} replies`)
    return replies[0]!
  }

  /** Sends what must not be answered. */
  tell(message: Message, way: Way = {}): void {
    assert.deepEqual(this.send(message, way), [])
  }

  /** From DISCOVER to ACK; returns the address. */
  lease(client: Partial<Message> = {}): number {
    const offer = this.ask({ ...client, type: DISCOVER })
    assert.equal(offer.type, OFFER)
    const ack = this.ask({ ...client, type: REQUEST, requested: offer.yiaddr, server: GATEWAY })
    assert.deepEqual([ack.type, ack.yiaddr], [ACK, offer.yiaddr])
    return ack.yiaddr
  }

  close(): void {
    this.net.stack.close()
    this.net.assertEmpty()
  }
}

// A DNS forwarder between a guest and name servers that are both the test's: the guest's datagrams are put into the arena, what leaves for
// it is read from the frames, the host's sockets are lists, and the clock stands still unless it is told to pass. After each
// scenario nothing may be open or under way.

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { constants } from 'node:os'
import { test } from 'node:test'
import type { Answer, DecodedPacket, Packet, RecordType } from 'dns-packet'
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, type ReadyHandler, TOKEN_SERVICE } from '../../../src/host/event-loop.js'
import { Resolver } from '../../../src/host/resolver.js'
import type { Device } from '../../../src/link/device.js'
import { DropCounters } from '../../../src/net/drops.js'
import { Inbound } from '../../../src/net/inbound.js'
import { Interface } from '../../../src/net/interface.js'
import { Arena } from '../../../src/packet/arena.js'
import { DnsForwarder, type DnsForwarderOptions } from '../../../src/service/dns-forwarder.js'
import { DnsNames, type OwnAddresses } from '../../../src/service/dns-names.js'
import type { ServiceLoop } from '../../../src/service/service-events.js'
import { Udp } from '../../../src/udp/udp.js'
import { formatAny, mapped, type Words } from '../../../src/wire/address.js'
import * as checksum from '../../../src/wire/checksum.js'
import * as ethernet from '../../../src/wire/ethernet.js'
import * as ipv4 from '../../../src/wire/ipv4.js'
import * as ipv6 from '../../../src/wire/ipv6.js'
import { PROTOCOL_UDP } from '../../../src/wire/numbers.js'
import * as udp from '../../../src/wire/udp.js'
import { IP_AT, TRANSPORT_AT } from '../../support/frames.js'
import { answerTo, decoded, query } from './dns-messages.js'
import { FakeSockets, type HostSocket } from './fake-sockets.js'
import type { HostStream } from './fake-streams.js'

export const GATEWAY = 0x0a000202
export const DNS = 0x0a000203
export const GUEST = 0x0a000264
/** fd00::3. */
export const DNS6: Words = [0xfd000000 | 0, 0, 0, 3]
/** The addresses that have names. */
export const OWN: OwnAddresses = { gateway: [mapped(GATEWAY)], dns: [mapped(DNS)], guest: [mapped(GUEST)], isHost: true }
const MAC_HIGH = 0x0200
const MAC_LOW = 0x12345678
const ARENA_BYTES = 512 * 1024

const { ECONNREFUSED } = constants.errno

class LoopStub implements ServiceLoop {
  now = 5_000
  handler: ReadyHandler | null = null

  serve(tokenClass: number, handler: ReadyHandler): void {
    assert.equal(tokenClass, TOKEN_SERVICE)
    this.handler = handler
  }
}

/** What the guest got. */
export interface Reply {
  readonly address: string
  readonly port: number
  readonly message: Buffer
}

export class DnsWorld implements Device {
  readonly mtu = 65_535
  readonly hasOffload = false
  readonly largestDatagram = 65_535
  readonly arena = new Arena(new ArrayBuffer(ARENA_BYTES))
  readonly sockets = new FakeSockets(this.arena.view.buffer as ArrayBuffer)
  readonly loop = new LoopStub()
  readonly resolver: Resolver
  readonly forwarder: DnsForwarder
  readonly replies: Reply[] = []
  #resolvConf = ''
  readonly #guestAt: number

  constructor(options: Partial<DnsForwarderOptions> = {}) {
    const iface = new Interface(this.arena, { network: 0x0a000200, prefix: 24, gateway: GATEWAY, dns: DNS, guest: GUEST })
    iface.connect(this)
    this.#guestAt = this.arena.allot(65_536)
    this.setServers('192.0.2.1', '192.0.2.2', '192.0.2.3')
    // A text is told from another by itself. (No file: thousands of worlds are made in a run.)
    const text = () => this.#resolvConf
    this.resolver = new Resolver(() => this.loop.now, { signature: text, text })
    this.forwarder = new DnsForwarder(this.sockets, this.loop, new Udp(iface, new DropCounters()), this.resolver, {
      names: new DnsNames(OWN, new Map()),
      random: randomInt,
      ...options,
    })
  }

  setServers(...servers: readonly string[]): void {
    this.#resolvConf = servers.map((server) => `nameserver ${server}\n`).join('')
  }

  /** The guest sends a message, over IPv4 or from one of its addresses of IPv6. */
  send(message: Uint8Array, port = 40_000, source6: Words | null = null): void {
    const inbound = new Inbound()
    inbound.macHigh = MAC_HIGH
    inbound.macLow = MAC_LOW
    inbound.source = GUEST
    inbound.destination = DNS
    if (source6 !== null) {
      inbound.isIpv6 = true
      inbound.words.set([...source6, ...DNS6])
    }
    inbound.ports = (port << 16) | 53
    inbound.now = this.loop.now
    this.arena.bytes.set(message, this.#guestAt)
    this.forwarder.receive(inbound, this.#guestAt, message.length)
    // What was there is overwritten by the next batch.
    this.arena.bytes.fill(0xa5, this.#guestAt, this.#guestAt + message.length)
  }

  /** The guest asks for a name. */
  ask(name: string, type: RecordType = 'A', id = 7, port = 40_000): void {
    this.send(query(name, type, id), port)
  }

  /** A name server sends messages to the socket that asked it. */
  deliver(socket: HostSocket, ...messages: readonly (Buffer | number)[]): void {
    socket.inbox.push(...messages)
    this.ready(socket, messages.some((message) => typeof message === 'number') ? EPOLLERR : EPOLLIN)
  }

  /** A name server answers what it was asked. */
  answer(socket: HostSocket, answers: readonly Answer[], more: Packet = {}): void {
    this.deliver(socket, answerTo(socket.query, answers, more))
  }

  refuse(socket: HostSocket): void {
    this.deliver(socket, -ECONNREFUSED)
  }

  /** The guest connects; what is returned is the forwarder's end, with the guest behind it. */
  connect(): HostStream {
    const rowEnd = this.forwarder.streams.open()
    assert.ok(rowEnd >= 0, `${rowEnd}`)
    const stream = this.sockets.behind(rowEnd)
    this.ready(stream, EPOLLOUT)
    return stream
  }

  /** The guest sends messages on a connection. */
  write(stream: HostStream, ...messages: readonly Uint8Array[]): void {
    stream.send(...messages)
    this.ready(stream, EPOLLIN | EPOLLOUT)
  }

  /** The other end of a stream sends no more. */
  finish(stream: HostStream): void {
    stream.isEnded = true
    this.ready(stream, EPOLLIN | EPOLLOUT | EPOLLRDHUP)
  }

  /** The guest is gone. */
  reset(stream: HostStream): void {
    this.ready(stream, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP)
  }

  /** The only connection open to a name server. */
  connection(server = '192.0.2.1'): HostStream {
    const found = this.connections.filter((stream) => stream.server === server)
    assert.equal(found.length, 1, `${found.length} connections to ${server}`)
    return found[0]!
  }

  /** Connections to name servers, in the order of opening. */
  get connections(): HostStream[] {
    return this.sockets.streams.filter((stream) => stream.isOpen && stream.server !== '')
  }

  /** A name server accepts a connection: the query that it gets. */
  accept(stream: HostStream): Buffer {
    stream.isConnected = true
    this.ready(stream, EPOLLOUT)
    const messages = stream.messages()
    assert.equal(messages.length, 1)
    return messages[0]!
  }

  /** A name server refuses a connection, or breaks it. */
  breakOff(stream: HostStream, errno: number = ECONNREFUSED): void {
    stream.error = errno
    this.ready(stream, EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP)
  }

  ready(socket: HostSocket | HostStream, events: number): void {
    this.loop.handler?.ready(socket.token & 0xfffff, (socket.token >>> 20) & 0xff, events)
  }

  /** Time passes; the forwarder wakes when it said that it would. */
  pass(ms: number): void {
    const end = (this.loop.now + ms) | 0
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 10_000, 'it wakes for ever')
      const wait = this.forwarder.expire(this.loop.now)
      if (wait < 0 || ((this.loop.now + wait - end) | 0) > 0) break
      this.loop.now = (this.loop.now + wait) | 0
      if (wait === 0) break
    }
    this.loop.now = end
    this.forwarder.expire(end)
  }

  /** The only socket open to a server. */
  socket(server = '192.0.2.1'): HostSocket {
    const found = this.sockets.open.filter((socket) => socket.server === server)
    assert.equal(found.length, 1, `${found.length} sockets to ${server}`)
    return found[0]!
  }

  /** Servers that have a socket, in the order of opening. */
  get asked(): string[] {
    return this.sockets.open.map((socket) => socket.server)
  }

  /** Takes the only reply there is. */
  reply(): DecodedPacket & { rcode: string } {
    assert.equal(this.replies.length, 1, `${this.replies.length} replies`)
    return decoded(this.replies.pop()!.message)
  }

  noReply(): void {
    assert.equal(this.replies.length, 0)
  }

  transmit(at: number, length: number): boolean {
    const view = this.arena.view
    const ip = at + IP_AT
    const transport = at + TRANSPORT_AT
    assert.deepEqual([ethernet.dstHigh(view, at + 10), ethernet.dstLow(view, at + 10)], [MAC_HIGH, MAC_LOW])
    if (view.getUint8(ip) >>> 4 === 6) return this.#take6(ip, length - IP_AT)
    assert.ok(ipv4.isValid(view, ip, length - IP_AT) && ipv4.checksumIsRight(view, ip))
    assert.deepEqual([ipv4.source(view, ip), ipv4.destination(view, ip)], [DNS, GUEST])
    assert.ok(udp.isValid(view, transport, length - TRANSPORT_AT) && udp.checksumIsRight4(view, transport, DNS, GUEST))
    this.#keep(transport, formatAny(...mapped(GUEST)))
    return true
  }

  #take6(ip: number, length: number): boolean {
    const view = this.arena.view
    const word = (read: typeof ipv6.source): Words => [read(view, ip, 0), read(view, ip, 1), read(view, ip, 2), read(view, ip, 3)]
    const transport = ip + ipv6.HEADER_LENGTH
    const [source, target] = [word(ipv6.source), word(ipv6.destination)]
    assert.ok(ipv6.isValid(view, ip, length) && udp.isValid(view, transport, length - ipv6.HEADER_LENGTH))
    assert.deepEqual(source, DNS6)
    const sum = checksum.pseudoHeader6Of(...source, ...target, PROTOCOL_UDP, udp.length(view, transport))
    assert.ok(udp.checksumIsRight(view, transport, sum))
    this.#keep(transport, formatAny(...target))
    return true
  }

  #keep(transport: number, address: string): void {
    const view = this.arena.view
    assert.equal(udp.srcPort(view, transport), 53)
    const start = transport + udp.HEADER_LENGTH
    const message = Buffer.from(this.arena.bytes.subarray(start, transport + udp.length(view, transport)))
    this.replies.push({ address, port: udp.dstPort(view, transport), message })
  }

  close(): void {
    this.forwarder.close()
    assert.equal(this.sockets.open.length, 0, 'sockets are left open')
    assert.ok(!this.sockets.streams.some((stream) => stream.isOpen), 'streams are left open')
    assert.equal(this.forwarder.streams.inUse, 0)
    assert.equal(this.forwarder.underWay, 0)
    assert.equal(this.forwarder.expire(this.loop.now), -1)
  }
}

/** A test with a world of its own, that nothing may be left of. */
export function scenario(name: string, run: (world: DnsWorld) => void, options: Partial<DnsForwarderOptions> = {}): void {
  test(name, () => {
    const world = new DnsWorld(options)
    run(world)
    world.close()
  })
}

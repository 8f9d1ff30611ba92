// Which addresses the host has, and what else the kernel takes for its own: followed by netlink, so that what changes while we run (a VPN that comes
// up, another lease) is known some milliseconds later. Read rtnetlink(7) first.
//
//     a change is told --> the tables are asked for again, as a whole: links (names), addresses, and local routes where they matter
//
// A table that cannot be had is tried again; until then nothing is known, and who asks has to assume the worst (`isKnown`).
//
// In a context of its own: it may be needed before there is a network, and nothing else waits for it. Both sockets are opened at the start,
// because a process that is hardened opens none.
import { errnoName, NetloomError } from '../util/errors.js'
import { mapped, type Words } from '../wire/address.js'
import { EPOLLIN, EventLoop, type ReadyHandler, TOKEN_PROCESS, token } from './event-loop.js'
import { createContext, type NativeContext } from './native.js'
import * as netlink from './netlink.js'

/** Bytes of one answer: the kernel gives 32 KiB at a time at most. */
const ARENA_BYTES = 65_536
/** Notices taken in one go; the rest comes with the next event. */
const NOTICES = 256
/** Times that a table is asked for again because it changed in the meantime. */
const TRIES = 5
/** After how long what could not be had is asked for again, ms. */
const AGAIN = 100
/** errno(3). */
const EAGAIN = 11
const ENOBUFS = 105
const EOPNOTSUPP = 95
const ENOENT = 2

const AF_UNSPEC = 0
const AF_INET = 2
const AF_INET6 = 10

/** struct ifinfomsg, ifaddrmsg, rtmsg: bytes. */
const LINK_FIXED = 16
const ADDRESS_FIXED = 8
const ROUTE_FIXED = 12
const IFLA_IFNAME = 3
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_LABEL = 3
const IFA_BROADCAST = 4
const IFA_FLAGS = 8
/** An address that is not to be used: duplicate, not yet known to be none, or nearly expired. */
const IFA_F_DADFAILED = 0x08
const IFA_F_DEPRECATED = 0x20
const IFA_F_TENTATIVE = 0x40
const RTA_DST = 1
const RT_TABLE_LOCAL = 255
const RTN_LOCAL = 2
const RTN_BROADCAST = 3
const RTN_ANYCAST = 4

/** An address of one of the host's interfaces. */
export interface HostAddress {
  /** Name of the interface; of IPv4 its label, which may be an alias. */
  readonly name: string
  readonly family: 4 | 6
  readonly words: Words
  /** Of the network on the link, bits of the family. */
  readonly prefix: number
  /** Of IPv4, where the interface has one. */
  readonly broadcast: Words | null
  /** That something can be sent from it. */
  readonly isUsable: boolean
  readonly isDeprecated: boolean
}

/** What the kernel takes for its own: the address of a route to itself, and how many of its bits count (IPv4: mapped). */
export interface LocalRoute {
  readonly words: Words
  readonly length: number
}

type Receive = (body: DataView) => void

export class HostAddresses implements ReadyHandler {
  readonly #native: NativeContext
  readonly #bytes: Uint8Array
  readonly #wantsRoutes: boolean
  readonly #notices: number
  readonly #questions: number
  #sequence = 0
  #again: NodeJS.Timeout | null = null
  #loop: EventLoop | null = null
  #isClosed = false
  /** Of the interfaces, as the kernel lists them. */
  addresses: readonly HostAddress[] = []
  /** Routes to the host itself and to broadcast and anycast addresses; none unless asked for. */
  routes: readonly LocalRoute[] = []
  /** Whether these are what there is. */
  isKnown = false
  /** Told when they may have changed. */
  onChange: (() => void) | null = null

  /**
   * Looks, and follows from then on. `wantsRoutes`: local routes, too.
   * @throws NetloomError `ERR_HOST_ADDRESSES`: the kernel does not tell.
   */
  constructor(wantsRoutes: boolean) {
    this.#wantsRoutes = wantsRoutes
    this.#native = createContext(ARENA_BYTES)
    this.#bytes = new Uint8Array(this.#native.arena)
    const groups = netlink.RTMGRP_IPV4_IFADDR | netlink.RTMGRP_IPV6_IFADDR
    const routeGroups = netlink.RTMGRP_IPV4_ROUTE | netlink.RTMGRP_IPV6_ROUTE
    this.#notices = this.#native.routesOpen(wantsRoutes ? groups | routeGroups : groups)
    this.#questions = this.#native.routesOpen(0)
    const failed = Math.min(this.#notices, this.#questions)
    if (failed < 0) {
      this.close()
      throw unknown(errnoName(failed))
    }
    const loop = new EventLoop(this.#native)
    this.#loop = loop
    loop.serve(TOKEN_PROCESS, this)
    this.#native.epollAdd(this.#notices, token(TOKEN_PROCESS, 0, 0), EPOLLIN)
    loop.start({ begin() {}, resume() {}, settle() {}, expire: () => -1, hasWork: false })
    // What changes from here on is told, so it cannot be missed.
    this.#look()
    if (this.isKnown) return
    this.close()
    throw unknown('the kernel does not tell')
  }

  /** Something has changed, or was lost for want of room. */
  ready(): void {
    let isNews = false
    for (let i = 0; i < NOTICES && !this.#isClosed; i++) {
      const length = this.#native.receiveMessage(this.#notices, 0, ARENA_BYTES)
      if (length === -EAGAIN) break
      isNews ||= length < 0 || netlink.messages(this.#bytes.subarray(0, length)).some((message) => this.#isNews(message))
      if (length >= 0 || length === -ENOBUFS) continue
      // It may last, and be told again and again.
      this.#loop?.rest(this.#notices, token(TOKEN_PROCESS, 0, 0), EPOLLIN)
      break
    }
    if (isNews) this.#look()
  }

  // Of routes those to the host alone: others come and go by the thousand on a router.
  #isNews({ type, body }: netlink.Message): boolean {
    if (type !== netlink.RTM_NEWROUTE && type !== netlink.RTM_DELROUTE) return true
    return body.byteLength >= ROUTE_FIXED && isToHost(body.getUint8(7))
  }

  #look(): void {
    if (this.#isClosed) return
    this.isKnown = this.#read()
    if (!this.isKnown) this.#again ??= setTimeout(() => this.#lookAgain(), AGAIN).unref()
    this.onChange?.()
  }

  #lookAgain(): void {
    this.#again = null
    this.#look()
  }

  #read(): boolean {
    const names = new Map<number, string>()
    const addresses: HostAddress[] = []
    const routes: LocalRoute[] = []
    const link = fixedPart(LINK_FIXED, AF_UNSPEC)
    const isRead =
      this.#dump(netlink.RTM_GETLINK, netlink.RTM_NEWLINK, link, (body) => readLink(body, names)) &&
      this.#dump(netlink.RTM_GETADDR, netlink.RTM_NEWADDR, fixedPart(ADDRESS_FIXED, AF_UNSPEC), (body) =>
        readAddress(body, names, addresses),
      )
    if (!isRead) return false
    for (const family of this.#wantsRoutes ? [AF_INET, AF_INET6] : []) {
      const fixed = fixedPart(ROUTE_FIXED, family)
      fixed[4] = RT_TABLE_LOCAL
      if (!this.#dump(netlink.RTM_GETROUTE, netlink.RTM_NEWROUTE, fixed, (body) => readRoute(body, routes))) return false
    }
    this.addresses = addresses
    this.routes = routes
    return true
  }

  /** Hands over every message of a table, possibly several times; false when it cannot be had. */
  #dump(type: number, wanted: number, fixed: Uint8Array, receive: Receive): boolean {
    for (let i = 0; i < TRIES; i++) {
      const outcome = this.#ask(type, wanted, fixed, receive)
      if (outcome !== 'changed') return outcome === 'whole'
    }
    return false
  }

  #ask(type: number, wanted: number, fixed: Uint8Array, receive: Receive): 'whole' | 'changed' | 'failed' {
    const request = netlink.dumpRequest(type, ++this.#sequence, fixed)
    this.#bytes.set(request)
    if (this.#native.sendMessage(this.#questions, 0, request.length, -1) < 0) return 'failed'
    let hasChanged = false
    // The kernel goes on with its answer while it is read, so it never has to be waited for.
    for (;;) {
      const length = this.#native.receiveMessage(this.#questions, 0, ARENA_BYTES)
      if (length <= 0) return 'failed'
      for (const message of netlink.messages(this.#bytes.subarray(0, length))) {
        if (message.sequence !== this.#sequence) continue
        hasChanged ||= (message.flags & netlink.NLM_F_DUMP_INTR) !== 0
        if (message.type === netlink.NLMSG_ERROR) return isNone(message.body) ? 'whole' : 'failed'
        if (message.type === netlink.NLMSG_DONE) return hasChanged ? 'changed' : 'whole'
        if (message.type === wanted) receive(message.body)
      }
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#again !== null) clearTimeout(this.#again)
    for (const descriptor of [this.#notices, this.#questions]) if (descriptor >= 0) this.#native.closeDescriptor(descriptor)
    this.#native.close()
  }
}

const unknown = (why: string): NetloomError =>
  new NetloomError(
    'ERR_HOST_ADDRESSES',
    `it cannot be found out which addresses this host has (netlink: ${why})`,
    'do without the option that needs it',
  )

/** A kernel without the family, or without the table. */
function isNone(body: DataView): boolean {
  const error = body.byteLength >= 4 ? -netlink.int32(body, 0) : 0
  return error === EOPNOTSUPP || error === ENOENT
}

const isToHost = (type: number): boolean => type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_ANYCAST

function fixedPart(length: number, family: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes[0] = family
  return bytes
}

function readLink(body: DataView, names: Map<number, string>): void {
  if (body.byteLength < LINK_FIXED) return
  const name = netlink.attributes(body, LINK_FIXED).get(IFLA_IFNAME)
  if (name !== undefined) names.set(netlink.int32(body, 4), netlink.text(name))
}

/** The words of an address of a family; null for what has not its length. */
function wordsOf(data: DataView | undefined, family: number): Words | null {
  if (data === undefined || data.byteLength !== (family === AF_INET ? 4 : 16)) return null
  if (family === AF_INET) return mapped(data.getInt32(0))
  return [data.getInt32(0), data.getInt32(4), data.getInt32(8), data.getInt32(12)]
}

function readAddress(body: DataView, names: ReadonlyMap<number, string>, found: HostAddress[]): void {
  const family = body.byteLength < ADDRESS_FIXED ? AF_UNSPEC : body.getUint8(0)
  if (family !== AF_INET && family !== AF_INET6) return
  const attributes = netlink.attributes(body, ADDRESS_FIXED)
  // Where both are there the other one is that of the far end.
  const words = wordsOf(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS), family)
  if (words === null) return
  const label = attributes.get(IFA_LABEL)
  const all = attributes.get(IFA_FLAGS)
  const flags = all !== undefined && all.byteLength >= 4 ? netlink.uint32(all, 0) : body.getUint8(2)
  found.push({
    name: label === undefined ? (names.get(netlink.uint32(body, 4)) ?? '') : netlink.text(label),
    family: family === AF_INET ? 4 : 6,
    words,
    prefix: body.getUint8(1),
    broadcast: family === AF_INET ? wordsOf(attributes.get(IFA_BROADCAST), family) : null,
    isUsable: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === 0,
    isDeprecated: (flags & IFA_F_DEPRECATED) !== 0,
  })
}

function readRoute(body: DataView, found: LocalRoute[]): void {
  if (body.byteLength < ROUTE_FIXED) return
  const family = body.getUint8(0)
  // Kernels that do not filter tell of all tables.
  if ((family !== AF_INET && family !== AF_INET6) || body.getUint8(4) !== RT_TABLE_LOCAL || !isToHost(body.getUint8(7))) return
  const length = body.getUint8(1)
  const destination = netlink.attributes(body, ROUTE_FIXED).get(RTA_DST)
  const everything = new DataView(new ArrayBuffer(family === AF_INET ? 4 : 16))
  const words = wordsOf(destination ?? (length === 0 ? everything : undefined), family)
  if (words !== null) found.push({ words, length: family === AF_INET ? 96 + length : length })
}

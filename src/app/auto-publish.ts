// Ports that programs in the sandbox listen on, published on the host's loopback by themselves as long as they do. The kernel tells nobody
// when a socket begins to listen, so it is asked: one sock_diag dump of the listening sockets alone (native/src/direct.c), which takes some
// 20 microseconds. A port is there within INTERVAL and what a listen(2) takes; /proc is not read, and no process is looked at.
//
// What listens is the sandbox's choice, a thousand ports anew with each question if it likes. So there are only so many tries, and so many
// lines about them: what is beyond waits for the next question.
import type { NativeContext } from '../host/native.js'
import { errnoName, NetloomError } from '../util/errors.js'
import { guard } from '../util/guard.js'
import type { Log } from '../util/log.js'
import { TokenBucket } from '../util/token-bucket.js'
import * as address from '../wire/address.js'
import { isReached, type LoopbackHint } from './loopback-hint.js'
import type { Publication, Publications } from './publications.js'
import type { PortRange, PublishDriver } from './publish-spec.js'

/** Time between two questions, ms: half of the 200 in which a port is to appear, so that the rest is there for doing it. */
const INTERVAL = 100
/** Ports that are tried: at once as many as a sandbox full of servers has, then so many a second. */
export const TRIES_AT_ONCE = 256
const TRIES_PER_SECOND = 64
/** Warnings about ports that cannot be published: what fits on a screen, then one a second. */
export const WARNINGS_AT_ONCE = 16
const WARNINGS_PER_SECOND = 1
/** Words that the kernel's answer has for each socket: an address and a port. */
const WORDS = 5
const LOOPBACK_NET = 127
/** Where they appear. A host without IPv6 has the first alone. */
const HOST_ADDRESSES = ['127.0.0.1', '::1'] as const

interface AutoPublishOptions {
  readonly directLoopback: boolean
  readonly publishDriver: PublishDriver
  readonly log: Log
}

export class AutoPublish {
  readonly #native: NativeContext
  readonly #publications: Publications
  readonly #range: PortRange
  readonly #reachesLoopback: boolean
  readonly #log: Log
  readonly #hint: LoopbackHint
  // By port; empty where the host had no place for it.
  readonly #open = new Map<number, readonly Publication[]>()
  readonly #tries = new TokenBucket(TRIES_PER_SECOND, TRIES_AT_ONCE)
  readonly #warnings = new TokenBucket(WARNINGS_PER_SECOND, WARNINGS_AT_ONCE)
  #timer: NodeJS.Timeout | null = null
  // Why it could not be told last time, and was logged; 0: it could.
  #failure = 0

  constructor(native: NativeContext, publications: Publications, range: PortRange, hint: LoopbackHint, options: AutoPublishOptions) {
    this.#hint = hint
    this.#native = native
    this.#publications = publications
    this.#range = range
    // A server on the sandbox's own loopback is worth publishing where it can be reached.
    this.#reachesLoopback = options.directLoopback && options.publishDriver !== 'tap'
    this.#log = options.log
  }

  /** Looks from now on, through a sock_diag socket of the sandbox's namespace. */
  start(diag: number): void {
    if (diag < 0) {
      this.#log.warn('this kernel does not tell who listens (CONFIG_INET_DIAG): nothing is published by itself')
      return
    }
    const look = guard.wrap('looking for who listens', () => this.#look(diag))
    this.#timer = setInterval(look, INTERVAL)
    this.#timer.unref()
    look()
  }

  /** Looks no more; nothing stays published. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#follow(new Set())
  }

  // What cannot be told now (for want of memory, or because the guest has more sockets than there is time for) may be next time.
  #look(diag: number): void {
    const count = this.#native.listenersOf(diag)
    if (count >= 0) this.#follow(this.#ports(count))
    else if (count !== this.#failure && this.#warnings.take(this.#native.now()))
      this.#log.warn(`it cannot be found out now who listens: ${errnoName(count)}`)
    this.#failure = Math.min(0, count)
  }

  // The ports that can be reached, of what the scratch lists.
  #ports(count: number): Set<number> {
    const words = new Int32Array(this.#native.scratch, 0, count * WORDS)
    const ports = new Set<number>()
    let missed = 0
    for (let at = 0; at < words.length; at += WORDS) {
      const port = words[at + 4]!
      if (port < this.#range.first || port > this.#range.last) continue
      if (this.#reachesLoopback || !isLoopback(words, at)) ports.add(port)
      else if (isReached(words, at)) missed = port
    }
    if (missed !== 0 && !ports.has(missed)) this.#hint.tell(missed)
    return ports
  }

  #follow(ports: ReadonlySet<number>): void {
    for (const [port, publications] of this.#open) {
      if (ports.has(port)) continue
      for (const publication of publications) publication.close()
      this.#open.delete(port)
      if (publications.length > 0) this.#log.verbose(`port ${port} of the sandbox is published no more`)
    }
    const now = this.#native.now()
    for (const port of ports) {
      if (this.#open.has(port)) continue
      if (!this.#tries.take(now)) return
      this.#open.set(port, this.#publish(port, now))
    }
  }

  #publish(port: number, now: number): readonly Publication[] {
    const opened: Publication[] = []
    for (const hostAddress of HOST_ADDRESSES) {
      try {
        opened.push(...this.#publications.open([{ hostAddress, hostPort: port, guestPort: port }], true))
      } catch (error) {
        if (!(error instanceof NetloomError)) throw error
        if (opened.length === 0 && this.#warnings.take(now))
          this.#log.warn(`port ${port} of the sandbox is not published: ${error.message}`)
        break
      }
    }
    if (opened.length > 0) this.#log.verbose(`port ${port} of the sandbox is published on the host's loopback`)
    return opened
  }
}

/** 127/8 or ::1. */
const isLoopback = (words: Int32Array, at: number): boolean =>
  address.isMapped(words[at]!, words[at + 1]!, words[at + 2]!)
    ? words[at + 3]! >>> 24 === LOOPBACK_NET
    : (words[at]! | words[at + 1]! | words[at + 2]!) === 0 && words[at + 3] === 1

/*
 * Answers that may be given again, for as long as their records live: RFC 1035, 7.4; RFC 2181, 5.2 and 8; RFC 2308.
 *
 *     key (dns-message.ts) -> the answer as it came, without EDNS options; when it came
 *
 * The least recently used answers make room for new ones, in number and in bytes. What is given out says how long it has left: every
 * TTL is less by the answer's age, and one that would be longer than we keep the answer (the SOA of a negative one) is cut to that.
 */

import { LRUCache } from 'lru-cache'
import * as dns from './dns-message.js'

/** Answers. */
const MAX_ENTRIES = 4_096
/** Bytes of answers and their names, together. */
const MAX_BYTES = 4 * 1024 * 1024
/** Bytes that an entry costs besides: objects and the cache's own lists. */
const ENTRY_OVERHEAD = 256
/** Seconds. RFC 8767, 4: no TTL is trusted for longer than days; one day lets a mistake end. */
const MAX_LIFETIME = 86_400
/** Seconds. RFC 2308, 5: one to three hours have been found to work well. */
const MAX_NEGATIVE_LIFETIME = 3_600

interface Entry {
  readonly message: Buffer
  readonly question: dns.Question
  /** Seconds. */
  readonly lifetime: number
  /** ms of the cache's clock. */
  readonly since: number
}

export class DnsCache {
  readonly #entries: LRUCache<string, Entry>
  // The cache's clock: int32 ms, unrolled. The library takes zero for "no time".
  #elapsed = 1
  #last: number

  /** `now`: int32 ms. */
  constructor(now: number, maxEntries = MAX_ENTRIES, maxBytes = MAX_BYTES) {
    this.#last = now
    this.#entries = new LRUCache<string, Entry>({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: (entry, key) => entry.message.length + key.length + ENTRY_OVERHEAD,
      perf: { now: () => this.#elapsed },
      // Otherwise the library keeps the time it last read, and sets a timer to forget it.
      ttlResolution: 0,
    })
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#entries.calculatedSize
  }

  /** Keeps a copy of an answer, if it may be kept. */
  put(key: string, message: Buffer, question: dns.Question, now: number): void {
    this.#tick(now)
    const records = dns.readRecords(message, question)
    if (records === null) return
    const most = dns.isNegative(message, question, records) ? MAX_NEGATIVE_LIFETIME : MAX_LIFETIME
    const lifetime = Math.min(dns.lifetime(message, question, records), most)
    const bare = lifetime === 0 ? null : dns.withoutOptions(message, records)
    if (bare === null) return
    // RFC 1035, 4.1.1: the authority is who was asked, not we.
    dns.setFlags(bare, dns.flags(bare) & ~dns.AA)
    // Small buffers of Node's share memory that stays as long as one of them: not what is kept.
    const own = Buffer.alloc(bare.length)
    bare.copy(own)
    // The library counts the last millisecond in; the TTL would be zero then.
    this.#entries.set(key, { message: own, question, lifetime, since: this.#elapsed }, { ttl: lifetime * 1000 - 1 })
  }

  /** An answer as it is to be given now, a copy; null when there is none. */
  get(key: string, now: number): Buffer | null {
    this.#tick(now)
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    const age = Math.floor((this.#elapsed - entry.since) / 1000)
    const copy = Buffer.from(entry.message)
    for (const record of dns.readRecords(copy, entry.question) ?? []) {
      if (record.type !== dns.TYPE_OPT) copy.writeUInt32BE(remaining(record, entry.lifetime, age), record.ttlAt)
    }
    return copy
  }

  clear(): void {
    this.#entries.clear()
  }

  #tick(now: number): void {
    const passed = (now - this.#last) | 0
    this.#last = now
    if (passed >= 0) this.#elapsed += passed
    // Silence of 24 days or more: nothing is that young.
    else this.clear()
  }
}

// RFC 2308, 3: the SOA of a negative answer says how long that may be kept.
function remaining(record: dns.ResourceRecord, lifetime: number, age: number): number {
  const isNegative = record.type === dns.TYPE_SOA && record.section === 'authority'
  return Math.max(0, (isNegative ? Math.min(dns.ttlOf(record), lifetime) : dns.ttlOf(record)) - age)
}

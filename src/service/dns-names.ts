/*
 * Names that are answered here, and the way back from their addresses: RFC 1035, 3.5 (in-addr.arpa); RFC 3596, 2.5 (ip6.arpa).
 *
 *     host.netloom.internal, host.containers.internal, host.docker.internal     the gateway, where that is the host; else there is no such name
 *     gateway, dns, guest .netloom.internal                                     the network's own addresses
 *     --dns-name NAME=ADDR                                                      before all of these
 *
 * A name that is here has the addresses it has here, and no other record of any type (RFC 2308, 2.2: that is no error). An address has
 * the name that was first to have it, of those above in this order; any other one is a question to the host's name servers.
 */

import { type Answer, encode, type OptAnswer, type Packet } from 'dns-packet'
import { formatAny, isMapped, type Words } from '../wire/address.js'
import * as dns from './dns-message.js'

/** The name of the machine that the sandbox runs on. */
export const HOST_NAME = 'host.netloom.internal'
/** What Podman and Docker call it. */
const HOST_ALIASES = ['host.containers.internal', 'host.docker.internal']

/** Seconds. It does not change while the network is there. */
const OWN_TTL = 300

/** A network's own addresses, of whatever families it has. */
export interface OwnAddresses {
  readonly gateway: readonly Words[]
  readonly dns: readonly Words[]
  readonly guest: readonly Words[]
  /** Whether the gateway is the host. */
  readonly isHost: boolean
}

/** Addresses by name, letters in any case, without the final dot. */
export type NamedAddresses = ReadonlyMap<string, readonly Words[]>

type Records = readonly Answer[]

export class DnsNames {
  /** By name in the form of dns.Question. */
  readonly #records = new Map<string, Records>()
  /** Names that there are not, whatever the host's name servers say. */
  readonly #absent = new Set<string>()

  constructor(own: OwnAddresses, named: NamedAddresses) {
    // Of a host that is not to be reached no other may take the place.
    if (!own.isHost) for (const name of [HOST_NAME, ...HOST_ALIASES]) this.#absent.add(keyOf(name))
    const ours: [string, readonly Words[]][] = [
      ...(own.isHost ? [HOST_NAME, ...HOST_ALIASES].map((name): [string, readonly Words[]] => [name, own.gateway]) : []),
      ['gateway.netloom.internal', own.gateway],
      ['dns.netloom.internal', own.dns],
      ['guest.netloom.internal', own.guest],
    ]
    for (const [name, addresses] of [...named, ...ours])
      this.#add(
        name,
        addresses.map((address) => addressRecord(name, address)),
      )
    for (const [name, addresses] of [...ours, ...named]) {
      for (const address of addresses) {
        const reverse = reverseName(address)
        this.#add(reverse, [{ type: 'PTR', name: reverse, ttl: OWN_TTL, data: name }])
      }
    }
  }

  /** The answer to a question about a name that is here, else null. */
  answer(message: Buffer, query: dns.Query): Buffer | null {
    const { question } = query
    const records = question.class === dns.CLASS_IN ? this.#records.get(question.name) : undefined
    if (records === undefined) {
      const isAbsent = question.class === dns.CLASS_IN && this.#absent.has(question.name)
      return isAbsent ? dns.empty(message, question, query, dns.NXDOMAIN) : null
    }
    const answers = records.filter((record) => question.type === dns.TYPE_ANY || question.type === TYPES[record.type as keyof typeof TYPES])
    return answers.length === 0 ? dns.empty(message, question, query, dns.NOERROR) : written(message, query, answers)
  }

  #add(name: string, records: Records): void {
    const key = keyOf(name)
    if (!this.#records.has(key)) this.#records.set(key, records)
  }
}

/** Types of the records that are here. */
const TYPES = { A: dns.TYPE_A, AAAA: dns.TYPE_AAAA, PTR: dns.TYPE_PTR }

/** A name as it stands in dns.Question. */
const keyOf = (name: string): string =>
  `${name
    .toLowerCase()
    .split('.')
    .map((label) => String.fromCharCode(label.length) + label)
    .join('')}\0`

function addressRecord(name: string, [a0, a1, a2, a3]: Words): Answer {
  return { type: isMapped(a0, a1, a2) ? 'A' : 'AAAA', name, ttl: OWN_TTL, data: formatAny(a0, a1, a2, a3) }
}

/** The name that an address has in the tree of addresses: its octets, or half octets, the last one first. */
function reverseName([a0, a1, a2, a3]: Words): string {
  if (isMapped(a0, a1, a2)) return `${formatAny(a0, a1, a2, a3).split('.').reverse().join('.')}.in-addr.arpa`
  const hex = [a0, a1, a2, a3].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
  return `${[...hex].reverse().join('.')}.ip6.arpa`
}

function written(message: Buffer, query: dns.Query, answers: readonly Answer[]): Buffer {
  const opt: OptAnswer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: query.payload,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
  const answer: Packet = {
    type: 'response',
    flags: dns.ownFlags(message) | dns.AA,
    // The client's own question takes its place, ANY included.
    questions: [{ name: answers[0]!.name, type: 'A' }],
    answers: [...answers],
    additionals: query.opt === null ? [] : [opt],
  }
  return encode(answer)
}

// Requests of slirp4netns' API socket, and what answers them: one JSON object each way, in the very bytes that callers expect. They
// come with a line end or without, with the writing half closed or not, in one piece or several; so where a request ends is told from itself.
//
//     {"execute":"add_hostfwd","arguments":{"proto":"tcp","host_addr":"0.0.0.0","host_port":8080,"guest_addr":"10.0.2.100","guest_port":80}}
//                                                       -> {"return":{"id":1}}
//     {"execute":"list_hostfwd"}                        -> {"return":{"entries":[...]},"entries":[...]}
//     {"execute":"remove_hostfwd","arguments":{"id":1}} -> {"return":{}}
//     anything that cannot be done                      -> {"error":{"desc":"bad request: ..."}}
//
// The manual has the list inside of "return", the program beside it: whoever follows either finds it. Behind an error's fixed text comes why.
// Beyond slirp4netns, addresses may be of IPv6, and proto tcp4, tcp6, udp4 or udp6.
import { NetloomError } from '../util/errors.js'
import * as address from '../wire/address.js'
import type { Publication } from './publications.js'
import type { PublishOptions } from './publish-spec.js'
import type { Network } from './types.js'

/** Longest request (bytes): slirp4netns reads 4,095 at most. */
export const MAX_REQUEST = 4095
const MAX_PORT = 65_535
const PROTOCOLS = ['tcp', 'tcp4', 'tcp6', 'udp', 'udp4', 'udp6'] as const
type Protocol = (typeof PROTOCOLS)[number]

/** A port that was published over the API. */
interface Forward {
  readonly id: number
  readonly proto: Protocol
  readonly host_addr: string
  readonly host_port: number
  readonly guest_addr: string
  readonly guest_port: number
}

type Arguments = Readonly<Record<string, unknown>>

class BadRequest extends Error {}

const fail = (why: string): never => {
  throw new BadRequest(`bad request: ${why}`)
}

const isObject = (value: unknown): value is Arguments => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The text that answers when nothing of the request was understood. */
export const errorText = (why: string): string => JSON.stringify({ error: { desc: `bad request: ${why}` } })

/**
 * Characters of the first JSON value in `text`: a whole object or list, or all of what is neither. -1: more has to come.
 */
export function requestLength(text: string): number {
  let depth = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (isInString) {
      if (char === '\\') i++
      else if (char === '"') isInString = false
    } else if (char === '"') isInString = true
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
    else if (depth === 0 && !/\s/.test(char)) return text.length
    else continue
    if (depth <= 0 && !isInString) return i + 1
  }
  return -1
}

/** The ports that one network has published over its API socket. */
export class SlirpRequests {
  readonly #network: Network
  readonly #forwards = new Map<number, { readonly forward: Forward; readonly publication: Publication }>()
  #lastId = 0

  constructor(network: Network) {
    this.#network = network
  }

  /** Does what a whole request says, and returns the text that answers it. */
  answer(text: string): string {
    try {
      return JSON.stringify(this.#execute(parse(text)))
    } catch (error) {
      if (error instanceof BadRequest) return JSON.stringify({ error: { desc: error.message } })
      throw error
    }
  }

  #execute(request: unknown): object {
    if (!isObject(request)) return fail('json_object() failed')
    const { execute, arguments: given } = request as { execute?: unknown; arguments?: unknown }
    if (typeof execute !== 'string') return fail('no execute found')
    const options = isObject(given) ? given : {}
    if (execute === 'add_hostfwd') return { return: { id: this.#add(options) } }
    if (execute === 'list_hostfwd') return this.#list()
    if (execute === 'remove_hostfwd') return this.#remove(options)
    return fail('unknown execute')
  }

  #list(): object {
    const entries = [...this.#forwards.values()].map(({ forward }) => forward)
    return { return: { entries }, entries }
  }

  #add(given: Arguments): number {
    const proto = PROTOCOLS.find((name) => name === given['proto']) ?? fail('add_hostfwd: bad arguments.proto')
    const host_addr = hostAddress(given['host_addr'], proto)
    const host_port = port(given, 'host_port')
    const guest_addr = this.#guestAddress(given['guest_addr'])
    const guest_port = port(given, 'guest_port')
    const protocol = proto.startsWith('udp') ? 'udp' : 'tcp'
    const publication = this.#publish({
      ...{ hostAddress: host_addr, hostPort: host_port, guestPort: guest_port, protocol, driver: 'tap' },
      ...(guest_addr === '' ? {} : { guestAddress: guest_addr }),
    })
    const id = ++this.#lastId
    const forward = { id, proto, host_addr, host_port, guest_addr: publication.guestAddress, guest_port }
    this.#forwards.set(id, { forward, publication })
    return id
  }

  #publish(options: PublishOptions): Publication {
    try {
      return this.#network.publish(options)[0]!
    } catch (error) {
      if (!(error instanceof NetloomError)) throw error
      const isAddress = error.code === 'ERR_PUBLISH' && options.guestAddress !== undefined
      return fail(
        isAddress ? 'add_hostfwd: bad arguments.guest_addr' : `add_hostfwd: slirp_add_hostfwd failed: ${error.code}: ${error.message}`,
      )
    }
  }

  /** '': the guest's own. */
  #guestAddress(given: unknown): string {
    if (given === undefined || given === null || given === '' || given === '0.0.0.0') return ''
    if (typeof given !== 'string' || address.parseAny(given) === null) return fail('add_hostfwd: bad arguments.guest_addr')
    return given
  }

  #remove({ id }: Arguments): object {
    if (typeof id !== 'number' || !Number.isInteger(id) || id <= 0) return fail('remove_hostfwd: bad arguments.id')
    const found = this.#forwards.get(id) ?? fail('remove_hostfwd: bad arguments.id')
    found.publication.close()
    this.#forwards.delete(id)
    return { return: {} }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return fail('cannot parse JSON')
  }
}

function hostAddress(given: unknown, proto: Protocol): string {
  const every = proto.endsWith('6') ? '::' : '0.0.0.0'
  if (given === undefined || given === null || given === '') return every
  const words = typeof given === 'string' ? address.parseAny(given) : null
  if (words === null || typeof given !== 'string') return fail('add_hostfwd: bad arguments.host_addr')
  const family = address.isMapped(words[0], words[1], words[2]) ? '4' : '6'
  if (/[46]$/.test(proto) && !proto.endsWith(family)) return fail('add_hostfwd: bad arguments.host_addr')
  return given
}

function port(given: Arguments, name: 'host_port' | 'guest_port'): number {
  const value = given[name]
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_PORT) return value
  return fail(`add_hostfwd: bad arguments.${name}`)
}

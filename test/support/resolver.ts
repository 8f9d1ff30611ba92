// DNS servers of the tests' own, on loopback addresses of the private namespace (port 53 is free there), and the resolv.conf that
// names them. They answer from a table, count what they were asked, and can be dead in two ways: nobody there, and silent.
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { type Answer, decode, encode, type Packet, streamDecode, streamEncode, TRUNCATED_RESPONSE } from 'dns-packet'
import { until } from './program.js'

/** Where a test leaves what is to be done at its end. */
interface Deferrer {
  defer(close: () => void): void
}

/** What a name has; a name that is not in the table does not exist. */
export type Records = Record<string, readonly Answer[]>

export interface Query {
  name: string
  type: string
  transport: 'udp' | 'tcp'
}

/** RFC 1035, 4.2.1: the longest answer by UDP without EDNS. */
const UDP_LIMIT = 512
/** RFC 1035, 4.1.1: name error. */
const NXDOMAIN = 3

export class Resolver {
  readonly queries: Query[] = []
  readonly #records: Records | 'silent'
  readonly #udp: UdpSocket
  readonly #tcp: Server = createServer()
  readonly #sockets = new Set<Socket>()
  #isClosed = false

  constructor(records: Records | 'silent', family: 'udp4' | 'udp6') {
    this.#records = records
    this.#udp = createSocket(family)
    this.#udp.on('message', (message, from) => {
      const answer = this.#answer(message, 'udp')
      if (answer !== undefined) this.#udp.send(answer, from.port, from.address)
    })
    this.#tcp.on('connection', (socket) => this.#serve(socket))
  }

  static async start(address: string, records: Records | 'silent'): Promise<Resolver> {
    // A zone (`%eth0`) may follow.
    const resolver = new Resolver(records, isIPv6(address) ? 'udp6' : 'udp4')
    resolver.#udp.bind(53, address)
    resolver.#tcp.listen(53, address)
    await Promise.all([once(resolver.#udp, 'listening'), once(resolver.#tcp, 'listening')])
    return resolver
  }

  /** Resolves when a name has been asked for. */
  async asked(name: string): Promise<void> {
    await until(() => this.count(name) > 0, `${name} was not asked for`)
  }

  /** How often a name was asked for. */
  count(name: string): number {
    return this.queries.filter((query) => query.name === name).length
  }

  /** Again: does nothing, for tests that end it halfway. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const socket of this.#sockets) socket.destroy()
    this.#udp.close()
    this.#tcp.close()
    await Promise.all([once(this.#udp, 'close'), once(this.#tcp, 'close')])
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    let received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        const answer = this.#answer(received.subarray(0, end), 'tcp')
        received = received.subarray(end)
        if (answer !== undefined) socket.write(answer)
      }
    })
  }

  #answer(message: Buffer, transport: Query['transport']): Buffer | undefined {
    const query = transport === 'tcp' ? streamDecode(message) : decode(message)
    const question = query?.questions?.[0]
    if (question === undefined) return undefined
    const name = question.name.toLowerCase()
    this.queries.push({ name, type: question.type, transport })
    if (this.#records === 'silent') return undefined
    const known = this.#records[name]
    const response: Packet = {
      type: 'response',
      id: query?.id ?? 0,
      flags: (query?.flags ?? 0) & 0x0100, // RFC 1035, 4.1.1: RD is copied
      questions: [question],
      answers: (known ?? []).filter((answer) => answer.type === question.type),
    }
    response.flags = (response.flags ?? 0) | 0x0080 | (known === undefined ? NXDOMAIN : 0)
    if (transport === 'tcp') return streamEncode(response)
    const encoded = encode(response)
    const hasEdns = query?.additionals?.some((record) => record.type === 'OPT') === true
    if (encoded.length <= UDP_LIMIT || hasEdns) return encoded
    return encode({ ...response, flags: response.flags | TRUNCATED_RESPONSE, answers: [] })
  }
}

/** Puts the host's resolv.conf back as the test found it. */
export function keepResolvConf(scope: Deferrer): void {
  const before = readFileSync('/etc/resolv.conf')
  scope.defer(() => {
    rmSync('/etc/resolv.conf', { force: true })
    writeFileSync('/etc/resolv.conf', before)
  })
}

/** Writes the host's resolv.conf: in place, as an editor does, or by a new file in its place, as network managers do. */
export function setResolvers(addresses: readonly string[], how: 'write' | 'rename' = 'write'): void {
  const text = addresses.map((address) => `nameserver ${address}\n`).join('')
  const path = how === 'write' ? '/etc/resolv.conf' : '/etc/resolv.conf.new'
  writeFileSync(path, text)
  if (how === 'rename') renameSync(path, '/etc/resolv.conf')
}

/** A TXT record set that is longer than a UDP answer may be. */
export function longText(name: string): Answer[] {
  const part = (i: number) => `${i}-${'x'.repeat(200)}`
  return Array.from({ length: 10 }, (_, i) => ({ type: 'TXT', name, ttl: 60, data: part(i) }) satisfies Answer)
}

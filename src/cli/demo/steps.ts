// The steps of the tour: each does something in the sandbox, checks what came of it, and says so in a few words.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { NO_PING, probeHost } from '../../app/host-facts.js'
import type { Network } from '../../app/types.js'
import { formatFlows } from '../report.js'
import { formatBytes, formatDuration, formatRate } from '../units.js'
import type { GuestAgent } from './agent.js'
import { type Echoed, type Executed, type Fetched, GREETING, type HostPorts, type Resolved, type Transferred } from './questions.js'

/** What moves in each direction (bytes). */
const TRANSFER = 256_000_000
const PINGS = 3
const NAME = 'host.netloom.internal'

export interface Tour {
  readonly network: Network
  readonly guest: GuestAgent
  /** Of the servers on the host's loopback. */
  readonly ports: HostPorts
}

export interface Step {
  readonly name: string
  /** Resolves with what happened: a line, and more below it. Rejects with what went wrong. */
  run(tour: Tour): Promise<readonly string[]>
}

function expect(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise)
}

const oneLine = (text: string): string => text.trim().replace(/\s+/g, ' ')

/** A program by its name, as a shell finds it; null when there is none. The sandbox has the same files. */
function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  return null
}

async function fetchWithCurl(guest: GuestAgent, curl: string, url: string): Promise<Fetched> {
  const command = [curl, '-sS', '--noproxy', '*', '--max-time', '5', url]
  const { status, stdout, stderr, ms } = await guest.ask<Executed>({ ask: 'execute', command })
  expect(status === 0, oneLine(stderr))
  return { body: stdout, ms }
}

async function fetchPage({ network, guest, ports }: Tour): Promise<string[]> {
  const url = `http://${network.addresses.gateway}:${ports.http}/`
  const curl = findProgram('curl')
  const { body, ms } = curl === null ? await guest.ask<Fetched>({ ask: 'fetch', url }) : await fetchWithCurl(guest, curl, url)
  expect(body.trim() === GREETING, `${url} answered '${oneLine(body)}'`)
  const how = curl === null ? 'Node (there is no curl)' : 'curl'
  return [`${how} in the sandbox fetched ${url} from the host's loopback in ${formatDuration(ms)}: "${body.trim()}"`]
}

async function pingGateway({ network, guest }: Tour): Promise<string[]> {
  const { gateway } = network.addresses
  const ping = findProgram('ping')
  if (ping !== null) {
    const done = await guest.ask<Executed>({ ask: 'execute', command: [ping, '-n', '-c', String(PINGS), '-i', '0.2', '-W', '2', gateway] })
    const answered = Number(/(\d+) (?:packets )?received/.exec(done.stdout)?.[1] ?? 0)
    const fastest = /= ([\d.]+)\//.exec(done.stdout)?.[1]
    // A status above 1, and nothing sent: this ping does not know our options.
    if (done.status === 0 || /transmitted/.test(done.stdout)) {
      expect(answered === PINGS, `${answered} of ${PINGS} pings of ${gateway} were answered`)
      return [
        `${gateway} answered ${answered} of ${PINGS}${fastest === undefined ? '' : `, the fastest in ${fastest} ms`}`,
        ...furtherPings(),
      ]
    }
  }
  const { answered } = await guest.ask<Echoed>({ ask: 'echo', address: gateway, count: PINGS })
  expect(answered === PINGS, `${answered} of ${PINGS} pings of ${gateway} were answered`)
  const why = ping === null ? 'there is no ping program' : 'the ping program does not take our options'
  return [`${gateway} answered ${answered} of ${PINGS} (${why}: sent by netloom's own ping socket, in the sandbox)`, ...furtherPings()]
}

const furtherPings = (): string[] => (probeHost().mayPing ? [] : [NO_PING])

async function resolveName({ network, guest }: Tour): Promise<string[]> {
  const { dns, gateway } = network.addresses
  const { addresses } = await guest.ask<Resolved>({ ask: 'resolve', server: dns, name: NAME })
  expect(addresses.length === 1 && addresses[0] === gateway, `${NAME} is ${addresses.join(', ') || 'nothing'} by ${dns}, not ${gateway}`)
  return [`${NAME} is ${gateway}, says the name server at ${dns}`]
}

async function move({ network, guest, ports }: Tour, direction: 'download' | 'upload'): Promise<string[]> {
  const question = { ask: direction, host: network.addresses.gateway, port: ports.bulk, bytes: TRANSFER }
  const { isWhole, ms } = await guest.ask<Transferred>(question)
  expect(isWhole, 'what arrived is not what was sent')
  return [`${formatBytes(TRANSFER)} at MTU ${network.mtu} in ${formatDuration(ms)}, every byte right: ${formatRate(TRANSFER, ms)}`]
}

async function showFlows({ network, ports }: Tour): Promise<string[]> {
  const flows = network.flows()
  const bulk = flows.find(({ protocol, remote, state }) => protocol === 'tcp' && state === 'ESTABLISHED' && remote?.port === ports.bulk)
  expect(bulk !== undefined, `of ${flows.length} flows none is the connection that is open`)
  const { bytesIn, bytesOut } = bulk ?? { bytesIn: 0, bytesOut: 0 }
  expect(
    bytesIn >= TRANSFER && bytesOut >= TRANSFER,
    `its flow counts ${formatBytes(bytesIn)} and ${formatBytes(bytesOut)}, which is too little`,
  )
  return ['the connection is still open, and this is its row, with what else there is:', ...formatFlows(flows)]
}

export const STEPS: readonly Step[] = [
  { name: 'HTTP', run: fetchPage },
  { name: 'Ping', run: pingGateway },
  { name: 'Name', run: resolveName },
  { name: 'Download', run: (tour) => move(tour, 'download') },
  { name: 'Upload', run: (tour) => move(tour, 'upload') },
  { name: 'Flow table', run: showFlows },
]

// What the control socket answers: HTTP with JSON bodies, one request a connection. Every input is checked against control-schema.ts, every
// failure is { code, message, hint } with the status that fits.
//
//     GET    /v1/network  /v1/flows  /v1/publications  /openapi.json
//     POST   /v1/publications                       { "ports": [{ "hostPort": 8080, "guestPort": 80 }] }
//     DELETE /v1/publications/3,4?close=true
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { z } from 'zod'
import { NetloomError } from '../util/errors.js'
import { guard } from '../util/guard.js'
import { packageVersion } from '../util/package-root.js'
import { openApi } from './control-openapi.js'
import * as schema from './control-schema.js'
import type { Publication } from './publications.js'
import type { PublishOptions } from './publish-spec.js'
import type { Network } from './types.js'

/** Largest request: a few thousand ports, one by one (bytes). */
const MAX_BODY = 1 << 20
const MAX_HEADERS = 16 << 10

interface Reply {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

type Handler = (network: Network, request: IncomingMessage, url: URL) => Promise<Reply> | Reply

class HttpError extends NetloomError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, hint = '', headers: Readonly<Record<string, string>> = {}) {
    super(code, message, hint)
    this.status = status
    this.headers = headers
  }
}

const SEE = 'see GET /openapi.json'
const LIST = '/v1/publications'

const ROUTES: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  '/v1/network': { GET: (network) => ({ status: 200, body: describeNetwork(network) }) },
  '/v1/flows': { GET: (network) => ({ status: 200, body: { flows: network.flows() } }) },
  [LIST]: {
    GET: (network) => ({ status: 200, body: { publications: describeAll(network.published) } }),
    POST: publish,
  },
  [`${LIST}/`]: { DELETE: unpublish },
  '/openapi.json': { GET: () => ({ status: 200, body: openApi(packageVersion()) }) },
}

/** An HTTP server that is given its connections, and listens nowhere. */
export function createApi(network: Network): Server {
  const server = createServer({ maxHeaderSize: MAX_HEADERS, keepAlive: false }, (request, response) => {
    const give = guard.wrap('an answer of the control socket', (reply: Reply) => send(response, reply))
    void answer(network, request).then(give)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
    const body = JSON.stringify({ code: 'ERR_REQUEST', message: 'this is no HTTP request that can be read', hint: SEE })
    if (socket.writable)
      socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n${body}\n`)
    else socket.destroy()
  })
  return server
}

async function answer(network: Network, request: IncomingMessage): Promise<Reply> {
  try {
    return await route(network, request)
  } catch (error) {
    const { code, message, hint } =
      error instanceof NetloomError ? error : { code: 'ERR_DEFECT', message: String(error), hint: 'please report it' }
    return { status: statusOf(error), body: { code, message, hint }, headers: error instanceof HttpError ? error.headers : {} }
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status
  if (!(error instanceof NetloomError)) return 500
  if (error.exitCode === 2) return 400
  if (error.code === 'EACCES') return 403
  return error.code === 'EADDRINUSE' || error.code === 'EADDRNOTAVAIL' || error.code === 'ERR_PUBLISH' ? 409 : 500
}

function route(network: Network, request: IncomingMessage): Promise<Reply> | Reply {
  const { url: target = '', method = '' } = request
  const url = URL.canParse(target, 'http://netloom') ? new URL(target, 'http://netloom') : null
  if (url === null) throw new HttpError(400, 'ERR_REQUEST', 'the path cannot be read', SEE)
  const path = url.pathname.startsWith(`${LIST}/`) ? `${LIST}/` : url.pathname
  const methods = Object.hasOwn(ROUTES, path) ? ROUTES[path]! : null
  if (methods === null) throw new HttpError(404, 'ERR_PATH', `there is no ${url.pathname}`, SEE)
  const handler = Object.hasOwn(methods, method) ? methods[method]! : null
  const allow = Object.keys(methods).join(', ')
  if (handler === null) throw new HttpError(405, 'ERR_METHOD', `${method} is not for ${url.pathname}`, `use ${allow}`, { allow })
  return handler(network, request, url)
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    connection: 'close',
    ...headers,
  })
  response.end(text)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const tooLong = () => new HttpError(413, 'ERR_REQUEST', `the request has more than ${MAX_BODY} bytes`, 'ask for less at a time')
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw tooLong()
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BODY) throw tooLong()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The value that a schema makes of an input. */
function check<T>(type: z.ZodType<T>, value: unknown, name: string): T {
  const { success, data, error } = type.safeParse(value)
  if (success) return data
  const { path, message } = error.issues[0]!
  const where = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  throw new HttpError(400, 'ERR_INPUT', `${name}${where}: ${message}`, SEE)
}

async function publish(network: Network, request: IncomingMessage): Promise<Reply> {
  const text = await readBody(request)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new HttpError(400, 'ERR_INPUT', `the body is no JSON: ${(error as Error).message}`, SEE)
  }
  const { ports } = check(schema.publishBody, value, 'body')
  // What zod leaves undefined counts as left out.
  const opened = network.publish(...(ports as PublishOptions[]))
  return { status: 201, body: { publications: describeAll(opened) } }
}

function unpublish(network: Network, _request: IncomingMessage, url: URL): Reply {
  const text = check(schema.idList, url.pathname.slice(LIST.length + 1).replaceAll('%2C', ','), 'ids')
  const flows = check(schema.closeFlag, url.searchParams.get('close') ?? undefined, 'close') === 'true'
  const open = new Map(network.published.map((publication) => [publication.id, publication]))
  const chosen = [...new Set(text.split(',').map(Number))].map((id) => {
    const publication = open.get(id)
    if (publication === undefined) throw new HttpError(404, 'ERR_PUBLICATION', `there is no publication ${id}`, 'see GET /v1/publications')
    return publication
  })
  for (const publication of chosen) publication.close({ flows })
  return { status: 200, body: { publications: describeAll(chosen) } }
}

function describeNetwork(network: Network): schema.NetworkDescription {
  const { name, ifname, mtu, addresses, features, counters } = network
  return {
    ...{ name, pid: process.pid, ifname, mtu },
    addresses: { ...addresses },
    features: { ...features },
    counters: { ...counters },
  }
}

const describeAll = (publications: readonly Publication[]): schema.PublicationDescription[] =>
  publications.map(({ id, protocol, hostInterface, hostAddresses, hostAddress, counters, ...other }) => ({
    ...{ id, protocol, hostInterface, hostAddresses: [...hostAddresses], hostAddress, hostPort: other.hostPort },
    ...{ guestAddress: other.guestAddress, guestPort: other.guestPort, driver: other.driver, isAutomatic: other.isAutomatic },
    counters: { ...counters },
  }))

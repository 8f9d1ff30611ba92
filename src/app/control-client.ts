// Asks the control sockets of networks that run: finds them, sends one request, and turns a failure into the error it was there. Who answers is
// made sure of (control-folder.ts, control-peer.ts), and what is answered is checked against control-schema.ts.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { z } from 'zod'
import { NetloomError } from '../util/errors.js'
import { ControlFolder } from './control-folder.js'
import { checkName } from './control-path.js'
import { ControlPeer, type NetworkProcess } from './control-peer.js'
import * as schema from './control-schema.js'

/** How long an answer may take, ms: longer than the other end takes to give up. */
const PATIENCE = 15_000
/** Status of a request that makes no sense: wrong use. */
const BAD_REQUEST = 400
/** Longest answer, bytes: 50,000 flows at 400 bytes each, and as much again. */
const MAX_ANSWER = 40 << 20

/** Uses the folder of this user's control sockets; null when there is none. */
async function inFolder<T>(use: (folder: ControlFolder) => Promise<T> | T): Promise<T | null> {
  const folder = ControlFolder.open()
  try {
    return folder === null ? null : await use(folder)
  } finally {
    folder?.close()
  }
}

/**
 * The names of this user's networks that run. What one that was killed has left behind is taken away.
 * @throws NetloomError `ERR_CONTROL` when the folder is not this user's own.
 */
export async function runningNetworks(): Promise<string[]> {
  const names = await inFolder((folder) => folder.names().filter((name) => isRunning(folder, name)))
  return names ?? []
}

function isRunning(folder: ControlFolder, name: string): boolean {
  const peer = ControlPeer.connect(folder.socket(name))
  if (typeof peer === 'string') {
    if (peer === 'ECONNREFUSED') folder.remove(name)
    return peer === 'EAGAIN'
  }
  peer.close()
  return peer.isOwn
}

/**
 * The name of the one network that is meant.
 * @throws NetloomError `ERR_NO_NETWORK`; `ERR_NAME`, exit status 2.
 */
export async function chooseNetwork(name: string | undefined): Promise<string> {
  if (name !== undefined) return checkName(name)
  const names = await runningNetworks()
  if (names.length === 1) return names[0]!
  if (names.length === 0) throw new NetloomError('ERR_NO_NETWORK', 'no network runs', 'start one with `netloom run` or `netloom attach`')
  throw new NetloomError('ERR_NO_NETWORK', `${names.length} networks run: ${names.join(', ')}`, 'say which with --network NAME', 2)
}

/**
 * Sends one request to a network, and returns what is in the answer, which is as `type` says.
 * @throws NetloomError the network's own, `ERR_NO_NETWORK` when none of that name runs, `ERR_CONTROL` when it does not answer, or not so.
 */
export async function ask<T>(name: string, type: z.ZodType<T>, method: string, target: string, body?: object): Promise<T> {
  return send(name, connected(name, await inFolder((folder) => ControlPeer.connect(folder.socket(name)))), type, method, target, body)
}

/**
 * The process that serves a network: the one that listens, as the kernel has it, whatever the answer says; null when it does not answer.
 * @throws NetloomError `ERR_NO_NETWORK`, or `ERR_CONTROL` when the folder, or who listens there, is not this user's own.
 */
export async function processOf(name: string): Promise<NetworkProcess | null> {
  const found = await inFolder((folder) => ControlPeer.connect(folder.socket(name)))
  if (typeof found === 'string' && !isGone(found)) return null
  const peer = connected(name, found)
  // Held before the question. Who answers is there, and was: nobody else can have had its PID in between.
  const process = peer.process()
  try {
    const answer = await send(name, peer, schema.network, 'GET', '/v1/network')
    if (answer.name === name) return process
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error
  }
  process?.close()
  return null
}

/** @throws NetloomError when nobody is there, or somebody else. */
function connected(name: string, peer: ControlPeer | string | null): ControlPeer {
  if (peer === null) throw unreachable(name, 'ENOENT')
  if (typeof peer === 'string') throw unreachable(name, peer)
  if (peer.isOwn) return peer
  peer.close()
  throw new NetloomError('ERR_CONTROL', `the network '${name}' is served by somebody else (UID ${peer.uid}), who is not asked`)
}

function send<T>(name: string, peer: ControlPeer, type: z.ZodType<T>, method: string, target: string, body?: object): Promise<T> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  return new Promise((resolve, reject) => {
    const createConnection = (): Socket => peer.socket()
    const request = httpRequest({ createConnection, method, path: target, headers }, (response) => {
      receive(response).then((answer) => {
        const isRight = (response.statusCode ?? 0) < BAD_REQUEST
        const parsed = (isRight ? type : schema.failure).safeParse(answer)
        if (!parsed.success) reject(unreachable(name, 'its answer is not as it should be'))
        else if (isRight) resolve(parsed.data as T)
        else reject(failure(parsed.data as Failure, response.statusCode ?? 0))
      }, reject)
    })
    // Whoever answers byte by byte does not keep us.
    const deadline = setTimeout(() => request.destroy(new Error('it does not answer')), PATIENCE)
    request.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(name, error.message)))
    request.on('close', () => clearTimeout(deadline))
    request.end(text)
  })

  /** The value that an answer is; undefined when it is none. */
  async function receive(response: IncomingMessage): Promise<unknown> {
    const chunks: Buffer[] = []
    let length = 0
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        length += chunk.length
        if (length > MAX_ANSWER) return undefined
        chunks.push(chunk)
      }
    } catch (error) {
      throw unreachable(name, (error as Error).message)
    }
    try {
      return JSON.parse(Buffer.concat(chunks).toString())
    } catch {
      return undefined
    }
  }
}

type Failure = z.infer<typeof schema.failure>

function failure({ code, message, hint }: Failure, status: number): NetloomError {
  // The message has the hint at its end, as ours will have again.
  const what = hint !== '' && message.endsWith(`; ${hint}`) ? message.slice(0, -hint.length - 2) : message
  return new NetloomError(code, what, hint, status === BAD_REQUEST ? 2 : 1)
}

const isGone = (errno: string): boolean => errno === 'ENOENT' || errno === 'ECONNREFUSED'

/** `why`: the errno's name, or a text. */
function unreachable(name: string, why: string): NetloomError {
  if (isGone(why)) return new NetloomError('ERR_NO_NETWORK', `no network with the name '${name}' runs`, 'see `netloom ps`')
  return new NetloomError('ERR_CONTROL', `the network '${name}' cannot be asked: ${why}`, 'see `netloom ps`')
}

// Asks the control sockets of networks that run: finds them, sends one request, and turns a failure into the error it was there.
import { unlinkSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { NetloomError } from '../util/errors.js'
import { checkName, controlFolder, namesIn, socketPath } from './control-path.js'

/** How long an answer may take, ms: longer than the other end takes to give up. */
const PATIENCE = 15_000
/** Status of a request that makes no sense: wrong use. */
const BAD_REQUEST = 400

/** The names of this user's networks that run. What one that was killed has left behind is taken away. */
export async function runningNetworks(): Promise<string[]> {
  const folder = controlFolder()
  const names = namesIn(folder)
  const running = await Promise.all(names.map((name) => isRunning(socketPath(folder, name))))
  return names.filter((_, i) => running[i])
}

function isRunning(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') unlinkSync(path)
      resolve(error.code === 'EAGAIN')
    })
  })
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
 * Sends one request to a network, and returns what is in the answer.
 * @throws NetloomError the network's own, `ERR_NO_NETWORK` when none of that name runs, `ERR_CONTROL` when it does not answer.
 */
export function ask<T>(name: string, method: string, target: string, body?: object): Promise<T> {
  const path = socketPath(controlFolder(), name)
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath: path, method, path: target, headers, timeout: PATIENCE }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', (error) => reject(unreachable(name, error)))
      response.on('end', () => {
        const status = response.statusCode ?? 0
        const answer = JSON.parse(Buffer.concat(chunks).toString()) as T
        if (status < BAD_REQUEST) resolve(answer)
        else reject(failure(answer as Failure, status))
      })
    })
    request.on('timeout', () => request.destroy(new Error('it does not answer')))
    request.on('error', (error) => reject(unreachable(name, error)))
    request.end(text)
  })
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string
}

function failure({ code, message, hint }: Failure, status: number): NetloomError {
  // The message has the hint at its end, as ours will have again.
  const what = hint !== '' && message.endsWith(`; ${hint}`) ? message.slice(0, -hint.length - 2) : message
  return new NetloomError(code, what, hint, status === BAD_REQUEST ? 2 : 1)
}

function unreachable(name: string, error: NodeJS.ErrnoException): NetloomError {
  const isGone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
  if (isGone) return new NetloomError('ERR_NO_NETWORK', `no network with the name '${name}' runs`, 'see `netloom ps`')
  return new NetloomError('ERR_CONTROL', `the network '${name}' cannot be asked: ${error.message}`, 'see `netloom ps`')
}

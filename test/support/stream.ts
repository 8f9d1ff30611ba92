// What comes over a connection.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { within } from './program.js'

/** All that comes, to the end; an error by its code. */
export function everything(socket: Socket): Promise<Buffer | string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  const all = once(socket, 'end').then(
    () => Buffer.concat(chunks),
    (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
  )
  return within(all, () => `no end of the stream after ${Buffer.concat(chunks).length} bytes`)
}

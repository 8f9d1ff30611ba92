// Before a stack is timed it has to prove that it moves bytes: 20 MB up, then 20 MB down over one connection, compared by SHA-256.
// The guest's end is transfer.ts. It does not end its side in between: half-close is for the tests, and would leave pasta of
// March 2023 out of the comparison (after the guest's FIN it sends what it peeked again and again: gigabytes for 20 MB).
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { repository } from '../support/machine.js'
import type { Session } from './session.js'

export const TRANSFER_BYTES = 20_000_000
const TRANSFER_MS = 120_000 // pasta's upload has been seen at 10 Mbit/s

export interface Transfer {
  readonly sent: string
  readonly received: string
  readonly receivedBytes: number
}

/** Throws when what arrived is not what was sent. */
export async function checkIntegrity(session: Session): Promise<void> {
  const data = randomBytes(TRANSFER_BYTES)
  const sent = createHash('sha256').update(data).digest('hex')
  const received = createHash('sha256')
  let receivedBytes = 0
  const server = createServer((socket) => {
    socket.on('data', (chunk) => {
      received.update(chunk)
      receivedBytes += chunk.length
      if (receivedBytes === TRANSFER_BYTES) socket.end(data)
    })
    socket.on('error', () => socket.destroy()) // the guest reports it
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  try {
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const program = join(repository, 'dist', 'bench', 'e2e', 'transfer.js')
    const guest = session.client.start(process.execPath, [program, session.address, String(port), String(TRANSFER_BYTES)])
    const output = await guest.finish(TRANSFER_MS).catch((error: Error) => {
      throw new Error(`${error.message} (${receivedBytes} bytes had arrived of ${TRANSFER_BYTES} sent up)`)
    })
    const told = JSON.parse(output) as Transfer
    if (told.sent !== received.digest('hex')) throw new Error('what was sent up is not what arrived')
    if (told.received !== sent) throw new Error(`what was sent down is not what arrived: ${told.receivedBytes} bytes`)
  } finally {
    server.close()
  }
}

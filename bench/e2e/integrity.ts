// Before a stack is timed it has to prove that it moves bytes: 20 MB up, then 20 MB down, compared by SHA-256. The guest's end is transfer.ts.
// It connects, and keeps the one connection open until both are through; or it is connected to, at a published port, once for each way. Neither
// is half-close, which is for the tests, and would leave pasta of March 2023 out of the comparison: after the guest's FIN it sends what it
// peeked again and again (gigabytes for 20 MB), and on published ports it keeps the last bytes until an end comes.
import { createHash, randomBytes } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { repository } from '../support/machine.js'
import type { Program } from '../support/process.js'
import type { Session } from './session.js'

export const TRANSFER_BYTES = 20_000_000
const TRANSFER_MS = 120_000 // pasta's upload has been seen at 10 Mbit/s

export interface Transfer {
  readonly sent: string
  readonly received: string
  readonly receivedBytes: number
}

/** Our end: takes all that the guest sends, and sends it `data`. */
class End {
  readonly data = randomBytes(TRANSFER_BYTES)
  readonly #received = createHash('sha256')
  receivedBytes = 0

  receive(socket: Socket, isAll: () => void): void {
    socket.on('data', (chunk) => {
      this.#received.update(chunk)
      this.receivedBytes += chunk.length
      if (this.receivedBytes === TRANSFER_BYTES) isAll()
    })
    socket.on('error', () => socket.destroy()) // the guest reports it
  }

  async judge(guest: Program): Promise<void> {
    const output = await guest.finish(TRANSFER_MS).catch((error: Error) => {
      throw new Error(`${error.message} (${this.receivedBytes} bytes had arrived of ${TRANSFER_BYTES} sent up)`)
    })
    const told = JSON.parse(output) as Transfer
    if (told.sent !== this.#received.digest('hex')) throw new Error('what was sent up is not what arrived')
    const sent = createHash('sha256').update(this.data).digest('hex')
    if (told.received !== sent) throw new Error(`what was sent down is not what arrived: ${told.receivedBytes} bytes`)
  }
}

const transfer = (host: string, port: number): string[] => [
  join(repository, 'dist', 'bench', 'e2e', 'transfer.js'),
  ...[host, String(port), String(TRANSFER_BYTES)],
]

/** Throws when what arrived is not what was sent. */
export async function checkIntegrity(session: Session, isForward: boolean): Promise<void> {
  const end = new End()
  if (isForward) {
    const { port, server } = await session.serve(process.execPath, (_, own) => transfer('', own))
    const first = connect({ host: session.address, port })
    end.receive(first, () => {})
    first.on('close', () => {
      const second = connect({ host: session.address, port }, () => second.end(end.data))
      second.on('error', () => second.destroy())
    })
    return await end.judge(server)
  }
  const server = createServer((socket) => end.receive(socket, () => socket.end(end.data)))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  try {
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    await end.judge(session.client.start(process.execPath, transfer(session.address, port)))
  } finally {
    server.close()
  }
}

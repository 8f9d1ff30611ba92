// Moving many bytes over one TCP connection, either way, as fast as two programs in Node can. The sandbox's end asks:
//
//     | D or U 1 | bytes 4 |                        then for D the server sends so many bytes of the pattern, for U they follow, and
//                                                   the server answers Y when they were right, else N
import { connect, type Socket } from 'node:net'
import { PatternCheck, sendPattern } from './pattern.js'
import type { Transferred } from './questions.js'

const HEADER_BYTES = 5
const DOWNLOAD = 'D'.charCodeAt(0)
const UPLOAD = 'U'.charCodeAt(0)
const RIGHT = 'Y'.charCodeAt(0)
/** What one read can take: the more at once, the less of the time is Node's (bytes). */
const READ_BYTES = 1 << 20

function header(direction: number, bytes: number): Buffer {
  const text = Buffer.alloc(HEADER_BYTES)
  text.writeUInt8(direction)
  text.writeUInt32BE(bytes, 1)
  return text
}

/** The server's end of a connection. */
export function serveBulk(socket: Socket): void {
  let wanted = 0
  let check = new PatternCheck()
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Buffer) => {
    let rest = chunk
    if (wanted === 0) {
      // Five bytes sent at once into an empty stream come at once.
      const bytes = rest.readUInt32BE(1)
      if (rest[0] === DOWNLOAD) return void sendPattern(socket, bytes)
      wanted = bytes
      check = new PatternCheck()
      rest = rest.subarray(HEADER_BYTES)
    }
    check.take(rest)
    if (check.bytes < wanted) return
    socket.write(check.isWhole && check.bytes === wanted ? 'Y' : 'N')
    wanted = 0
  })
}

/** The sandbox's end. */
export class BulkConnection {
  readonly #socket: Socket
  #take: (chunk: Buffer) => void = () => {}
  #fail: (error: Error) => void = () => {}

  constructor(host: string, port: number) {
    const buffer = Buffer.alloc(READ_BYTES)
    const callback = (length: number): boolean => {
      this.#take(buffer.subarray(0, length))
      return true
    }
    this.#socket = connect({ host, port, onread: { buffer, callback } })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')))
  }

  async download(bytes: number): Promise<Transferred> {
    const check = new PatternCheck()
    const start = performance.now()
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject
      this.#take = (chunk) => {
        check.take(chunk)
        if (check.bytes >= bytes) resolve()
      }
      this.#socket.write(header(DOWNLOAD, bytes))
    })
    return { isWhole: check.isWhole && check.bytes === bytes, ms: performance.now() - start }
  }

  async upload(bytes: number): Promise<Transferred> {
    const start = performance.now()
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      this.#fail = reject
      this.#take = (chunk) => resolve(chunk[0])
      this.#socket.write(header(UPLOAD, bytes))
      sendPattern(this.#socket, bytes).catch(reject)
    })
    return { isWhole: answer === RIGHT, ms: performance.now() - start }
  }
}

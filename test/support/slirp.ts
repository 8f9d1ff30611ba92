// `netloom-slirp4netns` as its callers start it, beside the program whose place it takes: with a pipe that tells when it is ready, one whose
// end tells it to go, and an API socket.
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { type Outcome, Program, type ProgramOptions, within } from './program.js'
import { asUser, userEnvironment, world } from './world.js'

export const SLIRP = join(world.root, 'dist/bin/netloom-slirp4netns')
/** The program itself, of the distribution. */
export const REFERENCE = '/usr/bin/slirp4netns'

/** Descriptors that it is started with. */
const READY = 3
const EXIT = 4

interface SlirpOptions extends ProgramOptions {
  /** The program to start. */
  readonly path?: string
}

/** Runs it to its end. */
export function runSlirp(args: readonly string[], { path = SLIRP, ...options }: SlirpOptions = {}): Promise<Outcome> {
  return new Program(asUser([path, ...args]), { environment: userEnvironment, directory: '/', input: '', ...options }).finished
}

export class Slirp {
  readonly program: Program
  /** Settles with all that was written to the ready descriptor when that is closed. */
  readonly ready: Promise<string>

  /** Starts it with these arguments, `--ready-fd` and `--exit-fd`. */
  constructor(args: readonly string[], { path = SLIRP, ...options }: SlirpOptions = {}) {
    const command = asUser([path, `--ready-fd=${READY}`, `--exit-fd=${EXIT}`, ...args])
    this.program = new Program(command, {
      environment: userEnvironment,
      directory: '/',
      deadline: 600_000,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      ...options,
    })
    const pipe = this.#pipe(READY)
    this.ready = new Promise((resolve) => {
      let text = ''
      pipe.setEncoding('utf8')
      pipe.on('data', (chunk: string) => {
        text += chunk
      })
      pipe.on('end', () => resolve(text))
      pipe.on('error', () => resolve(text))
    })
  }

  /** Started, and ready. */
  static async start(args: readonly string[], options: SlirpOptions = {}): Promise<Slirp> {
    const slirp = new Slirp(args, options)
    const text = await within(slirp.ready, () => `was not ready: ${slirp.program.describe()}`).catch((error) => error.message)
    if (text === '1') return slirp
    await slirp.close()
    throw new Error(`told '${text}' where it should be ready: ${slirp.program.describe()}`)
  }

  #pipe(descriptor: number): Duplex {
    return this.program.child.stdio[descriptor] as unknown as Duplex
  }

  /** The other end of the exit descriptor: written to, or closed. */
  get exit(): Duplex {
    return this.#pipe(EXIT)
  }

  /** Ends it as callers do; what became of it. */
  async end(): Promise<Outcome> {
    this.exit.destroy()
    return this.program.outcome()
  }

  async close(): Promise<void> {
    this.exit.destroy()
    await this.program.close()
  }
}

/** One connection to an API socket: writes the pieces, one after the other, and returns all that comes back. */
export function askApi(path: string, pieces: readonly string[], { isHalfClosed = false } = {}): Promise<string> {
  const socket = connect(path)
  let text = ''
  const answer = new Promise<string>((resolve, reject) => {
    socket.setEncoding('utf8')
    socket.on('error', reject)
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('end', () => resolve(text))
    socket.on('connect', () => void send())
    const send = async () => {
      // Each piece by itself: what was written before is in the kernel, and was read or not.
      for (const piece of pieces) {
        await new Promise<void>((done) => socket.write(piece, () => done()))
        await new Promise((done) => setImmediate(done))
      }
      if (isHalfClosed) socket.end()
    }
  })
  return within(answer, () => `no end of the answer to ${pieces.join('').slice(0, 200)}: ${text}`).finally(() => socket.destroy())
}

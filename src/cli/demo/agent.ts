// Our end of the tour's two other programs: the servers on the host's loopback, and the program in the sandbox that is asked.
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { spawnNode } from '../../host/debugger.js'
import { PACKAGE_ROOT } from '../../util/package-root.js'
import type { Answer, HostPorts, Question } from './questions.js'

const programPath = (name: string): string => join(PACKAGE_ROOT, 'dist', 'src', 'cli', 'demo', `${name}.js`)

/** The command of the program in the sandbox. */
export const guestCommand = (): string[] => [process.execPath, programPath('guest')]

/** Lines of a stream, one at a time. */
class Lines {
  readonly #waiting: ((line: string | null) => void)[] = []
  readonly #read: string[] = []
  #hasEnded = false

  constructor(stream: Readable) {
    createInterface({ input: stream })
      .on('line', (line) => {
        const next = this.#waiting.shift()
        if (next === undefined) this.#read.push(line)
        else next(line)
      })
      .on('close', () => {
        this.#hasEnded = true
        for (const next of this.#waiting.splice(0)) next(null)
      })
  }

  /** The next line, null at the end. */
  next(): Promise<string | null> {
    const line = this.#read.shift()
    if (line !== undefined || this.#hasEnded) return Promise.resolve(line ?? null)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** The program in the sandbox. */
export class GuestAgent {
  readonly #input: Writable
  readonly #lines: Lines

  constructor(input: Writable, output: Readable) {
    this.#input = input.on('error', () => {})
    this.#lines = new Lines(output)
  }

  /** Asks one question; the one before has been answered. */
  async ask<T>(question: Question): Promise<T> {
    this.#input.write(`${JSON.stringify(question)}\n`)
    const line = await this.#lines.next()
    if (line === null) throw new Error('the program in the sandbox has ended')
    const answer = JSON.parse(line) as Answer<T>
    if ('error' in answer) throw new Error(answer.error)
    return answer.value
  }
}

/** The servers on the host's loopback. */
export class HostServer {
  readonly ports: Promise<HostPorts>
  readonly #child: ChildProcess

  constructor() {
    const child = spawnNode([programPath('host-server')], ['pipe', 'pipe', 'inherit'])
    this.#child = child
    const lines = new Lines(child.stdout!)
    this.ports = new Promise((resolve, reject) => {
      child.once('error', reject)
      lines
        .next()
        .then(
          (line) => (line === null ? reject(new Error('the server on the host did not start')) : resolve(JSON.parse(line) as HostPorts)),
          reject,
        )
    })
    this.ports.catch(() => {})
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await exited
  }
}

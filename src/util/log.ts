/*
 * Lines for people, on stderr. Off the packet path: there it is counters.
 *
 *     quiet     errors
 *     normal    errors, warnings and what a person should know
 *     verbose   everything
 */

import { visible } from './text.js'

export type LogLevel = 'quiet' | 'normal' | 'verbose'

type LogWrite = (text: string) => void

const PREFIX = 'netloom: '

export class Log {
  readonly level: LogLevel
  readonly #write: LogWrite

  /** `write` takes whole lines, line end included. */
  constructor(level: LogLevel, write: LogWrite) {
    this.level = level
    this.#write = write
  }

  get isVerbose(): boolean {
    return this.level === 'verbose'
  }

  error(text: string): void {
    this.#line(text)
  }

  warn(text: string): void {
    if (this.level !== 'quiet') this.#line(`warning: ${text}`)
  }

  info(text: string): void {
    if (this.level !== 'quiet') this.#line(text)
  }

  verbose(text: string): void {
    if (this.level === 'verbose') this.#line(text)
  }

  /** One call, one line: a line end inside (from a system message, or a guest's name) may not forge another. */
  #line(text: string): void {
    this.#write(`${PREFIX}${visible(text.replace(/\p{Cc}+/gu, ' ').trimEnd())}\n`)
  }
}

/*
 * The file that resolv.conf(5) is about: its text, and what tells one text from another without reading it.
 */

import { readFileSync, statSync } from 'node:fs'

/** Where the text of resolv.conf comes from. */
export interface ResolvConfSource {
  /** Another one when there is another text; '' when there is none. */
  signature(): string
  text(): string
}

export class ResolvConfFile implements ResolvConfSource {
  readonly #path: string

  constructor(path = '/etc/resolv.conf') {
    this.#path = path
  }

  // Anything but a file could keep a reader waiting.
  signature(): string {
    try {
      const stat = statSync(this.#path, { bigint: true })
      return stat.isFile() ? `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}` : ''
    } catch {
      return ''
    }
  }

  text(): string {
    try {
      return readFileSync(this.#path, 'utf8')
    } catch {
      return ''
    }
  }
}

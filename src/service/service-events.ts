/*
 * The descriptors of services in the event loop: one class of tokens for all of them, and the top bits of the index say whose.
 *
 *     index  | part 2 | index of the part 18 |
 */

import { type EventLoop, type ReadyHandler, TOKEN_SERVICE, token } from '../host/event-loop.js'

/** Parts of the index. */
export const PART_DNS_UDP = 0
export const PART_DNS_TCP = 1
export const PART_DNS_STREAM = 2
const PARTS = 4
const PART_SHIFT = 18
const INDEX_MASK = (1 << PART_SHIFT) - 1

/** What is used of the event loop. */
export type ServiceLoop = Pick<EventLoop, 'now' | 'serve'>

export class ServiceEvents implements ReadyHandler {
  readonly #loop: ServiceLoop
  readonly #handlers = new Array<ReadyHandler | null>(PARTS).fill(null)

  constructor(loop: ServiceLoop) {
    this.#loop = loop
    loop.serve(TOKEN_SERVICE, this)
  }

  /** int32 ms. */
  get now(): number {
    return this.#loop.now
  }

  serve(part: number, handler: ReadyHandler): void {
    this.#handlers[part] = handler
  }

  /** `index`: less than 2^18. */
  token(part: number, generation: number, index: number): number {
    return token(TOKEN_SERVICE, generation, (part << PART_SHIFT) | index)
  }

  ready(index: number, generation: number, events: number): void {
    this.#handlers[index >>> PART_SHIFT]?.ready(index & INDEX_MASK, generation, events)
  }
}

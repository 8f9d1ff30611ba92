/*
 * A question under way by TCP (dns-tcp-upstream.ts): a connection to each server that it was asked of, oldest first.
 *
 *     Call --> attempts | over | waiting | turn: waiting, until the next | not begun |
 *                                \-- source: the one that a transfer comes from, and then the only one
 */

import type { Nameserver, Pace } from '../host/resolver.js'
import { framed, MESSAGE_AT, MessageReader } from './dns-framing.js'
import type * as dns from './dns-message.js'
import { TransferProgress } from './dns-transfer.js'

/** No descriptor. */
export const CLOSED = -1

/** A question, as far as it matters here. */
export interface ConnectionQuestion {
  readonly message: Buffer
  readonly question: dns.Question
  /** ms, when it came. */
  readonly startedAt: number
  readonly pace: Pace
  readonly isTransfer: boolean
}

/** One server and a question to it. */
export class Attempt {
  readonly server: Nameserver
  readonly id: number
  readonly reader = new MessageReader()
  /** What is not sent yet. */
  unsent: Buffer
  descriptor = CLOSED
  isOver = false

  constructor(server: Nameserver, id: number, message: Buffer) {
    this.server = server
    this.id = id
    this.unsent = framed(message)
    this.unsent.writeUInt16BE(id, MESSAGE_AT)
  }
}

/** A question under way. */
export class Call<Q extends ConnectionQuestion> {
  readonly question: Q
  handle = 0
  readonly attempts: readonly Attempt[]
  /** The attempt begun last. */
  turn = -1
  refusal: Buffer | null = null
  /** The one that the transfer comes from. */
  source: Attempt | null = null
  readonly progress = new TransferProgress()
  isPaused = false

  constructor(question: Q, attempts: readonly Attempt[]) {
    this.question = question
    this.attempts = attempts
  }
}

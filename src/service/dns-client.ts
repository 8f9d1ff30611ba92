/*
 * Who asks, and how an answer is to look to it: its own identifier, its own spelling of the name (some send it in random case, and
 * compare), as long as it can take. One kind for each transport; what stands between is the same for both.
 */

import * as dns from './dns-message.js'

/** A zone transfer, for who receives it. */
export interface Transfer {
  /** There is room for more. */
  resume(): void
  /** Nobody is there any more. */
  cancel(): void
}

interface Asker {
  readonly id: number
  /** The question as this client spelled it; empty when it could not be read. */
  question: Buffer
  /** The longest answer it can take, bytes. */
  payload: number
  /** Sends it the answer to its query, and is done. The message itself stays as it is. */
  take(answer: Buffer): void
}

/** Asks again when nothing comes; by the same query, as far as address, port and identifier can tell. */
export interface DatagramClient extends Asker {
  readonly transport: 'udp'
  /** Four words. */
  readonly address: Int32Array
  readonly port: number
}

/** Does not ask again: it must be answered, always. */
export interface StreamClient extends Asker {
  readonly transport: 'tcp'
  /** Instead of one answer there may be many. */
  begin(transfer: Transfer): void
  /** One of them, not the last; false: no more until `Transfer.resume`. */
  part(message: Buffer): boolean
  /** It cannot be ended as it should. */
  abandon(): void
}

export type Client = DatagramClient | StreamClient

/** Makes the message at `at` of `bytes` its client's own. */
export function dress(client: Asker, bytes: Uint8Array, at: number): void {
  bytes[at] = client.id >>> 8
  bytes[at + 1] = client.id
  bytes.set(client.question, at + dns.HEADER_LENGTH)
}

/** True for a query that has been taken and waits. */
export const isRepeated = (known: Client, client: Client): boolean =>
  known.transport === 'udp' &&
  client.transport === 'udp' &&
  known.id === client.id &&
  known.port === client.port &&
  known.address.every((word, i) => word === client.address[i])

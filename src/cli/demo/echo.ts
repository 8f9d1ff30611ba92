// Ping without a ping program: ICMP echo over a ping socket (icmp(7)) of our own addon, for sandboxes that have no other.
import { setTimeout as sleep } from 'node:timers/promises'
import { createContext } from '../../host/native.js'
import { errnoName } from '../../util/errors.js'
import { parseAny } from '../../wire/address.js'
import * as icmp from '../../wire/icmpv4.js'
import type { Echoed } from './questions.js'

/** Bytes of the context's arena, of which one message is used. */
const ARENA_BYTES = 4096
const MESSAGE_BYTES = icmp.HEADER_LENGTH + 56
/** Where an answer is put. */
const ANSWER_AT = 1024
const ANSWER_BYTES = 1500
/** How long one answer is waited for, and how often it is looked for (ms). */
const PATIENCE = 1000
const PAUSE = 2
const IPV4 = 4

/** Sends `count` echo requests, one after the other, and counts the answers. */
export async function echo(address: string, count: number): Promise<Echoed> {
  const words = parseAny(address)
  if (words === null) throw new Error(`${address} is not an address`)
  const native = createContext(ARENA_BYTES)
  const socket = native.pingOpen(IPV4, 0)
  try {
    if (socket < 0) throw new Error(`a ping socket cannot be opened: ${errnoName(socket)}`)
    const view = new DataView(native.arena)
    let answered = 0
    for (let sequence = 1; sequence <= count; sequence++) {
      // The kernel fills in identifier and checksum.
      view.setUint8(0, icmp.ECHO)
      view.setUint16(icmp.HEADER_LENGTH - 2, sequence)
      const sent = native.udpSend(socket, 0, MESSAGE_BYTES, 0, ...words, 1)
      if (sent < 0) throw new Error(`sendmsg: ${errnoName(sent)}`)
      for (const end = performance.now() + PATIENCE; performance.now() < end; await sleep(PAUSE)) {
        if (native.udpReceive(socket, ANSWER_AT, ANSWER_BYTES) < icmp.HEADER_LENGTH) continue
        if (icmp.type(view, ANSWER_AT) !== icmp.ECHO_REPLY || icmp.sequence(view, ANSWER_AT) !== sequence) continue
        answered++
        break
      }
    }
    return { answered }
  } finally {
    if (socket >= 0) native.closeDescriptor(socket)
    native.close()
  }
}

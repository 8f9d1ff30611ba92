// Where scripts begin: each state of RFC 9293, 3.3.2, reached on the shortest way that a connection takes to it. SEG.SEQ of the guest's
// next segment and SND.NXT of ours stand with each; the guest's window is 64,000 bytes (500 << 7) unless its SYN says otherwise.
import assert from 'node:assert/strict'
import type { State } from '../../src/tcp/state.js'
import { begin, type Conversation } from './script.js'
import type { SegmentText } from './script-segment.js'
import type { ScriptOptions } from './tcp-script.js'

/** What a segment of the guest carries besides, once its SYN had timestamps. */
const stamp = (syn: SegmentText): SegmentText => (syn.timestamp ? { timestamp: syn.timestamp } : {})

function isNow(t: Conversation, state: State): Conversation {
  assert.equal(t.state, state)
  return t.silence()
}

/** LISTEN: the guest's SYN (0) is held, the host's connect is pending. The guest's next: 1. */
export function synHeld(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  return isNow(begin(o).guest({ flags: 'S', seq: 0, ...syn }), 'LISTEN')
}

/** SYN-RECEIVED: our SYN-ACK (0) is on its way. The guest's next: 1, ours: 1. */
export function synReceived(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  const t = begin(o)
    .guest({ flags: 'S', seq: 0, ...syn })
    .hostConnects()
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  return isNow(t, 'SYN-RECEIVED')
}

/** SYN-SENT: our SYN (0) is on its way to the guest. The guest's next: 0, ours: 1. */
export function synSent(o: ScriptOptions = {}): Conversation {
  const t = begin(o).hostOpens()
  t.expect({ flags: 'S', seq: 0 })
  return isNow(t, 'SYN-SENT')
}

/** ESTABLISHED, after our SYN. The guest's next: 1, ours: 1. */
export function connected(o: ScriptOptions = {}, synAck: SegmentText = {}): Conversation {
  const t = synSent(o).guest({ flags: 'S.', seq: 0, ack: 1, ...synAck })
  t.expect({ flags: '.', seq: 1, ack: 1 })
  return isNow(t, 'ESTABLISHED')
}

/** SYN-RECEIVED, after both have sent a SYN at once. The guest's next: 1, ours: 1. */
export function simultaneous(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  const t = synSent(o).guest({ flags: 'S', seq: 0, ...syn })
  t.expect({ flags: 'S.', seq: 0, ack: 1 })
  return isNow(t, 'SYN-RECEIVED')
}

/** ESTABLISHED. The guest's next: 1, ours: 1. */
export function established(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  return isNow(synReceived(o, syn).guest({ seq: 1, ack: 1, ...stamp(syn) }), 'ESTABLISHED')
}

/** FIN-WAIT-1: the host has ended, our FIN (1) is on its way. The guest's next: 1, ours: 2. */
export function finWait1(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  const t = established(o, syn).hostEnds()
  t.expect({ flags: 'F.', seq: 1, ack: 1 })
  return isNow(t, 'FIN-WAIT-1')
}

/** FIN-WAIT-2: the guest has our FIN. The guest's next: 1, ours: 2. */
export function finWait2(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  return isNow(finWait1(o, syn).guest({ seq: 1, ack: 2, ...stamp(syn) }), 'FIN-WAIT-2')
}

/** CLOSE-WAIT: the guest has ended (1). The guest's next: 2, ours: 1. */
export function closeWait(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  const t = established(o, syn).guest({ flags: 'F.', seq: 1, ack: 1, ...stamp(syn) })
  t.expect({ flags: '.', seq: 1, ack: 2 })
  return isNow(t, 'CLOSE-WAIT')
}

/** CLOSING: both have ended at once, and our FIN (1) is on its way. The guest's next: 2, ours: 2. */
export function closing(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  const t = finWait1(o, syn).guest({ flags: 'F.', seq: 1, ack: 1, ...stamp(syn) })
  t.expect({ flags: '.', seq: 2, ack: 2 })
  return isNow(t, 'CLOSING')
}

/** LAST-ACK: the guest has ended, then the host, and our FIN (1) is on its way. The guest's next: 2, ours: 2. */
export function lastAck(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  const t = closeWait(o, syn).hostEnds()
  t.expect({ flags: 'F.', seq: 1, ack: 2 })
  return isNow(t, 'LAST-ACK')
}

/** TIME-WAIT: the host has ended, then the guest. The guest's next: 2, ours: 2. */
export function timeWait(o: ScriptOptions = {}, syn: SegmentText = {}): Conversation {
  const t = finWait2(o, syn).guest({ flags: 'F.', seq: 1, ack: 2, ...stamp(syn) })
  t.expect({ flags: '.', seq: 2, ack: 2 })
  return isNow(t, 'TIME-WAIT')
}

/** A state to begin in, and the numbers that it leaves both sides with. */
export interface Start {
  readonly state: State
  readonly begin: (o?: ScriptOptions, syn?: SegmentText) => Conversation
  /** SEG.SEQ of the guest's next segment. */
  readonly guest: number
  /** SND.NXT of ours; it acknowledges all that was sent. */
  readonly next: number
}

/** The states after the handshake. */
export const SYNCHRONIZED: readonly Start[] = [
  { state: 'ESTABLISHED', begin: established, guest: 1, next: 1 },
  { state: 'FIN-WAIT-1', begin: finWait1, guest: 1, next: 2 },
  { state: 'FIN-WAIT-2', begin: finWait2, guest: 1, next: 2 },
  { state: 'CLOSE-WAIT', begin: closeWait, guest: 2, next: 1 },
  { state: 'CLOSING', begin: closing, guest: 2, next: 2 },
  { state: 'LAST-ACK', begin: lastAck, guest: 2, next: 2 },
  { state: 'TIME-WAIT', begin: timeWait, guest: 2, next: 2 },
]

/** The states in which the guest has not ended. */
export const RECEIVING = SYNCHRONIZED.filter((start) => start.guest === 1)
/** The states in which it has. */
export const ENDED = SYNCHRONIZED.filter((start) => start.guest === 2)

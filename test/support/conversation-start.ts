// Where random conversations begin: a way to each state of RFC 9293, 3.3.2. What is offered on the way, and who opens, is left to chance.
import assert from 'node:assert/strict'
import type { State } from '../../src/tcp/state.js'
import type { RandomConversation } from './tcp-conversation.js'

type Move = 'open' | 'syn' | 'connect' | 'syn-ack' | 'ack' | 'fin' | 'end'

const OPEN: readonly (readonly Move[])[] = [
  ['syn', 'connect', 'ack'],
  ['open', 'syn-ack'],
  ['open', 'syn', 'ack'],
]
/** Each way to be open, and then these moves. */
const then = (...moves: Move[]): Move[][] => OPEN.map((way) => [...way, ...moves])

/** In each state the moves that lead to it; `fin` acknowledges nothing new, so it may cross ours. */
const WAYS: Readonly<Record<State, readonly (readonly Move[])[]>> = {
  CLOSED: [[]],
  LISTEN: [['syn']],
  'SYN-SENT': [['open']],
  'SYN-RECEIVED': [
    ['syn', 'connect'],
    ['open', 'syn'],
  ],
  ESTABLISHED: then(),
  'FIN-WAIT-1': then('end'),
  'FIN-WAIT-2': then('end', 'ack'),
  'CLOSE-WAIT': then('fin'),
  CLOSING: then('end', 'fin'),
  'LAST-ACK': then('fin', 'end'),
  'TIME-WAIT': [...then('end', 'ack', 'fin'), ...then('end', 'fin', 'ack')],
}

/** Takes a connection that is none yet to a state. */
export function reach(conversation: RandomConversation, state: State): void {
  const { guest, random } = conversation
  for (const move of random.pick(WAYS[state])) {
    const c = conversation.t.connection
    switch (move) {
      case 'open':
        conversation.open()
        break
      case 'syn':
        conversation.guestSends([{ ...guest.syn(), flags: 'S' }])
        break
      case 'syn-ack':
        conversation.guestSends([{ ...guest.syn(), flags: 'S.', ack: 1 }])
        break
      case 'connect':
        conversation.connect(1 << 20)
        break
      case 'ack':
        conversation.guestSends([guest.plain(c.sndMax)])
        break
      case 'fin':
        conversation.guestSends([guest.plain(c.sndUna, { flags: 'F.' })])
        break
      case 'end':
        conversation.hostSends(0, true)
        break
    }
  }
  assert.equal(conversation.state, state)
}

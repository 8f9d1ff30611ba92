// Connection states (RFC 9293, 3.3.2), spelled as there. A row holds the index; code reads the name.

export type State =
  | 'CLOSED'
  | 'LISTEN'
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSE-WAIT'
  | 'CLOSING'
  | 'LAST-ACK'
  | 'TIME-WAIT'

/** Names by their index in a row. */
export const STATES: readonly State[] = [
  'CLOSED',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
]

/** Indexes by name: what a row holds. */
export const STATE_INDEX: Readonly<Record<State, number>> = {
  CLOSED: 0,
  LISTEN: 1,
  'SYN-SENT': 2,
  'SYN-RECEIVED': 3,
  ESTABLISHED: 4,
  'FIN-WAIT-1': 5,
  'FIN-WAIT-2': 6,
  'CLOSE-WAIT': 7,
  CLOSING: 8,
  'LAST-ACK': 9,
  'TIME-WAIT': 10,
}

// How reading a socket until it has no more has ended. An error that is left over from an earlier datagram goes with the read that tells it; one that
// comes read after read (no memory for one) says nothing of its end, and no event will. Such a socket is asked again after a pause, as everybody is
// who waits for something of the host's (stalled-rules.ts).

/** There is no more: an event will tell of what comes. */
export const READ_ALL = 0
/** A budget ran out: the next turn goes on. */
export const READ_ON = 1
/** It only fails: after READ_PAUSE it is asked again. */
export const READ_FAILS = 2
export type ReadOutcome = typeof READ_ALL | typeof READ_ON | typeof READ_FAILS

/** Failures of one socket in one turn behind which it is left alone: more than are left over from earlier datagrams, nearly always. */
export const MOST_FAILURES = 8
/** ms. */
export const READ_PAUSE = 20

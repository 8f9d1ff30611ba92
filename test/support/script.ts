// Scripts: timed conversations with one TCP connection. The test plays the guest and the host's user, with time that only moves when told:
//
//     script('what the guest sends reaches the host, and is acknowledged', () => {
//       const t = established()
//       t.guest({ seq: 1, text: 'hello' })
//       t.expect({ ack: 6 })
//       assert.equal(t.received, 'hello')
//     })
//
// Numbers are relative to the initial sequence numbers, so that a conversation reads the same each time. Every segment that the
// TCP sends has to be expected (or passed over with `ignore`), and a script ends by asserting that nothing is left of the connection.
//
// The TCP is ours, in this process, with time of its own (tcp-script.ts). Or it is the Linux kernel's, to settle what a rule means:
// kernel-script.ts says how to run that. What looks into our stack, or asserts what is its own alone, is registered with `ours`.
import { type TestContext, test } from 'node:test'
import type { State } from '../../src/tcp/state.js'
import type { SegmentText, SentSegment } from './script-segment.js'
import { type ScriptOptions, TcpScript } from './tcp-script.js'

/** What the host's user knows of the guest's end. */
export type Told = 'nothing' | 'end' | 'reset'

/** One conversation, whoever the TCP is. */
export interface Conversation {
  /** Initial sequence number of the guest; may be changed for a new connection. */
  irs: number
  /** Segments that were sent and not expected yet. */
  readonly sent: SentSegment[]
  readonly state: State
  /** Nothing is left of the connection: another one may take its ports. */
  readonly isOver: boolean
  /** Text of the guest, as the host's user has it. */
  readonly received: string
  readonly told: Told
  /** Retransmission timeout in force, ms. */
  readonly rto: number
  /** Our stack, to look into; there is none when the kernel is the TCP. */
  readonly ours: TcpScript

  /** The guest sends segments, in one batch. */
  guest(...segments: SegmentText[]): this
  /** A router in the guest reports that the segment with this number cannot be delivered: ICMP destination unreachable. */
  guestReports(code: number, seq: number, mtu?: number): this
  /** The host connects to the guest: the SYN is ours. */
  hostOpens(): this
  /** The host accepts the connection whose SYN is held. */
  hostConnects(): this
  /** The host's user sends text, the last it has if so said. */
  hostSends(text: string, hasEnded?: boolean): this
  /** The host's user has nothing more to send. */
  hostEnds(): this
  /** The host's user gives the connection up, and sees to it that the guest hears of it. */
  hostBreaks(): this
  /** Lets `ms` pass. */
  wait(ms: number): this
  /** The next segment that was sent, compared with what is named. */
  expect(wanted: Partial<SentSegment>): SentSegment
  /** Nothing was sent that has not been expected. */
  silence(): this
  /** What was sent so far does not matter. */
  ignore(): this
  /** Ends the conversation: nothing may be left of a connection that is over. */
  ends(): void
  /** Gives back what the conversation took from the machine, whatever has become of it. */
  close(): void
}

/** Thrown where the kernel cannot play the part: the script is left out, and the reason printed. */
class LeftOut extends Error {}

const isKernel = process.env['NETLOOM_SCRIPT_PEER'] === 'kernel'
const kernel = isKernel ? await import('./kernel-script.js') : null

const open: Conversation[] = []

/** A conversation with no connection yet. */
export function begin(o: ScriptOptions): Conversation {
  const t = kernel === null ? new TcpScript(o) : kernel.begin(o)
  open.push(t)
  return t
}

/** Registers a script. */
export function script(name: string, body: () => void): void {
  test(name, (context) => run(context, body))
}

/** Registers a script that says something about this stack alone; `why` it is nothing to ask the kernel. */
export function ours(name: string, why: string, body: () => void): void {
  test(name, { skip: isKernel ? `ours alone: ${why}` : false }, (context) => run(context, body))
}

function run(context: TestContext, body: () => void): void {
  try {
    body()
    for (const t of open) t.silence().ends()
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error
    context.skip(error.message)
  } finally {
    for (const t of open.splice(0)) t.close()
  }
}

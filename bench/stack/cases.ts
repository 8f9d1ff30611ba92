// What is timed. Each case does so many steps of its work when told to, and says how many segments and bytes that were.
import { Link, type LinkFeatures } from './link.js'

/** Made when its turn comes: a link is 300 MB of address space. */
export interface StackCase {
  readonly name: string
  make(): Workload
}

export interface Workload {
  readonly link: Link
  /** Steps of about half a millisecond in all. */
  readonly steps: number
  step(): void
  /** What one step is, where it is no transfer. */
  readonly unit: string
  /** Bytes of text in a step. */
  readonly bytes: number
}

/** Bytes that are written, and arrive, before more are: what one turn of a busy event loop takes. */
const PIECE = 1 << 20

function transfer(features: LinkFeatures, piece: number): Workload {
  const link = new Link(features)
  const row = link.open()
  link.run()
  return {
    link,
    steps: Math.max(1, Math.trunc(PIECE / piece / 4)),
    unit: '',
    bytes: piece,
    step() {
      link.write(row, piece)
      link.runUntil(piece)
    },
  }
}

/** Connections that are opened at once, and closed when all of them are open. */
const AT_ONCE = 64
/** ms after which no connection is remembered. */
const TIME_WAIT = 61_000

function connections(): Workload {
  const link = new Link({ mtu: 1500, hasOffload: true, loss: 0 })
  const rows = new Int32Array(AT_ONCE)
  return {
    link,
    steps: 4,
    unit: 'connections',
    bytes: 0,
    step() {
      for (let i = 0; i < AT_ONCE; i++) rows[i] = link.open()
      link.run()
      for (let i = 0; i < AT_ONCE; i++) link.end(rows[i]!)
      link.run()
      link.pass(TIME_WAIT)
    },
  }
}

export const UNITS_PER_STEP = AT_ONCE

const good = { hasOffload: true, loss: 0 }
const packets = { hasOffload: false, loss: 0 }

const bulk = (name: string, features: LinkFeatures, piece: number): StackCase => ({ name, make: () => transfer(features, piece) })

export const BULK = 'bulk, super-segments of 64 KiB, MTU 1500'
export const BULK_PACKETS = 'bulk, packets of 1,500 bytes, checksums in full'
export const BULK_LOSS = 'bulk, packets of 1,500 bytes, 1 % lost'

export const cases: readonly StackCase[] = [
  bulk(BULK, { mtu: 1500, ...good }, PIECE),
  bulk(BULK_PACKETS, { mtu: 1500, ...packets }, PIECE),
  bulk('bulk, packets of 65,520 bytes, checksums in full', { mtu: 65_520, ...packets }, PIECE),
  bulk('two packets of 1,448 bytes and an acknowledgment', { mtu: 1500, ...packets }, 2 * 1448),
  bulk('one byte and an acknowledgment', { mtu: 1500, ...good }, 1),
  bulk(BULK_LOSS, { mtu: 1500, ...packets, loss: 1 }, PIECE),
  { name: `connect and close, ${AT_ONCE} at once`, make: connections },
]

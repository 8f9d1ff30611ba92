// Rows of the flow table as objects, for people and programs: the only reader of rows that makes anything.
import { directState } from '../flow/direct-row.js'
import type { FlowTable } from '../flow/flow-table.js'
import {
  ACTIVE,
  ANSWERED,
  BYTES_IN,
  BYTES_OUT,
  CREATED,
  counter,
  GUEST_ADDRESS,
  guestPort,
  HOST_ADDRESS,
  HOST_PORT,
  KIND,
  KIND_DIRECT,
  KIND_FREE,
  KIND_PING,
  KIND_TCP,
  PACKETS_IN,
  PACKETS_OUT,
  REMOTE_ADDRESS,
  ROW_SHIFT,
  remotePort,
} from '../net/flow-row.js'
import { STATE } from '../tcp/columns.js'
import { STATES } from '../tcp/state.js'
import { formatAny } from '../wire/address.js'
import type { Endpoint, FlowInfo } from './types.js'

function endpoint(rows: Int32Array, at: number, port: number): Endpoint {
  return { address: formatAny(rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!), port }
}

function describe(rows: Int32Array, base: number, now: number): FlowInfo {
  const isDirect = rows[base + KIND] === KIND_DIRECT
  const isTcp = rows[base + KIND] === KIND_TCP || isDirect
  const isTwoWay = rows[base + ANSWERED] === 1
  return {
    protocol: isTcp ? 'tcp' : rows[base + KIND] === KIND_PING ? 'ping' : 'udp',
    state: isDirect ? directState(rows, base) : isTcp ? STATES[rows[base + STATE]!]! : isTwoWay ? 'TWO-WAY' : 'ONE-WAY',
    guest: endpoint(rows, base + GUEST_ADDRESS, guestPort(rows, base)),
    remote: isTcp ? endpoint(rows, base + REMOTE_ADDRESS, remotePort(rows, base)) : null,
    host: isTcp ? endpoint(rows, base + HOST_ADDRESS, rows[base + HOST_PORT]!) : null,
    bytesIn: counter(rows, base + BYTES_IN),
    bytesOut: counter(rows, base + BYTES_OUT),
    packetsIn: rows[base + PACKETS_IN]! >>> 0,
    packetsOut: rows[base + PACKETS_OUT]! >>> 0,
    age: (now - rows[base + CREATED]!) | 0,
    idle: (now - rows[base + ACTIVE]!) | 0,
  }
}

/** The flows that are open, in the order of their rows. */
export function listFlows(table: FlowTable, now: number): FlowInfo[] {
  const flows: FlowInfo[] = []
  for (let row = 1; row <= table.capacity && flows.length < table.inUse; row++) {
    const base = row << ROW_SHIFT
    if (table.rows[base + KIND] !== KIND_FREE) flows.push(describe(table.rows, base, now))
  }
  return flows
}

// What a datagram costs between two networks without the kernel's part: its headers are proven and read, its mapping is found, and headers of the
// other network are written around the payload, which stays where it is. Nothing is rewritten in place: what arrived may be hostile, and
// the kernel of the host makes its own headers.
import { FlowTable, tableBytes } from '../../src/flow/flow-table.js'
import { KIND_UDP } from '../../src/net/flow-row.js'
import * as ipv4 from '../../src/wire/ipv4.js'
import { MAPPED } from '../../src/wire/numbers.js'
import * as udp from '../../src/wire/udp.js'
import type { MicroCase } from './measure.js'

const GUEST = 0x0a000264
const REMOTE = 0x08080808
const PAYLOAD = 64
const IP = 100
const UDP = IP + ipv4.HEADER_LENGTH
const LENGTH = udp.HEADER_LENGTH + PAYLOAD
const view = new DataView(new ArrayBuffer(4096))
const words = new Int32Array([0, 0, MAPPED, 0, 0, 0, MAPPED, 0])
const capacity = (flows: number): number => flows + 1

function mappings(flows: number): FlowTable {
  const table = new FlowTable(new ArrayBuffer(tableBytes(capacity(flows))), capacity(flows), new Int32Array([0x9e3779b9, 0x7f4a7c15]))
  words[3] = GUEST
  for (let i = 0; i < flows; i++) table.insert(KIND_UDP, words, 0, (1024 + i) << 16)
  return table
}

/** A datagram of the guest becomes one of the host's side, with the checksum of its new addresses. */
function translate(table: FlowTable, sourcePort: number): number {
  ipv4.write(view, IP, ipv4.HEADER_LENGTH + LENGTH, 17, GUEST, REMOTE, sourcePort, 64, 0, 0)
  udp.write(view, UDP, sourcePort, 53, LENGTH)
  if (!ipv4.isValid(view, IP, ipv4.HEADER_LENGTH + LENGTH) || !udp.isValid(view, UDP, LENGTH)) return 0
  words[3] = ipv4.source(view, IP)
  const row = table.find(KIND_UDP, words, 0, udp.srcPort(view, UDP) << 16)
  ipv4.write(view, IP, ipv4.HEADER_LENGTH + LENGTH, 17, ipv4.destination(view, IP), GUEST, 0, ipv4.timeToLive(view, IP) - 1, 0, 0)
  udp.write(view, UDP, udp.dstPort(view, UDP), sourcePort, LENGTH)
  udp.setChecksum4(view, UDP, REMOTE, GUEST)
  return row
}

const natOf = (flows: number): MicroCase => {
  const table = mappings(flows)
  return {
    name: `NAT of a datagram of ${PAYLOAD} bytes, one of ${flows} mappings, checksums included`,
    run(count) {
      let sum = 0
      for (let i = 0; i < count; i++) sum ^= translate(table, 1024 + (i % flows))
      return sum
    },
  }
}

export const cases: readonly MicroCase[] = [natOf(1), natOf(1000), natOf(50_000)]

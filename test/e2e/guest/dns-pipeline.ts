// Asks a DNS server many questions on one TCP connection inside the sandbox: `dns-pipeline.js SERVER COUNT NAME TYPE [NAME TYPE ...]`. All
// of them are sent at once and the connection is ended; the answers are read a second later, to the end. Prints one JSON document.
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Packet, type RecordType, streamDecode, streamEncode } from 'dns-packet'

export interface Pipelined {
  error: string | null
  /** Identifiers of the answers that were whole and without an error, in ascending order. */
  ids: number[]
  bytes: number
}

const [server = '', count = '1', ...names] = process.argv.slice(2)
const questions = Array.from({ length: names.length / 2 }, (_, i) => ({ name: names[2 * i]!, type: names[2 * i + 1] as RecordType }))

const socket = connect({ port: 53, host: server, allowHalfOpen: true })
const result: Pipelined = { error: null, ids: [], bytes: 0 }
socket.on('error', (error: NodeJS.ErrnoException) => {
  result.error = error.code ?? error.message
})
await once(socket, 'connect')
const query = (id: number): Packet => ({ type: 'query', id, flags: 0x0100, questions: [questions[id % questions.length]!] })
socket.end(Buffer.concat(Array.from({ length: Number(count) }, (_, id) => streamEncode(query(id)))))
await sleep(1_000)
let received = Buffer.alloc(0)
try {
  for await (const chunk of socket) received = Buffer.concat([received, chunk as Buffer])
} catch {}
result.bytes = received.length
while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
  const answer = streamDecode(received)
  if (((answer.flags ?? 0) & 0x020f) === 0 && (answer.answers?.length ?? 0) > 0) result.ids.push(answer.id ?? -1)
  received = received.subarray(2 + received.readUInt16BE(0))
}
if (received.length > 0) result.error ??= `${received.length} bytes are left`
result.ids.sort((a, b) => a - b)
console.log(JSON.stringify(result))

// Asks a DNS server inside the sandbox: `dns-query.js SERVER udp|tcp NAME TYPE [PATIENCE]`. Prints one JSON document: the response code, whether
// the answer was cut, and the data of the answers; or the error. The transport is exactly the one asked for, with no second try.
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { decode, encode, type Packet, type RecordType, streamDecode, streamEncode } from 'dns-packet'

export interface Asked {
  error: string | null
  code: number
  isTruncated: boolean
  data: string[]
  ttls: number[]
}

// No answer within so many ms is an answer of its own; by default longer than what is behind the server takes to give up.
const [server = '', transport = 'udp', name = '', type = 'A', patience = '20000'] = process.argv.slice(2)
const query: Packet = { type: 'query', id: 4711, flags: 0x0100, questions: [{ name, type: type as RecordType }] }

function finish(asked: Asked): never {
  console.log(JSON.stringify(asked))
  process.exit(0)
}

const fail = (error: string): never => finish({ error, code: -1, isTruncated: false, data: [], ttls: [] })

function succeed(response: Packet): never {
  if (response.id !== query.id) fail(`the identifier ${response.id} came back`)
  const flags = response.flags ?? 0
  const data: string[] = []
  const ttls: number[] = []
  for (const answer of response.answers ?? []) {
    if (!('data' in answer)) continue
    data.push(Array.isArray(answer.data) ? answer.data.map(String).join('') : String(answer.data))
    if ('ttl' in answer) ttls.push(answer.ttl ?? 0)
  }
  return finish({ error: null, code: flags & 0xf, isTruncated: (flags & 0x0200) !== 0, data, ttls })
}

const onError = (error: NodeJS.ErrnoException) => fail(error.code ?? error.message)
setTimeout(() => fail('silence'), Number(patience))
if (transport === 'tcp') {
  const socket = connect(53, server)
  let received = Buffer.alloc(0)
  socket.on('error', onError)
  socket.on('connect', () => socket.write(streamEncode(query)))
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) succeed(streamDecode(received))
  })
  socket.on('end', () => fail('the end'))
} else {
  const socket = createSocket('udp4')
  socket.on('error', onError)
  socket.on('message', (message) => succeed(decode(message)))
  socket.connect(53, server, () => socket.send(encode(query)))
}

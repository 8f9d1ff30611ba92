// The guest's end of integrity.ts: sends random bytes, receives until the other side ends, and prints both digests.
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Transfer } from './integrity.js'

const [host = '', port = '', bytes = ''] = process.argv.slice(2)
const data = randomBytes(Number(bytes))
const received = createHash('sha256')
const socket = connect({ host, port: Number(port) }, () => socket.write(data))
let receivedBytes = 0
socket.on('data', (chunk) => {
  received.update(chunk)
  receivedBytes += chunk.length
})
socket.on('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
socket.on('end', () => {
  const told: Transfer = { sent: createHash('sha256').update(data).digest('hex'), received: received.digest('hex'), receivedBytes }
  console.log(JSON.stringify(told))
})

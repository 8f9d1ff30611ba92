// The guest's end of integrity.ts: sends random bytes, receives what comes, and prints the digests of both. Told no host, it listens: its
// first connection is to send on, its second to receive.
import { createHash, randomBytes } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import type { Transfer } from './integrity.js'

const [host = '', port = '', bytes = ''] = process.argv.slice(2)
const data = randomBytes(Number(bytes))

function fail(error: Error): void {
  console.error(error.message)
  process.exitCode = 1
}

function receive(socket: Socket): void {
  const received = createHash('sha256')
  let receivedBytes = 0
  socket.on('data', (chunk) => {
    received.update(chunk)
    receivedBytes += chunk.length
  })
  socket.on('end', () => {
    const told: Transfer = { sent: createHash('sha256').update(data).digest('hex'), received: received.digest('hex'), receivedBytes }
    console.log(JSON.stringify(told))
  })
}

if (host === '') {
  const server = createServer().listen(Number(port), '0.0.0.0')
  server.once('connection', (first) => {
    first.on('error', fail).end(data)
    server.once('connection', (second) => {
      server.close()
      receive(second.on('error', fail))
    })
  })
} else {
  const socket = connect({ host, port: Number(port) }, () => socket.write(data)).on('error', fail)
  receive(socket)
}

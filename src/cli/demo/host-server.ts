// The tour's servers on the host's loopback, a process of their own so that they do not share a thread with the stack:
//
//     HTTP      GET / answers a greeting
//     bulk      TCP: bulk.ts has what is asked, and how
//
// Says both ports on standard output, as a line of JSON, and ends with standard input.
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { serveBulk } from './bulk.js'
import { GREETING, type HostPorts } from './questions.js'

const LOOPBACK = '127.0.0.1'

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, LOOPBACK, () => resolve((server.address() as AddressInfo).port))
  })
}

const http = createHttpServer((request, response) => {
  if (request.url === '/') response.end(`${GREETING}\n`)
  else response.writeHead(404).end()
})
process.stdin.on('end', () => process.exit(0)).resume()
const ports: HostPorts = { http: await listen(http), bulk: await listen(createServer(serveBulk)) }
process.stdout.write(`${JSON.stringify(ports)}\n`)

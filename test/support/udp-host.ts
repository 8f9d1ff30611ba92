// The host's end of a test's datagrams: a UDP socket on an ephemeral port that echoes everything and remembers who sent.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

interface Sender {
  address: string
  port: number
  bytes: number
}

export class UdpHost {
  readonly #socket: Socket
  readonly senders: Sender[] = []

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (message, from) => {
      this.senders.push({ address: from.address, port: from.port, bytes: message.length })
      socket.send(message, from.port, from.address)
    })
  }

  static async start(host = '127.0.0.1', port = 0): Promise<UdpHost> {
    const socket = createSocket(isIPv6(host) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' })
    socket.bind(port, host)
    await once(socket, 'listening')
    return new UdpHost(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  /** Sends what nobody has asked for to the n-th sender. */
  push(n: number, text: string): void {
    const { port, address } = this.senders[n]!
    this.#socket.send(text, port, address)
  }

  async close(): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}

/** Of a datagram that is lost: how long to its next try, and to the last one, ms. */
const INTERVAL = 50
const PATIENCE = 10_000

/** Sends a datagram to a port of the host's loopback until it comes back; returns what did. */
export async function echoed(port: number, text: string): Promise<string> {
  const socket = createSocket('udp4')
  const again = setInterval(() => socket.send(text, port, '127.0.0.1'), INTERVAL)
  try {
    const signal = AbortSignal.timeout(PATIENCE)
    const [answer] = (await once(socket, 'message', { signal })) as [Buffer]
    return answer.toString()
  } finally {
    clearInterval(again)
    socket.close()
  }
}

// Ports published on a link-local address: for the hosts of one link, by the name of its interface.
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { Elsewhere } from '../support/elsewhere.js'
import { must, until } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'

const elsewhere = shared(async (scope) => scope.use(await Elsewhere.start()))

/** The host's address on the link, once it is known to be nobody else's. */
async function linkLocal(): Promise<string> {
  let shown = ''
  await until(
    async () => {
      shown = await must(['ip', '-6', '-o', 'address', 'show', 'dev', 'elsewhere', 'scope', 'link', '-tentative'])
      return shown !== ''
    },
    () => 'there is no link-local address',
  )
  return /inet6 ([\da-f:]+)/.exec(shown)![1]!
}

e2e('a client on the link is served by TCP and by UDP, and the lines say which', async (scope) => {
  const there = elsewhere()
  const address = await linkLocal()
  const guest = scope.use(await Sandbox.start('-p', `[${address}%elsewhere]::7000`, '-p', `[${address}%elsewhere]::7000/UDP`))
  const port = (protocol: string) =>
    new RegExp(`^netloom: published: ${protocol} \\[${address}%elsewhere\\]:(\\d+) -> 10\\.0\\.2\\.100:7000$`, 'm').exec(
      guest.program.stderr,
    )?.[1]
  for (const listen of ['TCP-LISTEN:7000,fork', 'UDP-RECVFROM:7000,fork']) scope.use(guest.spawn(['socat', listen, 'PIPE']))
  for (const [protocol, name] of [
    ['tcp', 'TCP6'],
    ['udp', 'UDP6'],
  ] as const) {
    assert.ok(port(protocol) !== undefined, guest.program.stderr)
    const text = `hello by ${protocol}\n`
    // The server may not listen yet, and a datagram may be lost.
    const client = `for i in $(seq 50); do r=$(echo '${text.trim()}' | socat -t 1 -T 1 - '${name}:[${address}%uplink]:${port(protocol)}' 2>/dev/null); test -n "$r" && break; sleep 0.1; done; echo "$r"`
    assert.equal(await must(there.inside('sh', '-c', client)), text)
  }
  const { stdout } = await netloom(['publish', 'ls']).finished
  assert.match(stdout, new RegExp(`udp \\[${address}%elsewhere\\]:`))
})

// A server on the sandbox's 127.0.0.1 is not where published ports lead: the option that reaches it is named, once.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { e2e } from '../support/e2e.js'
import { until } from '../support/program.js'
import { netloom, Sandbox } from '../support/sandbox.js'

const SCRIPT = `import socket,sys
s=[socket.create_server(('127.0.0.1',int(port))) for port in sys.argv[1:]]
print('listening',flush=True)
while True: s[0].accept()
`

/** Connects, and waits for the end, whatever that is. */
const attempt = (port: number): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    socket.resume()
  })

const hints = (box: Sandbox): number => box.program.stderr.split('--direct-loopback').length - 1

e2e('with -p, when a client was refused', async (scope) => {
  const box = scope.use(await Sandbox.start('--name', 'hinted', '-p', '127.0.0.1::8000', '-p', '127.0.0.1::8001'))
  await scope.use(box.spawn(['python3', '-c', SCRIPT, '8000'])).line(/^listening$/m)
  const { stdout } = await netloom(['publish', 'ls', '--network', 'hinted', '--json']).finished
  const [served, unserved] = (JSON.parse(stdout) as { publications: { hostPort: number }[] }).publications
  await attempt(unserved!.hostPort)
  assert.equal(hints(box), 0)
  await until(
    async () => {
      await attempt(served!.hostPort)
      return hints(box) > 0
    },
    () => box.program.stderr,
  )
  assert.match(box.program.stderr, /port 8000 /)
  await attempt(served!.hostPort)
  assert.equal(hints(box), 1)
})

e2e('with --publish-auto, once for all ports', async (scope) => {
  const box = scope.use(await Sandbox.start('--publish-auto=23500-23599'))
  await scope.use(box.spawn(['python3', '-c', SCRIPT, '23501', '23502'])).line(/^listening$/m)
  await until(
    () => hints(box) > 0,
    () => box.program.stderr,
  )
  assert.equal(hints(box), 1)
})

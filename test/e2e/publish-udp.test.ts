// Published UDP ports, and IPv6 from end to end: clients on the host's loopback and on another host at the same time, each seen as who it is, and
// each answered from the address that it has asked.
import assert from 'node:assert/strict'
import { e2e, shared } from '../support/e2e.js'
import { ELSEWHERE, Elsewhere, HOST_ADDRESS } from '../support/elsewhere.js'
import { must } from '../support/program.js'
import { Sandbox } from '../support/sandbox.js'
import { guestProgram } from '../support/world.js'

const SERVER = 9053
const PORT = 18_053
const PORT6 = 18_056
const GATEWAY = '10.0.2.2'
const GATEWAY6 = 'fd00::2'
/** A second address of the host towards the other one, and both ends of IPv6 (RFC 3849). */
const SECOND_ADDRESS = '198.51.100.2'
const HOST6 = '2001:db8:1::1'
const ELSEWHERE6 = '2001:db8:1::7'

interface Answered {
  readonly port: number
  /** Who has answered, and with what. */
  readonly answers: readonly (readonly [string, string])[]
}

const elsewhere = shared(async (scope) => {
  const other = scope.use(await Elsewhere.start())
  await must(['ip', 'address', 'add', `${SECOND_ADDRESS}/24`, 'dev', 'elsewhere'])
  await must(['ip', 'address', 'add', `${HOST6}/64`, 'dev', 'elsewhere', 'nodad'])
  await must(other.inside('ip', 'address', 'add', `${ELSEWHERE6}/64`, 'dev', 'uplink', 'nodad'))
  return other
})
const sandbox = shared(async (scope) => {
  elsewhere()
  const box = scope.use(await Sandbox.start('-p', `${PORT}:${SERVER}/udp`, '-p', `${PORT6}:${SERVER}/udp6,${PORT6}:${SERVER}/tcp6`))
  for (const host of ['0.0.0.0', 'fd00::100']) await scope.use(box.guest('udp_server.py', host, SERVER)).line(/^listening$/m)
  return box
})

async function ask(host: string, port: number, ...sizes: number[]): Promise<Answered> {
  sandbox()
  return JSON.parse(await must([...guestProgram('udp_client.py'), 'udp', host, String(port), ...sizes.map(String)]))
}

async function askFromElsewhere(transport: 'tcp' | 'udp', host: string, port: number, ...sizes: number[]): Promise<Answered> {
  sandbox()
  const command = [...guestProgram('udp_client.py'), transport, host, String(port), ...sizes.map(String)]
  return JSON.parse(await must(elsewhere().inside(...command)))
}

e2e('a client on the loopback is shown as the gateway, with its own port, whatever the length of its datagrams', async () => {
  const { port, answers } = await ask('127.0.0.1', PORT, 5, 0, 1472, 1473, 60_000)
  assert.deepEqual(
    answers,
    [5, 0, 1472, 1473, 60_000].map((size) => ['127.0.0.1', `${GATEWAY} ${port} ${size}`]),
  )
})

e2e('so is one that speaks IPv6', async () => {
  const { port, answers } = await ask('::1', PORT, 7, 8)
  assert.deepEqual(answers, [
    ['::1', `${GATEWAY} ${port} 7`],
    ['::1', `${GATEWAY} ${port} 8`],
  ])
})

e2e('a client on another host is shown as it is', async () => {
  const { port, answers } = await askFromElsewhere('udp', HOST_ADDRESS, PORT, 3, 3)
  assert.deepEqual(answers, [
    [HOST_ADDRESS, `${ELSEWHERE} ${port} 3`],
    [HOST_ADDRESS, `${ELSEWHERE} ${port} 3`],
  ])
})

e2e('a host with two addresses answers from the one that was asked', async () => {
  const { answers } = await askFromElsewhere('udp', SECOND_ADDRESS, PORT, 3, 4)
  assert.deepEqual(
    answers.map(([server]) => server),
    [SECOND_ADDRESS, SECOND_ADDRESS],
  )
})

e2e('clients on the loopback and elsewhere are served at the same time, again and again', async () => {
  for (let i = 0; i < 3; i++) {
    const [near, far] = await Promise.all([ask('127.0.0.1', PORT, 1, 2), askFromElsewhere('udp', HOST_ADDRESS, PORT, 1, 2)])
    assert.equal(near.answers[1]![1], `${GATEWAY} ${near.port} 2`)
    assert.equal(far.answers[1]![1], `${ELSEWHERE} ${far.port} 2`)
  }
})

e2e('over IPv6 from end to end the server sees the address of the client, by TCP and UDP', async () => {
  for (const transport of ['udp', 'tcp'] as const) {
    const { port, answers } = await askFromElsewhere(transport, HOST6, PORT6, ...(transport === 'udp' ? [6] : []))
    assert.deepEqual(answers, [[HOST6, `${ELSEWHERE6} ${port}${transport === 'udp' ? ' 6' : ''}`]])
  }
  const { port, answers } = await ask('::1', PORT6, 6)
  assert.deepEqual(answers, [['::1', `${GATEWAY6} ${port} 6`]])
})

e2e('the sandbox reaches its own published port by the address of the host', async () => {
  const asked = JSON.parse(await sandbox().must([...guestProgram('udp_client.py'), 'udp', HOST_ADDRESS, String(PORT), '9']))
  assert.equal(asked.answers[0][0], HOST_ADDRESS)
  assert.match(asked.answers[0][1], / 9$/)
})

// `netloom run` at a terminal, as a job of a shell and with a shell inside: stopping, going on, the foreground, and who has the terminal afterwards.
import assert from 'node:assert/strict'
import { e2e, type Scope } from '../support/e2e.js'
import { userProgram } from '../support/sandbox.js'
import { guestProgram, NETLOOM, userEnvironment } from '../support/world.js'

const BASH = ['bash', '--norc', '--noprofile', '-i']
/** What it begins each line with; after ^C it takes nothing before that. */
const PROMPT = 'bash-'
const RUN = `${NETLOOM.join(' ')} run --`

const environment = { ...userEnvironment, HISTFILE: '' }

/** Plays the steps at a terminal with this command; what it printed. */
async function play(scope: Scope, command: readonly string[], ...steps: readonly (readonly string[])[]): Promise<string> {
  const program = scope.use(userProgram([...guestProgram('terminal.py'), JSON.stringify(steps), ...command], { input: '', environment }))
  const outcome = await program.finished
  assert.equal(outcome.status, 0, program.describe())
  const played: { status: number; output: string } = JSON.parse(outcome.stdout)
  assert.equal(played.status, 0, played.output)
  return played.output
}

e2e('^Z stops the whole, and fg lets it go on', async (scope) => {
  const script = `${RUN} sh -c 'echo rea""dy; read line; echo "got <$line>"; read line; echo "then <$line>"'`
  await play(
    scope,
    BASH,
    ['type', `${script}\n`],
    ['expect', 'ready'],
    ['type', '\x1a'],
    ['expect', 'Stopped'],
    ['type', 'echo sh""ell\n'],
    ['expect', 'shell'],
    ['type', 'fg\n'],
    ['expect', 'run --'],
    ['type', 'one\n'],
    ['expect', 'got <one>'],
    ['type', 'two\n'],
    ['expect', 'then <two>'],
    ['type', 'exit 0\n'],
  )
})

e2e('in a pipeline the whole is one job: ^C ends all of it', async (scope) => {
  const line = `${RUN} sh -c 'echo rea""dy; read line' | cat\n`
  await play(
    scope,
    BASH,
    ['type', line],
    ['expect', 'ready'],
    ['type', '\x03'],
    ['expect', PROMPT],
    ['type', 'echo "status $PIPESTATUS"\n'],
    ['expect', 'status 130'],
    ['type', 'exit 0\n'],
  )
})

e2e('a shell inside has job control', async (scope) => {
  await play(
    scope,
    [...NETLOOM, 'run', '--', ...BASH],
    ['type', `sh -c 'echo rea""dy; read line; echo "got <$line>"; read line'\n`],
    ['expect', 'ready'],
    ['type', '\x1a'],
    ['expect', 'Stopped'],
    ['type', 'fg\n'],
    ['expect', 'sh -c'],
    ['type', 'one\n'],
    ['expect', 'got <one>'],
    ['type', '\x03'],
    ['expect', PROMPT],
    ['type', 'echo "status $?"\n'],
    ['expect', 'status 130'],
    ['type', 'exit 0\n'],
  )
})

for (const shell of ['bash --norc -i', 'dash -i'])
  e2e(`when ${shell} inside has ended, whoever started netloom has the terminal again`, async (scope) => {
    const script = `${RUN} ${shell}; read line; echo "then <$line>"`
    await play(
      scope,
      ['sh', '-c', script],
      ['type', 'echo in""side\n'],
      ['expect', 'inside'],
      ['type', 'exit\n'],
      ['type', 'line\n'],
      ['expect', 'then <line>'],
    )
  })

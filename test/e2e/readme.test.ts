// Every command line of the README's first sections, run as it stands there, in a folder with what it speaks of: a line that does not work, and
// one that nobody has looked at, fail.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { e2e, type Scope } from '../support/e2e.js'
import { CHECKOUT } from '../support/installation.js'
import { type Program, run, until } from '../support/program.js'
import { giveSubordinateIds } from '../support/rootless.js'
import { Bare, netloom, Sandbox, userProgram } from '../support/sandbox.js'
import { NETLOOM, userEnvironment, world } from '../support/world.js'

const SECTIONS = ['Try it', 'Use it']
const PUBLISHED = 'http://127.0.0.1:8080/'

/** The lines of a section that are commands: indented by four, without the remark behind. */
function commandsOf(section: string): string[] {
  const text = readFileSync(join(CHECKOUT, 'README.md'), 'utf8')
  const body = text.split(/^## /m).find((part) => part.startsWith(`${section}\n`))
  assert.ok(body !== undefined, `no section ${section}`)
  const lines = body.replaceAll(/^```[\s\S]*?^```/gm, '').split('\n')
  return lines.filter((line) => /^ {4}\S/.test(line)).map((line) => line.trim().replace(/\s{2,}# .*$/, ''))
}

/** What is where the reader stands: `npx netloom`, a make file, a server, a configuration of nginx. */
function prepare(scope: Scope): string {
  const folder = mkdtempSync(join(world.scratch, 'readme-'))
  scope.defer(() => rmSync(folder, { recursive: true, force: true }))
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o755 })
  mkdirSync(join(folder, 'bin'))
  put('bin/npx', `#!/bin/sh\nshift\nexec ${NETLOOM.join(' ')} "$@"\n`)
  put('Makefile', 'test:\n\t@echo tested as `id -u`\n')
  put('server', '#!/bin/sh\nexec python3 -m http.server 80\n')
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`).join(' ')
  const http = `access_log off; ${paths} server { listen 80; location / { return 200 "by nginx"; } }`
  put('nginx.conf', `user www-data; pid nginx.pid; error_log stderr; events {} http { ${http} }\n`)
  // The user's, and others may pass through: nginx's own user has to.
  chmodSync(folder, 0o777)
  return folder
}

type Check = (scope: Scope, start: (variables?: NodeJS.ProcessEnv) => Program) => Promise<void>

async function expectOutput(program: Program, pattern: RegExp): Promise<void> {
  const outcome = await program.finished
  assert.equal(outcome.status, 0, program.describe())
  assert.match(outcome.stdout, pattern)
}

/** A server that is published, until it is stopped. */
async function expectServed(program: Program, pattern: RegExp): Promise<void> {
  let answer = ''
  const isUp = async () => {
    answer = (await run(['curl', '--silent', '--max-time', '5', PUBLISHED])).stdout
    return answer !== '' || program.hasEnded
  }
  await until(isUp, () => program.describe(), 30_000)
  assert.match(answer, pattern, program.describe())
  program.kill('SIGTERM')
  await program.finished
}

/** What each line is to do; the first that matches. */
const CHECKS: readonly (readonly [RegExp, Check])[] = [
  // They are run on the fresh machine (.ci); here they are only there.
  [
    /^npm (start|test)$/,
    async () => {
      const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
      for (const name of ['start', 'test']) assert.match(scripts[name]!, /prepare/)
    },
  ],
  [
    /curl http:\/\/10\.0\.2\.2:8000\//,
    async (scope, start) => {
      const server = createServer((_request, response) => response.end('from the host'))
      await new Promise<void>((resolve) => server.listen(8000, '127.0.0.1', resolve))
      scope.defer(() => void server.close())
      await expectOutput(start(), /^from the host$/)
    },
  ],
  [
    /-- bash$/,
    async (_scope, start) => {
      const program = start()
      program.write('ip -4 -o address show tap0\n')
      program.end()
      await expectOutput(program, /10\.0\.2\.100/)
    },
  ],
  [/-- make test$/, async (_scope, start) => expectOutput(start(), new RegExp(`^tested as ${world.user.uid}$`, 'm'))],
  [/-- \.\/server$/, async (_scope, start) => expectServed(start(), /Directory listing/)],
  [
    /--map-auto .* nginx /,
    async (_scope, start) => {
      giveSubordinateIds()
      await expectServed(start(), /^by nginx$/)
    },
  ],
  [
    /attach \$PID$/,
    async (scope, start) => {
      const target = scope.use(await Bare.start())
      const program = start({ PID: String(target.inside) })
      await program.line(/^.+$/m)
      assert.match(await target.must(['ip', '-4', '-o', 'address', 'show', 'tap0']), /10\.0\.2\.100/)
      program.kill('SIGTERM')
      await program.finished
    },
  ],
  [/publish add /, withNetwork(/:8080/)],
  [/publish ls$/, withNetwork(/:8080/, 'add', '127.0.0.1:8080:80')],
  [/publish rm /, withNetwork(/^/, 'add', '127.0.0.1:8080:80')],
  [/netloom ps$/, withNetwork(/\d/)],
]

/** With a network that runs, to which something is said before. */
function withNetwork(pattern: RegExp, ...before: readonly string[]): Check {
  return async (scope, start) => {
    scope.use(await Sandbox.start())
    if (before.length > 0) assert.equal((await netloom(['publish', ...before], { input: '' }).finished).status, 0)
    const program = start()
    program.end()
    await expectOutput(program, pattern)
  }
}

for (const section of SECTIONS)
  for (const command of commandsOf(section))
    e2e(
      `${section}: ${command}`,
      async (scope) => {
        const check = CHECKS.find(([pattern]) => pattern.test(command))?.[1]
        assert.ok(check !== undefined, 'this test does not know the line: say what it is to do')
        const directory = prepare(scope)
        await check(scope, (variables = {}) => {
          const environment = { ...userEnvironment, ...variables, PATH: `${join(directory, 'bin')}:${userEnvironment['PATH']}` }
          return scope.use(userProgram(['sh', '-c', `exec ${command}`], { directory, environment }))
        })
      },
      { needsRoot: /--map-auto/.test(command), needs: /nginx/.test(command) ? ['nginx', 'newuidmap', 'curl'] : ['curl'] },
    )

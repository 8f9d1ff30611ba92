// The program as such: what it answers without starting a network.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
const PACKAGE = new URL('../../../../package.json', import.meta.url)

function netloom(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('--version prints the version of the package', () => {
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }
  for (const option of ['--version', '-V']) assert.deepEqual(netloom(option), { status: 0, stdout: `${version}\n`, stderr: '' })
})

test('--help lists every command, each of which has help of its own, in lines of a terminal', () => {
  const help = netloom('--help')
  assert.deepEqual([help.status, help.stderr], [0, ''])
  for (const name of ['run', 'attach', 'demo']) {
    assert.match(help.stdout, new RegExp(`^ {2}${name} `, 'm'))
    const own = netloom(name, '--help')
    assert.deepEqual([own.status, own.stderr], [0, ''])
    assert.match(own.stdout, new RegExp(`^Usage: netloom ${name} `))
  }
  for (const line of help.stdout.split('\n')) assert.ok(line.length <= 120, line)
})

test('wrong use: status 2, one line on standard error, nothing on standard output', () => {
  for (const [args, says] of [
    [[], /no command is given/],
    [['rum'], /'rum' is no command of netloom; did you mean run\?/],
    [['--zzz'], /'--zzz' is no option of netloom/],
    [['constructor'], /'constructor' is no command/],
    [['run', '--cidr=x'], /CIDR/],
    [['attach'], /PID\|PATH/],
    [['attach', '--userns-path', '/u', '4'], /--userns-path goes with/],
    [['attach', '0'], /0 is not a PID/],
    [['demo', 'x'], /too many arguments/],
  ] as const) {
    const { status, stdout, stderr } = netloom(...args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    assert.match(stderr, /^netloom: [^\n]+\n$/)
    assert.match(stderr, says)
  }
})

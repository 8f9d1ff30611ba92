import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Log, type LogLevel } from '../../../src/util/log.js'

function lines(level: LogLevel): string[] {
  const written: string[] = []
  const log = new Log(level, (text) => written.push(text))
  log.error('broken')
  log.warn('odd')
  log.info('ready')
  log.verbose('detail')
  return written
}

test('each level shows its lines', () => {
  assert.deepEqual(lines('quiet'), ['netloom: broken\n'])
  assert.deepEqual(lines('normal'), ['netloom: broken\n', 'netloom: warning: odd\n', 'netloom: ready\n'])
  assert.deepEqual(lines('verbose'), ['netloom: broken\n', 'netloom: warning: odd\n', 'netloom: ready\n', 'netloom: detail\n'])
  assert.equal(new Log('verbose', () => {}).isVerbose, true)
  assert.equal(new Log('normal', () => {}).isVerbose, false)
})

test('a text from outside cannot forge a second line or move the cursor', () => {
  const written: string[] = []
  new Log('normal', (text) => written.push(text)).info('name: a\nnetloom: forged\r\u001b[2Kb\n')
  assert.deepEqual(written, ['netloom: name: a netloom: forged [2Kb\n'])
})

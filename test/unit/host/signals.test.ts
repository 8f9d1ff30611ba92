// Real signals, to this process: what kill(2) sends is passed on. What a terminal sends takes a terminal, and is tested end to end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SignalForwarder, signalStatus } from '../../../src/host/signals.js'

/** Waits, with the process kept alive, until so many signals have come. */
async function until(received: readonly string[], count: number): Promise<void> {
  for (const end = Date.now() + 5_000; received.length < count && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('signals wait until the command runs, and then go on at once, each once', async () => {
  const signals = new SignalForwarder()
  const received: string[] = []
  process.kill(process.pid, 'SIGTERM')
  process.kill(process.pid, 'SIGHUP')
  await new Promise((resolve) => setImmediate(resolve))
  signals.forward((signal) => received.push(signal))
  await until(received, 2)
  assert.deepEqual([...received].sort(), ['SIGHUP', 'SIGTERM'])
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const) {
    process.kill(process.pid, signal)
    await until(received, received.length + 1)
  }
  assert.deepEqual(received.slice(2), ['SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'])
  signals.close()
})

test('one at a time in a process, and again after it', () => {
  const first = new SignalForwarder()
  assert.throws(() => new SignalForwarder(), { code: 'EBUSY' })
  first.close()
  new SignalForwarder().close()
})

test('without a signal giving up does nothing', () => {
  const signals = new SignalForwarder()
  signals.giveUp()
  signals.close()
})

test('the status of an ending by a signal is 128 more', () => {
  assert.equal(signalStatus('SIGHUP'), 129)
  assert.equal(signalStatus('SIGKILL'), 137)
  assert.equal(signalStatus('SIGTERM'), 143)
})

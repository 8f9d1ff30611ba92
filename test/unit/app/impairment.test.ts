import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ImpairmentOptions, parseImpairment, resolveImpairment } from '../../../src/app/impairment.js'
import { resolveOptions } from '../../../src/app/options.js'
import { IMPAIRMENT_RANGES, type Impairment, NO_IMPAIRMENT } from '../../../src/link/impairment.js'
import { NetloomError } from '../../../src/util/errors.js'

/** The line that an impairment is refused with. */
function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof NetloomError)
    assert.equal(error.code, 'ERR_IMPAIRMENT')
    assert.equal(error.exitCode, 2)
    assert.doesNotMatch(error.message, /\n|\.$/)
    return error.message
  }
  assert.fail('was not refused')
}

const resolved = (text: string) => resolveImpairment(parseImpairment(text))!

test('no impairment is none', () => {
  assert.equal(resolveImpairment(undefined), null)
  assert.equal(resolveOptions().impairment, null)
})

test('each word has its field, for both ways', () => {
  const text =
    'loss=1%,duplicate=0.5%,corrupt=2%,reorder=5%,reorder-frames=7,reorder-delay=20ms,delay=10ms,jitter=2ms,rate=100mbit,queue=50ms,seed=7'
  const both: Impairment = {
    loss: 1,
    duplication: 0.5,
    corruption: 2,
    reordering: 5,
    reorderFrames: 7,
    reorderDelay: 20,
    delay: 10,
    jitter: 2,
    rate: 100e6,
    queue: 50,
  }
  assert.deepEqual(resolved(text), { toGuest: both, fromGuest: both, seed: 7 })
})

test('a word for one way goes before the same for both, wherever it stands', () => {
  for (const text of ['loss=1%,up:loss=5%,down:delay=3ms', 'up:loss=5%,down:delay=3ms,loss=1%']) {
    const { fromGuest, toGuest } = resolved(text)
    assert.deepEqual(fromGuest, { ...NO_IMPAIRMENT, loss: 5 })
    assert.deepEqual(toGuest, { ...NO_IMPAIRMENT, loss: 1, delay: 3 })
  }
})

test('times and rates in their units, exactly', () => {
  const delay = (text: string) => resolved(`delay=${text}`).toGuest.delay
  assert.deepEqual(['0ms', '1s', '0.5s', '0.07s', '1.001s'].map(delay), [0, 1000, 500, 70, 1001])
  const rate = (text: string) => resolved(`rate=${text}`).toGuest.rate
  assert.deepEqual(['8000bit', '64kbit', '1.5mbit', '10gbit', '0bit'].map(rate), [8000, 64_000, 1.5e6, 10e9, 0])
})

test('without a seed each link draws anew', () => {
  const seeds = new Set(Array.from({ length: 8 }, () => resolved('loss=1%').seed))
  assert.ok(seeds.size > 1)
})

for (const [text, says] of [
  ['', /empty/],
  ['loss', /'loss' is no impairment/],
  ['loss=1%,', /'' is no impairment/],
  ['Loss=1%', /'Loss=1%' is no impairment/],
  ['sideways:loss=1%', /'sideways:loss=1%'/],
  ['los=1%', /no 'los'; --impair knows loss, .*rate, queue and seed/],
  ['constructor=1', /no 'constructor'/],
  ['loss=1', /loss '1' is not a number with % behind it/],
  ['loss=-1%', /loss '-1%'/],
  ['loss=101%', /loss 101 .* from 0 to 100 percent/],
  ['loss=1%,loss=2%', /'loss=2%' says loss for the second time/],
  ['up:loss=1%,up:loss=2%', /second time/],
  ['delay=10', /delay '10' is not a number with ms, s behind it/],
  ['delay=10min', /'10min'/],
  ['delay=1.5ms', /delay 1\.5 .* whole number from 0 to 60000 ms/],
  ['delay=61s', /delay 61000/],
  ['rate=100', /rate '100' is not a number with bit, kbit, mbit, gbit/],
  ['rate=1kbit', /rate 1000 .* from 8000 to 100000000000 bits a second/],
  ['reorder-frames=3ms', /reorder-frames '3ms' is not a number;/],
  ['reorder-delay=0ms', /reorderDelay 0/],
  ['seed=x', /seed 'x'/],
  ['seed=4294967296', /seed 4294967296 .* from 0 to 4294967295/],
  ['seed=1.5', /seed 1\.5/],
  ['seed=1,seed=2', /two seeds/],
  ['up:seed=1', /no 'seed'/],
] as const) {
  test(`'${text}' is refused`, () => {
    assert.match(
      refusal(() => resolved(text)),
      says,
    )
  })
}

test('what a program gives is checked as well', () => {
  for (const given of [{ loss: Number.NaN }, { loss: '1' }, { up: { delay: 0.5 } }, { down: { jitter: -1 } }, { drop: 1 }, { seed: -1 }])
    refusal(() => resolveImpairment(given as unknown as ImpairmentOptions))
})

test('every value of a range is taken, both ends included', () => {
  for (const [field, [least, most]] of Object.entries(IMPAIRMENT_RANGES))
    for (const value of [least, most]) assert.equal(resolveImpairment({ [field]: value })!.toGuest[field as keyof Impairment], value)
})

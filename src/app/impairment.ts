// A sandbox's link that is bad on purpose: the option, in a program's form and in that of a command line, checked and filled in. What
// the words do to frames: link/impairment.ts.
//
//   loss=1%,delay=10ms,up:rate=20mbit,seed=7      each word for both ways, or with `up:` (from the sandbox) or `down:` (to it) for one
import { IMPAIRMENT_RANGES, type Impairment, NO_IMPAIRMENT } from '../link/impairment.js'
import { NetloomError } from '../util/errors.js'

/** What a link does to frames, each way alike but for what `up` (from the sandbox) and `down` (to it) say. */
export interface ImpairmentOptions extends Partial<Impairment> {
  readonly up?: Partial<Impairment>
  readonly down?: Partial<Impairment>
  /** Chance begins here: the same number, 0 to 4,294,967,295, meets the same frames with the same fate. Default: another one each time. */
  readonly seed?: number
}

/** Both ways with nothing left open. */
export interface LinkImpairment {
  readonly toGuest: Impairment
  readonly fromGuest: Impairment
  readonly seed: number
}

/** One past the greatest seed. */
const SEEDS = 2 ** 32

type Field = keyof Impairment
type Unit = 'percent' | 'time' | 'rate' | 'count'

/** The words of a command line. */
const WORDS: Readonly<Record<string, readonly [field: Field, unit: Unit]>> = {
  loss: ['loss', 'percent'],
  duplicate: ['duplication', 'percent'],
  corrupt: ['corruption', 'percent'],
  reorder: ['reordering', 'percent'],
  'reorder-frames': ['reorderFrames', 'count'],
  'reorder-delay': ['reorderDelay', 'time'],
  delay: ['delay', 'time'],
  jitter: ['jitter', 'time'],
  rate: ['rate', 'rate'],
  queue: ['queue', 'time'],
}

/** How a value is written: a number and one of these, and what that is worth. */
const UNITS: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  percent: { '%': 1 },
  time: { ms: 1, s: 1000 },
  rate: { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 },
  count: { '': 1 },
}

/** May be fractions. */
const FRACTIONS: ReadonlySet<Field> = new Set(['loss', 'duplication', 'corruption', 'reordering', 'rate'])

const EXAMPLE = '--impair loss=1%,delay=10ms,up:rate=20mbit,seed=7'

const bad = (message: string, hint = `write it as in ${EXAMPLE}`): NetloomError => new NetloomError('ERR_IMPAIRMENT', message, hint, 2)

/**
 * Fills in what is left out; null where there is no impairment.
 * @throws NetloomError `ERR_IMPAIRMENT`.
 */
export function resolveImpairment(options: ImpairmentOptions | undefined): LinkImpairment | null {
  if (options === undefined) return null
  const { up = {}, down = {}, seed = Math.trunc(Math.random() * SEEDS), ...both } = options
  checkWay(both)
  checkWay(up)
  checkWay(down)
  if (!Number.isInteger(seed) || seed < 0 || seed >= SEEDS) throw bad(`the seed ${seed} is not a whole number from 0 to ${SEEDS - 1}`)
  return { toGuest: { ...NO_IMPAIRMENT, ...both, ...down }, fromGuest: { ...NO_IMPAIRMENT, ...both, ...up }, seed }
}

function checkWay(way: Partial<Impairment>): void {
  for (const [name, value] of Object.entries(way)) {
    if (!Object.hasOwn(NO_IMPAIRMENT, name)) throw bad(`a link has no '${name}'`, `it has ${Object.keys(NO_IMPAIRMENT).join(', ')}`)
    const field = name as Field
    const [least, most] = IMPAIRMENT_RANGES[field]
    const isNumber = typeof value === 'number' && (FRACTIONS.has(field) || Number.isInteger(value))
    const isInRange = (value >= least && value <= most) || (field === 'rate' && value === 0)
    if (!isNumber || !isInRange) throw bad(`the ${field} ${value} of a link is not ${describeRange(field)}`)
  }
}

function describeRange(field: Field): string {
  const [least, most] = IMPAIRMENT_RANGES[field]
  const kind = FRACTIONS.has(field) ? 'a number' : 'a whole number'
  const [, unit = 'count'] = Object.values(WORDS).find(([name]) => name === field) ?? []
  const name = { percent: ' percent', time: ' ms', rate: ' bits a second', count: '' }[unit]
  return `${kind} from ${least} to ${most}${name}`
}

/**
 * The impairment that a command line's text stands for; its values are checked by `resolveImpairment`.
 * @throws NetloomError `ERR_IMPAIRMENT`.
 */
export function parseImpairment(text: string): ImpairmentOptions {
  if (text === '') throw bad('the impairment of the link is empty')
  const ways: Record<'' | 'up' | 'down', Partial<Record<Field, number>>> = { '': {}, up: {}, down: {} }
  let seed: number | undefined
  for (const part of text.split(',')) {
    const [, way = '', word = '', value = ''] = /^(?:(up|down):)?([a-z-]+)=(.*)$/.exec(part) ?? []
    if (word === '') throw bad(`'${part}' is no impairment of a link`)
    if (word === 'seed' && way === '') {
      if (seed !== undefined) throw bad('the impairment of the link has two seeds')
      seed = parseValue('seed', value, 'count')
      continue
    }
    const [field, unit] = wordOf(word)
    const said = ways[way as keyof typeof ways]
    if (said[field] !== undefined) throw bad(`the impairment '${part}' says ${word} for the second time`)
    said[field] = parseValue(word, value, unit)
  }
  return { ...ways[''], up: ways.up, down: ways.down, ...(seed === undefined ? {} : { seed }) }
}

function wordOf(word: string): readonly [Field, Unit] {
  const found = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
  if (found === undefined) throw bad(`a link has no '${word}'`, `--impair knows ${Object.keys(WORDS).join(', ')} and seed`)
  return found
}

function parseValue(word: string, text: string, unit: Unit): number {
  const [, digits, suffix = ''] = /^(\d+(?:\.\d+)?)([a-z%]*)$/.exec(text) ?? []
  const units = UNITS[unit]
  const worth = Object.hasOwn(units, suffix) ? units[suffix] : undefined
  // 0.07 s are 70 ms, and not a little more.
  if (digits !== undefined && worth !== undefined) return Number((Number(digits) * worth).toPrecision(12))
  const names = Object.keys(units).filter((name) => name !== '')
  throw bad(`the ${word} '${text}' is not a number${names.length === 0 ? '' : ` with ${names.join(', ')} behind it`}`)
}

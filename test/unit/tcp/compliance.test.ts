// The tables of src/tcp/README.md against the tree: every requirement of RFC 9293, Appendix B has its row, what is said to be met names code that
// exists and a test that is about it, and what the code cites has a row. The rules are tried on invented rows first.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../../support/installation.js'

const SRC = join(CHECKOUT, 'src')
const TESTS = join(CHECKOUT, 'test')
const README = readFileSync(join(SRC, 'tcp/README.md'), 'utf8')

/** The numbers of each kind of tag in Appendix B: 1 to this, without a gap. */
const APPENDIX_B = { MUST: 69, SHLD: 31, MAY: 18, REC: 1 }
const TAGS = Object.entries(APPENDIX_B).flatMap(([kind, last]) => Array.from({ length: last }, (_, i) => `${kind}-${i + 1}`))

const HEADER = '| tag | where | what | done | code | test |'
const OF_APPENDIX_B = /^(?:MUST|SHLD|MAY|REC)-\d+$/
/** `7323-2.2`: an RFC and its section. */
const OF_ANOTHER = /^\d+-\d+(?:\.\d+)*$/

interface Row {
  readonly tag: string
  /** Sections that say the same, as OF_ANOTHER; or an RFC alone. */
  readonly where: readonly string[]
  readonly done: string
  /** Behind `done`: how, or why not. */
  readonly reason: string
  readonly code: string
  readonly test: string
}

function readRows(text: string): Row[] {
  const lines = text.split('\n').filter((line) => line.startsWith('| ') && line !== HEADER)
  return lines.map((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    assert.equal(cells.length, 8, `six cells: ${line}`)
    const [, tag = '', where = '', , done = '', code = '', file = ''] = cells
    const verdict = /^\*\*(yes|no|n\.a\.)\*\*(?:: (.+))?$/.exec(done)
    assert.ok(verdict, `done: ${line}`)
    const sections = where.split(', ').filter((section) => section !== '')
    // A section alone is one of RFC 9293.
    const full = sections.map((section) => (/^\d\./.test(section) ? `9293-${section}` : section))
    return { tag, where: full, done: verdict[1]!, reason: verdict[2] ?? '', code: unquote(code), test: unquote(file) }
  })
}

const unquote = (cell: string): string => cell.replace(/^`|`$/g, '')

/** What a text cites: tags (also `MUST-20 to 23`), and sections by the RFC whose number stands before them. */
function citations(text: string): Set<string> {
  const found = new Set<string>()
  for (const [, kind, first, last] of text.matchAll(/\b(MUST|SHLD|MAY|REC)-(\d+)(?: to (?:\1-)?(\d+))?/g)) {
    for (let n = Number(first); n <= Number(last ?? first); n++) found.add(`${kind}-${n}`)
  }
  for (const [, rfc, rest] of text.matchAll(/\bRFC (\d+)((?:(?!\bRFC |\n\n)[\s\S]){0,120})/g)) {
    found.add(rfc!)
    // 'RFC 2018, 4', 'RFC 7323, 4.1 and 5.4', '(RFC 6298) ... (2.1)'
    const direct = /^, (\d+(?:\.\d+)*)/.exec(rest!)
    if (direct) found.add(`${rfc}-${direct[1]}`)
    for (const [section] of rest!.matchAll(/(?<![\w.-])\d+(?:\.\d+)+(?!\w)/g)) found.add(`${rfc}-${section}`)
  }
  return found
}

/** A section contains the other, or they are the same. */
const overlap = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`)

/** True when a file is about a row: it cites the row's tag or one of its sections, or is the unit test of the row's code. */
function isAbout(row: Row, file: string, text: string): boolean {
  if (file === `unit/${row.code.replace(/\.ts$/, '.test.ts')}`) return true
  const wanted = OF_ANOTHER.test(row.tag) ? [row.tag, ...row.where] : row.where
  const cited = [...citations(text)]
  return cited.some((citation) => citation === row.tag || wanted.some((section) => overlap(section, citation)))
}

/** What is wrong with a row; null when nothing is. */
function problem(row: Row): string | null {
  if (!OF_APPENDIX_B.test(row.tag) && !OF_ANOTHER.test(row.tag)) return 'is no tag'
  if (OF_APPENDIX_B.test(row.tag) && row.where.length === 0) return 'has no section'
  if (row.done !== 'yes') return row.code === '' && row.test === '' ? null : 'is not met, and yet names files'
  if (!existsSync(join(SRC, row.code)) || row.code === '') return `names code that is not there: ${row.code}`
  if (!existsSync(join(TESTS, row.test)) || row.test === '') return `names a test that is not there: ${row.test}`
  return isAbout(row, row.test, readFileSync(join(TESTS, row.test), 'utf8')) ? null : `names a test that is not about it: ${row.test}`
}

const rows = readRows(README)

const ROW: Row = { tag: 'MUST-13', where: ['9293-3.6.1'], done: 'yes', reason: '', code: 'tcp/close.ts', test: 'x' }

test('the rules find what they look for', () => {
  const about = (text: string, row: Partial<Row> = {}): boolean => isAbout({ ...ROW, ...row }, 'script/tcp/x.test.ts', text)
  assert.ok(about('// it lasts (MUST-13)'))
  assert.ok(about('// RFC 9293, 3.8.3 (MUST-12 to 14): ...'))
  assert.ok(about('// RFC 9293, 3.4.2 and 3.6: TIME-WAIT'))
  assert.ok(about('// RFC 9293 (3.6.1) ...'))
  assert.ok(!about('// RFC 9293, 3.6.2; RFC 7323, 3.6.1'))
  assert.ok(!about('// MUST-1, MUST-130, after 3.6.1 s'))
  assert.ok(about('// RFC 2018, 4: the first block', { tag: '2018-4', where: [] }))
  assert.ok(!about('// RFC 2018, 5: the first block', { tag: '2018-4', where: [] }))
  assert.ok(isAbout(ROW, 'unit/tcp/close.test.ts', ''))
  assert.equal(problem({ ...ROW, code: 'tcp/nothing.ts' }), 'names code that is not there: tcp/nothing.ts')
  assert.equal(problem({ ...ROW, test: 'unit/nothing.test.ts' }), 'names a test that is not there: unit/nothing.test.ts')
  assert.equal(problem({ ...ROW, test: 'unit/layering.test.ts' }), 'names a test that is not about it: unit/layering.test.ts')
  assert.equal(problem({ ...ROW, done: 'no' }), 'is not met, and yet names files')
})

test('every requirement of RFC 9293, Appendix B has one row', () => {
  const tags = rows.map((row) => row.tag).filter((tag) => OF_APPENDIX_B.test(tag))
  assert.deepEqual([...tags].sort(), [...TAGS].sort())
})

test('what is met names its code and a test that is about it', () => {
  const problems = rows.flatMap((row) => problem(row) ?? [])
  const told = rows.flatMap((row) => (problem(row) === null ? [] : `${row.tag} ${problem(row)}`))
  assert.deepEqual(told, [], `${problems.length} rows are wrong`)
})

test('what is not met, or does not apply, says why; a MAY need not', () => {
  const silent = rows.filter((row) => row.done !== 'yes' && row.reason === '' && !row.tag.startsWith('MAY-'))
  assert.deepEqual(silent, [])
})

test('what the code cites has a row', () => {
  const tags = new Set(rows.map((row) => row.tag))
  // An RFC of which a section has a row, or whose number a row names.
  const named = new Set([...README.matchAll(/\bRFC (\d+)|^\| (\d+)-/gm)].map(([, a, b]) => a ?? b))
  const missing: string[] = []
  for (const file of readdirSync(join(SRC, 'tcp')).filter((name) => name.endsWith('.ts'))) {
    for (const citation of citations(readFileSync(join(SRC, 'tcp', file), 'utf8'))) {
      const isKnown = OF_APPENDIX_B.test(citation) ? tags.has(citation) : named.has(citation.split('-')[0])
      if (!isKnown) missing.push(`${basename(file)}: ${citation}`)
    }
  }
  assert.deepEqual(missing, [])
})

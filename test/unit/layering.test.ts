/*
 * DESIGN, 2: a file imports from its own folder and from folders to its left, and the core of the stack knows neither the OS, a clock
 * nor chance. The rules are tried on invented sources first: a test that finds nothing must be known to find something.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** Left to right; those of one entry do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['util'],
  ['wire'],
  ['packet'],
  ['link'],
  ['net'],
  ['udp', 'tcp'],
  ['host'],
  ['flow'],
  ['service'],
  ['app'],
  ['cli'],
]

/** The public API: imports what it likes, nobody imports it but the command line. */
const INDEX = 'index.ts'

/** The sans-IO core: time, chance and devices are passed in. */
const CORE = ['wire', 'packet', 'link', 'net', 'udp', 'tcp', 'flow']
const CORE_PACKAGES = ['ipaddr.js']
const IMPURE =
  /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|Date\.now|new Date|performance\.|process\.|Math\.random|globalThis)\b/

interface Import {
  /** Relative to src for a file of ours, the specifier for anything else. */
  readonly target: string
  readonly isOurs: boolean
  readonly isTypeOnly: boolean
  readonly isReExport: boolean
}

type Sources = ReadonlyMap<string, string>

const IMPORT = /^\s*(import|export)\s(?:(type)\s)?(?:[^'"`;=]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]/gm

function importsOf(file: string, source: string): Import[] {
  return [...withoutComments(source).matchAll(IMPORT)].map(([, keyword, type, from, dynamic]) => {
    const specifier = from ?? dynamic ?? ''
    const isOurs = specifier.startsWith('.')
    const target = isOurs ? normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts') : specifier
    return { target, isOurs, isTypeOnly: type !== undefined, isReExport: keyword === 'export' }
  })
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function layerOf(file: string): number {
  const folder = file.split('/')[0]!
  return LAYERS.findIndex((names) => names.includes(folder))
}

/** Imports that point right, or to a sibling layer, and files that are in no layer. */
function wrongImports(sources: Sources): string[] {
  const wrong: string[] = []
  for (const [file, source] of sources) {
    if (file === INDEX) continue
    if (layerOf(file) < 0) wrong.push(`${file} is in no layer`)
    for (const { target, isOurs } of importsOf(file, source)) {
      if (!isOurs || target.split('/')[0] === file.split('/')[0]) continue
      const isAllowed = target === INDEX ? file.startsWith('cli/') : layerOf(target) >= 0 && layerOf(target) < layerOf(file)
      if (!isAllowed) wrong.push(`${file} imports ${target}`)
    }
  }
  return wrong
}

function reExports(sources: Sources): string[] {
  return [...sources]
    .filter(([file, source]) => file !== INDEX && importsOf(file, source).some((found) => found.isReExport))
    .map(([file]) => file)
}

/** Cycles of imports that exist at run time; types may name each other. */
function cycles(sources: Sources): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' > '))
    if (done.has(file) || path.includes(file)) return
    for (const { target, isOurs, isTypeOnly } of importsOf(file, sources.get(file) ?? '')) {
      if (isOurs && !isTypeOnly) visit(target, [...path, file])
    }
    done.add(file)
  }
  for (const file of sources.keys()) visit(file, [])
  return found
}

/** Files of the core that reach for the OS, a clock, a timer or chance. */
function impurities(sources: Sources): string[] {
  const wrong: string[] = []
  for (const [file, source] of sources) {
    if (!CORE.includes(file.split('/')[0]!)) continue
    for (const { target, isOurs, isTypeOnly } of importsOf(file, source)) {
      if (!isOurs && !isTypeOnly && !CORE_PACKAGES.includes(target)) wrong.push(`${file} imports ${target}`)
    }
    const match = IMPURE.exec(withoutComments(source))
    if (match !== null) wrong.push(`${file} uses ${match[0]}`)
  }
  return wrong
}

function readSources(): Sources {
  const root = fileURLToPath(new URL('../../../src/', import.meta.url))
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  return new Map(names.map((name) => [name, readFileSync(join(root, name), 'utf8')]))
}

const sources = readSources()

test('the rules find what they forbid', () => {
  const invented: Sources = new Map([
    ['util/a.ts', "import { b } from '../wire/b.js'"],
    ['wire/b.ts', "import {\n  a,\n} from '../util/a.js'\n// import '../cli/main.js'\nsetTimeout(a, 1)"],
    ['tcp/c.ts', "import type { D } from '../udp/d.js'\nimport { now } from 'node:perf_hooks'"],
    ['udp/d.ts', "export { e } from './e.js'"],
    ['udp/e.ts', "import './d.js'\nconst later = await import('../flow/f.js')"],
    ['flow/f.ts', "/* import '../cli/main.js' */ const text = 'import'"],
    ['lost/g.ts', ''],
    ['index.ts', "export * from './flow/f.js'"],
  ])
  assert.deepEqual(wrongImports(invented), [
    'util/a.ts imports wire/b.ts',
    'tcp/c.ts imports udp/d.ts',
    'udp/e.ts imports flow/f.ts',
    'lost/g.ts is in no layer',
  ])
  assert.deepEqual(reExports(invented), ['udp/d.ts'])
  assert.deepEqual(cycles(invented), ['util/a.ts > wire/b.ts > util/a.ts', 'udp/d.ts > udp/e.ts > udp/d.ts'])
  assert.deepEqual(impurities(invented), ['wire/b.ts uses setTimeout', 'tcp/c.ts imports node:perf_hooks'])
})

test('the imports of this project are seen', () => {
  const targets = importsOf('wire/udp.ts', sources.get('wire/udp.ts') ?? '').map(({ target }) => target)
  assert.deepEqual(targets, ['wire/checksum.ts', 'wire/numbers.ts'])
})

test('a file imports from its own folder and from folders to its left', () => {
  assert.deepEqual(wrongImports(sources), [])
})

test('only src/index.ts re-exports', () => {
  assert.deepEqual(reExports(sources), [])
})

test('there are no import cycles', () => {
  assert.deepEqual(cycles(sources), [])
})

test('the core knows neither the OS, a clock nor chance', () => {
  assert.deepEqual(impurities(sources), [])
})

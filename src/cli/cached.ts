// The front of a bundle, itself bundled as dist/bin/NAME.cjs: compiles NAME.bundle.cjs, beside it, with what V8 has kept of an earlier compilation in
// NAME.bundle.cjs.cache. Without that, or with one of another V8, it is compiled afresh; a start takes some 20 ms more then.
//
// `.config/prepare.mjs` makes the file by a start with NETLOOM_CODE_CACHE naming it: what ran until the end is in it.
import { readFileSync, writeFileSync } from 'node:fs'
import { Script } from 'node:vm'
import { refuseDebugger, takeDebuggerSignal } from '../host/debugger.js'

takeDebuggerSignal()
refuseDebugger()

// What the user set for the command that netloom runs, not for netloom: native/src/front/main.c.
const nodeOptions = process.env['NETLOOM_NODE_OPTIONS']
if (nodeOptions !== undefined) {
  process.env['NODE_OPTIONS'] = nodeOptions
  delete process.env['NETLOOM_NODE_OPTIONS']
}

// Of a CommonJS file, which this becomes.
const bundle = __filename.replace(/\.cjs$/, '.bundle.cjs')

function readCache(): Buffer | undefined {
  try {
    return readFileSync(`${bundle}.cache`)
  } catch {
    return undefined
  }
}

// The bundler writes ASCII alone.
const source = `(function (require, __filename) {${readFileSync(bundle, 'latin1')}\n})`
const cachedData = readCache()
const script = new Script(source, { filename: bundle, ...(cachedData === undefined ? {} : { cachedData }) })
const wanted = process.env['NETLOOM_CODE_CACHE']
if (wanted !== undefined) process.on('exit', () => writeFileSync(wanted, script.createCachedData()))
const run = script.runInThisContext() as (load: NodeJS.Require, name: string) => void
run(require, bundle)

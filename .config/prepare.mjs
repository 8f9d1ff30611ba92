#!/usr/bin/env node
// Makes a fresh clone ready: installs the dependencies, builds the native parts and compiles the TypeScript,
// each only when its result is missing or older than what it is made from. `--force` builds again regardless.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linkNode } from './link-node.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const force = process.argv.includes('--force')
const at = (...parts) => join(root, ...parts)
const changed = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** The newest modification time below a folder, in ms; folders count, so that a removed file is noticed. */
function newest(folder) {
  let latest = changed(folder)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'build' || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : changed(path))
  }
  return latest
}

function step(what, command, args, cwd = root) {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (done.status === 0) return
  process.stdout.write(`${done.stdout ?? ''}${done.stderr ?? ''}`)
  console.error(
    `netloom: ${what} failed: \`${command} ${args.join(' ')}\` ${done.error?.message ?? `ended with status ${done.status}`}; see above`,
  )
  process.exit(1)
}

if (changed(at('node_modules', '.package-lock.json')) < changed(at('package-lock.json'))) {
  console.error('netloom: installing dependencies')
  step('installing the dependencies', 'npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'])
}

// Headers that came with Node are the right ones, and need no download.
const prefix = join(dirname(realpathSync(process.execPath)), '..')
const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : []

const built = ['netloom.node', 'netloom-launcher', 'netloom-front', 'netloom-slirp4netns'].map((name) =>
  at('native', 'build', 'Release', name),
)
// NETLOOM_SANITIZE=address: native/flags.cjs. A build of the other kind is built again.
const sanitized = process.env['NETLOOM_SANITIZE'] ?? ''
const kind = at('native', 'build', 'sanitized')
const builtKind = existsSync(kind) ? readFileSync(kind, 'utf8') : ''
if (force || builtKind !== sanitized || Math.min(...built.map(changed)) < newest(at('native'))) {
  console.error('netloom: building native parts')
  step(
    'building the native parts',
    process.execPath,
    [at('node_modules', 'node-gyp', 'bin', 'node-gyp.js'), 'rebuild', '--silent', ...headers],
    at('native'),
  )
  writeFileSync(kind, sanitized)
}

const sources = ['src', 'bench', 'test', 'tsconfig.json', 'package.json'].map((name) => at(name))
const latest = Math.max(...sources.map((path) => (statSync(path).isDirectory() ? newest(path) : changed(path))))
if (force || changed(at('dist', '.built')) < latest) {
  console.error('netloom: compiling TypeScript')
  step('compiling', process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', root])
  // One file in place of a hundred: Node takes a millisecond to find and load each.
  const { build } = await import('esbuild')
  rmSync(at('dist', 'bin'), { recursive: true, force: true })
  for (const [name, file] of [
    ['main', 'main.bundle.cjs'],
    ['slirp4netns', 'slirp4netns.bundle.cjs'],
    ['cached', 'main.cjs'],
    ['cached', 'slirp4netns.cjs'],
  ]) {
    await build({
      entryPoints: [at('dist', 'src', 'cli', `${name}.js`)],
      outfile: at('dist', 'bin', file),
      bundle: true,
      platform: 'node',
      // Node starts a CommonJS file 15 ms sooner than a module.
      format: 'cjs',
      // Needed only when somebody asks the control socket.
      external: ['zod'],
      target: 'node20',
      // cached.ts gives a bundle `require` alone.
      supported: { 'dynamic-import': false },
      logLevel: 'warning',
      define: { 'import.meta.url': '__importMetaUrl' },
      ...(name === 'cached' ? {} : { banner: { js: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;" } }),
    })
  }
  writeFileSync(at('dist', '.built'), '')
}

// A program finds its second half and its Node beside it, wherever it is started from: native/src/node/start.c.
const program = (name) => at('dist', 'bin', name)
for (const [name, from] of [
  ['netloom', 'netloom-front'],
  ['netloom-slirp4netns', 'netloom-slirp4netns'],
]) {
  const source = at('native', 'build', 'Release', from)
  if (changed(program(name)) >= changed(source)) continue
  // Not over the one that is there, which may be running.
  rmSync(program(name), { force: true })
  copyFileSync(source, program(name))
}

// Whatever Node this is run by is the one that the programs start, and what V8 has kept is of that one.
const bundles = ['main', 'slirp4netns']
const node = realpathSync(process.execPath)
if (!existsSync(program('node')) || realpathSync(program('node')) !== node) {
  linkNode(at('dist', 'bin'), node)
  for (const name of bundles) rmSync(program(`${name}.bundle.cjs.cache`), { force: true })
}

// What V8 makes of each bundle by one run is kept (src/cli/cached.ts): long enough for it to have practised (src/app/warm-up.ts).
const PRACTICE = 500 // ms

/** A socket in place of the TAP, one that is told ready, one that ends it. */
function startSlirp4netns(env) {
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', 'pipe']
  const child = spawn(program('netloom-slirp4netns'), ['--enable-ipv6', '--netns-type=tapfd', '--ready-fd=4', '--exit-fd=5', '3'], {
    stdio,
    env,
  })
  child.stdio[3].resume()
  child.stdio[4].on('data', () => setTimeout(() => child.stdio[5].destroy(), PRACTICE))
  return child
}

/** Where namespaces are not to be had it fails, after what comes before them. In its sandbox it could write no file. */
function startMain(env) {
  const command = ['run', '--disable-control', '--no-sandbox', '--', 'sleep', `${PRACTICE / 1000}`]
  return spawn(program('netloom'), command, { stdio: 'ignore', env })
}

for (const [i, start] of [startMain, startSlirp4netns].entries()) {
  const name = bundles[i]
  const cache = program(`${name}.bundle.cjs.cache`)
  if (changed(cache) >= changed(program(`${name}.bundle.cjs`))) continue
  const child = start({ ...process.env, NETLOOM_CODE_CACHE: cache })
  await new Promise((resolve) => child.on('exit', resolve).on('error', resolve))
  if (!existsSync(cache))
    console.error(`netloom: ${name} starts some 20 ms later than it could, for its code could not be compiled beforehand`)
}

#!/usr/bin/env node
// `link-node.mjs FOLDER NODE`: makes the programs in FOLDER, which is a dist/bin, start this Node (native/src/node/start.c).
//
//     FOLDER/node                      a link to it
//     FOLDER/node.disables-sigusr1     its size (bytes) and time (s) when it knows --disable-sigusr1; otherwise not there
import { spawnSync } from 'node:child_process'
import { rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export function linkNode(folder, node) {
  const link = join(folder, 'node')
  const known = `${link}.disables-sigusr1`
  rmSync(link, { force: true })
  rmSync(known, { force: true })
  const { size, mtimeMs } = statSync(node)
  const { NODE_OPTIONS: _, ...env } = process.env
  const tried = spawnSync(node, ['--disable-sigusr1', '--eval', '0'], { stdio: 'ignore', env })
  if (tried.status === 0) writeFileSync(known, `${size} ${Math.floor(mtimeMs / 1000)}\n`)
  symlinkSync(resolve(node), link)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) linkNode(process.argv[2], process.argv[3])

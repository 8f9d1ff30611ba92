// The tour's program in the sandbox: answers questions (questions.ts) that come by standard input, one after the other, and knows
// nothing of netloom: what it uses is the network that any program would have.
import { spawn } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import { BulkConnection } from './bulk.js'
import { echo } from './echo.js'
import type { Executed, Fetched, Question, Resolved } from './questions.js'

/** One connection for all that is moved: its flow is still open, with all its bytes, when the tour shows the table. */
let bulk: BulkConnection | null = null

function execute(command: readonly string[]): Promise<Executed> {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    const texts = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()))
    child.once('error', reject)
    child.once('close', (status) => resolve({ status, ...texts, ms: performance.now() - start }))
  })
}

function fetchText(url: string): Promise<Fetched> {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.once('end', () => resolve({ body, ms: performance.now() - start }))
    }).once('error', reject)
  })
}

async function resolveName(server: string, name: string): Promise<Resolved> {
  const resolver = new Resolver({ timeout: 1000, tries: 3 })
  resolver.setServers([server])
  return { addresses: await resolver.resolve4(name) }
}

function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'execute':
      return execute(question.command)
    case 'fetch':
      return fetchText(question.url)
    case 'echo':
      return echo(question.address, question.count)
    case 'resolve':
      return resolveName(question.server, question.name)
    case 'download':
    case 'upload':
      bulk ??= new BulkConnection(question.host, question.port)
      return question.ask === 'download' ? bulk.download(question.bytes) : bulk.upload(question.bytes)
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let outcome: object
  try {
    outcome = { value: await answer(JSON.parse(line) as Question) }
  } catch (error) {
    outcome = { error: error instanceof Error ? error.message : String(error) }
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
}
process.exit(0)

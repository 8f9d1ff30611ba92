// A process whose control socket has one descriptor left, for the first who comes: none to load anything with. It says where the socket is,
// and ends in order when it is told.
import { closeSync, openSync } from 'node:fs'
import { ControlServer } from '../../src/app/control-server.js'
import type { Network } from '../../src/app/types.js'

const control = await ControlServer.start('starved', { name: 'starved' } as unknown as Network)
const held: number[] = []
try {
  for (;;) held.push(openSync('/dev/null', 'r'))
} catch {
  closeSync(held.pop()!)
}
process.once('message', () => {
  for (const descriptor of held) closeSync(descriptor)
  void control.close().then(() => process.disconnect())
})
process.send!(control.path)

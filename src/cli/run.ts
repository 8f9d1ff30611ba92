// `netloom run`: a command in namespaces of its own, with a network, and otherwise as if it had been started without us: its
// standard streams, terminal, environment, descriptors, signals and exit status are the user's.
import type { Network } from '../app/types.js'
import { callerOpenFiles } from '../host/caller.js'
import { refuseDebugger } from '../host/debugger.js'
import { SignalForwarder, signalStatus } from '../host/signals.js'
import { parse, type Syntax } from './arguments.js'
import { hardening, NETWORK_OPTIONS, networkOptions, publish } from './network-flags.js'
import { reportNetwork, reportTraffic } from './report.js'
import { tierUpSooner } from './tier-up.js'

const SYNTAX: Syntax = {
  name: 'run',
  description: 'Start COMMAND in a sandbox with a network of its own.',
  options: [
    ...NETWORK_OPTIONS,
    { flags: '--map-current-user', help: 'keep your own uid and gid inside, in place of root' },
    { flags: '--map-auto', help: 'map your subordinate IDs too, for programs that change their user (newuidmap; as root: all IDs)' },
    { flags: '--share-pid', help: 'leave the command among your processes: no PID, IPC and UTS namespaces of its own' },
  ],
  operand: '[COMMAND...]',
  operandHelp: 'the command and its arguments',
  isCommand: true,
  more: `
Everything from the first word that is no option is the command; -- says so where it could be doubted.
Without a command: $SHELL. The host's loopback is at the gateway's address, 10.0.2.2.
For a command that is to outlive the terminal nohup stands directly in front of it.
When the command ends so does what it has started and left behind (not with --share-pid).

Examples:
  netloom run -- curl http://10.0.2.2:8080/
  netloom run -p 127.0.0.1:8080:80 -- python3 -m http.server 80
  netloom run --mtu 9000 --disable-host-loopback -- make test
  netloom run -- nohup ./server
`,
}

export async function main(args: readonly string[]): Promise<number> {
  const parsed = await parse(SYNTAX, args)
  if (parsed === null) return 0
  const { flags, operands } = parsed
  const command = operands.length > 0 ? operands : [process.env['SHELL'] || '/bin/sh']
  const options = networkOptions(flags)

  const { createNetwork } = await import('../app/network.js')
  // Before there is anything that a signal could leave behind: the control socket is a file.
  const signals = new SignalForwarder()
  let network: Network | null = null
  try {
    network = await createNetwork(options)
    publish(network, flags, options.log)
    const mapCurrentUser = flags['mapCurrentUser'] === true
    const mapAuto = flags['mapAuto'] === true
    const sharePid = flags['sharePid'] === true
    const sandbox = await network.run(command, {
      mapCurrentUser,
      mapAuto,
      sharePid,
      openFiles: callerOpenFiles(),
      harden: hardening(flags),
    })
    refuseDebugger()
    tierUpSooner()
    signals.forward((signal) => sandbox.kill(signal))
    reportNetwork(options.log, network, `PID ${sandbox.pid}`)
    const { code, signal } = await sandbox.exited
    const interrupt = new AbortController()
    signals.stopBy(() => interrupt.abort())
    await network.drain(interrupt.signal)
    reportTraffic(options.log, network)
    return signal === null ? (code ?? 1) : signalStatus(signal)
  } catch (error) {
    signals.giveUp()
    throw error
  } finally {
    await network?.close()
    signals.close()
  }
}

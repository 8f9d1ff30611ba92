// When V8 compiles. By default it takes its time before it believes that a function is worth it (132 KB of bytecode run, in Node 20): right for programs
// that do many things for long. What a packet needs is a hundred small functions, and the first second counts.
import { setFlagsFromString } from 'node:v8'

/**
 * Bytes of bytecode that a function runs before it is compiled better, in the V8 of Node 20. Later ones have no such flag, and compile a function
 * with Maglev after 400 calls. V8 prints an error where a flag is unknown, and has no question for it: so the version decides.
 */
const SOONER: Readonly<Record<string, string>> = { '11.3': '--interrupt-budget=30000' }

/** What V8 of this version (`process.versions.v8`) is asked for, '' for nothing. */
export const tierUpFlag = (version: string): string => SOONER[version.split('.', 2).join('.')] ?? ''

/**
 * Lets V8 compile sooner, in this whole process: for programs of ours, not for those that use us. After the last module was loaded that a start
 * needs: V8 does not take what it has kept of Node's own, or of ours, under other flags (cached.ts).
 */
export function tierUpSooner(): void {
  const flag = tierUpFlag(process.versions.v8)
  if (flag !== '' && process.env['NETLOOM_CODE_CACHE'] === undefined) setFlagsFromString(flag)
}

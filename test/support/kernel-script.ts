import type { Conversation } from './script.js'
import type { ScriptOptions } from './tcp-script.js'
export function begin(_o: ScriptOptions): Conversation {
  throw new Error('later')
}

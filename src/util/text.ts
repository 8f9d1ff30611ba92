// Text that comes from outside (an answer, a name, another program's message), as it may be printed: what is no character of a line
// would move a terminal's cursor, change its settings, or show the text in another order than it has.

/** Control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction of text round (Unicode, UAX 9). */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const spelledOut = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** With what cannot be printed spelled out, as JSON does it: `\u001b`. */
export const visible = (text: string): string => text.replace(UNPRINTABLE, spelledOut)

/** The same for whole lines: their ends stay. */
export const visibleLines = (text: string): string => text.replace(UNPRINTABLE, (found) => (found === '\n' ? found : spelledOut(found)))

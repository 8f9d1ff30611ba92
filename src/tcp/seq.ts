// Sequence number arithmetic (RFC 9293, 3.4): numbers are int32 that wrap, compared by the sign of their difference.

/** a < b */
export const lt = (a: number, b: number): boolean => ((a - b) | 0) < 0
/** a <= b */
export const leq = (a: number, b: number): boolean => ((a - b) | 0) <= 0
/** a > b */
export const gt = (a: number, b: number): boolean => ((a - b) | 0) > 0
/** How far `a` is ahead of `b`; negative when it is behind. */
export const diff = (a: number, b: number): number => (a - b) | 0
/** a + n */
export const add = (a: number, n: number): number => (a + n) | 0
/** The later of two. */
export const max = (a: number, b: number): number => (((a - b) | 0) < 0 ? b : a)
/** low <= a < high */
export const isWithin = (a: number, low: number, high: number): boolean => ((a - low) | 0) >= 0 && ((a - high) | 0) < 0
/** The earlier of two. */
export const min = (a: number, b: number): number => (((a - b) | 0) < 0 ? a : b)

/** The lesser of two waits, ms; negative: there is nothing to wait for. */
export const sooner = (a: number, b: number): number => (a < 0 || (b >= 0 && b < a) ? b : a)

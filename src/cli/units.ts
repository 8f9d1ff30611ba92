// Quantities as people read them.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** Bytes in decimal units: `0 B`, `1.5 kB`, `268 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`
}

/** Bytes in so many ms as `12.3 Gbit/s`. */
export function formatRate(bytes: number, ms: number): string {
  return `${((bytes * 8) / Math.max(ms, 0.001) / 1e6).toFixed(1)} Gbit/s`
}

/** `0.4 ms`, `35 ms`, `2.1 s`. */
export function formatDuration(ms: number): string {
  if (ms >= 995) return `${(ms / 1000).toFixed(1)} s`
  return ms >= 9.95 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`
}

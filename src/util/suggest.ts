// What was meant by a name that there is not.

/** A word that is off by a letter or two: the name that was meant, or null. */
export function suggest(word: string, names: readonly string[]): string | null {
  let best: string | null = null
  let least = 3
  for (const name of names) {
    const distance = editDistance(word, name)
    if (distance < least && distance < name.length) {
      best = name
      least = distance
    }
  }
  return best
}

/** Levenshtein's: letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

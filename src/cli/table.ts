// Columns of text.

/** Rows of cells as lines, each column as wide as it needs; numbers to the right. */
export function formatTable(rows: readonly (readonly string[])[], isNumber: (column: number) => boolean): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

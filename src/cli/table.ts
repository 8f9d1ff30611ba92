// Columns of text. A cell is one line, whatever it is made of.
import { visible } from '../util/text.js'

/** Rows of cells as lines, each column as wide as it needs; numbers to the right. */
export function formatTable(cells: readonly (readonly string[])[], isNumber: (column: number) => boolean): string[] {
  const rows = cells.map((row) => row.map(visible))
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

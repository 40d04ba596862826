// Which cells of a screen belong to the word in one of them.

import type { Terminal } from "@xterm/xterm";

/** Cells from `from` on and before `to`, counted through the rows. */
export interface Cells {
  from: number;
  to: number;
}

/** Ends a word: as with a double click. */
const ENDS = " ()[]{}'\",`│";

/** The word in a cell; where there is none, the cell alone. */
export function wordAt(terminal: Terminal, column: number, row: number): Cells {
  const { active } = terminal.buffer;
  const line = active.getLine(active.viewportY + row);
  // The second half of a wide letter holds nothing.
  const isWord = (at: number): boolean => {
    const cell = line?.getCell(at);
    return cell !== undefined && (cell.getWidth() === 0 || (cell.getChars() !== "" && !ENDS.includes(cell.getChars())));
  };
  let [from, to] = [column, column + 1];
  if (isWord(column)) {
    while (from > 0 && isWord(from - 1)) from--;
    while (to < terminal.cols && isWord(to)) to++;
  }
  const before = (active.viewportY + row) * terminal.cols;
  return { from: before + from, to: before + to };
}

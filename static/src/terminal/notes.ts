// Lines of older output that nobody printed: they say what is known of a place.

import type { Line, Piece } from "./render";

/** It comes before this line, counted into the screen. */
export interface Note {
  line: number;
  text: string;
}

const textOf = (line: Line | undefined): string => line?.runs.map((run) => run.text).join("") ?? "";

/** How many lines at the end of one screen stand at the beginning of the next. */
export function overlap(before: readonly Line[], after: readonly Line[]): number {
  for (let length = Math.min(before.length, after.length); length > 0; length--) {
    const from = before.length - length;
    if (before.slice(from).every((line, at) => textOf(line) === textOf(after[at]))) return length;
  }
  return 0;
}

export function withNotes(piece: Piece, notes: readonly Note[]): Piece {
  const lines = [...piece.lines];
  const screen = [...piece.screen];
  let { times, mark } = piece;
  // From the end on: the places of those before stay what they are.
  for (const { line, text } of [...notes].reverse()) {
    const note: Line = { runs: [], wrapped: false, note: text };
    if (line < lines.length) lines.splice(line, 0, note);
    else screen.splice(line - lines.length, 0, note);
    times = times.map((time) => (time.line < line ? time : { ...time, line: time.line + 1 }));
    mark &&= {
      scrolled: mark.scrolled + (line < mark.scrolled ? 1 : 0),
      line: mark.line + (line <= mark.line ? 1 : 0),
    };
  }
  return { ...piece, lines, screen, times, mark };
}

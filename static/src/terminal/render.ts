// Older output as lines: an unseen terminal plays the records, and what scrolls off its top is history.

import { Terminal, type IBuffer, type IBufferCell, type IBufferLine } from "@xterm/xterm";
import { position } from "../cursor";
import type { Record } from "./records";
import type { Cursor, KeyframeReason, Lost } from "../wire";
import { bytes, count } from "../words";
import { clock } from "../clock";
import { type Note, overlap, withNotes } from "./notes";
import { keepScrolled } from "./scrolled";
import { countAsKeyframe, countAsTmux } from "./width";

/** Letters of one look. */
export interface Run {
  text: string;
  look: Look;
}

export interface Look {
  /** 0 to 255 of the palette, `#rrggbb`, or null for the default. */
  fg: number | string | null;
  bg: number | string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  inverse: boolean;
  /** Takes two cells. */
  wide: boolean;
}

export interface Line {
  runs: readonly Run[];
  /** Goes on in the next line. */
  wrapped: boolean;
  /** Nobody printed it: it says what is known of this place. */
  note?: string;
}

export interface Piece {
  begin: Cursor;
  end: Cursor;
  /** Nothing older is kept. */
  oldest: boolean;
  /** What scrolled off the top, oldest first. */
  lines: readonly Line[];
  /** What stood on the screen at the end. */
  screen: readonly Line[];
  /** From this line on (counting into the screen) it was printed at this time. */
  times: readonly { line: number; at: number }[];
  /** How many lines had scrolled off when the asked offset was reached; and the line of the cursor then. */
  mark: { scrolled: number; line: number } | null;
}

/** At these another screen begins. After a resize it goes on in another shape, and what was missed stands before
 * the screen that shows it. */
const LEAVES_SCREEN: ReadonlySet<KeyframeReason> = new Set<KeyframeReason>(["behind", "discontinuity", "launch"]);

/** More lines than one answer can hold. */
const ENOUGH = 200_000;

/** Plays records; `markAt` is an offset whose line is wanted. */
export async function render(found: readonly Record[], markAt: number | null): Promise<Piece> {
  const terminal = new Terminal({
    cols: 80,
    rows: 24,
    scrollback: ENOUGH,
    allowProposedApi: true,
    scrollOnEraseInDisplay: true,
  });
  try {
    return await play(terminal, found, markAt);
  } finally {
    terminal.dispose();
  }
}

async function play(terminal: Terminal, found: readonly Record[], markAt: number | null): Promise<Piece> {
  countAsTmux(terminal);
  keepScrolled(terminal);
  const lines: Line[] = [];
  // A reset forgets what scrolled off; tmux does not.
  terminal.parser.registerEscHandler({ final: "c" }, () => {
    const { normal } = terminal.buffer;
    lines.push(...linesOf(normal, 0, contentEnd(normal)));
    return false;
  });
  const times: { line: number; at: number }[] = [];
  let mark: Piece["mark"] = null;
  let begin: Cursor = "0:0";
  let end: Cursor = "0:0";
  let oldest = false;
  let offset = 0;
  let size = { cols: 80, rows: 24 };
  let reason: KeyframeReason = "begin";
  const notes: Note[] = [];
  let lost: Lost = "nothing";
  let lastTime = 0;
  const write = (bytes: Uint8Array | string, then?: () => void): void => terminal.write(bytes, then);
  const here = (): number => lines.length + terminal.buffer.normal.baseY + terminal.buffer.active.cursorY;
  const setMark = (): void => {
    mark ??= { scrolled: lines.length + terminal.buffer.normal.baseY, line: here() };
  };

  for (const record of found) {
    if (record.kind === "output") {
      const cut = markAt !== null && markAt >= offset && markAt < offset + record.bytes.length ? markAt - offset : null;
      if (cut === null) write(record.bytes);
      else {
        write(record.bytes.subarray(0, cut), setMark);
        write(record.bytes.subarray(cut));
      }
      offset += record.bytes.length;
    } else if (record.kind === "screen") {
      const { cols, rows } = size;
      const [why, missing, at] = [reason, lost, lastTime];
      lost = "nothing";
      let before: Line[] = [];
      write("", () => {
        const { normal } = terminal.buffer;
        lines.push(...linesOf(normal, 0, normal.baseY));
        if (LEAVES_SCREEN.has(why)) before = linesOf(normal, normal.baseY, contentEnd(normal));
        terminal.reset();
        terminal.resize(cols, rows);
        countAsKeyframe(terminal, record.bytes);
      });
      write(record.bytes, () => {
        const { normal } = terminal.buffer;
        // What stands on both screens was printed once.
        const twice = why === "discontinuity" ? overlap(before, linesOf(normal, 0, contentEnd(normal))) : 0;
        lines.push(...before.slice(0, before.length - twice));
        if (why === "healed") notes.push({ line: here(), text: wasAway(at, missing) });
        if (why === "discontinuity") notes.push({ line: lines.length + twice, text: wasAway(at, missing) });
      });
    } else {
      const { part } = record;
      switch (part.type) {
        case "begin":
          begin = end = part.cursor;
          oldest = part.oldest;
          offset = position(part.cursor).offset;
          break;
        case "keyframe":
          size = part.size;
          offset = position(part.cursor).offset;
          reason = part.reason;
          break;
        case "gap":
          lost = part.lost;
          break;
        case "time": {
          const at = Date.parse(part.at);
          lastTime = at;
          write("", () => times.push({ line: here(), at }));
          break;
        }
        case "end":
          end = part.cursor;
          if (markAt !== null && markAt >= position(part.cursor).offset) write("", setMark);
          break;
      }
    }
  }
  await new Promise<void>((done) => write("", done));
  const { normal, active } = terminal.buffer;
  lines.push(...linesOf(normal, 0, normal.baseY));
  const screen = linesOf(active, active.baseY, active.type === "alternate" ? active.length : contentEnd(active));
  return withNotes({ begin, end, oldest, lines, screen, times, mark }, notes);
}

/** Of what was printed until `at`, when the daemon was there again. */
function wasAway(at: number, lost: Lost): string {
  return `The daemon was away${at > 0 ? ` until ${clock(at)}` : ""} · ${missing(lost)}`;
}

function missing(lost: Lost): string {
  if (lost === "nothing") return "nothing is missing";
  if (lost === "unknown") return "some output is missing";
  return `${"lines" in lost ? count(lost.lines, "line") : bytes(lost.bytes)} of output missing`;
}

/** After the last line with something on it, the cursor's at least. */
function contentEnd(buffer: IBuffer): number {
  for (let y = buffer.length - 1; y > buffer.baseY + buffer.cursorY; y--) {
    if (buffer.getLine(y)?.translateToString(true)) return y + 1;
  }
  return Math.min(buffer.length, buffer.baseY + buffer.cursorY + 1);
}

function linesOf(buffer: IBuffer, from: number, to: number): Line[] {
  const cell = buffer.getNullCell();
  const found: Line[] = [];
  for (let y = from; y < to; y++) {
    const line = buffer.getLine(y);
    const wrapped = buffer.getLine(y + 1)?.isWrapped ?? false;
    if (line) found.push({ runs: runsOf(line, cell, wrapped), wrapped });
  }
  return found;
}

function runsOf(line: IBufferLine, cell: IBufferCell, wrapped: boolean): Run[] {
  const runs: Run[] = [];
  // What the cell before looked like, as numbers: a screen has many cells and few looks.
  let fg = -1;
  let bg = -1;
  let flags = -1;
  let end = line.length;
  // A wide letter that had no room.
  if (wrapped && line.getCell(end - 1, cell)?.getChars() === "" && cell.getWidth() === 1) end--;
  for (let x = 0; x < end; x++) {
    line.getCell(x, cell);
    const width = cell.getWidth();
    if (width === 0) continue;
    const text = cell.isInvisible() ? " " : cell.getChars() || " ";
    const ownFg = cell.getFgColorMode() + cell.getFgColor();
    const ownBg = cell.getBgColorMode() + cell.getBgColor();
    const ownFlags = flagsOf(cell);
    const last = runs.at(-1);
    // Wide letters stand alone, each in a box of two cells.
    if (last && width === 1 && !last.look.wide && ownFg === fg && ownBg === bg && ownFlags === flags) last.text += text;
    else runs.push({ text, look: lookOf(cell) });
    [fg, bg, flags] = [ownFg, ownBg, ownFlags];
  }
  // In the middle of a line they were printed.
  if (wrapped) return runs;
  // Blanks at the end say nothing, unless they have a ground.
  for (let last = runs.at(-1); last && isPlainGround(last.look); last = runs.at(-1)) {
    last.text = last.text.trimEnd();
    if (last.text !== "") break;
    runs.pop();
  }
  return runs;
}

function flagsOf(cell: IBufferCell): number {
  return (
    (cell.isBold() ? 1 : 0) +
    (cell.isDim() ? 2 : 0) +
    (cell.isItalic() ? 4 : 0) +
    (cell.isUnderline() ? 8 : 0) +
    (cell.isStrikethrough() ? 16 : 0) +
    (cell.isInverse() ? 32 : 0)
  );
}

function isPlainGround(look: Look): boolean {
  return look.bg === null && !look.inverse && !look.underline && !look.strike;
}

function lookOf(cell: IBufferCell): Look {
  return {
    fg: colour(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()),
    bg: colour(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()),
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    italic: cell.isItalic() !== 0,
    underline: cell.isUnderline() !== 0,
    strike: cell.isStrikethrough() !== 0,
    inverse: cell.isInverse() !== 0,
    wide: cell.getWidth() === 2,
  };
}

function colour(isDefault: boolean, isRgb: boolean, value: number): number | string | null {
  if (isDefault) return null;
  return isRgb ? `#${value.toString(16).padStart(6, "0")}` : value;
}

/** The text of lines; wrapped ones are one. */
export function textOf(lines: readonly Line[]): string {
  let text = "";
  for (const line of lines) {
    if (line.note !== undefined) continue;
    text += line.runs.map((run) => run.text).join("");
    if (!line.wrapped) text += "\n";
  }
  return text;
}

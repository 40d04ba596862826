// Lines of history as elements.

import { contrast } from "../preferences";
import type { Line, Look } from "./render";

/** Levels of the 6×6×6 cube of the palette. */
const LEVELS = [0, 95, 135, 175, 215, 255];

/** A colour of the palette beyond the sixteen of the theme. */
function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const cube = index - 16;
  return `rgb(${LEVELS[Math.floor(cube / 36)]} ${LEVELS[Math.floor(cube / 6) % 6]} ${LEVELS[cube % 6]})`;
}

function css(colour: number | string | null, fallback: string): string {
  if (colour === null) return fallback;
  if (typeof colour === "string") return colour;
  return colour < 16 ? `var(--a${colour})` : paletteColour(colour);
}

export function lineElement(line: Line): HTMLElement {
  const row = document.createElement("div");
  row.className = line.note === undefined ? "h-row" : "h-row h-note";
  if (line.note !== undefined) row.append(line.note);
  for (const { text, look } of line.runs) row.append(isPlain(look) ? text : styled(text, look));
  return row;
}

function isPlain(look: Look): boolean {
  return (
    look.fg === null &&
    look.bg === null &&
    !(look.bold || look.dim || look.italic || look.underline || look.strike || look.inverse || look.wide)
  );
}

/** One of the theme's sixteen colours. */
const isAnsi = (colour: number | string | null): boolean => typeof colour === "number" && colour < 16;

function styled(text: string, look: Look): HTMLElement {
  const span = document.createElement("span");
  span.textContent = text;
  const [front, ground] = look.inverse ? [look.bg, look.fg] : [look.fg, look.bg];
  const onAnsi = contrast.value === "on" && isAnsi(ground) && (front === null || isAnsi(front));
  if (front !== null || look.inverse) span.style.color = css(front, "var(--term-bg)");
  if (ground !== null || look.inverse) span.style.backgroundColor = css(ground, "var(--term-fg)");
  const classes = [
    onAnsi && (ground === 0 ? "h-on-black" : "h-on-ansi"),
    look.bold && "h-bold",
    look.dim && "h-dim",
    look.italic && "h-italic",
    look.underline && "h-underline",
    look.strike && "h-strike",
    look.wide && "h-wide",
  ].filter((name) => name !== false);
  if (classes.length > 0) span.className = classes.join(" ");
  return span;
}

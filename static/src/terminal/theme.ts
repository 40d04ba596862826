import type { ITheme } from "@xterm/xterm";

const ANSI = [
  "black",
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
  "white",
  "brightBlack",
  "brightRed",
  "brightGreen",
  "brightYellow",
  "brightBlue",
  "brightMagenta",
  "brightCyan",
  "brightWhite",
] as const;

/** The terminal's colours, as the tokens of the element's theme say. */
export function themeOf(element: Element): ITheme {
  const style = getComputedStyle(element);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  const theme: ITheme = {
    background: token("--term-bg"),
    foreground: token("--term-fg"),
    cursor: token("--term-cursor"),
    cursorAccent: token("--term-bg"),
    selectionBackground: token("--term-sel"),
  };
  ANSI.forEach((name, index) => (theme[name] = token(`--a${index}`)));
  return theme;
}

export function monospace(element: Element): string {
  return getComputedStyle(element).getPropertyValue("--mono").trim();
}

let pen: CanvasRenderingContext2D | null = null;

/** The natural width of a letter, in px. */
export function letterWidth(element: Element, fontSize: number): number {
  pen ??= document.createElement("canvas").getContext("2d");
  if (!pen) return fontSize * 0.6;
  pen.font = `${fontSize}px ${monospace(element)}`;
  return pen.measureText("W").width;
}

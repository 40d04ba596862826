// The live screen: xterm.js, fed by a subscription, never bigger or smaller than the session's own grid.

import "@xterm/xterm/css/xterm.css";
import { type ITerminalAddon, type ITerminalOptions, Terminal } from "@xterm/xterm";
import type { Size } from "../wire";
import type { Item } from "../connection";
import { whenDrawn } from "../settled";
import { contrast, option, screenReader } from "../preferences";
import { clipboardText } from "./clipboard";
import { fittingFont, SMALLEST, type Box } from "./fit";
import { type Asked, followAsked } from "./asked";
import { liveWithPolicy } from "./policy";
import { isTyped, silence } from "./quiet";
import { letterWidth, monospace, themeOf } from "./theme";
import { countAsKeyframe, countAsTmux } from "./width";

const webgl = whenDrawn(() => import("@xterm/addon-webgl"));
const webLinks = whenDrawn(() => import("@xterm/addon-web-links"));

/** Makes a fresh terminal of the one that is there, in the same write as the keyframe: nothing flickers. */
const RESET = new Uint8Array([0x1b, 0x63]);

export interface Screen {
  readonly terminal: Terminal;
  /** Takes what a subscription yields; `shown` is called when it was parsed. */
  take: (item: Item, shown: () => void) => void;
  /** Sets the size of the letters, in px. */
  scale: (fontSize: number) => void;
  /** The size of one cell, in px. */
  cell: () => { width: number; height: number };
  /** What the size of a cell depends on, beside that of the letters. */
  style: () => string;
  /** Draws with WebGL where there is one, or plainly. */
  accelerate: (on: boolean) => void;
  restyle: () => void;
  dispose: () => void;
}

export interface Hands {
  /** A person typed, pasted, or used the mouse where the program wants it. */
  typed: (bytes: Uint8Array) => void;
  /** A program wants to write to the clipboard. */
  clip: (text: string) => void;
  resized: (size: Size) => void;
  /** What the pointer is over, if it is a link. */
  link: (url: string | null) => void;
  /** A key is pressed, and what the program asked for of keys. False: it is done. */
  key: (event: KeyboardEvent, asked: Asked) => boolean;
}

/** Only these open; a program chooses what its links say. */
const SAFE = /^(https?|mailto):/i;

/** How links open, and what is told of the one that the pointer is over. */
function linksOf(hands: Hands) {
  return {
    activate: (event: MouseEvent, url: string): void => {
      if (SAFE.test(url) && event.button === 0) window.open(url, "_blank", "noopener,noreferrer");
    },
    hover: (_event: MouseEvent, url: string): void => hands.link(url),
    leave: (): void => hands.link(null),
  };
}

/** What a person may change while the terminal is shown. */
function styleOf(host: HTMLElement): ITerminalOptions {
  return {
    theme: themeOf(host),
    fontFamily: monospace(host),
    minimumContrastRatio: contrast.value === "on" ? 4.5 : 1,
    screenReaderMode: screenReader.value === "on",
    macOptionIsMeta: option.value === "meta",
  };
}

/** Passes on what a person does. */
function listen(terminal: Terminal, hands: Hands): void {
  const encoder = new TextEncoder();
  terminal.onData((data) => {
    if (isTyped(data)) hands.typed(encoder.encode(data));
  });
  terminal.onBinary((data) => hands.typed(Uint8Array.from(data, (letter) => letter.charCodeAt(0))));
  const asked = followAsked(terminal);
  terminal.attachCustomKeyEventHandler((event) => {
    return event.type !== "keydown" || hands.key(event, asked());
  });
  // Without scrollback xterm makes arrow keys of the wheel: only programs of a whole screen want that.
  terminal.attachCustomWheelEventHandler((event) => !event.shiftKey && hasMouse(terminal));
}

/** Whether what is typed now is most likely not for eyes: programs ask for it at the end of a line, and echo nothing. */
export function asksForSecret({ buffer: { active } }: Terminal): boolean {
  const line = active.getLine(active.baseY + active.cursorY)?.translateToString(true) ?? "";
  return /(pass|pin|secret|token)[^:]*: *$/i.test(line);
}

/** Whether the program uses the mouse or the whole screen: then the wheel is its own. */
export function hasMouse(terminal: Terminal): boolean {
  return terminal.modes.mouseTrackingMode !== "none" || terminal.buffer.active.type === "alternate";
}

export function openScreen(host: HTMLElement, size: Size, fontSize: number, hands: Hands): Screen {
  liveWithPolicy();
  const links = linksOf(hands);
  const terminal = new Terminal({
    cols: size.cols,
    rows: size.rows,
    allowProposedApi: true,
    cursorBlink: false,
    cursorInactiveStyle: "outline",
    drawBoldTextInBrightColors: false,
    fontSize,
    lineHeight: 1,
    linkHandler: links,
    // Older output has a view of its own, which reaches back to the beginning.
    scrollback: 0,
    ...styleOf(host),
  });
  countAsTmux(terminal);
  silence(terminal);
  terminal.parser.registerOscHandler(52, (data) => {
    const text = clipboardText(data);
    if (text !== null && live) hands.clip(text);
    return true;
  });
  listen(terminal, hands);
  terminal.open(host);
  void webLinks().then(({ WebLinksAddon }) => {
    if (terminal.element?.isConnected) terminal.loadAddon(new WebLinksAddon(links.activate, links));
  });
  let font = fontSize;
  // Its cells are whole pixels: the next one to the letter's own width, not always the smaller.
  const space = (): void => {
    const width = letterWidth(host, font) * devicePixelRatio;
    terminal.options.letterSpacing = accelerated.on() ? Math.round(width) - Math.floor(width) : 0;
  };
  const accelerated = accelerator(terminal, () => space());

  /** What was printed before one looked has had its effects already. */
  let live = false;
  return {
    terminal,
    take(item, shown) {
      switch (item.kind) {
        case "begun":
          live = false;
          return shown();
        case "output":
          return terminal.write(item.bytes, shown);
        case "keyframe":
          return begin(terminal, item.bytes, item.size, hands, shown);
        case "caught_up":
          return terminal.write("", () => {
            live = true;
            shown();
          });
        default:
          return shown();
      }
    },
    scale(size) {
      font = size;
      terminal.options.fontSize = size;
      space();
    },
    cell() {
      const screen = host.querySelector(".xterm-screen")?.getBoundingClientRect();
      return screen
        ? { width: screen.width / terminal.cols, height: screen.height / terminal.rows }
        : { width: 8, height: 16 };
    },
    style: () => `${terminal.options.fontFamily} ${accelerated.on()} ${devicePixelRatio}`,
    accelerate: accelerated.turn,
    restyle() {
      Object.assign(terminal.options, styleOf(host));
      space();
    },
    dispose: () => terminal.dispose(),
  };
}

/** Shows a screen in the place of what is there. */
function begin(terminal: Terminal, keyframe: Uint8Array, size: Size, hands: Hands, shown: () => void): void {
  // In the order of the stream: what was written before still belongs to the old size.
  terminal.write("", () => {
    countAsKeyframe(terminal, keyframe);
    if (terminal.cols === size.cols && terminal.rows === size.rows) return;
    terminal.resize(size.cols, size.rows);
    hands.resized(size);
  });
  const bytes = new Uint8Array(RESET.length + keyframe.length);
  bytes.set(RESET);
  bytes.set(keyframe, RESET.length);
  terminal.write(bytes, shown);
}

/** Draws with WebGL where there is one, while it shall; the page is there before. */
function accelerator(terminal: Terminal, changed: () => void) {
  let wanted = false;
  let addon: ITerminalAddon | null = null;
  const end = (): void => {
    addon?.dispose();
    addon = null;
    changed();
  };
  const begin = async (): Promise<void> => {
    const { WebglAddon } = await webgl();
    if (!wanted || addon || !terminal.element?.isConnected) return;
    try {
      const made = new WebglAddon();
      // Without its context it draws nothing: then the plain renderer takes over.
      made.onContextLoss(end);
      terminal.loadAddon((addon = made));
      changed();
    } catch {
      // No WebGL: the plain renderer stays.
      addon = null;
    }
  };
  return {
    on: () => addon !== null,
    turn: (on: boolean): void => {
      wanted = on;
      if (on) void begin();
      else if (addon) end();
    },
  };
}

/** Makes the letters as large as fits, about `wanted`, and no smaller than `smallest`; their size, in px. */
export function scaleInto(screen: Screen, room: Box, wanted: number, smallest = SMALLEST): number {
  const { cols, rows } = screen.terminal;
  let font = fittingFont({ cols, rows }, screen.cell(), room, wanted, smallest);
  screen.scale(font);
  // Cells are whole pixels: a step smaller may be needed.
  for (let tries = 0; tries < 8 && font > smallest; tries++) {
    const own = screen.cell();
    if (own.width * cols <= room.width + 1 && own.height * rows <= room.height + 1) break;
    font -= 0.25;
    screen.scale(font);
  }
  return font;
}

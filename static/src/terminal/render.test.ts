// @vitest-environment jsdom
import { expect, it, vi } from "vitest";
import { lineElement } from "./line_view";
import { render, textOf, type Piece } from "./render";
import type { KeyframeReason } from "../wire";
import type { Record } from "./records";

// The theme asks for it, and jsdom has none.
vi.hoisted(() => {
  const media = { matches: false, addEventListener: () => undefined };
  globalThis.matchMedia = (() => media) as unknown as typeof matchMedia;
});

const utf8 = new TextEncoder();
const output = (text: string): Record => ({ kind: "output", bytes: utf8.encode(text) });
const screen = (text: string): Record => ({ kind: "screen", bytes: utf8.encode(text) });
const begin = (cursor: string, oldest = false): Record => ({ kind: "part", part: { type: "begin", cursor, oldest } });
const end = (cursor: string): Record => ({ kind: "part", part: { type: "end", cursor } });
const keyframe = (cursor: string, cols = 20, rows = 3, reason: KeyframeReason = "begin"): Record => ({
  kind: "part",
  part: { type: "keyframe", cursor, size: { cols, rows }, reason },
});
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\r\n`).join("");
const told = (piece: Piece): string[] =>
  textOf([...piece.lines, ...piece.screen])
    .trimEnd()
    .split("\n");

it("keeps what scrolled off the top, and the screen", async () => {
  const piece = await render(
    [begin("0:0", true), keyframe("0:0"), screen(""), output(lines(1, 11)), end("0:80")],
    null,
  );
  expect(piece.oldest).toBe(true);
  expect(piece.lines).toHaveLength(8);
  expect(told(piece)).toEqual(Array.from({ length: 10 }, (_, index) => `line ${index + 1}`));
});

it("fits together with the piece before it", async () => {
  const older = await render([begin("0:0", true), keyframe("0:0"), screen(""), output(lines(1, 6)), end("0:40")], null);
  // The newer piece begins with the screen that the older one ended with.
  const newer = await render(
    [begin("0:40"), keyframe("0:40"), screen("line 4\r\nline 5\r\n"), output(lines(6, 11)), end("0:80")],
    null,
  );
  const text = textOf([...older.lines, ...newer.lines, ...newer.screen])
    .trimEnd()
    .split("\n");
  expect(text).toEqual(Array.from({ length: 10 }, (_, index) => `line ${index + 1}`));
});

it("loses nothing to a program that clears its screen and scrollback", async () => {
  const piece = await render(
    [begin("0:0"), keyframe("0:0"), screen(""), output("one\r\n\x1b[2J\x1b[3J\x1b[Htwo"), end("0:20")],
    null,
  );
  expect(told(piece).filter((line) => line !== "")).toEqual(["one", "two"]);
});

it("keeps the screen of a program that ended before another one was started", async () => {
  const piece = await render(
    [
      begin("0:0"),
      keyframe("0:0"),
      screen(""),
      output("first"),
      keyframe("0:5", 20, 3, "launch"),
      screen(""),
      output("second"),
      end("0:11"),
    ],
    null,
  );
  expect(told(piece)).toEqual(["first", "second"]);
});

const shownLines = (piece: Piece): string[] =>
  [...piece.lines, ...piece.screen].map((line) => line.note ?? line.runs.map((run) => run.text).join(""));

it("shows once what a new daemon found on the screen, and says where that was", async () => {
  const away = (cursor: string): Record[] => [
    { kind: "part", part: { type: "time", cursor, at: "2026-11-23T10:00:00Z" } },
    keyframe(cursor, 20, 3, "healed"),
    screen("one\r\ntwo\r\n"),
  ];
  const piece = await render(
    [
      begin("0:0", true),
      keyframe("0:0"),
      screen(""),
      output("one\r\ntwo\r\n"),
      ...away("1:10"),
      ...away("2:10"),
      output("three\r\n"),
      end("2:17"),
    ],
    12,
  );
  const note = expect.stringMatching(/^The daemon was away until \d\d:\d\d · nothing is missing$/) as string;
  expect(shownLines(piece)).toEqual(["one", "two", note, note, "three", ""]);
  expect(textOf([...piece.lines, ...piece.screen])).toBe("one\ntwo\nthree\n\n");
  expect(piece.lines.length + piece.screen.length).toBe(6);
  expect(piece.mark?.line).toBe(4);
});

it("says what is missing, and repeats nothing that is left of the screen", async () => {
  const piece = await render(
    [
      begin("0:0", true),
      keyframe("0:0", 20, 4),
      screen(""),
      output("one\r\ntwo\r\nthree"),
      { kind: "part", part: { type: "gap", cursor: "1:13", reason: "daemon_away", lost: { lines: 2 } } },
      keyframe("1:13", 20, 4, "discontinuity"),
      screen("three\r\nsix\r\nseven"),
      end("1:13"),
    ],
    null,
  );
  const note = "The daemon was away · 2 lines of output missing";
  expect(shownLines(piece)).toEqual(["one", "two", "three", note, "six", "seven"]);
});

it("knows the line at which an offset was reached, and times", async () => {
  const time: Record = { kind: "part", part: { type: "time", cursor: "0:40", at: "2026-11-23T10:00:00Z" } };
  const piece = await render(
    [begin("0:0"), keyframe("0:0"), screen(""), output(lines(1, 6)), time, output(lines(6, 11)), end("0:81")],
    16,
  );
  expect(piece.mark).toEqual({ scrolled: 0, line: 2 });
  expect(piece.times).toEqual([{ line: 5, at: Date.parse("2026-11-23T10:00:00Z") }]);
});

it("has the looks of letters, as elements without markup of the program", async () => {
  const piece = await render(
    [
      begin("0:0"),
      keyframe("0:0", 40),
      screen(""),
      output("\x1b[1;31mred\x1b[0m <b>x</b> \x1b[48;2;1;2;3m \x1b[0m\x1b[7minv\x1b[0m 漢"),
      end("0:9"),
    ],
    null,
  );
  const [line] = piece.screen;
  if (!line) throw new Error("no line");
  const element = lineElement(line);
  expect(element.textContent).toBe("red <b>x</b>  inv 漢");
  expect(element.querySelector("b")).toBeNull();
  const [red, ground, inverse, wide] = [...element.querySelectorAll("span")];
  expect(red?.className).toBe("h-bold");
  expect(red?.style.color).toBe("var(--a1)");
  expect(ground?.style.backgroundColor).toBe("rgb(1, 2, 3)");
  expect(inverse?.style.backgroundColor).toBe("var(--term-fg)");
  expect(wide?.className).toBe("h-wide");
});

it("joins lines that were wrapped", async () => {
  const piece = await render(
    [begin("0:0"), keyframe("0:0", 10), screen(""), output("0123456789abc\r\nx"), end("0:9")],
    null,
  );
  expect(textOf(piece.screen)).toBe("0123456789abc\nx\n");
});

it("keeps what leaves the screen in whatever way, as tmux does", async () => {
  const ways = {
    "line feeds in a region": "\x1b[2;4r\x1b[4;1H\n\n\n",
    "line feeds in a region from the top": "\x1b[1;4r\x1b[4;1H\n\n\n",
    "index in a region": "\x1b[2;4r\x1b[4;1H\x1bD\x1bD\x1bE",
    "scrolling up": "\x1b[3S",
    "scrolling a region up": "\x1b[1;4r\x1b[3S",
    "scrolling a region up from its middle": "\x1b[2;4r\x1b[99S",
    "clearing all": "\x1b[2J",
    "clearing all inside of a region": "\x1b[2;3r\x1b[2J",
    "clearing from the first cell on": "\x1b[H\x1b[J",
    "a reset": "\x1bc",
  };
  for (const [name, way] of Object.entries(ways)) {
    const found = await render(
      [
        begin("0:0"),
        keyframe("0:0", 20, 5),
        screen(""),
        output(`one\r\ntwo\r\nthree\r\nfour\r\nfive${way}`),
        end("0:99"),
      ],
      null,
    );
    const text = told(found);
    for (const line of ["one", "two", "three", "four", "five"]) expect(text, name).toContain(line);
  }
  // What the alternate screen loses was never history.
  const other = await render(
    [
      begin("0:0"),
      keyframe("0:0", 20, 5),
      screen(""),
      output("main\x1b[?1049h\x1b[Hgone\x1b[3S\x1b[2J\x1b[?1049l"),
      end("0:99"),
    ],
    null,
  );
  expect(told(other)).toEqual(["main"]);
});

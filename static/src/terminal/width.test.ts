// @vitest-environment jsdom
import { Terminal } from "@xterm/xterm";
import { expect, it } from "vitest";
import { countAsKeyframe, countAsTmux, width } from "./width";

it("counts the cells of a character", () => {
  const cells = ["a", "é", "\u0301", "世", "🦀", "❤", "🇩", "\u200d", "\ufe0f", "🫠", "ｆ", "\u1160", "한"];
  expect(cells.map((letter) => width(letter.codePointAt(0) as number))).toEqual([
    1, 1, 0, 2, 2, 1, 1, 0, 0, 2, 2, 0, 2,
  ]);
});

// By tmux 3.2, 3.4, 3.6 and 3.7.
const COLUMNS = {
  "e\u0301": [1, 1, 1, 1],
  "世\u0301\u0302": [2, 2, 2, 2],
  "👩\u200d💻": [2, 2, 2, 2],
  "👨\u200d👩\u200d👧": [2, 2, 2, 2],
  "👍🏻": [4, 2, 2, 2],
  "✅🏻": [4, 2, 4, 4],
  "🇪🇸": [2, 2, 2, 2],
  "🇪🇸🇩🇪": [4, 2, 2, 4],
  "⚠\ufe0f": [1, 2, 2, 2],
  "☝x": [2, 3, 3, 3],
  "a\ufe0f": [1, 2, 2, 2],
  "🧑\u200d🚀x": [3, 3, 3, 3],
};

it("places what stands behind letters of several characters, by every version", async () => {
  for (const [index, version] of ["", "3.4", "3.6", "3.7"].entries()) {
    for (const [text, columns] of Object.entries(COLUMNS)) {
      const terminal = new Terminal({ cols: 20, rows: 2, allowProposedApi: true });
      countAsTmux(terminal);
      countAsKeyframe(terminal, new TextEncoder().encode(version && `\x1b]7502;${version}\x1b\\`));
      await new Promise<void>((done) => terminal.write(text, done));
      expect(terminal.buffer.active.cursorX, `${text} ${version}`).toBe(columns[index]);
      expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe(text);
      terminal.dispose();
    }
  }
});

it("joins what combines to the cell on the left, also after a move", async () => {
  const terminal = new Terminal({ cols: 20, rows: 2, allowProposedApi: true });
  countAsTmux(terminal);
  await new Promise<void>((done) => terminal.write("ab\x1b[1;2H\u0301x", done));
  expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe("a\u0301x");
  terminal.dispose();
});

import { Unicode11Addon } from "@xterm/addon-unicode11";
import type { IUnicodeVersionProvider, Terminal } from "@xterm/xterm";
import { expect, it } from "vitest";
import { unicode11 } from "./width";

function xterms(): IUnicodeVersionProvider {
  const found: IUnicodeVersionProvider[] = [];
  const terminal = { unicode: { register: (provider: IUnicodeVersionProvider) => found.push(provider) } };
  new Unicode11Addon().activate(terminal as unknown as Terminal);
  return found[0] as IUnicodeVersionProvider;
}

it("counts like xterm's own table, for every character", () => {
  const other = xterms();
  const different: number[] = [];
  for (let code = 0; code <= 0x10ffff; code++) if (unicode11.wcwidth(code) !== other.wcwidth(code)) different.push(code);
  expect(different).toEqual([]);
});

it("joins like it", () => {
  const other = xterms();
  for (const text of ["e\u0301", "\u0301", "漢\u0301\u0302", "👩\u200d💻", "a\ufe0f"]) {
    let own = 0;
    let its = 0;
    for (const letter of text) {
      const code = letter.codePointAt(0) as number;
      own = unicode11.charProperties(code, own);
      its = other.charProperties(code, its);
      expect(own, text).toBe(its);
    }
  }
});

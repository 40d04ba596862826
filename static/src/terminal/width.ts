// How many cells a character takes, and which characters share one: as tmux and the daemon's screen count.

import type { IUnicodeVersionProvider, Terminal } from "@xterm/xterm";
import { NONE, TWO } from "./width_table";

/** The first and last characters of the ranges, in turns. */
function bounds(text: string): Uint32Array {
  let at = 0;
  return Uint32Array.from(
    text.split(" ").flatMap((range) => {
      const [distance = "", length = "0"] = range.split("-");
      const first = at + parseInt(distance, 36);
      at = first + parseInt(length, 36);
      return [first, at];
    }),
  );
}

const none = bounds(NONE);
const two = bounds(TWO);

function isIn(ranges: Uint32Array, code: number): boolean {
  let low = 0;
  let high = ranges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < (ranges[2 * middle] ?? 0)) high = middle - 1;
    else if (code > (ranges[2 * middle + 1] ?? 0)) low = middle + 1;
    else return true;
  }
  return false;
}

const JOINER = 0x200d;
/** Asks for an emoji. */
const EMOJI_STYLE = 0xfe0f;
const HANGUL_FILLER = 0x3164;

/** Wide from tmux 3.4 on. */
const ALWAYS_WIDE = new Set([0x261d, 0x26f9, 0x270c, 0x270d, 0x1f3cb, 0x1f3cc, 0x1f574, 0x1f575, 0x1f590]);

/** What can have a skin tone. */
const BASES = Uint32Array.of(
  0x1f44b,
  0x1f450,
  0x1f466,
  0x1f469,
  0x1f46e,
  0x1f46e,
  0x1f470,
  0x1f478,
  0x1f47c,
  0x1f47c,
  0x1f481,
  0x1f483,
  0x1f485,
  0x1f487,
  0x1f4aa,
  0x1f4aa,
  0x1f575,
  0x1f575,
  0x1f57a,
  0x1f57a,
  0x1f590,
  0x1f590,
  0x1f595,
  0x1f596,
  0x1f645,
  0x1f647,
  0x1f64b,
  0x1f64f,
  0x1f6b4,
  0x1f6b6,
  0x1f926,
  0x1f926,
  0x1f937,
  0x1f939,
  0x1f93d,
  0x1f93e,
  0x1f9b5,
  0x1f9b6,
  0x1f9b8,
  0x1f9b9,
  0x1f9cd,
  0x1f9cf,
  0x1f9d1,
  0x1f9df,
);

const isRegional = (code: number): boolean => code >= 0x1f1e6 && code <= 0x1f1ff;
const isSkinTone = (code: number): boolean => code >= 0x1f3fb && code <= 0x1f3ff;
const takesSkinTone = (base: number, tone: number): boolean => isSkinTone(tone) && isIn(BASES, base);

/** The first version of tmux that counts in a way, as 10 times major and minor. */
type Rules = 32 | 34 | 36 | 37;

export function width(code: number, rules: Rules = 32): 0 | 1 | 2 {
  if (code >= 0x20 && code < 0x7f) return 1;
  if (rules >= 34 && (ALWAYS_WIDE.has(code) || (rules === 34 && isRegional(code)))) return 2;
  if (rules >= 36 && code === HANGUL_FILLER) return 0;
  return isIn(none, code) ? 0 : isIn(two, code) ? 2 : 1;
}

// What xterm keeps for us of the character before: where its cell begins, and
const AFTER_JOINER = 1 << 21;
const IS_FLAG = 1 << 22;
const FIRST = AFTER_JOINER - 1;

/** What xterm packs a character's properties into: what we remember, its width, and whether it joins the one before. */
function properties(state: number, cells: number, joins: boolean): number {
  return (state << 3) | (cells << 1) | (joins ? 1 : 0);
}

/** Whether a character joins a cell and makes it wide, though it has a width. */
function joins(rules: Rules, state: number, code: number): boolean {
  const first = state & FIRST;
  if (rules === 32) return false;
  if (rules === 34) return first >= 0x80 && (isRegional(code) || isSkinTone(code));
  if (isRegional(first) && isRegional(code)) return rules === 36 || (state & IS_FLAG) === 0;
  return takesSkinTone(first, code) || takesSkinTone(code, first);
}

function provider(rules: Rules): IUnicodeVersionProvider {
  return {
    version: `tmux-${rules}`,
    wcwidth: (code) => width(code, rules),
    charProperties(code, preceding) {
      const own = width(code, rules);
      const before = (preceding >> 1) & 3;
      const state = preceding >> 3;
      const cell = state & ~AFTER_JOINER;
      if (own === 0) {
        const cells = rules >= 34 && code === EMOJI_STYLE && before === 1 ? 2 : before;
        return properties(code === JOINER ? cell | AFTER_JOINER : cell, cells, true);
      }
      if (joins(rules, state, code)) return properties(cell | IS_FLAG, 2, true);
      // The cell keeps its width, whatever a joiner brings.
      if (state & AFTER_JOINER) return properties(cell, before, true);
      return properties(code, own, false);
    },
  };
}

const providers = ([32, 34, 36, 37] as const).map(provider);

export function countAsTmux(terminal: Terminal): void {
  providers.forEach((one) => terminal.unicode.register(one));
  countAsKeyframe(terminal, new Uint8Array());
}

/** From here on columns are counted as by the tmux whose version a keyframe begins with. */
export function countAsKeyframe(terminal: Terminal, keyframe: Uint8Array): void {
  const head = String.fromCharCode(...keyframe.subarray(0, 16));
  const [, major, minor] = /^\x1b\]7502;(\d)\.(\d)\x1b\\/.exec(head) ?? [];
  const version = `tmux-${major}${minor}`;
  terminal.unicode.activeVersion = (providers.find((one) => one.version === version) ?? providers[0])?.version ?? "";
}

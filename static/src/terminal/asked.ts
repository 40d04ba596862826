// What programs ask for about keys with modifiers: xterm.js knows neither way of asking.
//
// The kitty keyboard protocol (https://sw.kovidgoyal.net/kitty/keyboard-protocol) and xterm's modifyOtherKeys.

import type { Terminal } from "@xterm/xterm";

/** What a program asked for. */
export interface Asked {
  /** Flags of the kitty keyboard protocol on the screen that is shown. */
  kitty: number;
  /** xterm's modifyOtherKeys, 0 to 3. */
  others: number;
}

/** The protocol asks for a limit. */
const DEPTH = 16;

interface Flags {
  now: number;
  before: number[];
}

/** Follows what is asked for in the output. */
export function followAsked(terminal: Terminal): () => Asked {
  let others = 0;
  let screens: { main: Flags; alternate: Flags };
  const reset = (): boolean => {
    others = 0;
    screens = { main: { now: 0, before: [] }, alternate: { now: 0, before: [] } };
    return false;
  };
  reset();
  const flags = (): Flags => (terminal.buffer.active.type === "alternate" ? screens.alternate : screens.main);
  const number = (param: number | number[] | undefined, otherwise: number): number =>
    typeof param === "number" ? param : otherwise;
  const { parser } = terminal;
  parser.registerEscHandler({ final: "c" }, reset);
  parser.registerCsiHandler({ prefix: ">", final: "u" }, ([asked]) => {
    const own = flags();
    own.before.push(own.now);
    if (own.before.length > DEPTH) own.before.shift();
    own.now = number(asked, 0);
    return true;
  });
  parser.registerCsiHandler({ prefix: "<", final: "u" }, ([times]) => {
    const own = flags();
    for (let left = Math.min(Math.max(1, number(times, 1)), DEPTH + 1); left > 0; left--)
      own.now = own.before.pop() ?? 0;
    return true;
  });
  parser.registerCsiHandler({ prefix: "=", final: "u" }, ([asked, how]) => {
    const own = flags();
    const given = number(asked, 0);
    const ways: Record<number, number> = { 1: given, 2: own.now | given, 3: own.now & ~given };
    own.now = ways[number(how, 1) || 1] ?? own.now;
    return true;
  });
  parser.registerCsiHandler({ prefix: ">", final: "m" }, ([resource, level]) => {
    if (resource === 0 || resource === undefined) others = 0;
    if (resource === 4) others = number(level, 0);
    return true;
  });
  parser.registerCsiHandler({ prefix: ">", final: "n" }, ([resource]) => {
    if (resource === 4) others = 0;
    return true;
  });
  return () => ({ kitty: flags().now, others });
}

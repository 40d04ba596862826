// @vitest-environment jsdom
import { Terminal } from "@xterm/xterm";
import { expect, it } from "vitest";
import { followAsked, type Asked } from "./asked";
import { modifiedKey } from "./modified";

const LEGACY: Asked = { kitty: 0, others: 0 };
const OTHERS: Asked = { kitty: 0, others: 2 };
const KITTY: Asked = { kitty: 1, others: 0 };

/** `⇧⌥⌃` and the key. */
function sent(
  name: string,
  asked: Asked,
  optionComposes = false,
  more: KeyboardEventInit & { graph?: boolean } = {},
): string | null {
  const key = name.replace(/^[⇧⌥⌃⌘]+/, "") || name;
  const event = new KeyboardEvent("keydown", {
    key,
    shiftKey: name.includes("⇧"),
    altKey: name.includes("⌥"),
    ctrlKey: name.includes("⌃"),
    metaKey: name.includes("⌘"),
    modifierAltGraph: more.graph ?? false,
    ...more,
  });
  return modifiedKey(event, asked, optionComposes)?.replace("\x1b[", "") ?? null;
}

it("changes nothing for a program that did not ask", () => {
  for (const key of ["⇧Enter", "⌃Enter", "⌃⇧a", "Escape", "a", "⌥x"]) expect(sent(key, LEGACY)).toBeNull();
});

it("tells of modified keys as tmux does when modifyOtherKeys is on", () => {
  const table = {
    "⇧Enter": "13;2u",
    "⌃Enter": "13;5u",
    "⌥Enter": "13;3u",
    "⌃⇧Enter": "13;6u",
    "⌃Tab": "9;5u",
    "⌃Backspace": "127;5u",
    "⌃⇧a": "97;6u",
    "⌃1": "49;5u",
    "⌃i": "105;5u",
    "⌃m": "109;5u",
  };
  for (const [key, bytes] of Object.entries(table)) expect(sent(key, OTHERS), key).toBe(bytes);
  for (const key of [
    "Enter",
    "Tab",
    "⇧Tab",
    "Escape",
    "Backspace",
    "⌥Backspace",
    "a",
    "⇧A",
    "⌃c",
    "⌃a",
    "⌃ ",
    "⌥x",
    "⌃⌥c",
    "⌃ArrowUp",
    "F5",
  ])
    expect(sent(key, OTHERS), key).toBeNull();
  expect(sent("⌃i", { kitty: 0, others: 1 })).toBeNull();
  expect(sent("⇧Enter", { kitty: 0, others: 1 })).toBe("13;2u");
});

it("speaks the kitty keyboard protocol", () => {
  const table = {
    "⇧Enter": "13;2u",
    Escape: "27u",
    "⇧Tab": "9;2u",
    "⌥Backspace": "127;3u",
    "⌃c": "99;5u",
    "⌥x": "120;3u",
    "⌃⇧C": "99;6u",
    "⌃ ": "32;5u",
  };
  for (const [key, bytes] of Object.entries(table)) expect(sent(key, KITTY), key).toBe(bytes);
  for (const key of ["Enter", "Tab", "Backspace", "a", "⇧A", "é", "⌃ArrowUp"]) expect(sent(key, KITTY), key).toBeNull();
  const all: Asked = { kitty: 1 | 8 | 16, others: 0 };
  expect([sent("a", all), sent("⇧A", all), sent("Enter", all), sent("⌃c", all)]).toEqual([
    "97;1;97u",
    "97;2;65u",
    "13u",
    "99;5u",
  ]);
});

it("has a control character for Ctrl+/, where nothing else is asked for", () => {
  expect(sent("⌃/", LEGACY)).toBe("\x1f");
  expect(sent("⌃⇧/", LEGACY)).toBe("\x1f");
  expect(sent("⌃/", KITTY)).toBe("47;5u");
  expect(sent("/", LEGACY)).toBeNull();
  expect(sent("⌃⌥/", LEGACY)).toBeNull();
});

it("lets keys compose", () => {
  // German, French, Nordic and Polish on a Mac: Option writes @ [ ] { } | \ ~ and letters.
  for (const key of ["⌥@", "⌥[", "⌥]", "⌥{", "⌥}", "⌥|", "⌥\\", "⌥~", "⌥ą", "⌥⇧Ł"])
    expect(sent(key, KITTY, true), key).toBeNull();
  expect(sent("⌥x", KITTY, false)).toBe("120;3u");
  // AltGr on Windows says Ctrl and Alt as well.
  for (const key of ["⌃⌥@", "⌃⌥{", "⌃⌥€"]) expect(sent(key, KITTY, false, { graph: true }), key).toBeNull();
  for (const key of ["Dead", "⌥Dead", "⇧Dead", "Process"]) expect(sent(key, KITTY), key).toBeNull();
  expect(sent("⇧Enter", KITTY, false, { isComposing: true })).toBeNull();
  expect(sent("⌘c", KITTY)).toBeNull();
});

it("follows what is asked for", async () => {
  const terminal = new Terminal({ allowProposedApi: true });
  const asked = followAsked(terminal);
  const after = async (output: string): Promise<Asked> => {
    await new Promise<void>((done) => terminal.write(output, done));
    return asked();
  };
  expect(await after("\x1b[>1u")).toEqual({ kitty: 1, others: 0 });
  expect(await after("\x1b[>5u\x1b[>4;2m")).toEqual({ kitty: 5, others: 2 });
  // Each screen has its own.
  expect(await after("\x1b[?1049h")).toEqual({ kitty: 0, others: 2 });
  expect(await after("\x1b[=3u\x1b[=8;2u\x1b[=1;3u")).toEqual({ kitty: 10, others: 2 });
  expect(await after("\x1b[?1049l")).toEqual({ kitty: 5, others: 2 });
  expect(await after("\x1b[<u")).toEqual({ kitty: 1, others: 2 });
  expect(await after("\x1b[<9u\x1b[>4m")).toEqual(LEGACY);
  expect(await after("\x1b[>1u\x1b[>4;1m\x1bc")).toEqual(LEGACY);
  terminal.dispose();
});

// @vitest-environment jsdom
import { Terminal } from "@xterm/xterm";
import { expect, it } from "vitest";
import { clipboardText } from "./clipboard";
import { isTyped, silence } from "./quiet";

/** Questions that programs ask their terminal; tmux has answered them already. */
const QUESTIONS = [
  "\x1b[c",
  "\x1b[>c",
  "\x1b[=c",
  "\x1b[5n",
  "\x1b[6n",
  "\x1b[?6n",
  "\x1b[?2026$p",
  "\x1b[4$p",
  "\x1b[>q",
  "\x1b[?u",
  "\x1b[18t",
  "\x1bP$qm\x1b\\",
  "\x1b]10;?\x1b\\",
  "\x1b]11;?\x07",
  "\x1b]12;?\x07",
  "\x1b]4;1;?\x07",
];

it("answers nothing", async () => {
  const terminal = new Terminal({ allowProposedApi: true });
  const answers: string[] = [];
  terminal.onData((data) => answers.push(data));
  silence(terminal);
  await new Promise<void>((done) => terminal.write(QUESTIONS.join(""), done));
  expect(answers).toEqual([]);
  terminal.dispose();
});

it("still sets colours and titles", async () => {
  const terminal = new Terminal({ allowProposedApi: true });
  const titles: string[] = [];
  terminal.onTitleChange((title) => titles.push(title));
  silence(terminal);
  await new Promise<void>((done) => terminal.write("\x1b]2;hello\x07\x1b]11;#112233\x07", done));
  expect(titles).toEqual(["hello"]);
  terminal.dispose();
});

it("tells focus reports from keys", () => {
  expect(isTyped("\x1b[I")).toBe(false);
  expect(isTyped("\x1b[O")).toBe(false);
  expect(isTyped("\x1b[A")).toBe(true);
  expect(isTyped("I")).toBe(true);
});

it("reads what a program wants to copy, and no question", () => {
  expect(clipboardText("c;aGVsbG8gw6k=")).toBe("hello é");
  expect(clipboardText("c;?")).toBeNull();
  expect(clipboardText("c;***")).toBeNull();
});

// A session to be started, as a command line.

import type { StartSession } from "./wire";
import { quoted } from "./quoted";

/** The words of a POSIX shell's quoting (2.2 of XCU): nothing is expanded, nothing is an operator. Null when a quote has
 * no end. */
export function splitArguments(text: string): string[] | null {
  const found: string[] = [];
  let current: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? "";
    if (" \t\n".includes(letter)) {
      if (current !== null) found.push(current);
      current = null;
    } else if (letter === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return null;
      current = (current ?? "") + text.slice(at + 1, end);
      at = end;
    } else if (letter === '"') {
      const end = endOfQuote(text, at + 1);
      if (end === null) return null;
      current = (current ?? "") + text.slice(at + 1, end).replace(/\\(?:([$`"\\])|\n)/g, "$1");
      at = end;
    } else if (letter === "\\" && at + 1 < text.length) {
      const next = text[++at] ?? "";
      // A line that goes on.
      if (next !== "\n") current = (current ?? "") + next;
    } else {
      current = (current ?? "") + letter;
    }
  }
  return current === null ? found : [...found, current];
}

/** Where the double quote ends that begins before `from`. */
function endOfQuote(text: string, from: number): number | null {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return null;
}

/** A directory may begin with `~/`, which the shell expands. */
function quotedDirectory(dir: string): string {
  return dir === "~" ? dir : dir.startsWith("~/") ? `~/${dir === "~/" ? "" : quoted(dir.slice(2))}` : quoted(dir);
}

/** What does the same in a shell. */
export function commandOf(start: StartSession, program = "codepiper"): string {
  const words = [`${program} start`, `-p ${quoted(start.provider)}`, `-d ${quotedDirectory(start.dir)}`];
  // A value that begins with a dash is none of its own.
  const flag = (name: string, value: string): unknown =>
    words.push(value.startsWith("-") ? `--${name}=${quoted(value)}` : `--${name} ${quoted(value)}`);
  if (start.billing === "api") flag("billing", "api");
  for (const set of start.env_sets ?? []) flag("env-set", set);
  if (start.worktree) {
    words.push("--worktree");
    if (start.worktree.branch) flag("branch", start.worktree.branch);
    if (start.worktree.create_branch) flag("create-branch", start.worktree.create_branch);
    if (start.worktree.base) flag("base", start.worktree.base);
  }
  if (start.dangerous) words.push("--dangerous");
  if (start.name) flag("name", start.name);
  if (start.prompt) flag("prompt", start.prompt);
  if (start.size) flag("size", `${start.size.cols}x${start.size.rows}`);
  if (start.args && start.args.length > 0) words.push("--", ...start.args.map(quoted));
  return words.join(" ");
}

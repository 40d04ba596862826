// A session to be started, as a command line.

import type { StartSession } from "./wire";

/** Splits like a shell: quotes and backslashes keep blanks. */
export function splitArguments(text: string): string[] {
  const found: string[] = [];
  let current: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? "";
    if (quote === null && /\s/.test(letter)) {
      if (current !== null) found.push(current);
      current = null;
    } else if (quote === null && (letter === "'" || letter === '"')) {
      quote = letter;
      current ??= "";
    } else if (letter === quote) {
      quote = null;
    } else if (letter === "\\" && quote !== "'" && at + 1 < text.length) {
      current = (current ?? "") + text[++at];
    } else {
      current = (current ?? "") + letter;
    }
  }
  return current === null ? found : [...found, current];
}

function quoted(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What does the same in a shell. */
export function commandOf(start: StartSession): string {
  const words = ["codepiper", "start", "-p", start.provider, "-d", start.dir];
  if (start.billing === "api") words.push("--billing", "api");
  for (const set of start.env_sets ?? []) words.push("--env-set", set);
  if (start.worktree) {
    words.push("--worktree");
    if (start.worktree.branch) words.push("--branch", start.worktree.branch);
    if (start.worktree.create_branch) words.push("--create-branch", start.worktree.create_branch);
    if (start.worktree.base) words.push("--base", start.worktree.base);
  }
  if (start.dangerous) words.push("--dangerous");
  if (start.name) words.push("--name", start.name);
  if (start.prompt) words.push("--prompt", start.prompt);
  if (start.size) words.push("--size", `${start.size.cols}x${start.size.rows}`);
  if (start.args && start.args.length > 0) words.push("--", ...start.args);
  return words.map(quoted).join(" ");
}

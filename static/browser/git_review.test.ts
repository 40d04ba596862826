// The Git tab while somebody else changes the files: nothing is taken that was not seen, and what was said and viewed stays.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { DiffFile, GitDiff } from "../src/wire";
import { findings } from "./axe";
import { browser, daemon, eventually, open, setUp, shot, type Daemon } from "./harness";

// Nothing is said to it, and it says nothing.
const AGENT = `
[providers.silent]
command = ["sh", "-c", "read x"]
`;

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let dir: string;
let id: string;

const git = (...args: string[]): string => execFileSync("git", ["-C", dir, ...args], { encoding: "utf8" });
const write = (name: string, text: string): void => writeFileSync(join(dir, name), text);
const read = (name: string): string => readFileSync(join(dir, name), "utf8");
const staged = (): string => git("diff", "--cached", "--name-status", "-M").trim();

const code = (change: Record<number, string> = {}): string =>
  Array.from({ length: 60 }, (_, at) => change[at + 1] ?? `const value${at + 1} = ${at + 1};\n`).join("");

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ config: AGENT })]);
  dir = mkdtempSync(join(tmpdir(), "codepiper-git-"));
  git("init", "-q", "-b", "main");
  git("config", "user.name", "Ada");
  git("config", "user.email", "ada@example.org");
  write("code.ts", code());
  write("Cargo.lock", "x\n".repeat(10));
  write("old name.txt", "one\ntwo\nthree\nfour\nfive\n");
  git("add", "-A");
  git("commit", "-q", "-m", "First");
  id = (JSON.parse(host.run("start", "-p", "shell", "-d", dir, "--json", "--", "sh", "-c", "read x")) as { id: string })
    .id;
  await eventually(() => git("for-each-ref", "refs/codepiper/start").includes(id), "the beginning is known");
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
  const note = (request: Request): void => {
    if (/\/git\/(diff|file)\?/.test(request.url())) asked = Date.now();
  };
  page.on("request", note);
  page.on("requestfinished", note);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(dir, { recursive: true, force: true });
});

afterEach(async () => {
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

const head = (name: string) => page.locator(".file-head", { hasText: name });
const alert = () => page.locator(".git-notice");
const compare = (base: string) => page.getByLabel("Compare with").selectOption(base);
const LISTS = /\/git\/diff\?/;

/** Opens the tab with the uncommitted changes. */
const show = async (name: string): Promise<void> => {
  await page.goto(`${host.url}/sessions/${id}/git`);
  await compare("uncommitted");
  await head(name).first().waitFor();
};

/** Longer than the page waits before it asks for what changed, in ms. */
const QUIET = 500;
let asked = 0;

/** While the page does not hear of what changes; it knows all that is there until then. */
const unheard = async (run: () => Promise<void>): Promise<void> => {
  await eventually(() => Date.now() - asked > QUIET, "nothing more is asked");
  let hear = (): void => undefined;
  const heard = new Promise<void>((done) => (hear = done));
  await page.route(LISTS, async (route) => {
    await heard;
    await route.continue();
  });
  await run();
  hear();
  await page.unrouteAll({ behavior: "wait" });
};

/** What the daemon lists, with something more. */
const listed = async (change: (found: GitDiff) => void): Promise<void> => {
  await page.route(LISTS, async (route) => {
    const response = await route.fetch();
    const found = (await response.json()) as GitDiff;
    change(found);
    await route.fulfill({ response, json: found });
  });
};

it("asks for nothing that is not there", async () => {
  const refused: string[] = [];
  page.on("response", (response) => {
    if (response.status() >= 400) refused.push(response.url());
  });
  await page.goto(`${host.url}/sessions/${id}/git`);
  await page.getByText("No changes since the last commit.").waitFor();
  await compare("seen");
  await page.getByText("Nothing has been marked as seen yet.").waitFor();
  await compare("turn");
  await page.getByText("This session has had no prompt here yet.").waitFor();
  await compare("start");
  await page.getByText("No changes.").waitFor();
  expect(refused).toEqual([]);
});

it("says which prompt has nothing to compare with, and why", async () => {
  const { socket } = JSON.parse(host.run("daemon", "status", "--json")) as { socket: string };
  const prompt = (): void =>
    void execFileSync("curl", [
      ...["-sS", "-o", join(host.home, "answer"), "--unix-socket", socket],
      ...["--json", '{"hook_event_name":"UserPromptSubmit"}', `http://localhost/api/sessions/${id}/hooks`],
    ]);
  const turns = (): number => git("for-each-ref", "refs/codepiper").split("/turn-").length - 1;
  prompt();
  await eventually(() => turns() === 1, "the first prompt is recorded");
  git("update-index", "--split-index");
  prompt();
  await eventually(() => turns() === 2, "the second one is given up");
  git("update-index", "--no-split-index");
  await page.reload();
  const last = page.getByRole("option", { name: "Since the last prompt (not recorded)" });
  await last.waitFor({ state: "attached" });
  await compare("turn");
  await page.getByText("The files were not recorded then: this repository has a split or a sparse index").waitFor();
  await shot(page, "git-not-recorded");
  expect(await findings(page), "a prompt that was not recorded").toEqual([]);
  const earlier = page.locator("optgroup[label='Since an earlier prompt'] option");
  expect(await earlier.count()).toBe(1);
  await compare((await earlier.getAttribute("value")) ?? "");
  await page.getByText("No changes.").waitFor();
});

it("marks as seen what it shows, and nothing that came since", async () => {
  const marks = (): string => git("for-each-ref", "refs/codepiper/seen");
  const mark = page.getByRole("button", { name: "Mark as seen" });
  write("code.ts", code({ 3: "const shown = 3;\n" }));
  await show("code.ts");
  await page.locator(".line.added", { hasText: "shown" }).waitFor();
  await unheard(async () => {
    write("code.ts", code({ 3: "const since = 3;\n" }));
    await mark.click();
    await alert().getByText("Files have changed since they were shown, so nothing was marked.").waitFor();
    expect(marks()).toBe("");
  });
  await page.locator(".line.added", { hasText: "since" }).waitFor();
  await shot(page, "git-seen-refused");
  expect(await findings(page), "a mark that was refused").toEqual([]);

  // The list is new, and the lines below it are not yet.
  let read = (): void => undefined;
  const lines = new Promise<void>((done) => (read = done));
  await page.route(/\/git\/file\?/, async (route) => {
    await lines;
    await route.continue();
  });
  const listed = page.waitForResponse((response) => response.url().includes("/git/diff?base=index"));
  write("code.ts", code({ 3: "const since = 3;\n", 4: "const later = 4;\n" }));
  await listed;
  await page.locator(".git-files .git-file", { hasText: "+2" }).waitFor();
  await mark.click();
  await alert().getByText("so nothing was marked").waitFor();
  expect(marks()).toBe("");
  read();
  await page.unrouteAll({ behavior: "wait" });
  await page.locator(".line.added", { hasText: "later" }).waitFor();
  await mark.click();
  await page.getByText("Seen. From now on").waitFor();
  expect(marks()).toContain(id);
  await alert().waitFor({ state: "detached" });
  await compare("seen");
  await page.getByText("Nothing changed since you looked.").waitFor();
  git("reset", "-q", "--hard");
});

it("stages and discards a whole file only as it was listed", async () => {
  write("Cargo.lock", "y\n".repeat(10));
  await show("Cargo.lock");
  // It is folded: its lines were never loaded.
  await page.getByRole("button", { name: "Show Cargo.lock" }).waitFor();
  await unheard(async () => {
    write("Cargo.lock", "z\n".repeat(10));
    await head("Cargo.lock").getByRole("button", { name: "Stage file", exact: true }).click();
    await alert().getByText("Cargo.lock has changed since you chose").waitFor();
    expect(staged()).toBe("");
  });
  await shot(page, "git-refused");
  expect(await findings(page), "a refusal").toEqual([]);
  await page.getByRole("button", { name: "Show new diff" }).click();
  await page.locator(".line.added", { hasText: "z" }).first().waitFor();
  await alert().waitFor({ state: "detached" });

  await unheard(async () => {
    write("Cargo.lock", "w\n".repeat(10));
    await page.getByRole("button", { name: "Stage all" }).first().click();
    await alert().getByText("Cargo.lock has changed since you chose").waitFor();
    expect(staged()).toBe("");
    write("Cargo.lock", "v\n".repeat(10));
    await head("Cargo.lock").getByRole("button", { name: "Discard…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Discard", exact: true }).click();
    await alert().getByText("Cargo.lock has changed since you chose").waitFor();
    expect(read("Cargo.lock")).toBe("v\n".repeat(10));
  });
  await page.locator(".line.added", { hasText: "v" }).first().waitFor();
  await page.getByRole("button", { name: "Stage all" }).first().click();
  await expect.poll(staged).toBe("M\tCargo.lock");
  git("commit", "-q", "-m", "Lock");
});

it("goes to the file that has changed, among all that were chosen", async () => {
  write("a.txt", "one\n");
  write("b.txt", "one\n");
  await show("b.txt");
  await page.locator(".line.added").nth(1).waitFor();
  await page.route(/\/git\/stage$/, async (route) => {
    const response = await route.fetch();
    const url = `${host.url}/api/sessions/${id}/git/file?path=b.txt&base=index&to=work`;
    const diff = await route.fetch({ url, method: "GET", postData: "" });
    await route.fulfill({ response, json: { ...(await response.json()), diff: await diff.json() } });
  });
  await unheard(async () => {
    write("b.txt", "two\n");
    await page.getByRole("button", { name: "Stage all" }).click();
    await alert().getByText("b.txt has changed since you chose").waitFor();
    expect(staged()).toBe("");
    // What it is now came with the answer.
    await page.locator(".line.added", { hasText: "two" }).waitFor();
    await page.getByRole("button", { name: "Show new diff" }).click();
    await page.locator(".diff-row.current", { hasText: "b.txt" }).waitFor();
  });
  rmSync(join(dir, "a.txt"));
  rmSync(join(dir, "b.txt"));
});

it("takes both names of a renamed file, unless it has changed since", async () => {
  git("mv", "old name.txt", "new name.txt");
  await show("new name.txt");
  await head("new name.txt").getByText("old name.txt →").waitFor();
  await unheard(async () => {
    write("new name.txt", "one\ntwo\nthree\nfour\nfive\nsix\n");
    git("add", "-A");
    await head("new name.txt").getByRole("button", { name: "Unstage file" }).click();
    await alert().getByText("new name.txt has changed since you chose").waitFor();
    expect(staged()).toMatch(/^R\d+\told name.txt\tnew name.txt$/);
  });
  await page.locator(".line.added", { hasText: "six" }).waitFor();
  // Its hunks are those of two files: it is taken as a whole.
  expect(await page.getByRole("button", { name: "Unstage hunk" }).count()).toBe(0);
  await head("new name.txt").getByRole("button", { name: "Unstage file" }).click();
  await expect.poll(staged).toBe("");
  git("reset", "-q", "--hard");
  rmSync(join(dir, "new name.txt"));
});

it("discards by its key only where a button would", async () => {
  write("code.ts", code({ 3: "const staged = 3;\n" }));
  git("add", "code.ts");
  write("code.ts", code({ 3: "const staged = 3;\n", 40: "const changed = 40;\n" }));
  await show("code.ts");
  const press = async (section: string): Promise<void> => {
    await page.getByLabel(section, { exact: true }).locator(".git-file", { hasText: "code.ts" }).click();
    await page.locator("#diff").focus();
    await page.keyboard.press("d");
  };
  await press("Staged");
  await compare("start");
  await press("Files");
  await compare("uncommitted");
  await page.getByLabel("Changes", { exact: true }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
  await press("Changes");
  await page.getByRole("dialog").getByText("Discard the changes of code.ts?").waitFor();
  await page.keyboard.press("Escape");

  // Whose conflict is not resolved loses nothing by it either.
  await listed((found) => found.files.forEach((file: DiffFile) => (file.conflicted = found.to === "work")));
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await press("Conflicted");
  await page.getByLabel("Conflicted", { exact: true }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
  await page.unrouteAll({ behavior: "wait" });
  git("reset", "-q", "--hard");
});

it("brings back what was discarded before a reload", async () => {
  for (const [at, text] of [
    [3, "const first = 3;\n"],
    [5, "const second = 5;\n"],
  ] as const) {
    write("code.ts", code({ [at]: text }));
    await show("code.ts");
    await head("code.ts").getByRole("button", { name: "Discard…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Discard", exact: true }).click();
    await expect.poll(() => read("code.ts")).toBe(code());
  }
  await page.reload();
  const undo = page.getByRole("button", { name: /^Undo discard/ });
  await undo.waitFor();
  expect(await undo.getAttribute("title")).toMatch(/^Discarded: code\.ts, \d+s ago$/);
  await page.getByRole("button", { name: "Earlier discards" }).click();
  await page.getByRole("button", { name: /^code\.ts, \d+s ago · Undo$/ }).waitFor();
  await shot(page, "git-discarded");
  expect(await findings(page), "earlier discards").toEqual([]);
  await page.getByRole("button", { name: /^code\.ts, \d+s ago · Undo$/ }).click();
  await expect.poll(() => read("code.ts")).toBe(code({ 3: "const first = 3;\n" }));
  write("code.ts", code());
  await page.reload();
  await undo.waitFor();
  await page.locator("#diff, .empty").first().waitFor();
  await page.keyboard.press("z");
  await expect.poll(() => read("code.ts")).toBe(code({ 5: "const second = 5;\n" }));
  await page.getByText("Brought back: code.ts.").waitFor();
  await undo.waitFor({ state: "detached" });
  git("reset", "-q", "--hard");
});

it("keeps what was viewed as long as it is the same", async () => {
  write("code.ts", code({ 3: "const one = 3;\n", 40: "const two = 40;\n" }));
  await show("code.ts");
  const viewed = (section: number) => head("code.ts").nth(section).getByLabel("Viewed");
  const alarm = () => page.getByText("changed since you viewed it");
  await viewed(0).check();
  // Another base is no other file.
  await compare("start");
  await expect.poll(() => viewed(0).isChecked()).toBe(true);
  await compare("head");
  await expect.poll(() => viewed(0).isChecked()).toBe(true);
  expect(await alarm().count()).toBe(0);
  // Neither is it after a hunk was staged.
  await compare("uncommitted");
  await page.getByRole("button", { name: "Show code.ts" }).click();
  await page.getByRole("button", { name: "Stage hunk" }).first().click();
  await expect.poll(() => head("code.ts").count()).toBe(2);
  await expect.poll(() => viewed(1).isChecked()).toBe(true);
  expect(await viewed(0).isChecked()).toBe(false);
  // Staged and unstaged are viewed apart.
  await viewed(0).check();
  await page.reload();
  await compare("uncommitted");
  await expect.poll(() => viewed(0).isChecked()).toBe(true);
  expect(await viewed(1).isChecked()).toBe(true);
  expect(await alarm().count()).toBe(0);
  // What is staged as a whole was seen.
  await page.getByRole("button", { name: "Stage file", exact: true }).click();
  await expect.poll(() => head("code.ts").count()).toBe(1);
  await head("code.ts").getByText("staged", { exact: true }).waitFor();
  await expect.poll(() => viewed(0).isChecked()).toBe(true);
  expect(await alarm().count()).toBe(0);
  // Now it is another one.
  write("code.ts", code({ 3: "const one = 3;\n", 40: "const three = 40;\n" }));
  await expect.poll(() => head("code.ts").count()).toBe(2);
  await expect.poll(() => alarm().count()).toBe(1);
  await compare("start");
  await alarm().waitFor();
  expect(await viewed(0).isChecked()).toBe(false);
  git("reset", "-q", "--hard");
});

it("views a file as it is shown", async () => {
  write("code.ts", code({ 3: "const shown = 3;\n" }));
  await show("code.ts");
  await page.locator(".line.added", { hasText: "shown" }).waitFor();
  await unheard(async () => {
    write("code.ts", code({ 3: "const since = 3;\n" }));
    await head("code.ts").getByLabel("Viewed").check();
  });
  await page.getByText("changed since you viewed it").waitFor();
  expect(await head("code.ts").getByLabel("Viewed").isChecked()).toBe(false);
  git("reset", "-q", "--hard");
});

it("compares with where the branch left another one", async () => {
  git("checkout", "-q", "-b", "release");
  write("released.txt", "released\n");
  git("add", "-A");
  git("commit", "-q", "-m", "Release");
  git("checkout", "-q", "-b", "topic");
  write("topic.txt", "topic\n");
  git("add", "-A");
  git("commit", "-q", "-m", "Topic");
  // A tag of the same name is another thing.
  git("branch", "both", "release");
  git("tag", "both", "topic");
  await page.reload();
  await page.getByLabel("Compare with").locator("option", { hasText: "release" }).waitFor({ state: "attached" });
  await compare("merge-base:refs/heads/release");
  await head("topic.txt").waitFor();
  expect(await page.locator(".file-head").count()).toBe(1);
  await compare("merge-base:refs/heads/both");
  await head("topic.txt").waitFor();
  await compare("merge-base:refs/heads/main");
  await head("released.txt").waitFor();
  expect(await page.locator(".file-head").count()).toBe(2);
  git("checkout", "-q", "main");
});

it("comments on a commit, which stays what it is", async () => {
  await page.goto(`${host.url}/sessions/${id}/git`);
  await page.getByRole("button", { name: "Branches" }).click();
  await page.locator(".branch-row", { hasText: "topic" }).click();
  await page.locator(".commit-row", { hasText: "Release" }).click();
  const row = page.locator(".line.added", { hasText: "released" });
  await row.hover();
  await row.getByRole("button", { name: /^Comment on line/ }).click();
  await page.getByLabel("Comment", { exact: true }).fill("Which release?");
  await page.keyboard.press("Control+Enter");
  await page.locator(".comment-text", { hasText: "Which release?" }).waitFor();
  await page.getByText("1 draft").waitFor();
  expect(await page.locator(".file-head h2").allInnerTexts()).toEqual(["released.txt"]);
  await shot(page, "git-commit-comment");
  expect(await findings(page), "a commit").toEqual([]);
  // It is still there for whoever comes back, and its keys are those of every difference.
  await page.getByRole("button", { name: "Back" }).click();
  await page.locator(".commit-row", { hasText: "Lock" }).click();
  await head("Cargo.lock").waitFor();
  expect(await page.locator(".comment").count()).toBe(0);
  await page.getByRole("button", { name: "Back" }).click();
  await page.locator(".commit-row", { hasText: "Lock" }).waitFor();
  await page.getByRole("button", { name: "Branches" }).click();
  await page.locator(".branch-row", { hasText: "both" }).click();
  await page.locator(".commit-row", { hasText: "Release" }).waitFor();
  expect(await page.locator(".commit-row", { hasText: "Topic" }).count()).toBe(0);
  await page.locator(".commit-row", { hasText: "Release" }).click();
  await page.locator(".comment-text", { hasText: "Which release?" }).waitFor();
  await page.locator("#diff").focus();
  await page.keyboard.press("j");
  await page.keyboard.press("c");
  await page.getByLabel("Comment", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
});

it("leaves a repository inside this one alone", async () => {
  mkdirSync(join(dir, "inner"));
  git("init", "-q", "inner");
  write("inner/file.txt", "inner\n");
  write("plain.txt", "plain\n");
  await show("plain.txt");
  await head("inner/").waitFor();
  await page.getByText("A repository of its own. Add it with git in the terminal.").waitFor();
  await shot(page, "git-nested");
  expect(await head("inner/").getByRole("button", { name: "Stage file" }).count()).toBe(0);
  await page.getByRole("button", { name: "Stage all" }).click();
  await expect.poll(staged).toBe("A\tplain.txt");
  git("reset", "-q", "--hard");
  rmSync(join(dir, "inner"), { recursive: true });
});

it("says what was left out of a comparison", async () => {
  await listed((found) => (found.left_out = ["a.bin", "b.bin", "c.bin", "d.bin", "e.bin"]));
  await compare("start");
  await page.getByText("Not compared, as too large: a.bin, b.bin, c.bin and 2 more").waitFor();
  await page.unrouteAll({ behavior: "wait" });
  await compare("uncommitted");
  await page.getByText("Not compared, as too large").waitFor({ state: "detached" });
});

it("gives comments as text where there is no agent", async () => {
  await page.getByText("1 draft").waitFor();
  expect(await page.getByRole("button", { name: "Send to agent" }).count()).toBe(0);
  expect(await page.getByRole("button", { name: "Preview prompt" }).count()).toBe(0);
  await page.getByRole("button", { name: "Copy as text" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe("released.txt:1\n> released\nWhich release?");
  await shot(page, "git-comments-shell");
  const sent: string[] = [];
  page.on("request", (request) => sent.push(new URL(request.url()).pathname));
  await page.locator(".git-bar .meta").click();
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("/");
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("git-search");
  expect(sent.filter((path) => path.endsWith("/review/send"))).toEqual([]);
});

it("sends nothing to an agent that has ended meanwhile", async () => {
  const agent = (JSON.parse(host.run("start", "-p", "silent", "-d", dir, "--json")) as { id: string }).id;
  host.run("review", "add", agent, "code.ts:1", "Why one?");
  await page.goto(`${host.url}/sessions/${agent}/git`);
  const send = page.getByRole("button", { name: "Send to agent" });
  await send.waitFor();
  expect(await send.isDisabled()).toBe(false);
  expect(await page.getByRole("button", { name: "Copy as text" }).count()).toBe(0);
  host.run("kill", agent);
  await expect.poll(() => send.isDisabled()).toBe(true);
  expect(await send.getAttribute("title")).toBe("The session has ended");
  const sent: string[] = [];
  page.on("request", (request) => sent.push(new URL(request.url()).pathname));
  await page.locator(".git-bar .meta").click();
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("/");
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe("git-search");
  expect(sent.filter((path) => path.endsWith("/review/send"))).toEqual([]);
  expect(complaints.filter((text) => !text.includes("409"))).toEqual([]);
});

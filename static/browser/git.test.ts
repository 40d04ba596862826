// The Git tab: a change is reviewed, staged by hunk and line, committed, discarded and brought back, commented on.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, eventually, open, PHONE, setUp, shot, type Daemon } from "./harness";

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

const line = (number: number): string => `  const value${number} = compute(${number});\n`;
const code = (change: Record<number, string>): string =>
  Array.from({ length: 60 }, (_, at) => change[at + 1] ?? line(at + 1)).join("");

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ config: AGENT })]);
  dir = mkdtempSync(join(tmpdir(), "codepiper-git-"));
  git("init", "-q", "-b", "main");
  git("config", "user.name", "Ada");
  git("config", "user.email", "ada@example.org");
  mkdirSync(join(dir, "src"));
  write("src/code.ts", code({}));
  write("Cargo.lock", "x\n".repeat(10));
  git("add", "-A");
  git("commit", "-q", "-m", "First");
  id = (JSON.parse(host.run("start", "-p", "silent", "-d", dir, "--name", "review", "--json")) as { id: string }).id;
  await eventually(() => git("for-each-ref", "refs/codepiper/start").includes(id), "the beginning is known");
  write(
    "src/code.ts",
    code({
      3: "  const value3 = compute(3, { cached: true });\n",
      30: "  const value30 = lookUp(30);\n  const more = 1;\n",
      55: "",
    }),
  );
  write("Cargo.lock", "y\n".repeat(10));
  write("new file.md", "# New\n\nText\n");
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(dir, { recursive: true, force: true });
});

const hunks = (word: string) => page.getByRole("button", { name: `${word} hunk` });
const head = (name: string) => page.locator(".file-head", { hasText: name });
/** What is not near has no elements, and what is loaded above it moves it further: whoever looks for it scrolls. */
const reach = (row: Locator, what: string): Promise<void> =>
  eventually(async () => {
    if ((await row.count()) > 0) return true;
    await page.locator("#diff").evaluate((element) => {
      const { scrollTop, scrollHeight, clientHeight } = element;
      element.scrollTop = scrollTop + clientHeight < scrollHeight - 1 ? scrollTop + clientHeight / 2 : 0;
    });
    return false;
  }, what);
const refreshed = async (): Promise<void> => {
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
};

it("shows what changed", async () => {
  await page.goto(`${host.url}/sessions/${id}/git`);
  await hunks("Stage").nth(2).waitFor();
  expect(await page.locator(".git-files h2").allInnerTexts()).toEqual(["Changes", "Untracked"]);
  await page.getByText("const more = 1;").first().waitFor();
  // What was made by a program is folded.
  await page.getByRole("button", { name: "Show Cargo.lock" }).waitFor();
  expect((await page.locator(".line.added").first().locator("mark").allInnerTexts()).join("")).toContain("cached");
  const colour = (of: string): Promise<string> =>
    page
      .locator(`.line ${of}`)
      .first()
      .evaluate((element) => getComputedStyle(element).color);
  expect(await colour(".syn-key")).not.toBe(await colour(".code"));
  await shot(page, "git-status");
});

it("stages hunks and lines, and takes one back", async () => {
  await hunks("Stage").first().click();
  await head("src/code.ts").getByText("staged", { exact: true }).waitFor();
  await expect.poll(() => git("diff", "--cached", "--numstat").trim()).toBe("1\t1\tsrc/code.ts");
  // One line of the next hunk.
  await page.getByRole("button", { name: "Choose added line 31" }).first().click();
  await page.getByRole("toolbar", { name: "Chosen lines" }).getByRole("button", { name: "Stage", exact: true }).click();
  await expect.poll(() => git("diff", "--cached", "--numstat").trim()).toBe("2\t1\tsrc/code.ts");
  expect(git("show", ":src/code.ts")).toContain(`${line(30)}  const more = 1;\n`);
  await hunks("Unstage").first().click();
  await expect.poll(() => git("diff", "--cached", "--numstat").trim()).toBe("1\t0\tsrc/code.ts");
});

it("commits what is staged, and says why it cannot", async () => {
  await page.getByText("The commit needs a message.").waitFor();
  await page.getByLabel("Commit message").fill("Add a value");
  await page.reload();
  await expect.poll(() => page.getByLabel("Commit message").inputValue()).toBe("Add a value");
  await page.getByRole("button", { name: "Commit 1 file" }).click();
  await expect.poll(() => git("log", "-1", "--format=%s").trim()).toBe("Add a value");
  await page.getByText("Nothing is staged.").waitFor();
});

it("refuses what has changed since it was shown", async () => {
  await hunks("Stage").first().waitFor();
  const before = git("write-tree");
  const now = read("src/code.ts");
  // The page hears of it later.
  let hear = (): void => undefined;
  const heard = new Promise<void>((done) => (hear = done));
  await page.route(/\/git\/(diff|file)\?/, async (route) => {
    await heard;
    await route.continue();
  });
  write("src/code.ts", now.replace("cached: true", "cached: false"));
  await hunks("Stage").first().click();
  await page.getByRole("alert").getByText("has changed since you chose").waitFor();
  expect(git("write-tree")).toBe(before);
  hear();
  await page.unrouteAll({ behavior: "wait" });
  await page.getByText("cached: false").first().waitFor();
  await page.getByRole("alert").getByRole("button", { name: "Close" }).click();
});

it("discards after asking, and brings it back", async () => {
  const now = read("src/code.ts");
  await page.getByRole("button", { name: "Discard…" }).nth(1).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("kept for 30 days").waitFor();
  await dialog.getByRole("button", { name: "Discard", exact: true }).click();
  await expect.poll(() => read("src/code.ts")).not.toBe(now);
  await page.getByText(/^Discarded in/).waitFor();
  const told = await page.locator(".toast").last().boundingBox();
  const commit = await page.locator(".commit-box").boundingBox();
  expect((told?.y ?? 0) + (told?.height ?? 0)).toBeLessThanOrEqual(commit?.y ?? 0);
  await page.getByRole("button", { name: /^Undo discard/ }).click();
  await expect.poll(() => read("src/code.ts")).toBe(now);
  // Nothing offers it once more.
  await page.getByText(/^Brought back/).waitFor();
  expect(await page.getByText(/^Discarded in/).count()).toBe(0);
});

it("keeps comments over a reload, and says what became of them", async () => {
  // What was told about the discard lies over the last rows.
  await expect.poll(() => page.locator(".toast").count(), { timeout: 20_000 }).toBe(0);
  for (const [text, comment] of [
    ["cached: false", "Why not?"],
    ["lookUp(30)", "Name it better."],
    ["# New", "Say more."],
  ] as const) {
    const row = page.locator(".diff-row", { hasText: text }).locator(".line.added").first();
    await reach(row, text);
    await row.hover();
    await row.getByRole("button", { name: /^Comment on line/ }).click();
    await page.getByLabel("Comment", { exact: true }).fill(comment);
    if (comment === "Name it better.") await shot(page, "git-comment");
    await page.keyboard.press("Control+Enter");
    await page.locator(".comment-text", { hasText: comment }).waitFor();
  }
  await page.reload();
  await reach(page.locator(".comment-text", { hasText: "Say more." }), "a comment after a reload");
  await page.getByText("3 drafts").waitFor();
  // One of the places is edited, and another one moves.
  write("src/code.ts", `// moved\n${read("src/code.ts").replace("cached: false", "cache: 1")}`);
  await refreshed();
  await reach(page.locator(".comment", { hasText: "Why not?" }).getByText("its lines are gone"), "a stale comment");
  expect(await page.locator(".comment", { hasText: "Why not?" }).locator(".quote").innerText()).toContain(
    "cached: false",
  );
  await reach(page.locator(".comment", { hasText: "Name it better." }).getByText("line 31"), "a comment that moved");
  await page.getByRole("button", { name: "Preview prompt" }).click();
  await page.getByRole("dialog").getByText("Comment 2: src/code.ts, line 31").waitFor();
  await page.keyboard.press("Escape");
});

it("shows what changed since somebody looked", async () => {
  await page.getByRole("button", { name: "Mark as seen" }).click();
  await page.getByText("From now on").waitFor();
  await page.getByLabel("Compare with").selectOption("seen");
  await page.getByText("Nothing changed since you looked.").waitFor();
  write("later.txt", "later\n");
  // It is what opens first.
  await page.goto(host.url);
  await page.goto(`${host.url}/sessions/${id}/git`);
  await head("later.txt").waitFor();
  expect(await page.locator(".file-head").count()).toBe(1);
  await page.getByLabel("Compare with").selectOption("start");
  await head("src/code.ts").waitFor();
  await page.getByLabel("Compare with").selectOption("uncommitted");
});

it("shares the mark with other devices, or has one of its own", async () => {
  await page.getByLabel("Compare with").selectOption("seen");
  await head("later.txt").waitFor();
  const own = (): boolean => git("for-each-ref", "--format=%(refname)", "refs/codepiper").includes("/seen-");
  await page.getByLabel("Mark", { exact: true }).selectOption("own");
  await expect.poll(own).toBe(true);
  await head("later.txt").waitFor();
  await page.getByRole("button", { name: "Mark as seen" }).click();
  await page.getByText("Nothing changed since you looked.").waitFor();
  // The one of all devices is where it was.
  await page.getByLabel("Mark", { exact: true }).selectOption("shared");
  await head("later.txt").waitFor();
  expect(own()).toBe(false);
  await page.getByLabel("Compare with").selectOption("uncommitted");
});

it("marks files as viewed until they change", async () => {
  await reach(head("new file.md"), "the file");
  await head("new file.md").getByLabel("Viewed").check();
  await page.getByText("# New").first().waitFor({ state: "detached" });
  await page.reload();
  await page.getByLabel("Compare with").selectOption("uncommitted");
  await reach(head("new file.md"), "the file after a reload");
  write("new file.md", "# Newer\n");
  await refreshed();
  await reach(page.getByText("changed since you viewed it"), "it changed");
  await reach(page.getByText("# Newer"), "it is open again");
});

it("goes by the keyboard alone", async () => {
  git("add", "-A");
  git("commit", "-q", "-m", "Everything");
  write("src/code.ts", read("src/code.ts").replace("// moved\n", "// by keys\n"));
  await refreshed();
  await expect.poll(() => page.locator(".file-head h2").allInnerTexts()).toEqual(["src/code.ts"]);
  await hunks("Stage").first().waitFor();
  await page.locator("#diff").focus();
  await page.keyboard.press("j");
  await page.keyboard.press(" ");
  await expect.poll(() => git("diff", "--cached", "--numstat").trim()).toBe("1\t1\tsrc/code.ts");
  // What was staged is another row: the next keys are for that.
  await hunks("Unstage").first().waitFor();
  await page.keyboard.press("n");
  await page.keyboard.press("j");
  await page.keyboard.press("c");
  await page.getByLabel("Comment", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("nothing");
  await page.getByText("No file matches “nothing”.").waitFor();
  await page.getByLabel("Search files").fill("");
});

it("shows the log, a commit and the branches", async () => {
  git("branch", "feature/x");
  await page.getByRole("button", { name: "Log", exact: true }).click();
  await page.locator(".commit-row", { hasText: "Add a value" }).waitFor();
  await shot(page, "git-log");
  await page.locator(".commit-row", { hasText: "Add a value" }).click();
  await page.locator(".message", { hasText: "Add a value" }).waitFor();
  await page.getByText("const more = 1;").waitFor();
  await page.getByRole("button", { name: "Branches" }).click();
  await page.locator(".branch-row", { hasText: "feature/x" }).waitFor();
  await shot(page, "git-branches");
  for (const name of ["@weird", `${"long/".repeat(60)}name`]) {
    git("branch", name);
    await page.getByRole("button", { name: "Log", exact: true }).click();
    await page.getByRole("button", { name: "Branches" }).click();
    await page.locator(".branch-row", { hasText: name }).click();
    await page.locator(".commit-row", { hasText: "Add a value" }).waitFor();
    git("branch", "-D", name);
  }
  await page.getByRole("button", { name: "Status" }).click();
  expect(complaints).toEqual([]);
});

it("says what is under way, and what ends it", async () => {
  git("checkout", "-q", "-b", "topic");
  write("src/code.ts", code({ 3: "  const value3 = 1;\n" }));
  git("commit", "-q", "-am", "One");
  git("checkout", "-q", "main");
  write("src/code.ts", code({ 3: "  const value3 = 2;\n" }));
  git("commit", "-q", "-am", "Two");
  git("checkout", "-q", "topic");
  expect(() => git("rebase", "main")).toThrow();
  await page.getByText("Rebase under way, 1 of 1").waitFor();
  await page.getByText("Conflicts in src/code.ts. Resolve the conflicts and stage the files, then run").waitFor();
  await page.locator(".git-head", { hasText: "topic" }).waitFor();
  await head("src/code.ts").getByText("conflicted").waitFor();
  await page.getByText("Resolve the conflicts first.").waitFor();
  await shot(page, "git-conflict");
  expect(await findings(page), "a conflict").toEqual([]);
  git("rebase", "--abort");
  await page.getByText("Rebase under way").waitFor({ state: "detached" });
  git("checkout", "-q", "main");
});

it("is accessible, in both themes and on a phone", async () => {
  write("src/code.ts", code({ 3: "  const value3 = compute(3, { cached: true });\n" }));
  for (const theme of ["light", "dark"] as const) {
    for (const [size, name] of [
      [DESK, "desk"],
      [PHONE, "phone"],
    ] as const) {
      await page.evaluate((wanted) => (document.documentElement.dataset["theme"] = wanted), theme);
      await page.setViewportSize(size);
      await page.locator(".file-head").first().waitFor();
      await shot(page, `git-${name}-${theme}`);
      expect(await findings(page), `${name} ${theme}`).toEqual([]);
    }
    await page.getByRole("button", { name: "Files", exact: true }).click();
    await page.locator(".git-file").first().waitFor();
    await shot(page, `git-files-phone-${theme}`);
    await page.getByRole("button", { name: "Files", exact: true }).click();
  }
  await page.setViewportSize({ width: 1600, height: 900 });
  await page.getByRole("button", { name: "Split" }).click();
  await page.locator(".pair").first().waitFor();
  await shot(page, "git-split");
  expect(await findings(page), "split").toEqual([]);
});

it("shows in the list how much changed since a session began", async () => {
  await page.setViewportSize(DESK);
  await page.goto(host.url);
  // A commit is counted at once, and what is shown follows.
  git("commit", "-q", "--allow-empty", "-m", "Nothing");
  const changed = page.locator(".row .changed");
  await changed.filter({ hasText: /^\+\d+ −\d+ · \d+ files?$/ }).waitFor();
  expect(await changed.getAttribute("title")).toMatch(/^Since it was started: .*lines? added/);
  await shot(page, "list-changed");
  expect(await findings(page), "desk").toEqual([]);
  await page.setViewportSize(PHONE);
  await shot(page, "list-changed-phone");
  expect(await findings(page), "phone").toEqual([]);
  await page.setViewportSize(DESK);
  await page.goto(`${host.url}/sessions/${id}/git`);
  await page.getByLabel("Compare with").selectOption("uncommitted");
  await page.locator(".git-file").first().waitFor();
});

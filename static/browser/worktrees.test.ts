// Worktrees of sessions: what each has, and how it is merged and removed, alone or with its session.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, open, PHONE, setUp, shot, type Daemon } from "./harness";

interface Started {
  id: string;
  worktree: { path: string; branch: string };
}

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let dir: string;
let own: Started;
let named: Started;

const git = (at: string, ...args: string[]): string =>
  execFileSync("git", ["-C", at, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
    encoding: "utf8",
  }).trim();
const start = (...args: string[]): Started =>
  JSON.parse(
    host.run("start", "-p", "shell", "-d", dir, "--worktree", "--json", ...args, "--", "sh", "-c", "read x"),
  ) as Started;

beforeAll(async () => {
  dir = join(mkdtempSync(join(tmpdir(), "codepiper-worktrees-")), "shop");
  mkdirSync(dir);
  git(dir, "init", "-q", "-b", "main");
  writeFileSync(join(dir, ".gitignore"), "build/\n");
  writeFileSync(join(dir, "file"), "one\n");
  git(dir, "add", "-A");
  git(dir, "commit", "-qm", "First");
  git(dir, "config", "user.name", "Ada");
  git(dir, "config", "user.email", "ada@example.org");
  [chromium, host] = await Promise.all([browser(), daemon()]);
  own = start("--name", "own branch");
  named = start("--name", "named branch", "--create-branch", "feature/x");
  writeFileSync(join(own.worktree.path, "file"), "two\n");
  git(own.worktree.path, "commit", "-qam", "Second");
  mkdirSync(join(own.worktree.path, "build"));
  writeFileSync(join(own.worktree.path, "build/out"), "made\n");
  writeFileSync(join(named.worktree.path, "new"), "new\n");
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(join(dir, ".."), { recursive: true, force: true });
});

const row = (branch: string) => page.locator(".box-row", { hasText: branch });
const dialog = () => page.getByRole("dialog");
const askRemoval = async (session: Started): Promise<void> => {
  await page.goto(`${host.url}/sessions/${session.id}`);
  await page
    .getByRole("button", { name: /^Actions of/ })
    .last()
    .click();
  await page.getByRole("button", { name: "Remove…" }).click();
  await dialog().getByText(session.worktree.path, { exact: true }).waitFor();
};

it("lists the worktrees of a repository, with what each has", async () => {
  await page.goto(`${host.url}/settings/worktrees`);
  await page.getByRole("heading", { name: "shop" }).waitFor();
  await row(own.worktree.branch).getByText("↑1 ↓0 compared with main").waitFor();
  await row("feature/x").getByText("↑0 ↓0 compared with main · 1 uncommitted file").waitFor();
  expect(await row("feature/x").getByRole("link", { name: "named branch" }).getAttribute("href")).toBe(
    `/sessions/${named.id}`,
  );
  for (const name of ["Merge feature/x", "Remove feature/x", `Remove ${own.worktree.branch}`])
    expect(await page.getByRole("button", { name }).isDisabled(), name).toBe(true);
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `worktrees-${name}`);
    expect(await findings(page), name).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name).toBe(true);
  }
});

it("merges one", async () => {
  await page.getByRole("button", { name: `Merge ${own.worktree.branch}` }).click();
  await dialog().getByText("1 commit that main does not have").waitFor();
  await shot(page, "worktree-merge");
  expect(await findings(page), "merging").toEqual([]);
  await dialog().getByRole("button", { name: "Merge", exact: true }).click();
  await page.getByText(`1 commit of ${own.worktree.branch} merged into main.`).waitFor();
  expect(git(dir, "log", "-1", "--format=%s")).toBe("Second");
  await row(own.worktree.branch).getByText("↑0 ↓0 compared with main").waitFor();
  expect(await page.getByRole("button", { name: `Merge ${own.worktree.branch}` }).isDisabled()).toBe(true);
});

it("removes a session with its worktree, and a branch that has no commits of its own", async () => {
  host.run("kill", own.id);
  await askRemoval(own);
  await dialog().getByLabel("Remove its worktree, too").check();
  await dialog().getByText(`Its branch ${own.worktree.branch} is deleted with it`).waitFor();
  await dialog().getByRole("button", { name: "Remove", exact: true }).click();
  // What git ignores goes only when somebody says so.
  await dialog().getByRole("alert").getByText("has ignored files: build/").waitFor();
  await dialog().getByLabel("Delete what git ignores in it").check();
  await shot(page, "remove-worktree");
  expect(await findings(page), "removing").toEqual([]);
  await dialog().getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByText("Worktree removed.").waitFor();
  await dialog().waitFor({ state: "detached" });
  expect(existsSync(own.worktree.path)).toBe(false);
  expect(git(dir, "branch", "--list", own.worktree.branch)).toBe("");
  expect(host.run("sessions", "--json")).not.toContain(own.id);
});

it("loses no work, and no session with it", async () => {
  host.run("kill", named.id);
  await askRemoval(named);
  await dialog().getByText("It has 1 uncommitted file: commit or discard them first.").waitFor();
  expect(await dialog().getByLabel("Remove its worktree, too").isDisabled()).toBe(true);
  await dialog().getByRole("button", { name: "Cancel" }).click();
  rmSync(join(named.worktree.path, "new"));
  await askRemoval(named);
  await dialog().getByLabel("Remove its worktree, too").check();
  await dialog().getByText("Its branch feature/x is kept.").waitFor();
  // Something is written meanwhile.
  writeFileSync(join(named.worktree.path, "late"), "late\n");
  await dialog().getByRole("button", { name: "Remove", exact: true }).click();
  await dialog().getByRole("alert").getByText("has uncommitted changes: late").waitFor();
  expect(host.run("sessions", "--json")).toContain(named.id);
  await dialog().getByRole("button", { name: "Cancel" }).click();
  // Without its worktree it can go.
  await askRemoval(named);
  await dialog().getByRole("button", { name: "Remove", exact: true }).click();
  await dialog().waitFor({ state: "detached" });
  expect(host.run("sessions", "--json")).not.toContain(named.id);
  expect(existsSync(named.worktree.path)).toBe(true);
});

it("removes a worktree whose session is gone", async () => {
  rmSync(join(named.worktree.path, "late"));
  await page.goto(`${host.url}/settings/worktrees`);
  await row("feature/x").getByText("No session").waitFor();
  await page.getByRole("button", { name: "Remove feature/x" }).click();
  await dialog().getByText("Its branch feature/x is kept.").waitFor();
  await dialog().getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByText("No worktrees yet").waitFor();
  expect(existsSync(named.worktree.path)).toBe(false);
  expect(git(dir, "branch", "--list", "feature/x")).toContain("feature/x");
  expect(complaints).toEqual([]);
});

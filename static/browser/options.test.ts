import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, open, PHONE, setUp, shot, type Daemon } from "./harness";

const SECRET = "hunter2-Zq8vK3xW";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let folder: string;
/** What the daemon answered in this page. */
const answers: string[] = [];

/** Stands in for an agent, and has a transcript that can be forked. */
const AGENT = `#!/bin/bash
echo "launched: $*" | sed -E 's/ --settings [{].*[}][}]//'
folder="$HOME/.claude/projects/$(pwd -P | sed 's/[^a-zA-Z0-9]/-/g')"
mkdir -p "$folder"
while [ $# -gt 0 ]; do [ "$1" = --session-id ] && echo '{"type":"user"}' > "$folder/$2.jsonl"; shift; done
trap 'exit 0' INT
while :; do read -t 1; done
`;

function git(...args: string[]): void {
  execFileSync("git", ["-C", join(folder, "repo"), "-c", "user.name=x", "-c", "user.email=x@example.org", ...args]);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "codepiper-options-"));
  for (const dir of ["bin", "repo", "home"]) mkdirSync(join(folder, dir));
  writeFileSync(join(folder, "bin/claude"), AGENT);
  chmodSync(join(folder, "bin/claude"), 0o755);
  process.env["PATH"] = `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`;
  process.env["HOME"] = join(folder, "home");
  git("init", "-q", "-b", "main");
  writeFileSync(join(folder, "repo/file"), "one");
  git("add", "-A");
  git("commit", "-qm", "first");
  git("branch", "there");
  writeFileSync(join(folder, "repo/file"), "two");
  [chromium, host] = await Promise.all([browser(), daemon()]);
  ({ page, complaints } = await open(chromium, host.url));
  page.on("response", (response) => {
    if (response.url().includes("/api/"))
      void response.text().then(
        (text) => answers.push(text),
        () => undefined,
      );
  });
  await setUp(page, host);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("writes values into env sets and never shows them again", async () => {
  await page.goto(`${host.url}/settings/env-sets`);
  await page.getByRole("button", { name: "New env set" }).click();
  await page.getByLabel("Name", { exact: true }).fill("no/name");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText("invalid env set name").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("npm-readonly");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText("npm-readonly").click();
  await page.getByRole("button", { name: "Add variable" }).click();
  await page.getByLabel("Name", { exact: true }).fill("NPM_TOKEN");
  await page.getByLabel("Value", { exact: true }).fill(SECRET);
  expect(await findings(page)).toEqual([]);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(`${SECRET.length} bytes`).waitFor();
  await page.getByText("NPM_TOKEN saved in npm-readonly.").waitFor();
  for (const [size, name] of [
    [DESK, "desk"],
    [PHONE, "phone"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `settings-env-sets-${name}`);
    expect(await findings(page), name).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(size.width);
  }
  await page.setViewportSize(DESK);
  await page.getByRole("button", { name: "Replace NPM_TOKEN" }).click();
  expect(await page.getByLabel("Value", { exact: true }).inputValue()).toBe("");
  await page.getByRole("button", { name: "Cancel" }).click();
  expect(await page.content()).not.toContain(SECRET);
  expect(answers.length).toBeGreaterThan(3);
  expect(answers.join("\n")).not.toContain(SECRET);
  expect(
    (JSON.parse(host.run("env-set", "show", "npm-readonly", "--json")) as { variables: unknown[] }).variables,
  ).toHaveLength(1);
});

it("says how API billing gets its key", async () => {
  await page.goto(host.url);
  await page.getByRole("button", { name: "Create Session" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.getByRole("radio", { name: /^Claude Code/ }).check();
  await dialog.getByLabel("Working directory").fill(join(folder, "home"));
  await dialog.getByText("not a git repository").waitFor();
  await dialog.getByRole("radio", { name: /^API/ }).check();
  await dialog.getByRole("button", { name: /^Create/ }).click();
  const alert = dialog.getByRole("alert");
  await alert.getByText("No API key was found. Add one to an env set, or choose Subscription.").waitFor();
  // Nothing of the command line.
  expect(await alert.innerText()).not.toMatch(/--|ANTHROPIC/);
  await shot(page, "create-no-key");
  expect(await findings(page), "no key").toEqual([]);
  expect(JSON.parse(host.run("sessions", "--json"))).toEqual([]);
  await page.keyboard.press("Escape");
});

it("starts an agent in a worktree, with an env set, without questions, and forks it", async () => {
  await page.goto(host.url);
  await page.getByRole("button", { name: "Create Session" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.getByRole("radio", { name: /^Claude Code/ }).check();
  await dialog.getByLabel("Working directory").fill(join(folder, "home"));
  await dialog.getByText("not a git repository").waitFor();
  expect(await dialog.getByText("Work in a separate worktree").count()).toBe(0);
  await dialog.getByLabel("Working directory").fill(join(folder, "repo"));
  await dialog.getByText("Work in a separate worktree").click();
  await dialog.getByLabel("New branch").fill("feature/x");
  await dialog.getByLabel("From", { exact: true }).fill("there");
  await dialog.getByLabel("Add an env set").selectOption("npm-readonly");
  await dialog.getByText("Dangerous: skip all permission prompts").click();
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await dialog.getByText("Work in a separate worktree").scrollIntoViewIfNeeded();
    await shot(page, `create-worktree-${name}`);
    await dialog.getByText("Dangerous: skip all permission prompts").scrollIntoViewIfNeeded();
    await shot(page, `create-dangerous-${name}`);
    expect(await findings(page), name).toEqual([]);
  }
  await dialog.getByRole("button", { name: "Copy as command" }).click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toBe(
    `codepiper --socket ${join(host.home, "codepiper.sock")} start -p claude-code -d ${join(folder, "repo")} --env-set npm-readonly --worktree --create-branch feature/x --base there --dangerous`,
  );
  // Its own confirmation: a click on Create alone starts nothing.
  await dialog.getByRole("button", { name: /^Create/ }).click();
  const sure = page.getByRole("dialog", { name: "Start without permission prompts?" });
  await sure.waitFor();
  expect(JSON.parse(host.run("sessions", "--json"))).toEqual([]);
  await sure.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator(".head-dangerous").waitFor();
  await page.locator(".head-branch", { hasText: "feature/x" }).waitFor();
  for (const [size, name] of [
    [DESK, "desk"],
    [PHONE, "phone"],
  ] as const) {
    await page.setViewportSize(size);
    await page.locator(".head-dangerous").waitFor();
    await shot(page, `session-dangerous-${name}`);
    expect(await findings(page), name).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(size.width);
  }
  await page.setViewportSize(DESK);
  const [session] = JSON.parse(host.run("sessions", "--json")) as {
    id: string;
    dangerous: boolean;
    env_sets: string[];
    worktree: { branch: string; base: string; uncommitted: number };
  }[];
  expect(session).toMatchObject({
    dangerous: true,
    env_sets: ["npm-readonly"],
    worktree: { branch: "feature/x", base: "there", uncommitted: 1 },
  });

  await page
    .getByRole("button", { name: /^Actions of/ })
    .last()
    .click();
  await page.getByRole("button", { name: "Fork" }).click();
  await page.getByText("continues from a copy of").waitFor();
  const both = JSON.parse(host.run("sessions", "--json")) as { id: string; dangerous: boolean }[];
  expect(both).toHaveLength(2);
  expect(both[1]?.dangerous).toBe(true);
  await page.waitForURL(`**/sessions/${both[1]?.id ?? ""}`);
  expect(host.run("tail", both[1]?.id ?? "", "-n", "all").replace(/\s/g, "")).toContain(
    `--resume${session?.id ?? ""}--fork-session`,
  );
  // As they are copied, commands reach this daemon from any shell.
  host.run("kill", session?.id ?? "");
  await page.goto(`${host.url}/sessions/${session?.id ?? ""}`);
  await page.getByRole("button", { name: "Copy resume command" }).click();
  await expect
    .poll(() => page.evaluate(() => navigator.clipboard.readText()))
    .toBe(`codepiper --socket ${join(host.home, "codepiper.sock")} resume ${session?.id.slice(0, 8) ?? ""}`);
  // It stays when the session is removed, and the dialog says where, and why it cannot go now.
  const [{ path = "" }] = [(session as unknown as { worktree: { path: string } }).worktree];
  host.run("kill", session?.id ?? "");
  await page.goto(`${host.url}/sessions/${session?.id ?? ""}`);
  await page
    .getByRole("button", { name: /^Actions of/ })
    .last()
    .click();
  await page.getByRole("button", { name: "Remove…" }).click();
  const asked = page.getByRole("dialog", { name: /^Remove/ });
  await asked.getByText(path, { exact: true }).waitFor();
  await asked.getByText("A session is running in it.").waitFor();
  expect(await asked.getByLabel("Remove its worktree, too").isDisabled()).toBe(true);
  expect(await findings(page)).toEqual([]);
  await asked.getByRole("button", { name: "Cancel" }).click();
  await page.goto(`${host.url}/sessions/${both[1]?.id ?? ""}/attach`);
  const attach = await page.locator(".command code").first().innerText();
  expect(attach).toContain(`codepiper --socket ${join(host.home, "codepiper.sock")} attach`);
  expect(complaints).toEqual([]);
});

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, eventually, open, PHONE, setUp, shot, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];

/** With a comment that a form can keep, and one that it cannot. */
const OWN = `# Of the project.
name = "own"
priority = 50

# Looks around.
[[rule]]
action = "allow"
command = { program = "git", words = ["status"], options = [
  "-s", # short
] }
match = ["git status -s"]
`;

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon()]);
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
  const file = join(mkdtempSync(join(tmpdir(), "policy-")), "own.toml");
  writeFileSync(file, OWN);
  host.run("policy", "create", "own", "--from", file);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

const saved = (name: string): string => host.run("policy", "show", name).trim();
const rule = (number: number) => page.locator(".policy-rule").nth(number - 1);
const openRule = (number: number) => rule(number).locator(".policy-rule-head").click();
const save = () => page.getByRole("button", { name: "Save policy" });
const mistakes = () => page.locator(".policy-editor > .policy-notes");

async function edit(name: string): Promise<void> {
  await page.goto(`${host.url}/settings/policies`);
  await page.getByRole("button", { name: `Edit ${name}`, exact: true }).click();
  await page.locator(".policy-form").waitFor();
}

async function choose(view: "Form" | "TOML"): Promise<void> {
  await page.getByRole("group", { name: "View" }).getByRole("button", { name: view }).click();
}

it("writes a policy without a word of TOML", async () => {
  await page.goto(`${host.url}/settings/policies`);
  await page.getByRole("button", { name: "New policy" }).click();
  await page.getByLabel("Name", { exact: true }).fill("by-form");
  await page.getByLabel("Description").fill("Tests, and no secrets.");
  await page.getByLabel("When no rule matches").selectOption("deny");
  await page.getByLabel("While the daemon does not answer").selectOption("deny");
  await page.getByRole("group", { name: "Applies" }).getByRole("button", { name: "Directories" }).click();
  await page.getByLabel("Directories", { exact: true }).fill("~/work\n/srv");
  await openRule(1);
  await rule(1).getByLabel("Program").fill("cargo");
  await rule(1).getByRole("textbox", { name: "Word 1" }).fill("test\ncheck");
  await rule(1).getByRole("button", { name: "Add word" }).click();
  await rule(1).getByRole("textbox", { name: "Word 2" }).fill("*");
  await rule(1).getByLabel("Options").fill("-p *\n--release");
  await rule(1).getByLabel("Providers").fill("codex");
  for (const [group, text] of [
    ["Has to match", "cargo test one --release"],
    ["Must not match", "cargo run one"],
  ] as const) {
    const examples = rule(1).getByRole("group", { name: group });
    await examples.getByRole("textbox", { name: "Example 1" }).fill(text);
  }
  await page.getByRole("button", { name: "Add rule" }).click();
  await rule(2).getByRole("group", { name: "Action" }).getByRole("button", { name: "Deny" }).click();
  await rule(2).getByRole("button", { name: "Other tools" }).click();
  await rule(2).getByLabel("Paths").fill("~/.ssh/**");
  await rule(2).getByLabel("Reason").fill("secrets");
  await page.getByText("2 rules, no mistakes.").waitFor();
  // The tester decides by what is not saved yet.
  await page.getByLabel("Command", { exact: true }).fill("cat /home/me/.ssh/id && ls");
  await page.getByLabel("Directory", { exact: true }).last().fill("/srv/shop");
  await save().click();
  await page.getByText("Policy by-form saved.").waitFor();
  const text = saved("by-form");
  for (const line of [
    'default = "deny"',
    'fail = "deny"',
    'directories = ["~/work", "/srv"]',
    'command = { program = "cargo", words = [["test", "check"], "*"], options = ["-p *", "--release"] }',
    'provider = "codex"',
    'match = ["cargo test one --release"]',
    'not_match = ["cargo run one"]',
    'paths = "~/.ssh/**"',
  ])
    expect(text).toContain(line);
});

it("shows a mistake at its field, and saves nothing before it is mended", async () => {
  await edit("own");
  await openRule(1);
  await rule(1).getByLabel("Program").fill("./run.sh");
  const field = rule(1).getByLabel("Program");
  await eventually(async () => (await field.getAttribute("aria-invalid")) === "true", "the field is wrong");
  const described = await field.getAttribute("aria-describedby");
  const note = page.locator(
    (described ?? "")
      .split(" ")
      .map((id) => `[id="${id}"]`)
      .join(", "),
  );
  expect((await note.allInnerTexts()).join(" ")).toContain("depends on the directory");
  await expect.poll(() => mistakes().innerText()).toContain("1 mistake in rule 1.");
  expect(await save().isDisabled()).toBe(true);
  await rule(1).getByLabel("Program").fill("git");
  await eventually(() => save().isEnabled(), "it can be saved");
  await page.getByLabel("Priority").fill("high");
  await page.getByText("The priority has to be a whole number.").waitFor();
  expect(await save().isDisabled()).toBe(true);
});

it("keeps comments, and names those that it would lose", async () => {
  await edit("own");
  await page.getByLabel("Priority").fill("70");
  await eventually(async () => {
    await choose("TOML");
    return (await page.locator("#policy-text").inputValue()) === OWN.replace("50", "70");
  }, "the text is as it was, but for the number");
  await choose("Form");
  await openRule(1);
  await rule(1).getByLabel("Options").fill("-s\n-b");
  const lost = page.locator(".policy-lost");
  await lost.waitFor();
  expect(await lost.innerText()).toContain("Line 9: # short");
  await rule(1).getByLabel("Options").fill("-s");
  await lost.waitFor({ state: "detached" });
});

it("adds, duplicates, moves and removes rules by keyboard", async () => {
  await edit("by-form");
  await rule(1).locator(".policy-rule-head").focus();
  await page.keyboard.press("Enter");
  await rule(1).getByRole("button", { name: "Duplicate" }).press("Enter");
  expect(await page.locator(".policy-rule").count()).toBe(3);
  await page.keyboard.press("Alt+ArrowDown");
  const focused = () => page.evaluate(() => document.activeElement?.closest("li")?.textContent ?? "");
  await expect.poll(focused).toContain("cargo test|check *");
  expect(await rule(3).innerText()).toContain("cargo");
  expect(await rule(2).innerText()).toContain("~/.ssh/**");
  await rule(3).getByRole("button", { name: "Remove", exact: true }).press("Enter");
  expect(await page.locator(".policy-rule").count()).toBe(2);
  await rule(1).locator(".policy-rule-head").press("Alt+ArrowDown");
  await page.getByText("2 rules, no mistakes.").waitFor();
  await save().click();
  await page.getByText("Policy by-form saved.").waitFor();
  const text = saved("by-form");
  expect(text.indexOf("~/.ssh")).toBeLessThan(text.indexOf("cargo"));
});

it("tries what is not saved, and leads to the rule that decides", async () => {
  await edit("own");
  const command = page.getByLabel("Command", { exact: true });
  await command.fill("git status -s && git status -b");
  const verdict = page.locator(".policy-verdict");
  await expect.poll(() => verdict.innerText()).toContain("Asked about");
  await openRule(1);
  await rule(1).getByLabel("Options").fill("-s\n-b");
  await expect.poll(() => verdict.innerText()).toMatch(/^Allowed/);
  const parts = verdict.locator(".policy-parts li");
  expect(await parts.count()).toBe(2);
  expect(await parts.nth(1).locator("code").allInnerTexts()).toEqual(["git", "status", "-b"]);
  await openRule(1);
  await parts.nth(1).getByRole("button", { name: "Rule 1" }).click();
  expect(await rule(1).getAttribute("data-open")).toBe("true");
  await command.fill("git status $(x)");
  await expect.poll(() => verdict.innerText()).toContain("$(x)");
});

it("leaves to the text what no form has", async () => {
  await edit("own");
  await choose("TOML");
  const text = page.locator("#policy-text");
  await text.fill(`${OWN}colour = "red"\n`);
  await choose("Form");
  await page.getByText("Only the text can show this policy").waitFor();
  expect(await text.inputValue()).toContain("colour");
});

it.each([
  ["desk", DESK],
  ["phone", PHONE],
] as const)("fits, and nothing is found, on a %s", async (name, size) => {
  await page.setViewportSize(size);
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await edit("by-form");
    await page.getByText("2 rules, no mistakes.").waitFor();
    await shot(page, `policy-form-${name}-${theme}`);
    expect(await findings(page), `${name} ${theme}`).toEqual([]);
    await openRule(2);
    await rule(2).getByLabel("Program").fill("./x");
    await rule(2).getByText("depends on the directory").waitFor();
    await shot(page, `policy-rule-${name}-${theme}`);
    expect(await findings(page), `${name} ${theme}, a rule`).toEqual([]);
    const wide = await page.evaluate(() => {
      const body = document.querySelector(".settings");
      return body ? body.scrollWidth - body.clientWidth : -1;
    });
    expect(wide).toBe(0);
    await openRule(1);
    await rule(1).scrollIntoViewIfNeeded();
    await shot(page, `policy-fields-${name}-${theme}`);
    expect(await findings(page), `${name} ${theme}, fields`).toEqual([]);
  }
  await page.setViewportSize(DESK);
  expect(complaints).toEqual([]);
});

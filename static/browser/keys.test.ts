import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, open, PHONE, setUp, shot, shows, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let user = "";

beforeAll(async () => {
  user = mkdtempSync(join(tmpdir(), "codepiper-user-"));
  for (const folder of ["app", "site"]) mkdirSync(join(user, folder));
  [chromium, host] = await Promise.all([browser(), daemon({ environment: { HOME: user } })]);
  for (const [name, dir] of [
    ["first", "app"],
    ["second", "site"],
  ] as const)
    host.run("start", "-p", "shell", "--name", name, "-d", join(user, dir), "--", "sh", "-c", "echo 'a b' ready; cat");
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(user, { recursive: true, force: true });
});

const row = (word: string) => page.locator(".box-row", { has: page.getByText(word, { exact: true }) });

it("changes keys on this device", async () => {
  await page.goto(`${host.url}/settings/keys`);
  await page.getByRole("button", { name: "Change the key: Create Session" }).click();
  await page.keyboard.press("n");
  await row("Create Session").getByText("N", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Change the key: Next session", exact: true }).click();
  await page.keyboard.press("Control+Shift+E");
  // What is used already is refused, and by what it is.
  await page.getByRole("button", { name: "Change the key: Shortcuts" }).click();
  await page.keyboard.press("n");
  await page.getByText("N: Create Session. Choose another key.").waitFor();
  await shot(page, "settings-keys");
  expect(await findings(page)).toEqual([]);
  await page.setViewportSize(PHONE);
  await shot(page, "settings-keys-phone");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
  await page.setViewportSize(DESK);

  await page.goto(host.url);
  await page.locator(".row").first().waitFor();
  await page.keyboard.press("c");
  await page.keyboard.press("n");
  const create = page.getByRole("dialog", { name: "Create Session" });
  await create.waitFor();
  await page.keyboard.press("Escape");
  await create.waitFor({ state: "detached" });
  await page.getByRole("link", { name: "first", exact: true }).last().click();
  await shows(page, "a b ready");
  const here = page.url();
  // Also from inside of a terminal.
  await page.keyboard.press("Control+Shift+E");
  await page.waitForURL((url) => url.href !== here && url.pathname.startsWith("/sessions/"));
  await page.goto(host.url);
  await page.locator(".row").first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Shortcuts" }).getByText("N", { exact: true }).first().waitFor();
  await shot(page, "shortcuts");
  await page.getByRole("link", { name: "Change keys" }).click();
  await page.getByRole("button", { name: "Reset all" }).click();
  await row("Create Session").getByText("C", { exact: true }).waitFor();
});

it("shows in the palette the keys that work, and all of a session", async () => {
  await page.goto(host.url);
  await page.getByRole("link", { name: "first", exact: true }).last().click();
  await shows(page, "a b ready");
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Command palette" });
  const field = page.getByLabel("Find a session or an action");
  for (const [word, key] of [
    ["Git", "2"],
    ["Events", "3"],
    ["Logs", "4"],
    ["Policies", "5"],
  ] as const) {
    await field.fill(`Open ${word}`);
    const entry = palette.getByRole("option", { name: `Open ${word}` });
    await entry.waitFor();
    // The chosen one shows Enter instead of its key.
    await field.fill("Open");
    await field.press("ArrowUp");
    expect((await entry.locator("kbd").last().innerText()) || key).toMatch(new RegExp(`^(${key}|↵)$`));
  }
  await shot(page, "palette-session");
  await field.fill("Pin");
  await field.press("Enter");
  await palette.waitFor({ state: "detached" });
  await expect
    .poll(() => (JSON.parse(host.run("sessions", "show", "first", "--json")) as { pinned: boolean }).pinned)
    .toBe(true);
  // The keys do what is shown.
  await page.keyboard.press("Control+k");
  await field.fill("Open Events");
  await field.press("Enter");
  await page.waitForURL(/\/events$/);
  await page.keyboard.press("2");
  await page.waitForURL(/\/git$/);
});

it("leaves every key that edits to the field", async () => {
  await page.goto(host.url);
  await page.locator(".row").first().waitFor();
  const filter = page.getByLabel("Filter by name, path, branch");
  await filter.fill("first");
  await filter.press("Home");
  await filter.press("Delete");
  expect(await filter.inputValue()).toBe("irst");
  await filter.press("Shift+Delete");
  await filter.press("Insert");
  await filter.press("PageDown");
  expect(await page.getByRole("dialog").count()).toBe(0);
  await filter.press("Escape");
  expect(await filter.inputValue()).toBe("");
});

it("offers the directories that were used", async () => {
  await page.goto(host.url);
  await page.locator(".row").first().waitFor();
  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.waitFor();
  await page.keyboard.press("ArrowDown");
  const list = dialog.getByRole("listbox", { name: "Directories" });
  await list.getByText("1 live").first().waitFor();
  expect(await list.getByRole("option").allInnerTexts()).toEqual(["~/site\n1 live", "~/app\n1 live"]);
  await shot(page, "create-recent");
  expect(await findings(page)).toEqual([]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  expect(await dialog.getByLabel("Working directory").inputValue()).toBe("~/app");
  await list.waitFor({ state: "detached" });
  await page.setViewportSize(PHONE);
  await shot(page, "create-phone");
  const button = await dialog.getByRole("button", { name: "Create", exact: false }).last().boundingBox();
  expect((button?.x ?? 999) + (button?.width ?? 0)).toBeLessThanOrEqual(PHONE.width);
  await page.setViewportSize(DESK);
  await dialog.getByRole("button", { name: "Cancel" }).click();
});

it("duplicates a session", async () => {
  await page.getByRole("button", { name: "Actions of second" }).click();
  await page.locator(".menu:popover-open").getByRole("button", { name: "Duplicate…" }).click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.waitFor();
  expect(await dialog.getByLabel("Working directory").inputValue()).toBe("~/site");
  await dialog.getByRole("button", { name: /^Create/ }).click();
  await page.waitForURL("**/sessions/*");
  await shows(page, "a b ready");
});

it("says in its own words what is wrong with a directory", async () => {
  await page.goto(host.url);
  await page.locator(".row").first().waitFor();
  await page.keyboard.press("c");
  const field = page.getByLabel("Working directory");
  await field.fill("");
  await page.getByText("Type a directory, for example ~/projects/my-app.").waitFor();
  await field.fill("~/ap");
  await field.fill("~/sitee");
  await shot(page, "create-not-there");
  await page.getByText("~/sitee does not exist. Did you mean ~/site?").waitFor();
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

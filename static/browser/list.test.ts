import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, eventually, open, PHONE, setUp, shot, signIn, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let codes: string[];

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon()]);
  for (const name of ["alpha", "beta", "gamma", "delta"]) start(name, "cat");
  for (const name of ["one", "two", "three"]) host.run("kill", start(name, "cat"));
  ({ page, complaints } = await open(chromium, host.url));
  ({ codes } = await setUp(page, host));
  await row("delta").waitFor();
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

function start(name: string, ...command: string[]): string {
  return (JSON.parse(host.run("start", "-p", "shell", "--name", name, "--json", "--", ...command)) as { id: string })
    .id;
}

const row = (name: string, on = page) => on.locator(".row", { has: on.getByRole("link", { name, exact: true }) });
const check = (name: string) => page.getByRole("checkbox", { name: `Select ${name}`, exact: true });
const bar = (on = page) => on.getByRole("toolbar", { name: "Selected sessions" });
const names = (on = page): Promise<string[]> => on.locator(".row-link").allInnerTexts();

it("has what it shows in its address", async () => {
  await page.getByRole("button", { name: "Ended", exact: false }).first().click();
  await page.waitForURL("**/?show=ended");
  expect(await names()).toEqual(["three", "two", "one"]);
  await page.getByRole("searchbox").fill("three");
  await page.waitForURL("**/?show=ended&q=three");
  expect(await names()).toEqual(["three"]);
  await page.reload();
  await row("three").waitFor();
  expect(await names()).toEqual(["three"]);
  await row("three").locator(".cell-age").click();
  await page.getByRole("heading", { name: "three" }).waitFor();
  await page.goBack();
  await row("three").waitFor();
  expect(await page.getByRole("searchbox").inputValue()).toBe("three");
  // The first hit is one Enter away.
  await page.getByRole("searchbox").press("Enter");
  await page.getByRole("heading", { name: "three" }).waitFor();
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Sessions" }).click();
  await row("alpha").waitFor();
  expect(new URL(page.url()).search).toBe("");
});

it("groups by directory, as the address and this device say, and folds groups", async () => {
  const groups = (): Promise<string[]> =>
    page.locator(".list section").evaluateAll((all) => all.map((each) => each.getAttribute("aria-label") ?? ""));
  const id = (
    JSON.parse(host.run("start", "-p", "shell", "--name", "elsewhere", "-d", "/tmp", "--json", "--", "cat")) as {
      id: string;
    }
  ).id;
  await page.goto(host.url);
  await row("elsewhere").waitFor();
  expect(await groups()).toEqual(["Running", "Ended"]);
  const by = page.getByRole("group", { name: "Group by" });
  await by.getByRole("button", { name: "By directory" }).click();
  await page.waitForURL("**/?group=directory");
  expect(await groups()).toEqual(["/tmp", host.home]);
  expect(await names()).toEqual(["elsewhere", "delta", "gamma", "beta", "alpha", "three", "two", "one"]);
  await shot(page, "list-by-directory");
  expect(await findings(page)).toEqual([]);

  // A group folds, and the keys pass over it.
  const head = page.getByRole("region", { name: "/tmp", exact: true }).getByRole("button", { expanded: true });
  await head.focus();
  await page.keyboard.press("Enter");
  await row("elsewhere").waitFor({ state: "detached" });
  await page.locator("body").click({ position: { x: 700, y: 10 } });
  await page.keyboard.press("j");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("delta");
  await page.keyboard.press("End");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("one");

  // Another visit is as this one was left.
  await page.goto(host.url);
  await row("alpha").waitFor();
  expect(await groups()).toEqual(["/tmp", host.home]);
  expect(await row("elsewhere").count()).toBe(0);
  await page.getByRole("region", { name: "/tmp", exact: true }).getByRole("button", { expanded: false }).click();
  await row("elsewhere").waitFor();
  await by.getByRole("button", { name: "By state" }).click();
  await page.waitForURL((url) => url.search === "");
  await eventually(async () => (await groups()).join() === "Running,Ended", "they are grouped by state");
  host.run("kill", id);
  host.run("sessions", "remove", id);
  await row("elsewhere").waitFor({ state: "detached" });
});

it("is one stop of Tab, and so is the rail", async () => {
  const stops = (where: string): Promise<number> =>
    page.evaluate(
      (where) =>
        [...document.querySelectorAll<HTMLElement>(`${where} :is(a, button, input)`)].filter(
          (each) => each.tabIndex >= 0 && each.getClientRects().length > 0,
        ).length,
      where,
    );
  await eventually(async () => (await stops(".rail-list")) === 1, "the rail is one stop");
  // A row's name and its menu; which row it is, is known a moment after the rows are there.
  await eventually(async () => (await stops(".list ul")) === 2, "the list is one stop");
  await page.locator(".rail-list a").first().focus();
  await page.keyboard.press("ArrowDown");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("beta");
  await page.getByRole("link", { name: "alpha", exact: true }).first().focus();
  await page.locator(".row-link").first().focus();
  await page.keyboard.press("j");
  const second = (await names())[1];
  await page.locator("body").click({ position: { x: 700, y: 10 } });
  await page.locator(".head-create").focus();
  await eventually(async () => {
    await page.keyboard.press("Tab");
    return page.evaluate(() => document.activeElement?.matches(".row-link") === true);
  }, "Tab comes to a row");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(second);
});

it("stops and removes several with the mouse", async () => {
  await page.reload();
  await row("delta").hover();
  await check("delta").click();
  await check("beta").click({ modifiers: ["Shift"] });
  await bar().getByText("3 selected").waitFor();
  await shot(page, "list-selected");
  expect(await findings(page)).toEqual([]);
  await bar().getByRole("button", { name: "Stop" }).click();
  await bar().waitFor({ state: "detached" });
  for (const name of ["beta", "gamma", "delta"]) await row(name).getByText("Stopped").first().waitFor();
  // One line for all of them.
  await page.getByText("3 sessions stopped.").waitFor();
  expect(await page.locator(".toast").count()).toBe(1);
  expect(JSON.parse(host.run("sessions", "show", "alpha", "--json"))).toMatchObject({ status: "running" });
  await page.mouse.move(0, 0);
  await page.getByRole("button", { name: /^Remove all 6 ended sessions/ }).click();
  const dialog = page.getByRole("dialog", { name: "Remove 6 sessions?" });
  await dialog.getByText(/and 1 more/).waitFor();
  await shot(page, "list-remove");
  await dialog.getByRole("button", { name: "Remove 6 sessions" }).click();
  await dialog.waitFor({ state: "detached" });
  await eventually(async () => (await names()).join() === "alpha", "only what runs is left");
});

it("kills and removes several by keys", async () => {
  // Nothing moves under the pointer.
  await page.mouse.move(0, 0);
  for (const name of ["k1", "k2"]) start(name, "cat");
  await row("k2").waitFor();
  await page.getByRole("link", { name: "k2", exact: true }).last().focus();
  await page.keyboard.press("x");
  await page.keyboard.press("j");
  await page.keyboard.press("Shift+X");
  await bar().getByText("2 selected").waitFor();
  await page.keyboard.press("Escape");
  await bar().waitFor({ state: "detached" });
  await page.keyboard.press("x");
  await page.keyboard.press("k");
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+K");
  await page.getByRole("button", { name: "Kill 2 sessions" }).click();
  // While it is there, nothing behind it takes the focus.
  await page.getByRole("dialog").waitFor({ state: "detached" });
  for (const name of ["k1", "k2"]) await row(name).getByText("Stopped").first().waitFor();
  await page.getByRole("link", { name: "k1", exact: true }).focus();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog", { name: "Remove k1?" }).getByRole("button", { name: "Remove" }).click();
  await row("k1").waitFor({ state: "detached" });
});

it("keeps the focus where the hand is", async () => {
  const focused = (): Promise<string | null | undefined> =>
    page.evaluate(() => document.activeElement?.textContent ?? null);
  for (const name of ["f1", "f2", "f3"]) host.run("kill", start(name, "cat"));
  await page.goto(host.url);
  for (const name of ["f1", "f2", "f3"]) await row(name).getByText("Stopped").first().waitFor();
  // The newest is first.
  await page.getByRole("link", { name: "f2", exact: true }).focus();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog", { name: "Remove f2?" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await row("f2").waitFor({ state: "detached" });
  await eventually(async () => (await focused()) === "f1", "the next row has the focus");
  // A key that goes elsewhere takes it along.
  await page
    .locator(".nav")
    .getByRole("link", { name: /^Sessions/ })
    .focus();
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await page.waitForURL("**/inbox");
  await eventually(() => page.evaluate(() => document.activeElement?.id === "main"), "the page has the focus");
  await page.goto(`${host.url}/sessions`);
  await page.getByRole("link", { name: "f1", exact: true }).click();
  await page.locator(".tabs").getByRole("tab", { name: "Terminal" }).focus();
  await page.keyboard.press("3");
  await eventually(async () => (await focused()) === "Events", "the tab that is shown has the focus");
  await page.keyboard.press("Escape");
  for (const name of ["f1", "f3"]) host.run("sessions", "remove", name);
});

it("selects with a finger that rests, and then with taps", async () => {
  for (const name of ["t1", "t2"]) host.run("kill", start(name, "cat"));
  const phone = await open(chromium, host.url, PHONE);
  await signIn(phone.page, codes.pop() ?? "");
  await row("t1", phone.page).waitFor();
  await row("t1", phone.page).scrollIntoViewIfNeeded();
  const touch = await phone.context.newCDPSession(phone.page);
  const at = await row("t1", phone.page).boundingBox();
  const point = { x: (at?.x ?? 0) + 60, y: (at?.y ?? 0) + 50 };
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [point] });
  await bar(phone.page).getByText("1 selected").waitFor();
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await row("t2", phone.page).tap();
  await bar(phone.page).getByText("2 selected").waitFor();
  await shot(phone.page, "list-selected-phone");
  expect(await findings(phone.page)).toEqual([]);
  await bar(phone.page).getByRole("button", { name: "Remove…" }).tap();
  await phone.page.getByRole("button", { name: "Remove 2 sessions" }).tap();
  await row("t1", phone.page).waitFor({ state: "detached" });
  expect(phone.page.url()).toBe(`${host.url}/`);
  await phone.context.close();
});

it("pins, tags and archives", async () => {
  for (const name of ["plain", "marked"]) start(name, "cat");
  host.run("kill", start("finished", "cat"));
  await page.goto(host.url);
  await row("plain").waitFor();
  const act = async (name: string, entry: string): Promise<void> => {
    await row(name)
      .getByRole("button", { name: `Actions of ${name}` })
      .click();
    await page
      .locator(".menu")
      .getByRole("button", { name: new RegExp(`^${entry}`) })
      .first()
      .click();
  };
  // The newest comes first, unless another one is pinned.
  const before = async (a: string, b: string): Promise<boolean> => {
    const shown = await names();
    return shown.indexOf(a) < shown.indexOf(b);
  };
  await page.mouse.move(0, 0);
  await eventually(() => before("marked", "plain"), "the newest is first");
  await act("plain", "Pin");
  // Nothing moves while somebody is in the list.
  await page.getByRole("button", { name: /^Order changed/ }).click();
  await eventually(() => before("plain", "marked"), "what is pinned is first");
  await act("marked", "Name and tags…");
  const dialog = page.getByRole("dialog", { name: "Name and tags" });
  await dialog.getByLabel("Tags").fill("review !");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("invalid tag '!'").waitFor();
  await dialog.getByLabel("Tags").fill("review, urgent");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  await row("marked").getByText("urgent").waitFor();
  await shot(page, "list-tags");
  expect(await findings(page)).toEqual([]);
  await page.getByRole("combobox", { name: "Tag" }).selectOption("review");
  await eventually(async () => (await names()).join() === "marked", "only what has the tag");
  expect(new URL(page.url()).search).toBe("?tag=review");
  await page.getByRole("combobox", { name: "Tag" }).selectOption("");
  await act("finished", "Archive");
  await row("finished").waitFor({ state: "detached" });
  await page.getByRole("button", { name: /^Archived/ }).click();
  await row("finished").waitFor();
  await act("finished", "Resume");
  await page.getByRole("button", { name: /^All/ }).click();
  await row("finished").getByText("Working").or(row("finished").getByText("Running")).first().waitFor();
});

it("shows in copper everywhere that a program asks for attention", async () => {
  const id = start("calls", "sh", "-c", `sleep 3; ${host.program} notify 'the build is red'; exec cat`);
  await page.goto(host.url);
  await page.locator(".card", { hasText: "the build is red" }).waitFor();
  await row("calls").locator(".state.tone-warm", { hasText: "asks for you" }).waitFor();
  await page.locator(`.rail-list a[href="/sessions/${id}"] .tone-warm`).waitFor();
  const card = page.locator(".card.tone-edge-warm", { hasText: "the build is red" });
  // Its age is that of the call, not of the state before.
  expect(Number.parseInt(await card.locator(".age").innerText(), 10)).toBeLessThan(3);
  await shot(page, "list-calls");
  host.run("inbox", "snooze", id, "--for", "1h");
  await row("calls").locator(".state.tone-warm").waitFor({ state: "detached" });
  host.run("kill", id);
  host.run("sessions", "remove", id);
});

it("counts sessions in Settings as everywhere, also at once", async () => {
  const there = async (): Promise<void> => {
    const said = (await page.locator(".head-count").innerText()).replace(" · ", ", ");
    await page.locator(".nav").getByRole("link", { name: "Settings" }).click();
    await page.locator(".settings-nav").getByRole("link", { name: "Daemon" }).click();
    await page.getByText(said, { exact: true }).waitFor();
    await page.locator(".nav").getByRole("link", { name: "Sessions" }).click();
  };
  await page.goto(host.url);
  await page.locator(".row").first().waitFor();
  await there();
  start("one-more", "cat");
  await row("one-more").waitFor();
  await there();
  host.run("kill", "one-more");
  host.run("sessions", "remove", "one-more");
});

it("has one number of what needs you", async () => {
  start("broken", "sh", "-c", "exit 3");
  await page.goto(host.url);
  await page.mouse.move(0, 0);
  const needs = page.getByRole("region", { name: "Needs you" });
  await needs.getByText("Exited (3).").waitFor();
  await page.getByRole("button", { name: "Needs you 1" }).click();
  expect(await names()).toEqual(["broken"]);
  await eventually(async () => (await page.title()).startsWith("(1) "), "the title has it");
  await page.goto(`${host.url}/sessions/alpha`);
  await eventually(async () => (await page.title()) === "(1) alpha · CodePiper", "also on another page");
});

it("writes a policy, and says what it would do", async () => {
  await page.goto(`${host.url}/settings/policies`);
  await page.getByText("No policies yet").waitFor();
  await page.getByRole("button", { name: "Start from safe-development" }).click();
  await page.getByText(/\d+ rules, no mistakes/).waitFor();
  await page.getByRole("group", { name: "View" }).getByRole("button", { name: "TOML" }).click();
  const text = page.getByLabel("Rules (TOML)");
  await text.fill((await text.inputValue()).replace('default = "ask"', 'default = "maybe"'));
  await page
    .locator(".policy-notes")
    .getByText(/'default' has to be "ask" or "deny"/)
    .waitFor();
  expect(await page.getByRole("button", { name: "Save policy" }).isDisabled()).toBe(true);
  await shot(page, "policy-editor");
  expect(await findings(page)).toEqual([]);
  await text.fill((await text.inputValue()).replace('default = "maybe"', 'default = "ask"'));
  await page.getByRole("button", { name: "Save policy" }).click();
  await page.getByRole("button", { name: "Edit safe-development" }).waitFor();
  const command = page.getByLabel("Command", { exact: true });
  const verdict = page.locator(".policy-verdict");
  await command.fill("git status --short");
  await verdict.getByText("Allowed").first().waitFor();
  await command.fill("git status && curl example.org | sh");
  await verdict.getByText("Asked about").first().waitFor();
  await shot(page, "policies");
  expect(await findings(page)).toEqual([]);
  await page.getByRole("button", { name: "Delete safe-development" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete policy" }).click();
  await page.getByText("No policies yet").waitFor();
});

it("fills in the form of a new session from a template", async () => {
  await page.goto(host.url);
  await row("alpha")
    .or(page.getByRole("button", { name: "Create Session" }))
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Create Session" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.getByLabel("Shell").check({ force: true });
  await dialog.getByLabel("Command").fill("echo from a template; cat");
  await dialog.getByRole("button", { name: "Save as template" }).click();
  await dialog.getByLabel("Name of the template").fill("greeter");
  await dialog.getByRole("button", { name: "Save template" }).click();
  await dialog.getByLabel("Command").fill("");
  await dialog.getByLabel("Template", { exact: true }).selectOption("greeter");
  expect(await dialog.getByLabel("Command").inputValue()).toBe("echo from a template; cat");
  await shot(page, "create-template");
  expect(await findings(page)).toEqual([]);
  await dialog.getByRole("button", { name: "Delete the template greeter" }).click();
  await dialog.getByRole("button", { name: "Cancel" }).click();
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

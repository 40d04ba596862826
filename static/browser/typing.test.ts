// Whatever happens to the network or the daemon while one types: each letter arrives once, or the page says that it may
// not have arrived.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { browser, daemon, eventually, open, setUp, shot, shows, type Daemon } from "./harness";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let file: string;
let runs = 0;

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ cuttable: true })]);
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
});
afterEach(() => host.network("works"));
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

/** A session that keeps printing, and writes down each byte that reaches it. */
beforeEach(async () => {
  file = join(host.home, `typed-${++runs}`);
  const program = `stty raw -echo; printf 'ready\\r\\n'; (while sleep 0.1; do printf .; done) & exec cat > ${file}`;
  const started = host.run("start", "-p", "shell", "--json", "--", "sh", "-c", program);
  await page.goto(`${host.url}/sessions/${(JSON.parse(started) as { id: string }).id}`);
  await shows(page, /ready\s+\.\./);
  // What says it is loaded before it is needed.
  await page.locator("#size-chip").waitFor();
  await page.waitForLoadState("networkidle");
});

/** What reached the program, without what the terminal says of its focus. */
const arrived = (): string => readFileSync(file, "latin1").replace(/\x1b\[[IO]/g, "");
const isLive = (): Promise<boolean> => page.locator(".tool-bar").getByText("Live").isVisible();
const unsure = () => page.locator(".toast", { hasText: "May not have arrived: " });
const refused = () => page.locator(".toast", { hasText: "Not sent: no connection." });

/** Types until the page says that the connection is lost; what was typed. */
async function typeUntilLost(pause = 40): Promise<string> {
  let typed = "";
  for (const letter of LETTERS) {
    await page.keyboard.press(letter);
    typed += letter;
    if (!(await isLive())) return typed;
    await page.waitForTimeout(pause);
  }
  throw new Error("the connection was not lost");
}

/** Each letter arrived once, or is said to be unsure; only those typed last may have been refused. */
async function accountFor(typed: string): Promise<void> {
  const said = (await unsure().allInnerTexts()).map((text) => /arrived: (.*)/.exec(text)?.[1] ?? "").join("");
  const last = (await refused().count()) > 0;
  await page.locator(".tool-bar").getByText("Live").waitFor();
  await page.keyboard.press("!");
  await eventually(() => arrived().endsWith("!"), "one can type again");
  const there = arrived().slice(0, -1);
  expect(typed.startsWith(there), `typed ${typed}, arrived ${there}`).toBe(true);
  const missing = [...typed].filter((letter) => !there.includes(letter) && !said.includes(letter)).join("");
  expect(missing === "" || (last && typed.endsWith(missing)), `typed ${typed}, arrived ${there}, said ${said}`).toBe(
    true,
  );
}

it("says what did not arrive where only output comes through, and sends it again when it is told to", async () => {
  host.network("deaf");
  await page.keyboard.type("GONE\n");
  await page.waitForTimeout(400);
  host.network("works");
  await page.getByText("May not have arrived: GONE↵").waitFor();
  await shot(page, "not-arrived");
  await page.locator(".tool-bar").getByText("Live").waitFor();
  expect(arrived()).toBe("");
  await page.getByRole("button", { name: "Send again" }).click();
  await eventually(() => arrived() === "GONE\r", "it arrived");
  expect(await unsure().count()).toBe(0);
});

it("notices within 15 s that nothing arrives, while output comes through", async () => {
  host.network("deaf");
  const begun = Date.now();
  await page.keyboard.type("GONE");
  await page.getByText("May not have arrived: GONE").waitFor();
  expect(Date.now() - begun).toBeLessThan(15_000);
  host.network("works");
  await accountFor("GONE");
});

it("accounts for every letter over a cut", async () => {
  setTimeout(host.cut, 700);
  await accountFor(await typeUntilLost());
});

it("accounts for every letter over a black hole", async () => {
  setTimeout(() => host.network("swallows"), 700);
  const typed = await typeUntilLost(200);
  host.network("works");
  await accountFor(typed);
});

it("accounts for every letter over a restart of the daemon", async () => {
  const restarted = new Promise<void>((done) => setTimeout(() => void host.restartSoon().then(done), 500));
  const typed = await typeUntilLost();
  await restarted;
  await accountFor(typed);
});

it("says nothing of what arrived before", async () => {
  await page.keyboard.type("arrived");
  await eventually(() => arrived() === "arrived", "it arrived");
  await page.waitForTimeout(500);
  host.cut();
  await page.locator(".tool-bar").getByText("Reconnecting").waitFor();
  await page.locator(".tool-bar").getByText("Live").waitFor();
  expect(await unsure().count()).toBe(0);
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

// Fingers on the live terminal: they select, scroll and zoom.

import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, eventually, open, PHONE, setUp, shot, shows, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let devtools: CDPSession;
let complaints: string[];
let started: { id: string; size: { cols: number; rows: number } };

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon()]);
  ({ page, complaints } = await open(chromium, host.url, PHONE));
  await setUp(page, host);
  devtools = await page.context().newCDPSession(page);
  const command = "stty raw -echo; printf 'alpha beta gamma\\r\\nsecond line\\r\\n'; exec cat -v";
  started = JSON.parse(host.run("start", "-p", "shell", "--json", "--", "sh", "-c", command)) as typeof started;
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});
beforeEach(async () => {
  await page.goto(`${host.url}/sessions/${started.id}`);
  await shows(page, "second line");
  await page.getByRole("toolbar", { name: "Keys" }).waitFor();
  await page.evaluate(() => navigator.clipboard.writeText("before"));
});

interface Point {
  x: number;
  y: number;
}

/** The middle of a cell. */
async function cell(column: number, row: number): Promise<Point> {
  const box = await page.locator(".live-screen .xterm-screen").boundingBox();
  if (!box) throw new Error("there is no screen");
  const { cols, rows } = started.size;
  return { x: box.x + ((column + 0.5) * box.width) / cols, y: box.y + ((row + 0.5) * box.height) / rows };
}

const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...touchPoints: Point[]): Promise<void> =>
  devtools.send("Input.dispatchTouchEvent", { type, touchPoints }) as Promise<never>;
const copy = () => page.locator(".copy-selected");
const copied = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
const isTyping = (): Promise<boolean> =>
  page.evaluate(() => document.activeElement?.matches(".xterm-helper-textarea") ?? false);
async function press(at: Point): Promise<void> {
  await touch("touchStart", at);
  await page.waitForTimeout(650);
}

it("copies the word that a finger rests on", async () => {
  await press(await cell(8, 0));
  await touch("touchEnd");
  await copy().waitFor();
  await shot(page, "touch-selected");
  expect(await findings(page)).toEqual([]);
  await copy().tap();
  await page.getByText("Copied 1 line.").waitFor();
  expect(await copied()).toBe("beta");
  await copy().waitFor({ state: "detached" });
  expect(await isTyping()).toBe(false);
});

it("extends what is selected as the finger moves on, either way", async () => {
  await press(await cell(8, 0));
  await touch("touchMove", await cell(12, 0));
  await touch("touchMove", await cell(2, 1));
  await touch("touchEnd");
  await shot(page, "touch-extended");
  await copy().tap();
  await page.getByText("Copied 2 lines.").waitFor();
  expect(await copied()).toBe("beta gamma\nsecond");
  await press(await cell(8, 1));
  await touch("touchMove", await cell(13, 0));
  await touch("touchEnd");
  await copy().tap();
  await eventually(async () => (await copied()) === "gamma\nsecond line", "it is copied from the end to the start");
});

it("ends with a tap elsewhere, which types nowhere", async () => {
  await press(await cell(8, 0));
  await touch("touchEnd");
  await copy().waitFor();
  const elsewhere = await cell(5, 10);
  await page.touchscreen.tap(elsewhere.x, elsewhere.y);
  await copy().waitFor({ state: "detached" });
  expect(await isTyping()).toBe(false);
  expect(await copied()).toBe("before");
  // The next tap is one as ever.
  await page.touchscreen.tap(elsewhere.x, elsewhere.y);
  await eventually(isTyping, "the terminal has the focus");
});

it("leaves scrolling and zooming alone", async () => {
  const from = await cell(8, 0);
  await touch("touchStart", from);
  for (const down of [15, 30, 60, 90]) await touch("touchMove", { x: from.x, y: from.y + down });
  await page.locator(".status", { hasText: "History" }).waitFor();
  await page.waitForTimeout(650);
  await touch("touchEnd");
  expect(await copy().count()).toBe(0);
  await page.getByRole("button", { name: "Back to live" }).click();
  const width = async (): Promise<number> =>
    (await page.locator(".live-screen .xterm-screen").boundingBox())?.width ?? 0;
  const before = await width();
  const [one, two] = [await cell(4, 3), await cell(14, 3)];
  await touch("touchStart", one, two);
  await page.waitForTimeout(650);
  await touch("touchMove", one, { x: two.x + 60, y: two.y });
  await touch("touchEnd");
  await eventually(async () => (await width()) > before * 1.2, "the letters are larger");
  expect(await copy().count()).toBe(0);
});

it("complained about nothing", () => expect(complaints).toEqual([]));

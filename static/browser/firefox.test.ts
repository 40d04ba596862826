// The Firefox that people have, over WebDriver BiDi: Playwright drives only builds of its own.

import { createHash } from "node:crypto";
import puppeteer, { type Browser, type KeyInput, type Locator, type Page } from "puppeteer-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  code,
  daemon,
  DESK,
  eventually,
  installed,
  LIMIT,
  PASSWORD,
  screen,
  shot,
  shows,
  type Daemon,
} from "./harness";

const FIREFOX = installed("Firefox", "firefox-esr", "firefox");

let firefox: Browser;
let host: Daemon;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  [firefox, host] = await Promise.all([launch(), daemon()]);
  page = await open(host.url);
});
afterAll(async () => {
  await firefox.close();
  await host.stop();
});

function launch(): Promise<Browser> {
  return puppeteer.launch({
    browser: "firefox",
    protocol: "webDriverBiDi",
    executablePath: FIREFOX,
    headless: true,
    defaultViewport: DESK,
    // So the terminal's lines are elements, which tests can read.
    extraPrefsFirefox: { "webgl.disabled": true },
  });
}

function complain(text: string): void {
  // Firefox tells so of what was still loading when a page was left.
  if (!/A ServiceWorker intercepted the request/.test(text)) complaints.push(text);
}

async function open(url: string): Promise<Page> {
  const page = await firefox.newPage();
  page.setDefaultTimeout(LIMIT);
  // With them comes what the policy of the page refused.
  page.on("pageerror", (error) => complain(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complain(message.text());
  });
  await page.goto(url);
  return page;
}

// By XPath: names of the accessibility tree take Firefox seconds to find.
const field = (label: string): Locator<Element> => page.locator(`::-p-xpath(//input[@id=//label[.='${label}']/@for])`);
const button = (name: string): Locator<Element> =>
  page.locator(`::-p-xpath(//button[normalize-space()='${name}' or @aria-label='${name}'])`);
const heading = (text: string): Locator<Element> => page.locator(`::-p-xpath((//h1|//h2)[.='${text}'])`);

/** Presses the last of the keys while the others are held. */
async function press(...keys: KeyInput[]): Promise<void> {
  const held = keys.slice(0, -1);
  for (const key of held) await page.keyboard.down(key);
  await page.keyboard.press(keys.at(-1) ?? "Enter");
  for (const key of held.reverse()) await page.keyboard.up(key);
}

/** Opens a new session that runs this, and waits until it says that it is ready. */
async function visit(name: string, script: string): Promise<void> {
  const started = host.run("start", "-p", "shell", "--name", name, "--json", "--", "sh", "-c", script);
  const { id } = JSON.parse(started) as { id: string };
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "ready");
}

/** A program that shows each byte it gets, and knows of pastes. */
const ECHO = "stty raw -echo; printf '\\033[?2004hready\\r\\n'; exec cat -v";

it("is set up, stays signed in, and is signed in to again", async () => {
  const bootstrap = /[a-z0-9]{4}(-[a-z0-9]{4})+/i.exec(host.run("auth", "bootstrap"))?.[0] ?? "";
  await field("One-time password").fill(bootstrap);
  await field("Your password").fill(PASSWORD);
  await button("Continue").click();
  const secret = await page
    .locator(".key")
    .map((key) => key.textContent ?? "")
    .wait();
  await field("Code from the app").fill(code(secret));
  const recovery = await page
    .locator(".recovery-codes li")
    .map((item) => item.textContent ?? "")
    .wait();
  await page.locator("input[type=checkbox]").click();
  await button("Open dashboard").click();
  await heading("No sessions yet").wait();
  await page.reload();
  await heading("No sessions yet").wait();
  await button("Sign out").click();
  await heading("Sign in").wait();
  await field("Password").fill(PASSWORD);
  await button("Use a recovery code").click();
  await field("Recovery code").fill(recovery);
  await button("Sign in").click();
  await heading("No sessions yet").wait();
});

it("types into a terminal, and shows what is printed", async () => {
  await visit("typed", "echo ready; exec sh");
  await page.keyboard.type("echo $((6*7))-é-日本\n");
  await shows(page, /^42-é-日本/m);
  await shot(page, "firefox-terminal");
});

it("leaves to the program the keys that Firefox has a use for", async () => {
  await visit("keys", ECHO);
  // Its find bars, address bar, search field, sidebar, source, reload, menus and tools; then an accent.
  for (const key of ["/", "'"] as const) await press(key);
  for (const key of ["f", "l", "k", "b", "u", "r"] as const) await press("Control", key);
  for (const key of ["F5", "F6", "F10", "F12"] as const) await press(key);
  await press("Alt", "f");
  await press("Shift", "Tab");
  await page.keyboard.type("é.");
  await shows(page, "/'^F^L^K^B^U^R^[[15~^[[17~^[[21~^[[24~^[f^[[ZM-CM-).");
});

it("pastes several lines, as one paste", async () => {
  await visit("lines", ECHO);
  await page.evaluate(() => navigator.clipboard.writeText("two\nlines"));
  await press("Control", "Shift", "V");
  await press("Shift", "Insert");
  await shows(page, "^[[200~two^Mlines^[[201~^[[200~two^Mlines^[[201~");
});

// Through the connection, and in pieces beside it.
it.each([
  ["many lines", 20_000],
  ["a large text", 300_000],
])("pastes %s without a change", async (name, length) => {
  const lines = Array.from({ length: length / 20 }, (_, at) => `line ${at} with é and 日本`);
  const text = lines.join("\n").slice(0, length);
  const pasted = `\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~`;
  const size = Buffer.byteLength(pasted) + "more".length;
  await visit(name, `stty raw -echo; printf '\\033[?2004hready\\r\\n'; head -c ${size} | sha256sum; sleep 100`);
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await press("Control", "Shift", "V");
  await page.keyboard.type("more");
  await shows(page, createHash("sha256").update(`${pasted}more`).digest("hex"));
});

it("copies what is selected with the mouse", async () => {
  await visit("copied", "echo ready for a copy; exec cat");
  const place = await page.evaluate(() => {
    const row = document.querySelector(".live-screen .xterm-rows > div")?.getBoundingClientRect();
    return row && { x: row.x, y: row.y + row.height / 2 };
  });
  if (!place) throw new Error("no row");
  await page.mouse.click(place.x + 3, place.y, { count: 3 });
  await press("Control", "Shift", "C");
  await page.locator("::-p-text(Copied 1 line.)").wait();
  await press("Control", "Shift", "V");
  await page.keyboard.press("Enter");
  await shows(page, /ready for a copy\n(ready for a copy\n){2}/);
});

/** Enough for several pieces of history. */
const LINES = 5000;

/** The numbers of the lines of history: those that are loaded, or those that can be seen. */
const rows = (which: "loaded" | "seen"): Promise<number[]> =>
  page.evaluate((which) => {
    const past = document.querySelector(".past");
    if (!past) return [];
    const { top, bottom } = past.getBoundingClientRect();
    return [...past.querySelectorAll(".h-row")]
      .filter((row) => {
        const own = row.getBoundingClientRect();
        return which === "loaded" || (own.top >= top && own.bottom <= bottom);
      })
      .map((row) => /^row (\d+)/.exec(row.textContent ?? "")?.[1])
      .filter(Boolean)
      .map(Number);
  }, which);

it("scrolls back to the very first line, and returns", async () => {
  const print = `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "row $i of many"; done`;
  await visit("long", `${print}; echo ready; read x; echo "got $x"; read y`);
  await page.locator(".stage").hover();
  await eventually(async () => {
    await page.mouse.wheel({ deltaY: -400 });
    return ((await rows("seen"))[0] ?? LINES) <= LINES - 100;
  }, "the wheel brings older lines");
  await shot(page, "firefox-history");
  await eventually(async () => {
    await page.keyboard.press("Home");
    return (await rows("seen"))[0] === 1;
  }, "the first line is seen");
  expect(await rows("loaded")).toEqual(Array.from({ length: LINES }, (_, at) => at + 1));
  await press("End");
  await eventually(async () => (await page.$(".newer-pill")) === null, "the live screen is back");
  await page.keyboard.type("typed\n");
  await shows(page, "got typed");
  expect(await screen(page)).toContain(`row ${LINES} of many`);
  await press("Shift", "PageUp");
  await page.locator(".newer-pill").wait();
});

it("complained about nothing", () => expect(complaints).toEqual([]));

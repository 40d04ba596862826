// A link on which an echo takes most of a second: typed letters are shown before it, and no password is.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, daemon, eventually, open, screen, setUp, shot, shows, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let session: string;

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ cuttable: true })]);
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
  const started = host.run("start", "-p", "shell", "--json", "--", "sh");
  session = (JSON.parse(started) as { id: string }).id;
  await page.goto(`${host.url}/sessions/${session}`);
  await shows(page, "$");
  // What predicts comes with what is around the terminal.
  await page.locator("#size-chip").waitFor();
  host.network(400);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

const predicted = (): Promise<string> => page.evaluate(() => document.querySelector(".predicted")?.textContent ?? "");
/** Notes, from now on, what is seen of the last line, without its blanks: what was echoed, and what is shown before that. */
async function watch(): Promise<void> {
  await page.evaluate(() => {
    const seen: [echoed: string, ahead: string][] = [];
    const text = (element: Element | null | undefined): string => (element?.textContent ?? "").replace(/\s/g, "");
    const note = (): void => {
      const rows = [...document.querySelectorAll(".live-screen .xterm-rows > div")];
      const last = rows.findLast((row) => text(row) !== "");
      seen.push([text(last), text(document.querySelector(".predicted"))]);
    };
    Object.assign(window, { seen });
    new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
  });
}
const seen = (): Promise<[echoed: string, ahead: string][]> =>
  page.evaluate(() => (window as unknown as { seen: [string, string][] }).seen);

async function line(text: string): Promise<void> {
  await page.keyboard.type(text.slice(0, 1));
  await shows(page, `$ ${text.slice(0, 1)}`);
  await page.keyboard.type(text.slice(1));
}

it("shows what is typed before its echo, once a letter was echoed", async () => {
  await page.keyboard.type("e");
  expect(await predicted()).toBe("");
  await shows(page, "$ e");
  await watch();
  await page.keyboard.type("cho hello");
  await shot(page, "predicted");
  await shows(page, "$ echo hello");
  await eventually(async () => (await predicted()) === "", "nothing is predicted any more");
  const moments = await seen();
  for (const letters of ["ec", "ech", "echo", "echoh", "echohell", "echohello"]) {
    const early = moments.findIndex(([echoed, ahead]) => ahead !== "" && `${echoed}${ahead}`.includes(letters));
    const late = moments.findIndex(([echoed]) => echoed.includes(letters));
    const what = `${letters} is shown before its echo: ${JSON.stringify(moments)}`;
    expect(early, what).toBeGreaterThanOrEqual(0);
    expect(early, what).toBeLessThan(late);
  }
  await page.keyboard.press("Enter");
  await shows(page, "hello\n");
});

it("takes back what was wrong", async () => {
  await line("ab");
  await page.keyboard.press("Control+u");
  await page.keyboard.type("c");
  expect(await predicted()).toBe("");
  await eventually(async () => /\$ c\s*$/.test(await screen(page)), "the line is another one");
  await page.keyboard.press("Control+u");
});

it("never shows a letter of a password", async () => {
  await line("stty -echo; read x; stty echo; echo got $x");
  await page.keyboard.press("Enter");
  await watch();
  // Before it is asked for, and while it is.
  await page.keyboard.type("sec");
  await eventually(async () => (await screen(page)).includes("echo got $x\n"), "the program reads");
  await page.keyboard.type("ret");
  await page.keyboard.press("Enter");
  await shows(page, /got (sec)?ret/);
  expect((await seen()).map(([, ahead]) => ahead).join("")).toBe("");
});

it("goes on where it was, two round trips after the link is back", async () => {
  // What each side says in one go: what goes out is held as long as what comes back.
  const turns: ("sent" | "received")[] = [];
  let over = false;
  page.on("websocket", (socket) => {
    const note = (direction: "sent" | "received", payload: string | Buffer): void => {
      if (!over && turns.at(-1) !== direction) turns.push(direction);
      over ||= direction === "received" && payload.includes("missed 42");
    };
    socket.on("framesent", ({ payload }) => note("sent", payload));
    socket.on("framereceived", ({ payload }) => note("received", payload));
  });
  host.network("refuses");
  await page.getByText("Reconnecting", { exact: false }).first().waitFor();
  host.run("send", session, "echo missed $((6 * 7))");
  host.network(400);
  await shows(page, "missed 42");
  // The first round trip is the handshake, the second the sign-in with the subscription, and what was missed.
  expect(turns).toEqual(["sent", "received"]);
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

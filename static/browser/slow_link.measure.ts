// How many of the letters that a person types at a shell's prompt are seen within 20 ms, on a link that takes 150 ms there and
// back; and how many were shown that the program did not echo. The table is what counts.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, daemon, open, setUp, shows, type Daemon } from "./harness";

/** Between two keys, in ms: 8 a second. */
const PAUSE = 125;
const LINES = [
  "git status --short",
  "cargo test --workspace",
  "ls -la /usr/share/doc",
  "echo done > result.txt",
  "make build && make run",
  "grep -rn needle src docs",
];

let chromium: Browser;
let host: Daemon;
let page: Page;

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ cuttable: true })]);
  ({ page } = await open(chromium, host.url));
  await setUp(page, host);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

interface Watch {
  /** When each letter of the line was seen, in ms since it was typed. */
  seen: number[];
  /** What was shown before its echo, by its column. */
  shown: Record<number, string>;
}

it("a letter is seen on a slow link", async () => {
  const started = host.run(
    "start",
    "-p",
    "shell",
    "--json",
    "--",
    "sh",
    "-c",
    "stty -echo; printf '$ '; stty echo; cat",
  );
  await page.goto(`${host.url}/sessions/${(JSON.parse(started) as { id: string }).id}`);
  await shows(page, "$");
  host.network(75);
  const delays: number[] = [];
  let wrong = 0;
  let shown = 0;
  for (const [number, text] of LINES.entries()) {
    const begins = number === 0 ? "$ " : "";
    await page.evaluate(watch, { text, begins });
    for (const letter of text) {
      await page.keyboard.type(letter);
      await page.waitForTimeout(PAUSE);
    }
    await shows(page, `${begins}${text}`);
    const line = await page.evaluate(() => (window as unknown as { watched: Watch }).watched);
    delays.push(...line.seen);
    for (const [x, letter] of Object.entries(line.shown)) {
      shown++;
      if ((begins + text)[Number(x)] !== letter) wrong++;
    }
    await page.keyboard.press("Enter");
    await shows(page, new RegExp(`${text.replaceAll(/[^a-z ]/g, ".")}\\s+${text.replaceAll(/[^a-z ]/g, ".")}`));
  }
  const soon = delays.filter((delay) => delay <= 20).length / delays.length;
  console.log(
    `slow link, ${delays.length} letters: ${(100 * soon).toFixed(0)} % seen within 20 ms, ${shown} shown before their echo, ${wrong} of them wrong`,
  );
  expect(delays.length).toBe(LINES.join("").length);
});

/** In the page: notes when each letter of a line is seen, echoed or not. */
function watch({ text, begins }: { text: string; begins: string }): void {
  const watched: Watch = { seen: [], shown: {} };
  (window as unknown as { watched: Watch }).watched = watched;
  const typed: number[] = [];
  const look = (): void => {
    const spans = [...document.querySelectorAll<HTMLElement>(".predicted span")];
    for (const span of spans) {
      const x = Math.round(parseFloat(span.style.left) / parseFloat(span.style.width));
      watched.shown[x] = span.textContent ?? "";
    }
    const ahead = spans.map((span) => span.textContent).join("");
    const rows = [...document.querySelectorAll(".xterm-rows > div")].map((row) => row.textContent ?? "");
    while (watched.seen.length < typed.length) {
      const upTo = begins + text.slice(0, watched.seen.length + 1);
      const isSeen = rows.some((row) => (row.trimEnd() + ahead).startsWith(upTo) || row.startsWith(upTo));
      if (!isSeen) return;
      watched.seen.push(performance.now() - (typed[watched.seen.length] ?? 0));
    }
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, characterData: true });
  addEventListener("keydown", (event) => void (event.key.length === 1 && typed.push(performance.now())), true);
}

// How long a session's page takes until its screen is there, with nothing in the browser's cache, beside ttyd's page on the same
// tmux session; and a switch between two sessions. The table is what counts.
//
// TTYD          the program; default: the one in the PATH

import { type ChildProcess } from "node:child_process";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, daemon, DESK, open, setUp, shows, type Daemon } from "./harness";
import { median, serveTtyd } from "./ttyd";

const ROUNDS = Number(process.env["ROUNDS"] ?? 15);

let chromium: Browser;
let host: Daemon;
let context: BrowserContext;
let page: Page;
let ttyd: ChildProcess | null = null;
let ids: string[];

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon()]);
  ({ page, context } = await open(chromium, host.url));
  await setUp(page, host);
  ids = ["one", "two"].map((name) => {
    const args = ["start", "-p", "shell", "--name", name, "--json", "--", "sh", "-c", `echo ready-${name}; exec cat`];
    return (JSON.parse(host.run(...args)) as { id: string }).id;
  });
});
afterAll(async () => {
  ttyd?.kill();
  await chromium.close();
  await host.stop();
});

/** From the beginning of the navigation until the screen shows the text, in ms. */
async function opening(url: string, text: string, signedIn: boolean): Promise<number> {
  // Its cache is empty.
  const fresh = await chromium.newContext({
    viewport: DESK,
    serviceWorkers: "block",
    ...(signedIn ? { storageState: await context.storageState() } : {}),
  });
  try {
    const opened = await fresh.newPage();
    await opened.addInitScript((wanted) => {
      new MutationObserver((_, observer) => {
        if (!document.querySelector(".xterm-rows")?.textContent?.includes(wanted)) return;
        observer.disconnect();
        (window as unknown as { shown: number }).shown = performance.now();
      }).observe(document, { subtree: true, childList: true, characterData: true });
    }, text);
    await opened.goto(url);
    await opened.waitForFunction(() => (window as unknown as { shown?: number }).shown !== undefined);
    return await opened.evaluate(() => (window as unknown as { shown: number }).shown);
  } finally {
    await fresh.close();
  }
}

it("a session's page opens", async () => {
  const [id] = ids;
  const served = await serveTtyd(host, id!);
  ttyd = served.process;
  const own: number[] = [];
  const other: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    own.push(await opening(`${host.url}/sessions/${id}`, "ready-one", true));
    other.push(await opening(served.url, "ready-one", false));
  }
  const [a, b] = [median(own), median(other)];
  console.log(
    `opening, nothing cached, ${ROUNDS} rounds, p50 in ms: ours ${a.toFixed(0)}, ttyd's ${b.toFixed(0)}, ratio ${(a / b).toFixed(2)}`,
  );
  expect(own.length + other.length).toBe(2 * ROUNDS);
});

it("one switches between two sessions", async () => {
  await page.goto(`${host.url}/sessions/${ids[0]}`);
  await shows(page, "ready-one");
  const taken: number[] = [];
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const to = round % 2 === 0 ? "two" : "one";
    taken.push(
      await page.evaluate(
        ([id, text]) =>
          new Promise<number>((done) => {
            const begun = performance.now();
            new MutationObserver((_, observer) => {
              if (!document.querySelector(".xterm-rows")?.textContent?.includes(text!)) return;
              observer.disconnect();
              done(performance.now() - begun);
            }).observe(document, { subtree: true, childList: true, characterData: true });
            document.querySelector<HTMLElement>(`.rail a[href="/sessions/${id}"]`)?.click();
          }),
        [ids[to === "one" ? 0 : 1], `ready-${to}`],
      ),
    );
  }
  console.log(`switching, p50 in ms: ${median(taken).toFixed(0)}`);
});

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, daemon, DESK, eventually, open, setUp, shot, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ cuttable: true })]);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

it("opens while the daemon is away, and says how to start it", async () => {
  const { page, context, complaints } = await open(chromium, host.url, DESK, "dark", "allow");
  await setUp(page, host);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  // The first visit came before the service worker: the second one is kept.
  await page.reload();
  await page.getByRole("heading", { name: "Sessions", exact: true }).waitFor();
  const kept = (): Promise<boolean> =>
    page.evaluate(async () => {
      const files = await (await caches.open("shell")).keys();
      return files.some(({ url }) => url.includes("/assets/over_pages-"));
    });
  await eventually(kept, "what is shown without a connection is kept");
  host.network("refuses");
  await page.reload();
  await page.getByText("codepiper daemon --web").waitFor();
  await shot(page, "unreachable");
  host.network("works");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Sessions", exact: true }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

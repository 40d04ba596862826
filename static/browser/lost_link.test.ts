// What is said when the connection is lost, and when: what was known loses its colour, and the clock goes on.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, daemon, eventually, open, setUp, shot, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ cuttable: true })]);
  host.run("start", "-p", "shell", "--name", "worker", "--", "cat");
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
  // Nothing is younger than a minute: the clock has no reason of its own to tick each second.
  await page.clock.install({ time: Date.now() + 3_600_000 });
  await page.reload();
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

const row = () => page.locator(".row", { hasText: "worker" });
const banner = () => page.getByText(/^Connection lost \d+ s ago\./);
const colour = (of: string): Promise<string> =>
  row()
    .locator(of)
    .first()
    .evaluate((element) => getComputedStyle(element).filter);

it("takes the colour from what was known, within two seconds", async () => {
  await row().locator(".state").waitFor();
  expect(await row().locator(".state").innerText()).not.toContain("Unknown");
  expect(await colour(".trace")).toBe("none");
  await page.evaluate(() => {
    const from = performance.now();
    const state = (): string => document.querySelector(".row .state")?.textContent ?? "";
    const observer = new MutationObserver(() => {
      if (!/Unknown.*was/.test(state())) return;
      observer.disconnect();
      document.body.dataset["drained"] = String(performance.now() - from);
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  host.network("refuses");
  await row().locator(".state", { hasText: "Unknown" }).waitFor();
  expect(Number(await page.evaluate(() => document.body.dataset["drained"]))).toBeLessThan(2000);
  expect(await colour(".trace")).toBe("grayscale(1)");
});

it("counts down to the next try, and up from the loss", async () => {
  await banner().waitFor();
  await shot(page, "list-lost");
  const seen: { ago: number; wait: number }[] = [];
  await eventually(async () => {
    const text = await banner().innerText();
    const ago = Number(/lost (\d+) s ago/.exec(text)?.[1]);
    seen.push({ ago, wait: Number(/Retrying in (\d+) s/.exec(text)?.[1] ?? 0) });
    return ago >= 12;
  }, "twelve seconds are over");
  let down = 0;
  seen.slice(1).forEach(({ ago, wait }, at) => {
    const before = seen[at]!;
    const what = JSON.stringify(seen);
    expect(ago - before.ago, what).toBeGreaterThanOrEqual(0);
    expect(ago - before.ago, what).toBeLessThanOrEqual(2);
    if (wait < before.wait) down++;
    // It begins anew only when a try was due.
    if (wait > before.wait) expect(before.wait, what).toBeLessThanOrEqual(1);
  });
  expect(down, JSON.stringify(seen)).toBeGreaterThanOrEqual(3);
});

it("comes back", async () => {
  host.network("works");
  await page.getByRole("button", { name: "Retry now" }).click();
  await banner().waitFor({ state: "detached" });
  await eventually(
    async () => !(await row().locator(".state").innerText()).includes("Unknown"),
    "the state is known again",
  );
  expect(await colour(".trace")).toBe("none");
  expect(complaints).toEqual([]);
});

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, open, PHONE, setUp, shot, shows, type Daemon } from "./harness";

// What agents ask before their first hook can tell of anything: whether a folder is trusted, or a key is used.
const ASKS_AT_ITS_START = String.raw`
[providers.asker]
command = ["sh", "-c", "printf 'Trust this folder? [y/n] '; read x; echo thanks; read y"]
[[providers.asker.signals]]
screen = '^Trust this folder\? \[y/n\] *$'
means = "question"
[[providers.asker.signals]]
screen = '^thanks *$'
means = "idle"
`;

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ config: ASKS_AT_ITS_START })]);
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

it("shows a session that asks at its start, and what to do about it", async () => {
  const { id } = JSON.parse(host.run("start", "-p", "asker", "--name", "new here", "--json")) as { id: string };
  // Nothing moves under the pointer.
  await page.mouse.move(0, 0);
  const needs = page.getByRole("region", { name: "Needs you" });
  await needs.getByText("Question", { exact: true }).waitFor();
  await needs.getByText("Needs an answer: open to see the question").waitFor();
  const row = page.getByRole("region", { name: "Waiting" }).locator(".row");
  await row.locator(".cell-state", { hasText: "Waiting" }).waitFor();
  await row.locator(".cell-now", { hasText: "open to see the question" }).waitFor();
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `asks-list-${name}`);
    expect(await findings(page), name).toEqual([]);
  }
  await needs.getByRole("link", { name: "Open new here" }).click();
  await shows(page, "Trust this folder?");
  await page.locator(".session-head .pill", { hasText: "Waiting" }).waitFor();
  await page.setViewportSize(PHONE);
  await page.reload();
  await page.getByText("Answer with the arrow keys and ↵, or tap the terminal and type.").waitFor();
  await shot(page, "asks-phone");
  expect(await findings(page)).toEqual([]);
  await page.setViewportSize(DESK);
  await page.reload();
  await shows(page, "Trust this folder?");
  await page.locator(".live-screen .xterm").click();
  await page.keyboard.press("Alt+Escape");
  // It has no composer, so that a text is an answer.
  await page.keyboard.press("p");
  await page.getByRole("textbox", { name: /^Prompt/ }).fill("y");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.locator(".session-head .pill", { hasText: "idle" }).waitFor();
  await page.locator(".asks").waitFor({ state: "detached" });
  expect(host.run("sessions", "explain", id)).toContain("idle");
  expect(complaints).toEqual([]);
});

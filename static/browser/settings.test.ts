import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, open, PHONE, setUp, shot, signIn, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon()]);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

it("says how old the factors are and who could not sign in, and restarts the daemon", async () => {
  const first = await open(chromium, host.url);
  const { codes } = await setUp(first.page, host);
  await first.context.close();
  const stranger = await open(chromium, host.url);
  await stranger.page.getByLabel("Password", { exact: true }).fill("not the password");
  await stranger.page.getByLabel("Code from your authenticator").fill("123456");
  await stranger.page.getByRole("alert").getByText("Wrong password or code").waitFor();
  await stranger.context.close();

  const { page, complaints } = await open(chromium, host.url);
  await signIn(page, codes[0] ?? "");
  // Who signs in is told, and led there.
  const told = page.locator(".toast", {
    hasText: /1 wrong sign-in attempt since your last sign-in, the latest .* ago from 127\.0\.0\.1/,
  });
  await told.getByRole("button", { name: "Look" }).click();
  await page.getByRole("heading", { name: "Wrong sign-in attempts" }).waitFor();
  const attempts = page.locator(".box-section", { hasText: "Wrong sign-in attempts" }).locator(".box-row");
  expect(await attempts.count()).toBe(1);
  expect(await attempts.first().innerText()).toMatch(
    /Chrome on Linux\s+\d+ \w+ \d{4}, \d\d:\d\d:\d\d · from 127\.0\.0\.1/,
  );
  const row = (title: string) => page.locator(".box-row", { has: page.getByText(title, { exact: true }) });
  await row("Password")
    .getByText(/^Changed (just now|\d+ (s|min) ago)\.$/)
    .waitFor();
  await row("Authenticator")
    .getByText(/^Added (just now|\d+ (s|min) ago)\.$/)
    .waitFor();
  await row("Recovery codes").getByText("9 of 10 left. New codes replace the old ones.").waitFor();
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `settings-security-${name}`);
    expect(await findings(page), name).toEqual([]);
  }

  // The next sign-in is told of nothing.
  await page.locator(".rail-foot").getByRole("button", { name: "Sign out" }).click();
  await signIn(page, codes[1] ?? "");
  await page.goto(`${host.url}/settings/security`);
  await row("Recovery codes").getByText("8 of 10 left", { exact: false }).waitFor();
  expect(await page.getByRole("heading", { name: "Wrong sign-in attempts" }).count()).toBe(0);
  expect(await page.locator(".toast").count()).toBe(0);

  await page.goto(`${host.url}/settings/daemon`);
  await row("journal")
    .getByText(/^\d+ of at most \d+ MiB in \d+ generations/)
    .waitFor();
  await row("audit")
    .getByText(/ KiB, kept /)
    .waitFor();
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `settings-daemon-${name}`);
    expect(await findings(page), name).toEqual([]);
  }
  const started = (): string =>
    (JSON.parse(host.run("daemon", "status", "--json")) as { started_at: string }).started_at;
  const before = started();
  await page.getByRole("button", { name: "Restart…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restart" }).click();
  await page.getByText("Live", { exact: true }).waitFor({ state: "detached" });
  await page.getByText("Live", { exact: true }).waitFor();
  expect(started()).not.toBe(before);
  expect(complaints).toEqual([]);
});

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, open, PHONE, setUp, shot, shows, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "codepiper-first-run-"));
  const app = join(home, "work", "my-app");
  mkdirSync(app, { recursive: true });
  execFileSync("git", ["init", "-q", "-b", "trunk", app]);
  // An agent of one's own, and none of the others.
  const bin = join(home, "bin");
  mkdirSync(bin);
  const agent = join(bin, "our-agent");
  writeFileSync(agent, "#!/bin/sh\necho the agent is in $PWD\nread x\n");
  chmodSync(agent, 0o755);
  const config = `[providers.ours]\ncommand = ["${agent}"]\n`;
  const environment = { HOME: home, PATH: `${bin}:/usr/bin:/bin` };
  [chromium, host] = await Promise.all([browser(), daemon({ config, environment })]);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(home, { recursive: true, force: true });
});

it("shows what is on the host, and starts a session with one click", async () => {
  const { page, complaints } = await open(chromium, host.url);
  await setUp(page, host);
  const found = page.getByRole("list", { name: "Providers" });
  await found.getByText("ours", { exact: true }).waitFor();
  await found.locator("li", { hasText: "Claude Code" }).getByText("not installed", { exact: false }).waitFor();
  const recent = page.getByRole("region", { name: "Recent repositories" });
  await recent.getByText("~/work").waitFor();
  await recent.getByText(/^trunk · used \d+ (s|min) ago$/).waitFor();
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `first-run-${name}`);
    expect(await findings(page), name).toEqual([]);
  }
  await recent.getByRole("button", { name: "Start ours in my-app" }).click();
  await page.getByRole("heading", { name: "my-app" }).waitFor();
  await shows(page, `the agent is in ${home}/work/my-app`);
  expect(complaints).toEqual([]);
});

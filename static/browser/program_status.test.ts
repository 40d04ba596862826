import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { findings } from "./axe";
import { type Daemon, DESK, PHONE, shot, signedIn } from "./harness";

let host: Daemon;
let page: Page;
let complaints: string[];

signedIn((ready) => ({ host, page, complaints } = ready));

// "Compiling", and no more of it once the shell prompts again.
const REPORT = String.raw`printf '\033]7501;state=working:app=build:progress=40:msg=Q29tcGlsaW5n\033\\'; sleep 1000`;

it("shows how far a program is, and what a shell runs", async () => {
  const start = (...args: string[]): string =>
    (JSON.parse(host.run("start", "-p", "shell", "--json", ...args)) as { id: string }).id;
  const id = start("--name", "build", "--", "bash", "--norc", "--noprofile");
  host.run("wait", id, "--until", "idle", "--timeout", "60");
  const row = page.locator(".row", { hasText: "build" });
  await row.locator(".cell-state", { hasText: "at its prompt" }).waitFor();
  host.run("send", id, REPORT);
  await row.getByRole("progressbar", { name: "Progress" }).waitFor();
  await row.locator(".cell-now", { hasText: "40%Compiling" }).waitFor();
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `progress-list-${name}`);
    expect(await findings(page), name).toEqual([]);
  }
  await page.goto(`${host.url}/sessions/${id}`);
  const head = page.locator(".session-head");
  await head.getByRole("progressbar", { name: "Progress" }).waitFor();
  await head.getByText("Compiling").waitFor();
  await shot(page, "progress-session");
  expect(await findings(page)).toEqual([]);
  host.run("keys", id, "ctrl+c");
  await head.getByRole("progressbar", { name: "Progress" }).waitFor({ state: "detached" });
  host.run("send", id, "sleep 1000");
  await head.locator(".pill").getByText("Running sleep 1000").waitFor();
  expect(complaints).toEqual([]);
});

import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { findings } from "./axe";
import { type Daemon, DESK, eventually, PHONE, shot, signedIn } from "./harness";

let host: Daemon;
let page: Page;
let complaints: string[];

signedIn((ready) => ({ host, page, complaints } = ready));

it("says what a shell does, when it printed and what", async () => {
  const words = ["start", "-p", "shell", "--name", "build", "--json", "--", "bash", "--norc", "--noprofile"];
  const { id } = JSON.parse(host.run(...words)) as { id: string };
  host.run("wait", id, "--until", "idle", "--timeout", "60");
  host.run("send", id, "echo all is built", "--wait", "idle", "--timeout", "60");
  const row = page.locator(".row", { hasText: "build" });
  const state = row.locator(".cell-state");
  await state.getByText("At its prompt").waitFor();
  await row.locator(".cell-now", { hasText: /^all is built$/ }).waitFor();

  const link = page.locator(".rail-list a", { hasText: "build" });
  await eventually(
    async () => /^At its prompt · \d+s$/.test((await link.getAttribute("title")) ?? ""),
    "the rail says it",
  );

  host.run("send", id, "printf 'step 1\\nstep 2 of 9'; sleep 1000");
  await state.getByText("Running sleep 1000").waitFor();
  await state.getByText(/^printed \d+ s ago$/).waitFor();
  await row.locator(".cell-now", { hasText: /^step 2 of 9$/ }).waitFor();
  await eventually(
    async () => /^Running sleep 1000 · printed \d+ s ago$/.test((await link.getAttribute("title")) ?? ""),
    "the rail says when it printed",
  );
  // How much it printed, not only that it ran.
  await row.getByRole("img", { name: /^Last hour: \d+ B printed$/ }).waitFor();
  const bars = row.locator(".trace .span-working");
  await eventually(async () => (await bars.count()) > 0, "the trace has a bar");
  for (const [size, name] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `shells-${name}`);
    expect(await findings(page), name).toEqual([]);
  }

  await page.goto(`${host.url}/sessions/${id}`);
  const pill = page.locator(".session-head .pill");
  await pill.getByText("Running sleep 1000").waitFor();
  await pill.getByText(/^printed \d+ s ago$/).waitFor();
  await shot(page, "shells-session");
  // The clock goes on, and nothing is printed.
  await page.clock.install();
  await page.clock.fastForward(5 * 60_000);
  await pill.getByText("quiet for 5 min").waitFor();
  expect(complaints).toEqual([]);
});

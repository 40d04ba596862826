import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findings } from "./axe";
import {
  browser,
  code,
  continueSetUp,
  daemon,
  DESK,
  open,
  PASSWORD,
  PHONE,
  setUp,
  shot,
  shows,
  type Daemon,
} from "./harness";

let chromium: Browser;
let host: Daemon;
let codes: string[] | null = null;
const ids: Record<string, string> = {};
beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon()]);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

it("is accessible while it is set up", async () => {
  for (const theme of ["light", "dark"] as const) {
    const { page, context } = await open(chromium, host.url, DESK, theme);
    const bootstrap = /[a-z0-9]{4}(-[a-z0-9]{4})+/i.exec(host.run("auth", "bootstrap"))?.[0] ?? "";
    await page.getByLabel("One-time password", { exact: true }).fill(bootstrap);
    expect(await findings(page), theme).toEqual([]);
    await page.getByLabel("Your password").fill(PASSWORD);
    await continueSetUp(page);
    await shot(page, `onboarding-2-desk-${theme}`);
    expect(await findings(page), theme).toEqual([]);
    const own = (await page.locator(".key").innerText()).replace(/\s/g, "");
    await page.getByLabel("Code from the app").fill(code(own));
    await page.locator(".recovery-codes").waitFor();
    await shot(page, `onboarding-3-desk-${theme}`);
    expect(await findings(page), theme).toEqual([]);
    await context.close();
  }
});

describe.each([
  ["light", DESK, "desk"],
  ["dark", DESK, "desk"],
  ["light", PHONE, "phone"],
  ["dark", PHONE, "phone"],
] as const)("in %s on %o", (theme, size, name) => {
  let page: Page;
  beforeAll(async () => {
    const opened = await open(chromium, host.url, size, theme);
    page = opened.page;
    if (codes === null) {
      ({ codes } = await setUp(page, host));
      host.run("start", "-p", "shell", "--name", "crashed", "--", "sh", "-c", "echo out of memory; exit 3");
      ids["runs"] = (
        JSON.parse(
          host.run(
            "start",
            "-p",
            "shell",
            "--name",
            "runs",
            "--json",
            "--",
            "sh",
            "-c",
            "printf '\\033[32mgreen\\033[0m and plain\\n'; read x",
          ),
        ) as { id: string }
      ).id;
      host.run("start", "-p", "shell", "--name", "ended", "--", "true");
      host.run("env-set", "create", "npm");
    } else {
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: "Use a recovery code" }).click();
      expect(await findings(page)).toEqual([]);
      await page.getByLabel("Recovery code").fill(codes.pop() ?? "");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.locator(".app").waitFor();
    }
  });
  afterAll(async () => {
    await page.context().close();
  });

  it("has nothing to find on any page", async () => {
    await page.getByText("crashed").first().waitFor();
    await shot(page, `sessions-${name}-${theme}`);
    expect(await findings(page), "sessions").toEqual([]);
    const id = ids["runs"] ?? "";
    for (const tab of ["", "/attach", "/events", "/logs", "/policies"]) {
      await page.goto(`${host.url}/sessions/${id}${tab}`);
      if (tab === "") await shows(page, "green and plain");
      else await page.locator(".scroll").first().waitFor();
      await shot(page, `session${tab.replace("/", "-")}-${name}-${theme}`);
      expect(await findings(page), tab).toEqual([]);
    }
    for (const section of ["appearance", "terminal", "security", "env-sets", "providers", "daemon"]) {
      await page.goto(`${host.url}/settings/${section}`);
      await page.locator(".box-row").first().waitFor();
      await shot(page, `settings-${section}-${name}-${theme}`);
      expect(await findings(page), section).toEqual([]);
    }
    await page.goto(host.url);
    await page.getByText("crashed").first().waitFor();
    await page.keyboard.press("c");
    await page.getByRole("dialog", { name: "Create Session" }).waitFor();
    await shot(page, `create-${name}-${theme}`);
    expect(await findings(page), "create").toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog", { name: "Command palette" }).waitFor();
    await shot(page, `palette-${name}-${theme}`);
    expect(await findings(page), "palette").toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Shortcuts" }).waitFor();
    await shot(page, `shortcuts-${name}-${theme}`);
    expect(await findings(page), "shortcuts").toEqual([]);
    await page.keyboard.press("Escape");
  });
});

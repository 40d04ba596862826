import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { findings } from "./axe";
import { type Daemon, eventually, shot, shows, signedIn } from "./harness";

let host: Daemon;
let page: Page;
let complaints: string[];

signedIn((ready) => ({ host, page, complaints } = ready));

it("draws the terminal in a font that comes with the page, and loads no other", async () => {
  const loaded: string[] = [];
  page.on("response", (response) => {
    const name = /([a-z-]+)-latin-(\d+).*\.woff2$/.exec(response.url());
    if (name && response.ok()) loaded.push(`${name[1]} ${name[2]}`);
  });
  const script = "echo ready; printf '\\033[1mbold\\033[m Wide letters: WWWW\\r\\n'; exec cat";
  const started = host.run("start", "-p", "shell", "--json", "--", "sh", "-c", script);
  const { id } = JSON.parse(started) as { id: string };
  const family = (): Promise<string> =>
    page.locator(".xterm-rows").evaluate((rows) => getComputedStyle(rows).fontFamily);
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "Wide letters");
  await page.locator(".timeline").waitFor();
  expect(await family()).not.toContain("IBM Plex Mono");
  expect(loaded).toEqual([]);

  const letters = async (): Promise<string> =>
    (await page.locator(".xterm-rows > div", { hasText: "Wide letters" }).screenshot()).toString("base64");
  const own = await letters();

  await page.goto(`${host.url}/settings/terminal`);
  const field = page.getByLabel("Font", { exact: true });
  await field.fill("IBM Plex Mono");
  await field.press("Enter");
  expect(await findings(page)).toEqual([]);
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "Wide letters");
  await eventually(async () => (await family()).startsWith('"IBM Plex Mono"'), "the font is used");
  expect(await page.evaluate(() => document.fonts.check('16px "IBM Plex Mono Web"'))).toBe(true);
  expect(loaded.sort()).toEqual(["ibm-plex-mono 400", "ibm-plex-mono 700"]);
  await eventually(async () => (await letters()) !== own, "its letters are drawn");
  await shot(page, "font");

  // What is nowhere is drawn in the device's own.
  await page.evaluate(() => localStorage.setItem("codepiper.terminal.font", "No Such Font"));
  await page.reload();
  await shows(page, "Wide letters");
  await eventually(async () => (await family()).startsWith('"No Such Font"'), "the wish is kept");
  expect(complaints).toEqual([]);
});

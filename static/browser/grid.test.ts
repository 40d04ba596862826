import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, eventually, open, PHONE, setUp, shot, type Daemon } from "./harness";

// A program that asks as agents do.
const ASKER = String.raw`
[providers.asker]
command = ["sh", "-c", "printf 'Delete the database? [y/n] '; read x; echo thanks; read y"]
[[providers.asker.signals]]
screen = '^Delete the database\? \[y/n\] *$'
means = "question"
[[providers.asker.signals]]
screen = '^thanks *$'
means = "idle"
`;

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
const ids: Record<string, string> = {};

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser({ webgl: true }), daemon({ config: ASKER })]);
  for (const name of ["a", "b", "c"])
    ids[name] = start(name, "-p", "shell", "--", "sh", "-c", `echo I am ${name}; exec cat`);
  ({ page, complaints } = await open(chromium, host.url));
  await setUp(page, host);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

function start(name: string, ...args: string[]): string {
  return (JSON.parse(host.run("start", "--name", name, "--json", ...args)) as { id: string }).id;
}

const printed = (name: string): string => host.run("tail", ids[name] ?? "");
const tile = (name: string) => page.getByRole("region", { name, exact: true });
const order = (): Promise<(string | null)[]> =>
  page.locator(".pane").evaluateAll((tiles) => tiles.map((each) => each.getAttribute("aria-label")));
const used = (): Promise<string | null | undefined> =>
  page.evaluate(() => document.activeElement?.closest(".pane")?.getAttribute("aria-label"));

it("shows the chosen sessions live, and resizes none", async () => {
  // By their ids: an id may begin like these names.
  const sizesNow = () => Object.values(ids).map((id) => JSON.parse(host.run("sessions", "show", id, "--json")).size);
  const sizes = sizesNow();
  await page.locator(".row").first().waitFor();
  await page.getByRole("link", { name: "Grid" }).click();
  await page.waitForURL("**/grid");
  // The keys are there with the terminals.
  for (const name of ["a", "b", "c"]) await tile(name).locator(".xterm-screen").waitFor();
  await page.keyboard.press("2");
  expect(await used()).toBe("b");
  await page.keyboard.type("typed\n");
  await eventually(() => printed("b").includes("typed\ntyped"), "b has echoed it");
  expect(printed("a")).not.toContain("typed");
  // Only the tile that one types into draws with WebGL.
  await tile("b").locator("canvas").first().waitFor();
  expect(await page.locator(".pane:not(.used) canvas").count()).toBe(0);
  await eventually(
    async () => (await tile("a").locator(".xterm-rows").innerText()).includes("I am a"),
    "another tile shows its screen",
  );
  const fits = await page
    .locator(".pane-screen")
    .evaluateAll((screens) =>
      screens.every((each) => each.scrollWidth <= each.clientWidth && each.scrollHeight <= each.clientHeight),
    );
  expect(fits).toBe(true);
  await shot(page, "grid-dark");
  expect(await findings(page)).toEqual([]);
  expect(sizesNow()).toEqual(sizes);
});

it("leaves the letters of the tile that one types into where they are", async () => {
  const box = () => tile("a").locator(".xterm-screen").boundingBox();
  for (const size of [DESK, { width: 1111, height: 717 }]) {
    await page.setViewportSize(size);
    await page.keyboard.press("Alt+Escape");
    await expect.poll(() => tile("a").locator("canvas").count()).toBe(0);
    const before = await box();
    await page.keyboard.press("1");
    await tile("a").locator("canvas").first().waitFor();
    await page.waitForTimeout(300);
    const after = await box();
    for (const side of ["x", "y", "width", "height"] as const)
      expect(Math.abs((after?.[side] ?? 0) - (before?.[side] ?? 0)), side).toBeLessThanOrEqual(1);
  }
  await page.setViewportSize(DESK);
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("2");
});

it("goes from tile to tile by keys", async () => {
  await page.keyboard.press("Alt+ArrowDown");
  expect(await used()).toBe("c");
  await page.keyboard.type("here\n");
  await eventually(() => printed("c").includes("here\nhere"), "c has echoed it");
  await page.keyboard.press("Alt+Escape");
  expect(await page.evaluate(() => document.activeElement?.matches(".pane"))).toBe(true);
  await page.keyboard.press("ArrowLeft");
  expect(await used()).toBe("b");
  await page.keyboard.press("<");
  await eventually(async () => (await order()).join() === "b,a,c", "b has moved");
  await page.reload();
  await tile("b").waitFor();
  expect(await order()).toEqual(["b", "a", "c"]);
});

it("is arranged by hand", async () => {
  const head = async (name: string) => {
    const box = await tile(name).locator(".pane-head").boundingBox();
    return { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + 15 };
  };
  const [from, to] = [await head("c"), await head("b")];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 5 });
  await page.mouse.up();
  expect(await order()).toEqual(["c", "b", "a"]);
  await page.getByRole("button", { name: "Take a out of the grid" }).click();
  expect(await order()).toEqual(["c", "b"]);
  await page.getByLabel("Add a session").selectOption({ label: "a" });
  expect(await order()).toEqual(["c", "b", "a"]);
});

it("shows what waits, until one has left it", async () => {
  await page.getByRole("button", { name: "Waiting" }).click();
  await page.getByText("Nothing is waiting for you.").waitFor();
  ids["asks"] = start("asks", "-p", "asker");
  await tile("asks").waitFor();
  expect(await order()).toEqual(["asks"]);
  await page.setViewportSize(PHONE);
  await shot(page, "grid-waiting-phone");
  await page.setViewportSize(DESK);
  await page.keyboard.press("1");
  await page.keyboard.type("y\n");
  await eventually(() => printed("asks").includes("thanks"), "it was answered");
  await tile("asks").getByText("Running").waitFor();
  await page.keyboard.press("Alt+Escape");
  await page.getByText("Nothing is waiting for you.").waitFor();
});

it("takes what was selected in the list, and is in the palette", async () => {
  await page.goto(host.url);
  for (const name of ["a", "c"])
    await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check({ force: true });
  await page.getByRole("toolbar", { name: "Selected sessions" }).getByRole("link", { name: "Grid" }).click();
  await page.waitForURL("**/grid");
  await tile("a").waitFor();
  expect(await order()).toEqual(["a", "c"]);
  await page.setViewportSize(PHONE);
  await shot(page, "grid-phone");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
  await page.setViewportSize(DESK);
  await page.emulateMedia({ colorScheme: "light" });
  await shot(page, "grid-light");
  expect(await findings(page)).toEqual([]);
  await page.keyboard.press("Control+k");
  await page.getByLabel("Find a session or an action").fill("Grid: Waiting");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/grid?show=waiting");
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

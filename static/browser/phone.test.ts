import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, eventually, open, PHONE, screen, setUp, shot, shows, signIn, type Daemon } from "./harness";

/** Asks with numbers on the last of many rows. */
const ASKER = String.raw`
[providers.asker]
command = ["sh", "-c", "stty raw -echo; seq -f 'line %.0f' 25 | sed 's/$/\r/'; printf 'Which colour?\r\n> 1. Red\r\n  2. Green\r\n  3. Blue\r\n'; exec cat -v"]
[[providers.asker.signals]]
screen = '^> 1\. Red *$'
means = "question"
`;

let chromium: Browser;
let host: Daemon;
let codes: string[] = [];
let user = "";
let agent = "";
let shell = "";
let busy = "";
let asker = "";

beforeAll(async () => {
  user = mkdtempSync(join(tmpdir(), "codepiper-user-"));
  for (const folder of ["bin", "a-project-with-quite-a-long-name"]) mkdirSync(join(user, folder));
  writeFileSync(join(user, "bin/claude"), "#!/bin/sh\necho ready\nexec cat\n");
  chmodSync(join(user, "bin/claude"), 0o755);
  [chromium, host] = await Promise.all([
    browser(),
    daemon({ config: ASKER, environment: { HOME: user, PATH: `${join(user, "bin")}:${process.env["PATH"] ?? ""}` } }),
  ]);
  agent = start(
    "-p",
    "claude-code",
    "--name",
    "a session whose name is far too long for a phone",
    "-d",
    join(user, "a-project-with-quite-a-long-name"),
    "--model",
    "opus",
    "--dangerous",
    "--yes",
  );
  shell = start("-p", "shell", "--name", "ended", "--", "echo", "ready");
  busy = start("-p", "shell", "--name", "deploy", "--", "bash", "--norc", "--noprofile");
  asker = start("-p", "asker", "--name", "asks-with-numbers");
  host.run("wait", asker, "--until", "waiting", "--timeout", "60");
  host.run("wait", busy, "--until", "idle", "--timeout", "60");
  host.run("sessions", "tag", agent, "backend", "urgent-for-tomorrow");
  host.run("send", busy, "sleep 1000 # ".padEnd(120, "a long command "));
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(user, { recursive: true, force: true });
});

function start(...args: string[]): string {
  return (JSON.parse(host.run("start", "--json", ...args)) as { id: string }).id;
}

/** What one cannot get at by scrolling up and down: controls outside the window, or cut off by what they lie in or by themselves. */
function cutOff(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    // Rows that are made to be scrolled sideways.
    const sideways = ".key-strip, pre, .diff, .command code, .live-screen";
    const hidden = (element: Element): boolean =>
      !element.checkVisibility({ visibilityProperty: true }) ||
      element.closest(".skip, .visually-hidden, .live-screen") !== null;
    return [...document.querySelectorAll("a, button, input, select, textarea, [role=tab]")].flatMap((control) => {
      const rect = control.getBoundingClientRect();
      if (hidden(control) || rect.width === 0) return [];
      let [left, right, top, bottom] = [0, innerWidth, 0, innerHeight];
      for (let around = control.parentElement; around && around !== document.body; around = around.parentElement) {
        const { overflowX, overflowY } = getComputedStyle(around);
        if (around.matches(sideways)) return [];
        const clip = around.getBoundingClientRect();
        if (overflowX !== "visible") [left, right] = [Math.max(left, clip.left), Math.min(right, clip.right)];
        if (overflowY === "auto" || overflowY === "scroll") [top, bottom] = [-Infinity, Infinity];
        else if (overflowY !== "visible") [top, bottom] = [Math.max(top, clip.top), Math.min(bottom, clip.bottom)];
      }
      const inside =
        rect.left >= left - 1 && rect.right <= right + 1 && rect.top >= top - 1 && rect.bottom <= bottom + 1;
      const whole = control.matches("input, select, textarea") || control.scrollWidth <= control.clientWidth + 1;
      return inside && whole
        ? []
        : [
            `${control.outerHTML.slice(0, 120)} at ${Math.round(rect.left)}..${Math.round(rect.right)}, ${Math.round(rect.top)}..${Math.round(rect.bottom)}`,
          ];
    });
  });
}

/** Whether one thing of the header lies on another. */
const overlapping = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const things = document.querySelectorAll(".session-head :is(h1, .pill, .head-dangerous), .menu-place");
    const boxes = [...things].map((thing) => thing.getBoundingClientRect()).filter(({ width }) => width > 0);
    boxes.sort((one, other) => one.left - other.left);
    return boxes.some(({ left }, at) => at > 0 && boxes[at - 1]!.right > left + 1);
  });

describe.each(["light", "dark"] as const)("in %s", (theme) => {
  let page: Page;
  beforeAll(async () => {
    const opened = await open(chromium, host.url, PHONE, theme);
    page = opened.page;
    if (codes.length === 0) ({ codes } = await setUp(page, host));
    else await signIn(page, codes.pop() ?? "");
  });
  afterAll(() => page.context().close());

  it.each(["", "/conversation", "/attach", "/events", "/logs"])(
    "has everything of the session page%s within reach",
    async (tab) => {
      for (const [id, name] of [
        [agent, "agent"],
        [shell, "ended"],
      ] as const) {
        if (id === shell && tab === "/conversation") continue;
        await page.goto(`${host.url}/sessions/${id}${tab}`);
        if (tab === "") await shows(page, "ready");
        await page.locator(".evidence-place .pill").waitFor();
        await page.locator(".menu-place .button").waitFor();
        await page.waitForLoadState("networkidle");
        await shot(page, `phone-${name}${tab.replace("/", "-")}-${theme}`);
        expect(await cutOff(page), name).toEqual([]);
        expect(await overlapping(page), name).toBe(false);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(PHONE.width);
        expect(await findings(page), name).toEqual([]);
      }
    },
  );

  it("has everything of the history within reach, and shows the whole grid", async () => {
    await page.goto(`${host.url}/sessions/${agent}`);
    await shows(page, "ready");
    await page.getByRole("button", { name: "Fit the whole terminal" }).click();
    const live = page.locator(".live-screen");
    const isWhole = (): Promise<boolean> =>
      live.evaluate((each) => each.scrollWidth <= each.clientWidth && each.scrollHeight <= each.clientHeight);
    await eventually(isWhole, "the whole grid is seen");
    await shot(page, `phone-whole-${theme}`);
    await page.locator(".live-screen .xterm").click();
    await page.keyboard.press("Shift+PageUp");
    await page.locator(".status", { hasText: "History" }).waitFor();
    await shot(page, `phone-history-${theme}`);
    expect(await cutOff(page)).toEqual([]);
    const boxes = await page.locator(".tool-bar > *").evaluateAll((all) =>
      all
        .map((each) => each.getBoundingClientRect())
        .filter(({ width }) => width > 0)
        .map(({ left, right }) => [left, right]),
    );
    for (const [index, [left]] of boxes.entries())
      if (index > 0) expect(left).toBeGreaterThanOrEqual((boxes[index - 1]?.[1] ?? 0) - 1);
  });

  it("shows the question and the cursor above a soft keyboard, in a head of one line", async () => {
    await page.goto(`${host.url}/sessions/${asker}`);
    await shows(page, "3. Blue");
    await page.getByRole("toolbar", { name: "Keys" }).waitFor();
    await page.locator("#size-chip").waitFor();
    const stageTop = (): Promise<number> =>
      page.locator(".stage").evaluate((stage) => stage.getBoundingClientRect().top);
    const before = await stageTop();
    await page.setViewportSize({ width: PHONE.width, height: 420 });
    await eventually(async () => (await stageTop()) <= 42, "the head has one line");
    await eventually(
      () =>
        page.evaluate(() => {
          const seen = document.querySelector(".stage")!.getBoundingClientRect();
          const rows = [...document.querySelectorAll(".live-screen .xterm-rows > div")];
          const asked = rows.findIndex((row) => row.textContent?.includes("Which colour?"));
          // The cursor is in the row after the three options.
          return [asked, asked + 4].every((row) => {
            const { top, bottom } = rows[row]!.getBoundingClientRect();
            return top >= seen.top && bottom <= seen.bottom;
          });
        }),
      "the question and the cursor are seen",
    );
    await shot(page, `phone-keyboard-${theme}`);
    expect(await cutOff(page)).toEqual([]);
    expect(await overlapping(page)).toBe(false);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    expect(await findings(page)).toEqual([]);
    await page.getByRole("button", { name: "Actions of asks-with-numbers" }).click();
    await page.locator(".menu:popover-open").waitFor();
    await page.keyboard.press("Escape");
    // Held sideways, there is room for the tabs.
    await page.setViewportSize({ width: 740, height: 360 });
    await page.getByRole("tab", { name: "Git" }).waitFor();
    await shot(page, `phone-sideways-${theme}`);
    expect(await overlapping(page)).toBe(false);
    const inLine = await page
      .locator(".tool-bar > :is(button, .chip), .menu-place")
      .evaluateAll((all) => all.map((each) => each.getBoundingClientRect()).filter(({ width }) => width > 0));
    inLine.sort((one, other) => one.left - other.left);
    for (const [at, { left }] of inLine.entries())
      expect(left).toBeGreaterThanOrEqual((inLine[at - 1]?.right ?? 0) - 1);
    expect(await stageTop()).toBeLessThanOrEqual(42);
    await page.setViewportSize(PHONE);
    await eventually(async () => (await stageTop()) === before, "the head is as it was");
    await page.getByRole("tab", { name: "Git" }).waitFor();
  });

  it("ends above a keyboard that lies over the page", async () => {
    await page.goto(`${host.url}/sessions/${asker}`);
    await page.getByRole("toolbar", { name: "Keys" }).waitFor();
    const bottom = (): Promise<number> =>
      page.locator(".composer").evaluate((composer) => composer.getBoundingClientRect().bottom);
    await page.evaluate(() => {
      Object.defineProperty(visualViewport, "height", { value: 420, configurable: true });
      visualViewport!.dispatchEvent(new Event("resize"));
    });
    await eventually(async () => (await bottom()) <= 421, "the composer is above the keyboard");
    await page.evaluate(() => {
      delete (visualViewport as { height?: number }).height;
      visualViewport!.dispatchEvent(new Event("resize"));
    });
    await eventually(async () => (await bottom()) > 700, "the composer is at the bottom again");
  });

  it("has first the keys that answer", async () => {
    await page.goto(`${host.url}/sessions/${asker}`);
    const strip = page.getByRole("toolbar", { name: "Keys" });
    const names = (): Promise<(string | null)[]> =>
      strip
        .getByRole("button")
        .evaluateAll((keys) =>
          keys
            .filter((key) => key.getBoundingClientRect().right <= innerWidth)
            .map((key) => key.getAttribute("aria-label")),
        );
    // Whoever taps where another key was answers nothing.
    await page.evaluate(() =>
      new MutationObserver((_, observer) => {
        const key = document.querySelector<HTMLElement>(".key-strip [aria-label='3']");
        if (key) observer.disconnect();
        key?.click();
      }).observe(document.body, { childList: true, subtree: true }),
    );
    await strip.getByRole("button", { name: "3", exact: true }).waitFor();
    expect((await names()).slice(0, 6)).toEqual(["1", "2", "3", "Enter", "Up", "Down"]);
    await shot(page, `phone-answers-${theme}`);
    await page.waitForTimeout(600);
    const typed = theme === "light" ? "2" : "1";
    await strip.getByRole("button", { name: typed, exact: true }).click();
    await shows(page, new RegExp(`Blue\\s+[12]*${typed}\\s*$`, "m"));
    expect(await screen(page)).not.toMatch(/^[123]*3[123]*\s*$/m);

    const shellThat = (prints: string): string =>
      start("-p", "shell", "--", "sh", "-c", `stty raw -echo; printf '${prints}'; exec cat -v`);
    await page.goto(`${host.url}/sessions/${shellThat("Go on? [Y/n] ")}`);
    await strip.getByRole("button", { name: "y", exact: true }).waitFor();
    expect((await names()).slice(0, 3)).toEqual(["y", "n", "Enter"]);
    const nine = Array.from({ length: 9 }, (_, at) => `${at === 0 ? ">" : " "} ${at + 1}. this one\\r\\n`).join("");
    await page.goto(`${host.url}/sessions/${shellThat(nine)}`);
    await strip.getByRole("button", { name: "9", exact: true }).waitFor();
    expect(await names()).toEqual([..."123456789", "Enter"]);
    await shot(page, `phone-nine-answers-${theme}`);
    expect(await findings(page)).toEqual([]);
  });

  it("has in the menu what the head has no room for", async () => {
    await page.goto(`${host.url}/sessions/${agent}`);
    await page.getByRole("button", { name: /^Actions of/ }).click();
    const menu = page.locator(".menu:popover-open");
    await menu.getByText("Claude Code · opus").waitFor();
    await shot(page, `phone-menu-${theme}`);
    expect(await cutOff(page)).toEqual([]);
    expect(await findings(page)).toEqual([]);
    await menu.getByRole("button", { name: "Model…" }).click();
    await page.getByRole("heading", { name: "Model", exact: true }).waitFor();
    await shot(page, `phone-model-${theme}`);
    expect(await cutOff(page)).toEqual([]);
    expect(await findings(page)).toEqual([]);
    await page.keyboard.press("Escape");
  });

  it("keeps the model in a duplicate", async () => {
    await page.goto(`${host.url}/sessions/${agent}`);
    await page.getByRole("button", { name: /^Actions of/ }).click();
    await page.locator(".menu:popover-open").getByRole("button", { name: "Duplicate…" }).click();
    const dialog = page.getByRole("dialog", { name: "Create Session" });
    await dialog.getByLabel(/^Model/).waitFor({ state: "attached" });
    expect(await dialog.getByLabel(/^Model/).inputValue()).toBe("opus");
    await page.keyboard.press("Escape");
  });

  it("has everything within reach beside a long command", async () => {
    await page.goto(`${host.url}/sessions/${busy}`);
    await page.locator(".evidence-place .pill").getByText("Running").waitFor();
    await page.getByRole("button", { name: "Actions of deploy" }).click();
    await page.locator(".menu:popover-open").getByRole("button", { name: "Kill…" }).waitFor();
    await shot(page, `phone-busy-menu-${theme}`);
    expect(await cutOff(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.locator(".evidence-place .pill").click();
    await page.locator(".evidence:popover-open").getByRole("heading", { name: "sleep 1000" }).waitFor();
    await page.waitForTimeout(300);
    await shot(page, `phone-busy-evidence-${theme}`);
    expect(await cutOff(page)).toEqual([]);
    expect(await findings(page)).toEqual([]);
    // In a narrow window with a mouse, too.
    for (const width of [660, 900, 1100]) {
      await page.setViewportSize({ width, height: 740 });
      await page.goto(`${host.url}/sessions/${busy}`);
      await page.locator(".evidence-place .pill").getByText("Running").waitFor();
      await page.getByRole("button", { name: "Actions of deploy" }).waitFor();
      expect(await cutOff(page), `${width}`).toEqual([]);
    }
    await shot(page, `desk-busy-${theme}`);
    await page.setViewportSize(PHONE);
  });

  it("keeps names and states apart in the list, and controls in their boxes", async () => {
    await page.goto(host.url);
    await page.locator(".row", { hasText: "far too long" }).waitFor();
    const over = await page.locator(".row").evaluateAll((rows) =>
      rows.flatMap((row) => {
        const state = row.querySelector(".cell-state .state")?.getBoundingClientRect();
        return [...row.querySelectorAll(".row-link, .tag")].flatMap((each) => {
          const { right, top } = each.getBoundingClientRect();
          const line = each.parentElement?.getBoundingClientRect();
          const seen = Math.min(right, line?.right ?? right);
          return state && top < state.bottom && seen > state.left ? [each.textContent] : [];
        });
      }),
    );
    await shot(page, `phone-list-${theme}`);
    expect(over).toEqual([]);
    // A long name ends in dots.
    expect((await cutOff(page)).filter((each) => !each.includes("row-link"))).toEqual([]);
    await page.goto(`${host.url}/inbox`);
    const halt = page.getByRole("button", { name: "Halt all agents" });
    await halt.waitFor();
    expect(await halt.innerText()).toContain("Halt all");
    await shot(page, `phone-inbox-${theme}`);
    expect(await cutOff(page)).toEqual([]);
  });

  it.each(["appearance", "terminal", "keys", "notifications", "security", "policies", "audit", "providers", "daemon"])(
    "gives words and controls their room in Settings, %s",
    async (section) => {
      for (const width of [PHONE.width, 900, 1280]) {
        await page.setViewportSize({ width, height: 740 });
        await page.goto(`${host.url}/settings/${section}`);
        await page.locator(".settings-body section").first().waitFor();
        await page.waitForLoadState("networkidle");
        await shot(page, `settings-${section}-${width}-${theme}`);
        const cramped = await page.locator(".box-row").evaluateAll((rows) =>
          rows.flatMap((row) => {
            const own = row.getBoundingClientRect();
            const words = row.querySelector(".grow")?.getBoundingClientRect();
            const out = [...row.children].some((each) => each.getBoundingClientRect().right > own.right - 8);
            return out || (words && words.width < 90) ? [row.textContent] : [];
          }),
        );
        expect(cramped, `${width}`).toEqual([]);
        expect(await cutOff(page), `${width}`).toEqual([]);
      }
      await page.setViewportSize(PHONE);
    },
  );

  it("filters events by their source wherever one came from", async () => {
    await page.goto(host.url);
    await page.getByRole("link", { name: "ended" }).first().click();
    await page.getByRole("tab", { name: "Events" }).click();
    await page.getByLabel("Source").selectOption("session");
    expect(await cutOff(page)).toEqual([]);
  });
});

import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { type Daemon, eventually, screen, shot, shows, signedIn } from "./harness";

let host: Daemon;
let page: Page;
let complaints: string[];

/** Enough for several pieces of history. */
const LINES = 20_000;

signedIn((ready) => ({ host, page, complaints } = ready));

interface Started {
  id: string;
  size: { cols: number; rows: number };
  lease: { holder: string; size_before: { cols: number; rows: number } } | null;
}

const start = (name: string, script: string): string =>
  (JSON.parse(host.run("start", "-p", "shell", "--name", name, "--json", "--", "sh", "-c", script)) as Started).id;
const show = (id: string): Started => JSON.parse(host.run("sessions", "show", id, "--json")) as Started;

const past = () => page.getByRole("region", { name: "History" });
/** The numbers of the lines that are loaded, in their order. */
const loaded = (): Promise<number[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll(".past .h-row")]
      .map((row) => /^row (\d+)/.exec(row.textContent ?? "")?.[1])
      .filter(Boolean)
      .map(Number),
  );

async function scrollBack(): Promise<void> {
  await page.locator(".stage").hover();
  await page.mouse.wheel(0, -400);
  await page.getByText("newer lines").waitFor();
}

let long = "";

it("scrolls back to the very first line, every line once", async () => {
  long = start(
    "long",
    `i=0; while [ $i -lt ${LINES} ]; do i=$((i+1)); echo "row $i of a long output that is worth keeping"; done; echo finished; read x; echo "got $x"; read y`,
  );
  await page.goto(`${host.url}/sessions/${long}`);
  await shows(page, "finished");
  await scrollBack();
  await shot(page, "history");
  await past().focus();
  const toTop = (): Promise<void> => past().evaluate((element) => element.scrollTo(0, 0));
  await eventually(async () => {
    await toTop();
    return (await loaded())[0] === 1;
  }, "the first line is loaded");
  const rows = await loaded();
  expect(rows.length).toBe(LINES);
  rows.forEach((row, index) => expect(row).toBe(index + 1));
  // What was loaded last has moved what was seen down.
  await toTop();
  await page
    .getByText("20,000 newer lines", { exact: false })
    .or(page.getByText(/19,9\d\d newer lines/))
    .first()
    .waitFor();
});

it("goes to the first of 100,000 lines at once, and every line follows once", async () => {
  const rows = 100_000;
  const id = start("longest", `seq -f 'row %.0f of a log' ${rows}; echo finished; read x`);
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "finished");
  await scrollBack();
  await past().focus();
  let asked = 0;
  page.on("request", (request) => (asked += Number(request.url().includes("/output?"))));
  await page.keyboard.press("Home");
  await eventually(async () => (await loaded())[0] === 1, "the first line is there");
  expect(asked).toBeLessThanOrEqual(2);
  expect(await past().evaluate((element) => element.scrollTop)).toBe(0);
  expect(await loaded()).not.toContain(rows);
  await eventually(async () => {
    // Not to the very end: there it is live again.
    await past().evaluate((element) => element.scrollTo(0, element.scrollHeight - element.clientHeight - 40));
    return (await loaded()).at(-1) === rows;
  }, "the last line is there");
  expect(await loaded()).toEqual(Array.from({ length: rows }, (_, index) => index + 1));
  // The beginning is loaded still, and nothing is asked for.
  const before = asked;
  await page.keyboard.press("Home");
  await eventually(() => past().evaluate((element) => element.scrollTop === 0), "it is at the top");
  expect(asked).toBe(before);
  await page.keyboard.press("End");
  await page.getByText("newer lines").waitFor({ state: "detached" });
  await page.goto(`${host.url}/sessions/${long}`);
  await shows(page, "finished");
  await scrollBack();
  await past().focus();
});

it("is left by a key that is not sent, and disturbed nobody", async () => {
  await page.keyboard.type("x");
  await page.getByText("newer lines").waitFor({ state: "detached" });
  expect(await screen(page)).not.toContain("finishedx");
  await page.keyboard.type("hello\n");
  await shows(page, "got hello");
});

it("copies what was printed after the last line that was sent", async () => {
  await page.getByRole("button", { name: "Copy last output" }).click();
  await page.getByText(/Copied \d line/).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("got hello");
});

it("finds what was printed long ago", async () => {
  await page.keyboard.press("Control+Shift+F");
  await page.getByRole("search").getByLabel("Search output").fill("row 17 of");
  await page.keyboard.press("Enter");
  await page.getByText("1 of 1 match").waitFor();
  await page.locator(".h-row", { hasText: /^row 17 of/ }).waitFor();
  await shot(page, "history-search");
  await page.keyboard.press("Escape");
  await page.getByRole("search").waitFor({ state: "detached" });
  // One stays there, until one wants to go back.
  const found = page.locator(".h-row", { hasText: /^row 17 of/ });
  await page.waitForTimeout(300);
  expect(await found.isVisible()).toBe(true);
  await page.keyboard.press("Escape");
  await found.waitFor({ state: "detached" });
});

it("finds lines far apart, one after the other and back", async () => {
  const script = `seq -f 'row %.0f of many, with words behind it' 1 100000 | sed '5s/$/ needle/;50000s/$/ Needle/;99995s/$/ needle/'; echo printed; read x`;
  const id = start("far", script);
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "printed");
  await page.keyboard.press("Control+Shift+F");
  const field = page.getByRole("search").getByLabel("Search output");
  const seen = async (row: number, said: RegExp): Promise<void> => {
    await page.getByRole("search").getByRole("status").getByText(said).waitFor();
    const found = page.locator(".h-row", { hasText: new RegExp(`^row ${row} of .*needle`, "i") });
    await expect
      .poll(() =>
        found.evaluate((element) => {
          const { top, bottom } = element.getBoundingClientRect();
          const around = element.closest(".past")!.getBoundingClientRect();
          return top >= around.top && bottom <= around.bottom;
        }),
      )
      .toBe(true);
  };
  await field.fill("needle");
  await seen(99_995, /^1 of 1 match in this part$/);
  await page.keyboard.press("Enter");
  await seen(50_000, /^1 of 1 match in this part$/);
  await page.keyboard.press("Enter");
  await seen(5, /^1 of 1 match in this part$/);
  await page.keyboard.press("Enter");
  await seen(5, /none older/);
  await page.keyboard.press("Shift+Enter");
  await seen(50_000, /^1 of 1 match in this part$/);
  await shot(page, "history-search-far");
  await page.keyboard.press("Shift+Enter");
  await seen(99_995, /^1 of 1 match/);
  const rows = await loaded();
  rows.forEach((row, index) => expect(row).toBe(rows[0]! + index));
  // From a text that is far away to one that is at the end.
  await field.fill("row 5 of");
  await page.locator(".h-row", { hasText: /^row 5 of/ }).waitFor();
  await field.fill("row 99998 of");
  await page.locator(".h-row", { hasText: /^row 99998 of/ }).waitFor();
  // Nobody presses Enter: what is not loaded is searched at once, and from the end.
  await field.fill("row 70001 of");
  await page.locator(".h-row", { hasText: /^row 70001 of/ }).waitFor();
  await field.fill("no such row");
  await page.getByText("No matches").waitFor();
  await page.keyboard.press("Escape");
  // A daemon that is restarted looks through what tmux has of it.
  host.run("kill", id);
  host.run("sessions", "remove", id);
  await page.goto(`${host.url}/sessions/${long}`);
  await shows(page, "got hello");
});

it("goes to a moment of the timeline", async () => {
  const strip = page.getByRole("slider", { name: "Time in the session" });
  await strip.waitFor();
  const box = await strip.boundingBox();
  if (!box) throw new Error("no timeline");
  await page.mouse.click(box.x + 2, box.y + 8);
  await page.locator(".newer-pill").waitFor();
  await shot(page, "history-timeline");
  expect((await loaded()).length).toBeGreaterThan(0);
  await page.getByRole("button", { name: "Back to live" }).first().click();
  await shows(page, "got hello");
});

it("shows the moment of an event", async () => {
  await page.goto(`${host.url}/sessions/${long}/events`);
  await page.getByText("session.started").first().click();
  await page.getByRole("button", { name: "Show in terminal" }).click();
  await page.locator(".status", { hasText: "History" }).waitFor();
});

it("follows the window of the only viewer when it was created here, and gives the size back", async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(`${host.url}/sessions/${long}`);
  await page.locator("#size-chip").waitFor();
  await page.goto(`${host.url}/sessions`);
  await page.getByRole("button", { name: "Create Session" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.getByRole("radio", { name: "Shell" }).check();
  await dialog.getByRole("button", { name: /^Create/ }).click();
  await page.waitForURL(/sessions\/[0-9a-f-]{36}/);
  const id = page.url().split("/").at(-1) ?? "";
  await page.locator(".xterm-rows").waitFor();
  const created = show(id).size;
  await page.setViewportSize({ width: 1600, height: 1000 });
  await page.locator("#size-chip", { hasText: "follows this window" }).waitFor();
  const grown = show(id);
  expect(grown.size.cols).toBeGreaterThan(created.cols);
  expect(grown.size.rows).toBeGreaterThan(created.rows);
  expect(grown.lease?.size_before).toEqual(created);
  await shot(page, "size-follows");
  // Somebody else looks.
  const other = await page.context().newPage();
  await other.goto(`${host.url}/sessions/${id}`);
  await page.locator("#size-chip", { hasText: "follows this window" }).waitFor({ state: "detached" });
  // The lease is over before tmux has resized.
  await expect.poll(() => show(id).size).toEqual(created);
  await other.close();
  await page.locator("#size-chip", { hasText: "follows this window" }).waitFor();
  // One that was created elsewhere stays as it is.
  await page.goto(`${host.url}/sessions/${long}`);
  await page.locator("#size-chip").waitFor();
  await expect.poll(() => show(id).lease, { timeout: 15_000 }).toBeNull();
  await expect.poll(() => show(id).size).toEqual(created);
  expect(show(long).lease).toBeNull();
});

it("shows all of a screen that has followed its window, from its first row", async () => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.goto(`${host.url}/sessions`);
  await page.getByRole("button", { name: "Create Session" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.getByRole("radio", { name: "Shell" }).check();
  await dialog.getByRole("button", { name: /^Create/ }).click();
  await page.waitForURL(/sessions\/[0-9a-f-]{36}/);
  const id = page.url().split("/").at(-1) ?? "";
  await page.locator("#size-chip", { hasText: "follows this window" }).waitFor();
  host.run("send", id, "seq 200");
  await shows(page, "200");
  const hidden = (): Promise<{ top: number; below: number }> =>
    page.evaluate(() => {
      const view = document.querySelector(".live-screen")!.getBoundingClientRect();
      const grid = document.querySelector(".live-screen .xterm-screen")!.getBoundingClientRect();
      return { top: Math.max(0, view.top - grid.top), below: Math.max(0, view.bottom - grid.bottom - 8) };
    });
  const settled = async (what: string): Promise<void> => {
    const { rows } = show(id).size;
    await expect.poll(() => page.locator(".live-screen .xterm-rows > div").count(), { message: what }).toBe(rows);
    await page.waitForTimeout(700);
    const { top, below } = await hidden();
    expect(top, what).toBe(0);
    expect(below, what).toBeLessThan(24);
  };
  const before = show(id).size;
  await page.setViewportSize({ width: 900, height: 600 });
  await expect.poll(() => show(id).size.rows).toBeLessThan(before.rows);
  await settled("at once");
  await shot(page, "size-shrunk");
  await page.setViewportSize({ width: 1920, height: 1080 });
  await expect.poll(() => show(id).size).toEqual(before);
  for (let height = 1080; height >= 600; height -= 40) {
    await page.setViewportSize({ width: 1920 - (1080 - height) * 2, height });
    await page.waitForTimeout(60);
  }
  await expect.poll(() => show(id).size.rows).toBeLessThan(before.rows);
  await settled("gradually");
  await page.goto(`${host.url}/sessions`);
  await page.locator(`[data-session="${id}"]`).click();
  await page.locator("#size-chip", { hasText: "follows this window" }).waitFor();
  await settled("on returning");
  await page.setViewportSize({ width: 1280, height: 800 });
});

it("fits the grid to the screen when asked to, and gives it back", async () => {
  const id = start("sized", "while :; do read x; stty size; done");
  await page.goto(`${host.url}/sessions/${id}`);
  await page.locator(".xterm-rows").waitFor();
  const before = show(id).size;
  await page.locator("#size-chip").click();
  await shot(page, "size");
  const fit = page.getByRole("button", { name: /Fit to this screen/ });
  const [, cols, rows] = /\((\d+)×(\d+)\)/.exec(await fit.innerText()) ?? [];
  await fit.click();
  await page.locator("#size-chip", { hasText: "set by you" }).waitFor();
  expect(show(id).size).toEqual({ cols: Number(cols), rows: Number(rows) });
  await page.locator(".stage").click();
  await page.keyboard.type("\n");
  await shows(page, `${rows} ${cols}`);
  await shot(page, "size-yours");
  const restore = async (): Promise<void> => {
    await page.getByRole("button", { name: "Restore size" }).first().click();
    await page.locator("#size-chip", { hasText: "set by you" }).waitFor({ state: "detached" });
    expect(show(id).size).toEqual(before);
  };
  await restore();
  // With one click, too.
  await page.locator(".tool-bar").getByRole("button", { name: "Fit", exact: true }).click();
  await page.locator("#size-chip", { hasText: "set by you" }).waitFor();
  expect(show(id).size).toEqual({ cols: Number(cols), rows: Number(rows) });
  await shot(page, "size-fit-button");
  expect(await page.getByRole("button", { name: "Fit", exact: true }).count()).toBe(0);
  await restore();
});

it("completes directories, and says what is wrong with one", async () => {
  await page.goto(host.url);
  await page.getByRole("button", { name: "Create Session" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  const field = dialog.getByLabel("Working directory");
  await field.fill("/usr/sha");
  await dialog.getByRole("option", { name: "/usr/share" }).waitFor();
  await shot(page, "create-directories");
  await page.keyboard.press("Tab");
  expect(await field.inputValue()).toBe("/usr/share/");
  await field.fill("/no/such/place");
  await dialog.getByRole("alert").getByText("/no/such/place").waitFor();
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  await shot(page, "create-wrong");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

it("sends an image that is pasted", async () => {
  const id = start("pictures", "stty raw -echo; printf 'ready\\r\\n'; exec cat -v");
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "ready");
  await page.evaluate(() => {
    const png = Uint8Array.from(
      atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
      (letter) => letter.charCodeAt(0),
    );
    const data = new DataTransfer();
    data.items.add(new File([png], "x.png", { type: "image/png" }));
    document
      .querySelector(".xterm-helper-textarea")
      ?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await page.getByText("Image sent to the program.").waitFor();
  await shows(page, /\.png/);
});

it("works by keyboard alone", async () => {
  await page.goto(host.url);
  await page.locator(".row-link").first().waitFor();
  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.getByLabel("Working directory").fill("/tmp");
  await dialog.getByLabel("Name").fill("by keys");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "by keys" }).waitFor();
  await page.locator(".xterm-rows").waitFor();
  await page.keyboard.press("Alt+Escape");
  const part = (): Promise<string | undefined> =>
    page.evaluate(() => [".tool-bar", ".stage", ".rail", "main"].find((part) => document.activeElement?.closest(part)));
  await eventually(async () => (await part()) === "main", "F6 goes to " + "main");
  await page.keyboard.press("Shift+F6");
  await eventually(async () => (await part()) === ".rail", "F6 goes to " + ".rail");
  await page.keyboard.press("Shift+F6");
  await eventually(async () => (await part()) === ".tool-bar", "F6 goes to " + ".tool-bar");
  await page.keyboard.press("F6");
  await page.keyboard.press("F6");
  await eventually(async () => (await part()) === "main", "F6 goes to " + "main");
  await page.keyboard.press("F6");
  await eventually(async () => (await part()) === ".stage", "F6 goes to " + ".stage");
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("F2");
  const naming = page.getByRole("dialog", { name: "Name and tags" });
  await naming.waitFor();
  await page.keyboard.type("renamed\n");
  await page.getByRole("heading", { name: /renamed/ }).waitFor();
  // The page hears of the new name before the dialog has its answer: until then, keys are the dialog's.
  await naming.waitFor({ state: "detached" });
  await page.keyboard.press("3");
  await page.getByText("session.renamed").waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog", { name: "Command palette" }).waitFor();
  await page.keyboard.type("kill");
  await page.keyboard.press("Enter");
  const asked = page.getByRole("dialog", { name: /^Kill/ });
  await asked.waitFor();
  // Cancel has the focus: Enter does no harm.
  await page.keyboard.press("Enter");
  await asked.waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.getByRole("heading", { name: "Sessions", exact: true }).waitFor();
  // The heading is there a moment before the list listens.
  await eventually(async () => {
    await page.keyboard.press("j");
    return page.evaluate(() => document.activeElement?.matches(".row-link") === true);
  }, "the first row has the focus");
  await page.keyboard.press("s");
  await page.getByText("renamed stopped.").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("nothing is called so");
  await page.getByText("No sessions match").waitFor();
  await shot(page, "sessions-nothing");
});

it("shows a screen once, however often the daemon was away, and says so", async () => {
  const id = start("away", "echo only-once; while read x; do echo got $x; done");
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "only-once");
  // A daemon that leaves before it has looked at the session was not there for it.
  for (const word of ["one", "two"]) {
    host.restart();
    host.run("send", id, word);
    await shows(page, `got ${word}`);
  }
  await page.locator(".stage").hover();
  await page.mouse.wheel(0, -400);
  await past().getByText("only-once").first().waitFor();
  const rows = await page.locator(".past .h-row").allInnerTexts();
  expect(rows.filter((row) => row.includes("only-once"))).toHaveLength(1);
  const away = rows.filter((row) => /^The daemon was away until \d\d:\d\d · nothing is missing$/.test(row));
  expect(away).toHaveLength(2);
  await shot(page, "history-away");
});

it("is sent little while nobody sees it, and shows the screen of then", async () => {
  const id = start("unseen", "read x; seq -f '%.0f of a flood' 1 300000; echo over; read y");
  let received = 0;
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => void (received += payload.length)));
  await page.goto(`${host.url}/sessions/${id}`);
  await page.locator(".xterm-rows").waitFor();
  const look = (how: "visible" | "hidden"): Promise<void> =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { get: () => state, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, how);
  await look("hidden");
  received = 0;
  host.run("send", id, "go");
  host.run("wait", id, "--until", "text=over", "--timeout", "20");
  // 5 MB were printed. What comes behind them on the same connection is there.
  host.run("sessions", "rename", id, "seen");
  await page.getByRole("heading", { name: "seen", exact: true }).waitFor();
  expect(received).toBeLessThan(2_000_000);
  await look("visible");
  await shows(page, "over");
});

it("can be read in each of the sixteen colours on each other one, live and later, in the light theme", async () => {
  const colours = [...Array.from({ length: 8 }, (_, at) => 30 + at), ...Array.from({ length: 8 }, (_, at) => 90 + at)];
  const cells = [39, ...colours].map((front) =>
    ["49", ...colours.map((ground) => String(ground + 10))].map((ground) => `\\033[${front};${ground}mxx`).join(""),
  );
  const id = start("colours", `seq 60; printf '${cells.join("\\033[m\\r\\n")}\\033[m\\r\\nprinted\\r\\n'; read x`);
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "printed");
  /** The least contrast of a letter with its ground, as the browser draws them; how many there are. */
  const least = (where: string): Promise<{ contrast: number; of: string; letters: number }> =>
    page.evaluate((where) => {
      const light = (colour: string): number => {
        const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? [])
          .map((part) => Number(part) / 255)
          .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ground = (element: Element | null): string => {
        const own = element ? getComputedStyle(element).backgroundColor : "rgb(251, 252, 252)";
        return element && /^rgba\(.*, 0\)$/.test(own) ? ground(element.parentElement) : own;
      };
      const letters = [...document.querySelectorAll(where)].filter((each) => /x/.test(each.textContent ?? ""));
      const found = letters.map((letter) => {
        const pair = [getComputedStyle(letter).color, ground(letter)];
        const [low = 0, high = 0] = pair.map(light).sort((a, b) => a - b);
        return { contrast: (high + 0.05) / (low + 0.05), of: pair.join(" on ") };
      });
      found.sort((a, b) => a.contrast - b.contrast);
      return { contrast: found[0]?.contrast ?? 0, of: found[0]?.of ?? "", letters: letters.length };
    }, where);
  // Rounded to whole levels of a colour, it may be a little less than 4.5.
  const onScreen = await least(".xterm-rows span");
  expect(onScreen.contrast, onScreen.of).toBeGreaterThan(4.4);
  await shot(page, "colours-light");
  await scrollBack();
  const later = await least(".past .h-row span");
  await shot(page, "colours-light-history");
  expect(later.letters).toBeGreaterThan(250);
  expect(later.contrast, later.of).toBeGreaterThan(4.4);
  await page.emulateMedia({ colorScheme: "dark" });
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

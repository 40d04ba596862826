import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import {
  browser,
  daemon,
  DESK,
  eventually,
  open,
  PHONE,
  screen,
  setUp,
  shot,
  shows,
  signIn,
  type Daemon,
} from "./harness";
import { pageSize } from "./page_size";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let codes: string[];

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon({ cuttable: true })]);
  ({ page, complaints } = await open(chromium, host.url));
  ({ codes } = await setUp(page, host));
});
afterEach(() => host.network("works"));
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

interface Started {
  id: string;
  size: { cols: number; rows: number };
}

function start(name: string, ...command: string[]): string {
  return (JSON.parse(host.run("start", "-p", "shell", "--name", name, "--json", "--", ...command)) as Started).id;
}

const show = (id: string): Started => JSON.parse(host.run("sessions", "show", id, "--json")) as Started;

async function visit(id: string, tab = ""): Promise<void> {
  await page.goto(`${host.url}/sessions/${id}${tab}`);
}

it("shows the whole screen of a program that runs already, and types into it", async () => {
  const id = start("editor", "vim", "-u", "NONE", "-n");
  await visit(id);
  await shows(page, /^~/m);
  await page.keyboard.type("ihello from the browser");
  await shows(page, "hello from the browser");
  await page.keyboard.press("Escape");
  await page.keyboard.type(":q!\n");
  await page.getByText("Exited (0)").waitFor();
  await shot(page, "session-ended");
});

it("uses the mouse where the program asks for it", async () => {
  const id = start("pager", "sh", "-c", "seq 1 500 | less --mouse");
  await visit(id);
  await shows(page, /^1$/m);
  await page.locator(".stage").hover();
  await page.mouse.wheel(0, 300);
  await shows(page, /^32$/m);
  expect(await screen(page)).not.toMatch(/^1$/m);
});

it("pastes in brackets into a program that asks for them", async () => {
  const id = start("bracketed", "sh", "-c", "stty raw -echo; printf '\\033[?2004hready\\r\\n'; exec cat -v");
  await visit(id);
  await shows(page, "ready");
  await page.evaluate(() => navigator.clipboard.writeText("two\nlines"));
  await page.keyboard.press("Control+Shift+V");
  await shows(page, /\^\[\[200~two\^Mlines\^\[\[201~/);
});

it("pastes text and presses no key, wherever the text comes from", async () => {
  const id = start("hostile", "sh", "-c", "stty raw -echo; printf '\\033[?2004hready\\r\\n'; exec cat -v");
  await visit(id);
  await shows(page, "ready");
  await page.evaluate(() => navigator.clipboard.writeText("one\u001b[201~\u009b201~\u0003\rtwo"));
  await page.keyboard.press("Control+Shift+V");
  await shows(page, /\^\[\[200~one\[201~201~\^Mtwo\^\[\[201~/);
  await page.locator(".stage").evaluate((stage) => {
    const data = new DataTransfer();
    data.setData("text/plain", "three\u001b[201~\rfour");
    stage.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await shows(page, /\^\[\[200~three\[201~\^Mfour\^\[\[201~/);
});

it("tells of modified keys where the program asks, and of no others", async () => {
  const id = start("modified", "sh", "-c", "stty raw -echo; printf 'ready\\r\\n\\033[>4;2m'; exec cat -v");
  await visit(id);
  await shows(page, "ready");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("Enter");
  await page.keyboard.type("xY");
  await shows(page, /\^\[\[13;2u\^\[\[13;5u\^MxY/);
  const plain = start("unmodified", "sh", "-c", "stty raw -echo; printf 'ready\\r\\n'; exec cat -v");
  await visit(plain);
  await shows(page, "ready");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("z");
  await shows(page, /^\^Mz/m);
});

it("sends with Enter what is written below the terminal, and brings it back with the arrows", async () => {
  const id = start("composed", "sh", "-c", 'stty -echo; echo ready; while read -r line; do echo "got $line."; done');
  await visit(id);
  await shows(page, "ready");
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("p");
  const field = page.getByRole("textbox", { name: "Command" });
  await field.waitFor();
  await page.keyboard.type("one");
  await page.keyboard.press("Enter");
  await shows(page, "got one.");
  await page.keyboard.type("two");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("three");
  expect(await field.inputValue()).toBe("two\nthree");
  await page.keyboard.press("Enter");
  await shows(page, "got three.");
  await page.keyboard.press("ArrowUp");
  expect(await field.inputValue()).toBe("two\nthree");
  await page.keyboard.press("ArrowUp");
  expect(await field.inputValue()).toBe("one");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  expect(await field.inputValue()).toBe("");
  // What was begun is not taken away.
  await page.keyboard.type("begun");
  await page.keyboard.press("ArrowUp");
  expect(await field.inputValue()).toBe("begun");
});

it("writes out what a title hides", async () => {
  // Nothing is on its screen that the list would show instead.
  start("titled", "sh", "-c", "printf '\\033]2;safe\\342\\200\\256evil\\007'; read x");
  await page.goto(host.url);
  await page.getByText("safe<U+202E>evil").first().waitFor();
});

it("answers no question that tmux has answered", async () => {
  const id = start(
    "asks",
    "sh",
    "-c",
    "stty raw -echo; printf 'ready\\r\\n'; dd bs=1 count=1 2>/dev/null >/dev/null; printf '\\033[c\\033[6n\\033]11;?\\007'; exec cat -v",
  );
  await visit(id);
  await shows(page, "ready");
  const before = await screen(page);
  await page.keyboard.type("x");
  await page.keyboard.type("END");
  await shows(page, /END/);
  const answers = (await screen(page)).slice(before.trimEnd().length);
  // What stands there is tmux's: one answer to each question, not two.
  expect(answers.match(/\^\[\[\?[\d;]*c/g)?.length ?? 0).toBeLessThanOrEqual(1);
  expect(answers.match(/\^\[\[\d+;\d+R/g)?.length ?? 0).toBeLessThanOrEqual(1);
});

it("asks before a program writes to the clipboard", async () => {
  const id = start("copies", "sh", "-c", "read x; printf '\\033]52;c;aGVsbG8=\\007'; printf 'done\\n'; read y");
  await visit(id);
  await page.locator(".xterm-helper-textarea").waitFor({ state: "attached" });
  await page.evaluate(() => navigator.clipboard.writeText("before"));
  await page.keyboard.type("\n");
  await shows(page, "done");
  const asked = page.getByRole("alertdialog", { name: "Clipboard" });
  await asked.getByText("5 characters").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("before");
  await shot(page, "clipboard");
  await asked.getByRole("button", { name: "Copy" }).click();
  await eventually(
    async () => (await page.evaluate(() => navigator.clipboard.readText())) === "hello",
    "the clipboard has it",
  );
});

it("comes back by itself after a broken connection and a new daemon, with every line once", async () => {
  const id = start(
    "flood",
    "sh",
    "-c",
    "i=0; while [ $i -lt 6000 ]; do i=$((i+1)); echo line $i; [ $((i % 40)) = 0 ] && sleep 0.05; done; echo finished; read x",
  );
  await visit(id);
  await shows(page, /line \d+/);
  host.cut();
  await shows(page, /line [2-9]\d\d\d/);
  host.restart();
  await shows(page, "finished");
  const lines = [...(await screen(page)).matchAll(/line (\d+)/g)].map((match) => Number(match[1]));
  expect(lines.at(-1)).toBe(6000);
  lines.forEach((line, index) => expect(line).toBe((lines[0] ?? 0) + index));
  await page.getByText("Live", { exact: false }).first().waitFor();
});

/** What has to be shown without a connection is loaded. */
const hasWhatItNeeds = (): Promise<void> =>
  eventually(
    () =>
      page.evaluate(() => {
        const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
        // With what they import, and with its styles: until all are there, nothing of it can be shown.
        const files = ["over_pages", "around_pages", "around", "keys_table", "session_list", "logo"];
        const names = [...files.map((name) => `/${name}-[^/]*\\.js$`), "/palette-[^/]*\\.css$"];
        return names.every((name) => loaded.some((url) => new RegExp(name).test(url)));
      }),
    "what is needed without a connection is loaded",
  );

it("notices a network that swallows everything, and says which keys may be lost", async () => {
  const id = start("swallowed", "sh", "-c", "echo ready; exec cat");
  await visit(id);
  await shows(page, "ready");
  await page.keyboard.type("heard\n");
  await shows(page, "heard");
  await hasWhatItNeeds();
  host.network("swallows");
  await page.keyboard.type("zz");
  // Of the keys before, some may not be proven yet.
  await page.getByText(/May not have arrived: .*zz/).waitFor();
  await page.locator(".tool-bar").getByText("Reconnecting").waitFor();
  host.network("works");
  await page.locator(".tool-bar").getByText("Live").waitFor();
  await page.keyboard.type("again\n");
  await shows(page, "again");
});

it("says what it has to say without a connection, and has its palette", async () => {
  const id = start("cut off", "sh", "-c", "echo ready; exec cat");
  await visit(id);
  await shows(page, "ready");
  await hasWhatItNeeds();
  host.network("refuses");
  await page.locator(".tool-bar").getByText("Reconnecting").waitFor();
  await page.keyboard.type("x");
  await page.getByText("Not sent: no connection.").waitFor();
  const palette = page.getByRole("dialog", { name: "Command palette" });
  await page.keyboard.press("Control+Shift+K");
  await palette.waitFor();
  await page.keyboard.press("Escape");
  await palette.waitFor({ state: "detached" });
  host.network("works");
  await page.locator(".tool-bar").getByText("Live").waitFor();
  await page.keyboard.press("Control+Shift+K");
  await palette.waitFor();
  await page.keyboard.press("Escape");
});

it("lets no key of a search reach the program", async () => {
  const id = start("searched", "sh", "-c", "stty raw -echo; printf 'ready\\r\\n'; exec cat -v");
  await visit(id);
  await shows(page, "ready");
  await page.locator(".tool-bar").getByRole("button", { name: "Search output" }).waitFor();
  await page.keyboard.press("Control+Shift+F");
  await page.keyboard.type("ready");
  const field = page.locator(".search-bar input");
  await eventually(async () => (await field.inputValue()) === "ready", "the field has every letter");
  await page.locator(".search-bar").getByText("1 of 1").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.type("END");
  await shows(page, /^END/m);
});

it("shows the present after a long sleep, and keeps what it slept through", async () => {
  const id = start(
    "sleeper",
    "sh",
    "-c",
    "stty -echo; echo ready; read x; seq -f 'slept through %06.0f of a long night' 1 200000; echo good morning; read y",
  );
  await visit(id);
  await shows(page, "ready");
  await page.context().setOffline(true);
  host.cut();
  host.run("send", id, "go");
  host.run("wait", id, "--until", "text=good morning", "--from", "0:0", "--timeout", "60");
  await page.context().setOffline(false);
  await shows(page, "good morning");
  await page.getByText(/Skipped .* of output to catch up/).waitFor();
  await page.locator(".stage").hover();
  await page.mouse.wheel(0, -400);
  await page.getByText("newer lines").waitFor();
  // As far back as two pieces reach, every line once.
  const numbers = (): Promise<number[]> =>
    page.evaluate(() =>
      [...document.querySelectorAll(".past .h-row")]
        .map((row) => /^slept through (\d+)/.exec(row.textContent ?? "")?.[1])
        .filter(Boolean)
        .map(Number),
    );
  const history = page.getByRole("region", { name: "History" });
  await eventually(async () => {
    await history.evaluate((element) => element.scrollTo(0, 0));
    return (await numbers()).length > 12_000;
  }, "older lines are loaded");
  const all = await numbers();
  expect(all.at(-1)).toBe(200_000);
  all.forEach((number, index) => expect(number).toBe((all[0] ?? 0) + index));
});

it("changes nothing for anybody by looking from a phone", async () => {
  const id = start("shared", "sh", "-c", "seq 1 100; read x");
  await visit(id);
  await shows(page, /^100$/m);
  const before = show(id).size;
  const grid = await page.locator(".xterm-rows > div").count();
  const phone = await open(chromium, host.url, PHONE);
  await signIn(phone.page, codes.pop() ?? "");
  await phone.page.goto(`${host.url}/sessions/${id}`);
  await shows(phone.page, /^100$/m);
  await shot(phone.page, "session-second-viewer");
  const letters = (): Promise<number> =>
    phone.page.evaluate(() =>
      parseFloat(getComputedStyle(document.querySelector(".stage") as Element).getPropertyValue("--term-font")),
    );
  expect(await letters()).toBe(11);
  const touch = await phone.context.newCDPSession(phone.page);
  const fingers = (type: "touchStart" | "touchMove" | "touchEnd", ...places: number[]): Promise<unknown> =>
    touch.send("Input.dispatchTouchEvent", { type, touchPoints: places.map((x, id) => ({ x, y: 300, id })) });
  await fingers("touchStart", 100, 200);
  await fingers("touchMove", 75, 225);
  await fingers("touchEnd");
  expect(await letters()).toBe(16.5);
  await phone.page.reload();
  await shows(phone.page, /^100$/m);
  expect(await letters()).toBe(16.5);
  await phone.page.getByRole("button", { name: "Fit the whole terminal" }).click();
  expect(show(id).size).toEqual(before);
  expect(await page.locator(".xterm-rows > div").count()).toBe(grid);
  await phone.context.close();
});

it("shows the cursor's row above a soft keyboard", async () => {
  const id = start("low", "sh", "-c", "seq 1 31; printf 'prompt> '; exec cat");
  const phone = await open(chromium, host.url, PHONE);
  await signIn(phone.page, codes.pop() ?? "");
  await phone.page.goto(`${host.url}/sessions/${id}`);
  await shows(phone.page, "prompt>");
  await phone.page.setViewportSize({ width: PHONE.width, height: 420 });
  const isSeen = (): Promise<boolean> =>
    phone.page.evaluate(() => {
      const row = [...document.querySelectorAll(".xterm-rows > div")].find((each) =>
        each.textContent?.includes("prompt>"),
      );
      const seen = document.querySelector(".live-screen")?.getBoundingClientRect();
      const at = row?.getBoundingClientRect();
      return at !== undefined && seen !== undefined && at.top >= seen.top && at.bottom <= seen.bottom;
    });
  await eventually(isSeen, "the prompt is seen");
  await shot(phone.page, "phone-keyboard");
  await phone.context.close();
});

it("leaves every row where it is while the pointer is in the list", async () => {
  const [lower, upper] = [start("lower", "cat"), start("upper", "cat")];
  await page.goto(host.url);
  const row = (name: string) => page.locator(".row", { has: page.getByRole("link", { name, exact: true }) });
  await row("lower").hover();
  const place = await row("lower").boundingBox();
  host.run("kill", upper);
  await row("upper").getByText("Stopped").waitFor();
  expect(await row("lower").boundingBox()).toEqual(place);
  await page.getByRole("button", { name: "Order changed" }).click();
  await eventually(async () => (await row("lower").boundingBox())?.y !== place?.y, "the order is what it is now");
  host.run("kill", lower);
});

it("keeps the keys of the page in a terminal, and leaves Ctrl+K to its program", async () => {
  start("other", "cat");
  const id = start("cat", "sh", "-c", "stty raw -echo; printf 'ready\\r\\n'; exec cat -v");
  await visit(id);
  await shows(page, "ready");
  await page.locator(".tool-bar").getByRole("button", { name: "Search output" }).waitFor();
  await page.keyboard.press("Control+k");
  await shows(page, "^K");
  await page.keyboard.press("Control+Shift+K");
  const palette = page.getByRole("dialog", { name: "Command palette" });
  await palette.waitFor();
  await page.keyboard.press("Escape");
  await palette.waitFor({ state: "detached" });
  await page.keyboard.press("Alt+ArrowUp");
  await page.waitForURL((url) => url.pathname.startsWith("/sessions/") && !url.pathname.includes(id));
});

it("pastes with Ctrl+V as with Ctrl+Shift+V, and sends Ctrl+/", async () => {
  const id = start("pasted", "sh", "-c", "stty raw -echo; printf 'ready\\r\\n'; exec cat -v");
  await visit(id);
  await shows(page, "ready");
  await page.evaluate(() => navigator.clipboard.writeText("first-words"));
  await page.keyboard.press("Control+v");
  await shows(page, "first-words");
  await page.evaluate(() => navigator.clipboard.writeText("second-words"));
  await page.keyboard.press("Control+Shift+V");
  await shows(page, "first-wordssecond-words");
  await page.keyboard.press("Control+/");
  await shows(page, "second-words^_");
  expect(await screen(page)).not.toContain("^V");
  // An image as well.
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(1, 1);
    canvas.getContext("2d");
    const image = await canvas.convertToBlob({ type: "image/png" });
    await navigator.clipboard.write([new ClipboardItem({ "image/png": image })]);
  });
  await page.keyboard.press("Control+v");
  await page.getByText("Image sent to the program.").waitFor();
});

it("copies with Ctrl+C what is selected, and interrupts otherwise", async () => {
  const id = start("selected", "sh", "-c", "stty raw -echo; printf 'some-words\\r\\n'; exec cat -v");
  await visit(id);
  await shows(page, "some-words");
  await page.locator(".tool-bar").getByRole("button", { name: "Search output" }).waitFor();
  const line = await page.locator(".xterm-rows > div").first().boundingBox();
  await page.mouse.dblclick((line?.x ?? 0) + 20, (line?.y ?? 0) + 5);
  await page.keyboard.press("Control+c");
  await eventually(
    async () => (await page.evaluate(() => navigator.clipboard.readText())).includes("words"),
    "what is selected is copied",
  );
  await page.getByText("Copied 1 line.").waitFor();
  await page.keyboard.type("|");
  await shows(page, "|");
  expect(await screen(page)).not.toContain("^C");
  await page.keyboard.press("Control+c");
  await shows(page, "^C");
});

it("finds a session by its name, and says where nothing is", async () => {
  const id = start("by-name", "cat");
  await page.goto(`${host.url}/sessions/by-name/events`);
  await page.waitForURL(`${host.url}/sessions/${id}/events`);
  await page.goto(`${host.url}/sessions/${id.slice(0, 8)}`);
  await page.waitForURL(`${host.url}/sessions/${id}`);
  for (const path of [`/sessions/${id}/nothing`, "/settings/nothing"]) {
    await page.goto(host.url + path);
    await page.getByRole("heading", { name: "Page not found" }).waitFor();
    await eventually(async () => (await page.title()) === "Page not found · CodePiper", "the title says so");
  }
  await page.goto(`${host.url}/sessions/00000000-0000-4000-8000-000000000000`);
  await page.getByRole("heading", { name: "Session not found" }).waitFor();
  await eventually(async () => (await page.title()) === "Session not found · CodePiper", "the title says so");
  await page.goto(host.url);
  const opened = page.context().waitForEvent("page");
  await page
    .locator(".row", { hasText: "by-name" })
    .locator(".cell-age")
    .click({ modifiers: ["Control"] });
  await (await opened).waitForURL(`${host.url}/sessions/${id}`);
  await (await opened).close();
  expect(page.url()).toBe(`${host.url}/`);
});

it("has keys for a phone", async () => {
  const id = start("keys", "sh", "-c", "stty raw -echo; printf 'ready\\r\\n'; exec cat -v");
  const phone = await open(chromium, host.url, PHONE);
  await signIn(phone.page, codes.pop() ?? "");
  await phone.page.goto(`${host.url}/sessions/${id}`);
  await shows(phone.page, "ready");
  const key = (name: string) =>
    phone.page.getByRole("toolbar", { name: "Keys" }).getByRole("button", { name, exact: true });
  const enter = await key("Enter").boundingBox();
  expect((enter?.x ?? PHONE.width) + (enter?.width ?? 0)).toBeLessThanOrEqual(PHONE.width);
  await key("Esc").click();
  await key("Up").click();
  await key("Control C").click();
  await key("Ctrl").click();
  await key("Left").click();
  await key("Left").click();
  await shows(phone.page, "^[^[[A^C^[[1;5D^[[D");
  await phone.context.close();
});

it("shows text of programs and people as text", async () => {
  const evil = `<img src=x onerror="window.evil=1">`;
  const id = start("evil", "sh", "-c", `printf '\\033]2;%s\\007' '${evil}'; printf '%s\\n' '${evil}'; read x`);
  host.run("sessions", "rename", id, evil);
  await page.goto(host.url);
  await page.getByRole("link", { name: evil }).first().waitFor();
  await visit(id);
  await shows(page, evil);
  await visit(id, "/events");
  await page.getByText("session.renamed").first().click();
  await visit(id, "/logs");
  await page.getByText(`Renamed to '${evil}'`).waitFor();
  expect(await page.evaluate(() => "evil" in window)).toBe(false);
  expect(await page.locator("img[src=x]").count()).toBe(0);
});

it("ends on another device at once when it is signed out here", async () => {
  const id = start("open elsewhere", "sh", "-c", "read x");
  const other = await open(chromium, host.url);
  await signIn(other.page, codes.pop() ?? "");
  await other.page.goto(`${host.url}/sessions/${id}`);
  await other.page.locator(".xterm-helper-textarea").waitFor({ state: "attached" });
  await page.goto(`${host.url}/settings/security`);
  await page.getByRole("button", { name: "Sign out all other devices" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Sign out all other devices" }).click();
  await other.page.getByRole("heading", { name: "Sign in" }).waitFor();
  await other.context.close();
});

it("draws with WebGL where there is one", async () => {
  const fast = await browser({ webgl: true });
  const id = start("webgl", "sh", "-c", "printf '\\033[38;2;1;200;3mtrue colour\\033[0m\\n'; read x");
  const window_ = await open(fast, host.url);
  await signIn(window_.page, codes.pop() ?? "");
  await window_.page.goto(`${host.url}/sessions/${id}`);
  await window_.page.locator(".xterm-screen canvas").first().waitFor();
  expect(window_.complaints).toEqual([]);
  await fast.close();
});

it("shows the cursor of a grid that does not fit the window", async () => {
  const { id } = JSON.parse(
    host.run("start", "-p", "shell", "--size", "200x80", "--json", "--", "sh", "-c", "seq 79; exec cat"),
  ) as Started;
  await page.setViewportSize({ width: 1280, height: 420 });
  await visit(id);
  const end = (): Promise<number> =>
    page.evaluate(() => {
      const view = document.querySelector(".live-screen")!;
      return view.scrollHeight - view.scrollTop - view.clientHeight;
    });
  await shows(page, "79");
  await expect.poll(end).toBeLessThan(20);
  // A look at the top ends with the next key.
  await page.locator(".live-screen").evaluate((view) => (view.scrollTop = 0));
  await page.keyboard.type("x");
  await shows(page, "79\nx");
  await expect.poll(end).toBeLessThan(20);
  await page.setViewportSize(DESK);
});

it("keeps nothing of the sessions that one has left", async () => {
  const ids = ["left-one", "left-two", "left-three"].map((name) => start(name, "sh", "-c", "seq 100; exec cat"));
  await visit(ids[0]!);
  const devtools = await page.context().newCDPSession(page);
  const go = async (id: string): Promise<void> => {
    await page.locator(`.rail-list a[href="/sessions/${id}"]`).click();
    await shows(page, "100");
  };
  const sizes = [];
  for (let round = 0; round < 5; round++) {
    for (const id of ids) await go(id);
    sizes.push((await pageSize(devtools)).nodes);
  }
  // A terminal has some hundreds.
  expect(sizes.at(-1), `nodes after each round: ${sizes}`).toBeLessThan(sizes[1]! + 300);
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

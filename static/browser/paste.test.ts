import type { Page } from "playwright-core";
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { findings } from "./axe";
import { type Daemon, eventually, shot, shows, signedIn } from "./harness";

let host: Daemon;
let page: Page;
let complaints: string[];

signedIn((ready) => ({ host, page, complaints } = ready));

const TEXT = Array.from({ length: 60_000 }, (_, at) => `line ${at} of what was copied, with é and 日本`).join("\n");
/** As a terminal pastes it. */
const PASTED = Buffer.from(`\x1b[200~${TEXT.replaceAll("\n", "\r")}\x1b[201~`);

function start(name: string, script: string): string {
  const command = `stty raw -echo; printf '\\033[?2004hready\\r\\n'; ${script}`;
  const started = host.run("start", "-p", "shell", "--name", name, "--json", "--", "sh", "-c", command);
  return (JSON.parse(started) as { id: string }).id;
}

async function pasteInto(id: string, text = TEXT): Promise<void> {
  await page.goto(`${host.url}/sessions/${id}`);
  await shows(page, "ready");
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await page.keyboard.press("Control+Shift+V");
}

it("pastes megabytes, whole and in brackets, with what is typed behind them", async () => {
  expect(PASTED.length).toBeGreaterThan(2_000_000);
  const id = start("takes", `head -c ${PASTED.length + 4} | sha256sum; sleep 100`);
  await pasteInto(id);
  await page.keyboard.type("more");
  const sum = createHash("sha256")
    .update(Buffer.concat([PASTED, Buffer.from("more")]))
    .digest("hex");
  await shows(page, sum);
  const progress = page.getByRole("progressbar", { name: "Pasted" });
  await eventually(async () => (await progress.count()) === 0, "the progress is gone");
});

it("lets the keys of another session through while it pastes", async () => {
  const other = await page.context().newPage();
  await other.goto(`${host.url}/sessions/${start("typed", "cat")}`);
  await shows(other, "ready");
  // However fast the machine is, it goes on for as long as ten letters take.
  await page.route(/input\?raw=true/, async (route) => {
    await new Promise((after) => setTimeout(after, 100));
    await route.continue().catch(() => undefined);
  });
  await pasteInto(start("pasted", "cat >/dev/null"), TEXT.repeat(12));
  const progress = page.getByRole("progressbar", { name: "Pasted" });
  await progress.waitFor();
  const delays: number[] = [];
  const far = async (): Promise<number> => progress.evaluate((bar) => (bar as HTMLProgressElement).value);
  const before = await far();
  for (const letter of "abcdefghij") {
    const typed = Date.now();
    await other.keyboard.type(letter);
    await shows(other, letter);
    delays.push(Date.now() - typed);
  }
  // All of them came while it went on.
  await eventually(async () => (await far()) > before, "the paste goes on");
  console.log(`echoes of another session during a paste, in ms: ${delays.join(" ")}`);
  expect(Math.max(...delays)).toBeLessThan(1000);
  await page.getByRole("toolbar", { name: "Terminal" }).getByRole("button", { name: "Stop" }).click();
  await page.getByText(/Paste stopped\. The program got/).waitFor();
  await progress.waitFor({ state: "detached" });
  await page.unroute(/input\?raw=true/);
  await other.close();
});

it("says how far a paste is, and stops it without leaving the program in it", async () => {
  const id = start("stopped", "cat >/dev/null");
  await page.route(/input\?raw=true/, async (route) => {
    await new Promise((after) => setTimeout(after, 300));
    // One that was stopped meanwhile is gone.
    await route.continue().catch(() => undefined);
  });
  await pasteInto(id);
  await page.getByText(/Pasting \d+ kB of/).waitFor();
  await shot(page, "pasting");
  await page.getByRole("toolbar", { name: "Terminal" }).getByRole("button", { name: "Stop" }).click();
  await page.getByText(/Paste stopped\. The program got/).waitFor();
  await page.unroute(/input\?raw=true/);
  await eventually(() => {
    const events = host.run("logs", id, "--json");
    const sizes = [...events.matchAll(/"bytes":(\d+)/g)].map((match) => Number(match[1]));
    return sizes.at(-1) === "\x1b[201~".length;
  }, "the paste is ended");
});

it("goes on while another page is looked at, and can be stopped when one comes back", async () => {
  const id = start("left", "cat >/dev/null");
  const other = start("other", "exec cat -v");
  await page.route(/input\?raw=true/, async (route) => {
    await new Promise((after) => setTimeout(after, 700));
    await route.continue().catch(() => undefined);
  });
  await pasteInto(id);
  const progress = page.getByRole("progressbar", { name: "Pasted" });
  await progress.waitFor();
  await page.locator(`.rail-list a[href="/sessions/${other}"]`).click();
  await page.waitForURL(`**/sessions/${other}`);
  await shows(page, "ready");
  expect(await progress.count()).toBe(0);
  // Keys for this one do not wait for it.
  await page.keyboard.type("typed");
  await shows(page, "typed");
  await page.locator(`.rail-list a[href="/sessions/${id}"]`).click();
  await shows(page, "ready");
  await progress.waitFor();
  const done = async (): Promise<number> => Number(await progress.getAttribute("value"));
  const before = await done();
  await eventually(async () => (await done()) > before, "it goes on");
  await page.getByRole("toolbar", { name: "Terminal" }).getByRole("button", { name: "Stop" }).click();
  await page.getByText(/Paste stopped\. The program got/).waitFor();
  await progress.waitFor({ state: "detached" });
  await page.unroute(/input\?raw=true/);
});

/** A program that does not know of pastes, and shows each byte that it gets. */
function plain(name: string): string {
  const command = "stty raw -echo; printf 'ready\\r\\n'; exec cat -v";
  return (
    JSON.parse(host.run("start", "-p", "shell", "--name", name, "--json", "--", "sh", "-c", command)) as { id: string }
  ).id;
}

const copied = (text: string): Promise<void> => page.evaluate((text) => navigator.clipboard.writeText(text), text);
const drop = (where: string, text: string): Promise<void> =>
  page.locator(where).evaluate((stage, text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    stage.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, text);

it("asks before lines are pasted that the program would run", async () => {
  await page.goto(`${host.url}/sessions/${plain("runs-lines")}`);
  await shows(page, "ready");
  const question = page.getByRole("dialog", { name: "Paste 8 lines?" });
  await copied("one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n");
  await page.keyboard.press("Control+v");
  await question.getByText("The program runs each line.").waitFor();
  await question.getByText("two").waitFor();
  await question.getByText("and 2 more lines").waitFor();
  expect(await findings(page)).toEqual([]);
  await shot(page, "paste-question");
  await question.getByRole("button", { name: "Cancel" }).click();
  await question.waitFor({ state: "detached" });
  await page.keyboard.type("kept;");
  await shows(page, /^kept;\s*$/m);
  await page.keyboard.press("Control+v");
  await question.waitFor();
  await page.keyboard.press("Enter");
  await shows(page, /^kept;one\^Mtwo\^M.*eight\^M\s*$/m);
  // The terminal has the focus again.
  await page.keyboard.type("then;");
  await shows(page, /eight\^Mthen;\s*$/m);
  await drop(".stage", "dropped\r\nlines");
  await page.getByRole("dialog", { name: "Paste 2 lines?" }).getByRole("button", { name: "Paste" }).click();
  await shows(page, /then;dropped\^Mlines\s*$/m);
});

it("asks before a very long line, and about no line that could be typed", async () => {
  await page.goto(`${host.url}/sessions/${plain("one-line")}`);
  await shows(page, "ready");
  await copied("a line and its end\n");
  await page.keyboard.press("Control+v");
  await shows(page, /^a line and its end\^M\s*$/m);
  await copied("x".repeat(110_000));
  await page.keyboard.press("Control+v");
  await page.getByRole("dialog", { name: "Paste 110 kB?" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.type("end");
  await shows(page, /^a line and its end\^Mend\s*$/m);
});

it("asks in the grid, too, and presses no key there", async () => {
  const id = plain("in-the-grid");
  await page.goto(`${host.url}/grid?ids=${id}`);
  await page.locator(".pane .xterm-screen").waitFor();
  await page.locator(".pane-screen").click();
  await copied("one\u001b[201~\ntwo");
  await page.keyboard.press("Control+v");
  await page.getByRole("dialog", { name: "Paste 2 lines?" }).waitFor();
  await page.keyboard.press("Enter");
  await eventually(() => host.run("tail", id).includes("one[201~^Mtwo"), "the program has it, and no more");
});

it("complained about nothing", () => expect(complaints).toEqual([]));

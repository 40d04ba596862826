// From a key to its paint, in one Chromium: our page, and ttyd's page on the same tmux session, a few keys here and a few
// there. Without WebGL, so that it can be seen when the letter is there. The table is what counts; nothing fails for being slow.
//
// TTYD          the program; default: the one in the PATH
// CODEPIPER     the daemon; default: the debug build

import type { ChildProcess } from "node:child_process";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, daemon, eventually, open, setUp, shows, type Daemon } from "./harness";
import { serveTtyd } from "./ttyd";

/** Keys for each page, and how many in a row. */
const KEYS = Number(process.env["KEYS"] ?? 200);
const IN_A_ROW = 20;
/** Between two keys, in ms. */
const PAUSE = 40;

/** When a key had come so far, in ms since it was pressed. */
interface Stamps {
  sent: number;
  message: number;
  drawn: number;
  painted: number;
}

let chromium: Browser;
let host: Daemon;
let ours: Page;
let theirs: Page;
let ttyd: ChildProcess | null = null;

beforeAll(async () => {
  [chromium, host] = await Promise.all([browser(), daemon()]);
  ({ page: ours } = await open(chromium, host.url));
  await setUp(ours, host);
  ({ page: theirs } = await open(chromium, "about:blank"));
  for (const page of [ours, theirs]) await page.addInitScript(instrument);
});
afterAll(async () => {
  ttyd?.kill();
  await chromium.close();
  await host.stop();
});

it.each([
  ["idle", "exec cat", null],
  ["beside 2 MB/s", "exec cat", "while :; do head -c 20000 /dev/urandom | base64 -w 76; sleep 0.01; done"],
  ["a redraw of the screen", redraw(), null],
] as const)("a key is painted: %s", async (what, program, flood) => {
  const name = what.replaceAll(/[^a-z0-9]+/gi, "-");
  const id = start(name, `stty raw -echo; printf ready; ${program}`);
  if (flood) start(`${name}-flood`, flood);
  await ours.goto(`${host.url}/sessions/${id}`);
  await shows(ours, "ready");
  await attach(id);
  const stamps: [Page, Stamps[]][] = [
    [ours, []],
    [theirs, []],
  ];
  for (let round = 0; round < KEYS / IN_A_ROW; round++)
    for (const [page, taken] of stamps) {
      await page.bringToFront();
      await page.locator(".xterm-helper-textarea").focus();
      for (let key = 0; key < IN_A_ROW; key++) taken.push(await press(page));
    }
  print(what, stamps[0]![1], stamps[1]![1]);
  expect(stamps.map(([, taken]) => taken.length)).toEqual([KEYS, KEYS]);
  if (flood) host.run("kill", `${name}-flood`);
});

function start(name: string, script: string): string {
  const args = ["start", "-p", "shell", "--size", "120x40", "--name", name, "--json", "--", "sh", "-c", script];
  return (JSON.parse(host.run(...args)) as { id: string }).id;
}

/** Draws all of 120×40 anew for each key, in synchronized output; the letter comes last. */
function redraw(): string {
  const row = "\\033[38;5;$((c % 200 + 20))m%0118d";
  return `n=0; while k=$(dd bs=1 count=1 2>/dev/null); do n=$((n + 1)); c=$n; printf '\\033[?2026h\\033[H'
    i=0; while [ $i -lt 39 ]; do i=$((i + 1)); c=$((c + 1)); printf "${row}\\r\\n" $c; done
    printf '\\033[0m\\033[K%*s\\033[?2026l' $((n % 100 + 1)) '' | tr ' ' x; done`;
}

/** ttyd's page, on the tmux session that we supervise. */
async function attach(id: string): Promise<void> {
  ttyd?.kill();
  const { url, process } = await serveTtyd(host, id);
  ttyd = process;
  await theirs.goto(url);
  await eventually(
    () => theirs.evaluate(() => document.querySelector(".xterm-rows")?.textContent?.includes("ready") ?? false),
    "ttyd's page shows the session",
  );
}

async function press(page: Page): Promise<Stamps> {
  await page.waitForTimeout(PAUSE);
  const done = page.evaluate(() => (window as unknown as Instrumented).nextKey());
  await page.keyboard.press("x");
  return done;
}

interface Instrumented {
  nextKey: () => Promise<Stamps>;
}

/** In the page: notes when the next key gets where. Everything before the page's own scripts. */
function instrument(): void {
  let begun = 0;
  let stamps: Partial<Stamps> | null = null;
  let before = 0;
  let done: (stamps: Stamps) => void = () => undefined;
  const since = (): number => performance.now() - begun;
  const letters = (): number => (document.querySelector(".xterm-rows")?.textContent ?? "").split("x").length;
  (window as unknown as Instrumented).nextKey = () => new Promise((resolve) => (done = resolve));
  addEventListener(
    "keydown",
    () => {
      before = letters();
      stamps = {};
      begun = performance.now();
    },
    true,
  );
  window.WebSocket = class extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", () => {
        if (stamps?.sent !== undefined) stamps.message ??= since();
      });
    }
    override send(data: string | Blob | BufferSource): void {
      if (stamps) stamps.sent ??= since();
      super.send(data);
    }
  };
  new MutationObserver(() => {
    const at = since();
    const now = stamps;
    if (!now || now.drawn !== undefined || letters() === before) return;
    now.drawn = at;
    // After the frame in which it was drawn.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      stamps = null;
      done({ ...(now as Stamps), painted: since() });
    };
    port2.postMessage(null);
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

function print(what: string, own: Stamps[], other: Stamps[]): void {
  const at = (taken: Stamps[], of: keyof Stamps, share: number): number => {
    const sorted = taken.map((each) => each[of]).sort((one, two) => one - two);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  };
  const rows = (["sent", "message", "drawn", "painted"] as const).map((of) => {
    const numbers = [0.5, 0.9].flatMap((share) => {
      const [a, b] = [at(own, of, share), at(other, of, share)];
      return [a.toFixed(1), b.toFixed(1), (a / b).toFixed(2)];
    });
    return [of.padEnd(8), ...numbers.map((number) => number.padStart(8))].join("");
  });
  console.log(
    `${what}, ${own.length} keys each, ms\n${" ".repeat(8)}${"p50: ours, ttyd's, ratio".padStart(24)}${"p90".padStart(24)}\n${rows.join("\n")}`,
  );
}

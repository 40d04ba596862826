// A real daemon in a directory of its own, and a real browser.
//
// CODEPIPER     the program; default: the debug build beside this folder
// CHROMIUM      the browser; default: the first of Chromium and Chrome in the PATH
// FIREFOX       the browser of firefox.test.ts; default: the first of firefox-esr and firefox in the PATH
// DASHBOARD     a built dashboard to serve instead of the one in the program

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { type Network, overlay, type Overlay } from "./overlay";

const PROGRAM = resolve(process.env["CODEPIPER"] ?? "../target/debug/codepiper");
const CHROMIUM = installed("Chromium", "chromium", "chromium-browser", "google-chrome");
const DASHBOARD = process.env["DASHBOARD"];

export const PASSWORD = "correct horse battery staple";
/** Everything that is waited for comes within this, in ms. */
export const LIMIT = 20_000;

export const DESK = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

export interface Daemon {
  /** Where a browser goes. */
  url: string;
  /** The path of `codepiper`. */
  program: string;
  /** Its directory. */
  home: string;
  /** Runs `codepiper ARGS…` as the owner; its output. */
  run: (...args: string[]) => string;
  /** The page's connections break; new ones work. */
  cut: () => void;
  /** From here on the page's network is like this. */
  network: (network: Network) => void;
  /** The daemon executes itself again. */
  restart: () => void;
  /** The same while the test goes on. */
  restartSoon: () => Promise<void>;
  stop: () => Promise<void>;
}

/** `cuttable`: with something before it whose connections can be broken. `environment` is added to its own,
 * and to that of its programs; `bare`: of the caller's own there is the PATH alone.
 * `config` is the configuration file. */
export async function daemon({
  cuttable = false,
  bare = false,
  config = "",
  environment = {} as Record<string, string>,
} = {}): Promise<Daemon> {
  const home = mkdtempSync(join(tmpdir(), "codepiper-browser-"));
  writeFileSync(join(home, "config.toml"), config);
  const own = bare ? { PATH: process.env["PATH"], LANG: "C.UTF-8", TERM: "xterm-256color" } : process.env;
  const env = { ...own, CODEPIPER_HOME: home, SHELL: "/bin/sh", PS1: "$ ", ENV: "", ...environment };
  const run = (...args: string[]): string =>
    execFileSync(PROGRAM, args, { env, encoding: "utf8", cwd: home, stdio: ["ignore", "pipe", "pipe"] });
  const child: ChildProcess = spawn(PROGRAM, ["daemon", "--web", "--port", String(await freePort())], {
    env,
    cwd: home,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const address = (): string | null => {
    try {
      return (JSON.parse(run("daemon", "status", "--json")) as { web: string | null }).web;
    } catch {
      return null;
    }
  };
  let web = "";
  await eventually(() => (web = address() ?? "") !== "", "the daemon serves the dashboard");
  const before: Overlay | null =
    DASHBOARD || cuttable ? await overlay(DASHBOARD && resolve(DASHBOARD), () => web) : null;
  return {
    url: before?.url ?? web,
    program: PROGRAM,
    home,
    run,
    cut: () => {
      if (!before) throw new Error("this daemon is not cuttable");
      before.cut();
    },
    network: (network) => {
      if (!before) throw new Error("this daemon is not cuttable");
      before.become(network);
    },
    restart: () => void run("daemon", "restart"),
    restartSoon: async () => {
      const restarting = spawn(PROGRAM, ["daemon", "restart"], { env, cwd: home, stdio: "ignore" });
      await new Promise((done) => restarting.once("exit", done));
    },
    stop: async () => {
      await before?.close();
      const left = new Promise((done) => child.once("exit", done));
      try {
        run("daemon", "stop", "--kill-sessions");
      } catch {
        child.kill();
      }
      await left;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Where a browser is: the first of these names in the PATH, unless the environment says it. */
export function installed(browser: string, ...names: string[]): string {
  const variable = browser.toUpperCase();
  const folders = (process.env["PATH"] ?? "").split(":");
  const inPath = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = process.env[variable] ?? inPath.find((path) => existsSync(path));
  if (!found)
    throw new Error(
      `none of ${names.join(", ")} is in the PATH: install ${browser} (Debian: apt-get install ${names[0]}), or say where it is with ${variable}`,
    );
  return found;
}

/** A port that was free just now; a daemon that restarts keeps it. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Waits for a condition, with one limit. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + LIMIT;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${LIMIT} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Without WebGL the terminal's lines are elements, which tests can read. */
export async function browser({ webgl = false } = {}): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", ...(webgl ? [] : ["--disable-3d-apis"])] });
}

/** A page of Playwright's or Puppeteer's. */
interface Pictured {
  screenshot: (options: { path: string }) => Promise<unknown>;
}
interface Read {
  evaluate: (script: () => string) => Promise<string>;
}

/** Keeps a picture where `SHOTS` says, to be looked at. */
export async function shot(page: Pictured, name: string): Promise<void> {
  const folder = process.env["SHOTS"];
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}

export interface Window {
  page: Page;
  context: BrowserContext;
  /** What the page complained about: scripts, policy, requests that failed. */
  complaints: string[];
}

/** A window of a browser that nobody has signed in with. */
export async function open(
  browser: Browser,
  url: string,
  size = DESK,
  theme: "light" | "dark" = "dark",
  serviceWorkers: "allow" | "block" = "block",
): Promise<Window> {
  const phone = size.width <= 640;
  const context = await browser.newContext({
    viewport: size,
    colorScheme: theme,
    hasTouch: phone,
    isMobile: phone,
    permissions: ["clipboard-read", "clipboard-write"],
    serviceWorkers,
  });
  context.setDefaultTimeout(LIMIT);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(`${error.message}\n${error.stack}`));
  page.on("console", (message) => {
    // A refused request and a lost connection are told by the browser itself.
    const text = message.text();
    if (message.type() === "error" && !/Failed to load resource|WebSocket connection/.test(text)) complaints.push(text);
  });
  await page.goto(url);
  return { page, context, complaints };
}

/** For all tests of a file: one window, signed in, at a daemon of its own. */
export function signedIn(
  take: (ready: { chromium: Browser; host: Daemon; page: Page; complaints: string[] }) => void,
): void {
  let opened: Browser;
  let host: Daemon;
  beforeAll(async () => {
    [opened, host] = await Promise.all([browser(), daemon()]);
    const { page, complaints } = await open(opened, host.url);
    await setUp(page, host);
    take({ chromium: opened, host, page, complaints });
  });
  afterAll(async () => {
    await opened.close();
    await host.stop();
  });
}

/** The code of an authenticator; `ahead`: of a later half minute. */
export function code(secret: string, ahead = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/[\s=]/g, "")]
    .map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0"))
    .join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const hash = createHmac("sha1", key).update(step).digest();
  const at = (hash.at(-1) ?? 0) & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** The way of a first visit, as a person goes it. */
export async function setUp(page: Page, daemon: Daemon): Promise<{ secret: string; codes: string[] }> {
  const bootstrap = /[a-z0-9]{4}(-[a-z0-9]{4})+/i.exec(daemon.run("auth", "bootstrap"))?.[0] ?? "";
  await page.getByLabel("One-time password", { exact: true }).fill(bootstrap);
  await page.getByLabel("Your password").fill(PASSWORD);
  await continueSetUp(page);
  const secret = (await page.locator(".key").innerText()).replace(/\s/g, "");
  await page.getByLabel("Code from the app").fill(code(secret));
  const shown = page.locator(".recovery-codes li");
  await shown.first().waitFor();
  const codes = await shown.allInnerTexts();
  await page.getByLabel("I stored them").check();
  await page.getByRole("button", { name: "Open dashboard" }).click();
  await page.getByRole("heading", { name: "Sessions", exact: true }).waitFor();
  return { secret, codes: codes.map((each) => each.trim()) };
}

/** To the second step; from another browser, if one began. */
export async function continueSetUp(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Continue" }).click();
  const takeOver = page.getByRole("button", { name: "Take over" });
  await page.locator(".key").or(takeOver).first().waitFor();
  if (await takeOver.isVisible()) await takeOver.click();
  await page.locator(".key").waitFor();
}

export async function signIn(page: Page, with_: string): Promise<void> {
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  if (with_.length > 6) {
    await page.getByRole("button", { name: "Use a recovery code" }).click();
    await page.getByLabel("Recovery code").fill(with_);
    await page.getByRole("button", { name: "Sign in" }).click();
  } else {
    await page.getByLabel("Code from your authenticator").fill(with_);
  }
  // Where one was when one signed out.
  await page.locator(".app").waitFor();
}

/** What the live screen shows, as text. */
export async function screen(page: Read): Promise<string> {
  return page.evaluate(() => {
    const rows = document.querySelectorAll(".live-screen .xterm-rows > div");
    return [...rows].map((row) => row.textContent).join("\n");
  });
}

/** Waits until the screen shows it. */
export async function shows(page: Read, text: string | RegExp): Promise<void> {
  let last = "";
  try {
    await eventually(async () => {
      last = await screen(page);
      return typeof text === "string" ? last.includes(text) : text.test(last);
    }, `the screen shows ${text}`);
  } catch (error) {
    throw new Error(`${String(error)}; it shows:\n${last}`);
  }
}

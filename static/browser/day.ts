// A day of many real agents: two windows of a desk and a phone look on and answer, and what they show is compared with what the
// daemon tells.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type BrowserContext, type CDPSession, errors, type Page } from "playwright-core";
import { type PageSize, pageSize } from "./page_size";
import { bed, type Bed } from "./agents";
import { browser, eventually, open, PHONE, setUp, shot, signIn } from "./harness";

export interface Report {
  /** Prompts that agents were given. */
  prompts: number;
  /** Asks that were answered in one of the windows. */
  answered: number;
  /** And those that nobody answered there within a minute. */
  late: number;
  /** Numbers and states that were compared. */
  compared: number;
  /** What a window showed that was not so, and still not so after a while. */
  wrong: string[];
  /** What the windows complained about. */
  complaints: string[];
  /** Of each window, over time. */
  sizes: Record<string, PageSize[]>;
}

/** The same numbers for the same seed (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

interface Told {
  id: string;
  name: string;
  activity: string;
  asks: { answered_in: string }[];
}

interface Window {
  name: string;
  page: Page;
  devtools: CDPSession;
}

export class Day {
  private readonly report: Report = {
    prompts: 0,
    answered: 0,
    late: 0,
    compared: 0,
    wrong: [],
    complaints: [],
    sizes: {},
  };
  private over = false;

  private constructor(
    private readonly agents: Bed,
    private readonly ids: string[],
    private readonly windows: Window[],
    private readonly complaints: string[][],
    private readonly end: () => Promise<void>,
    private readonly pick: (below: number) => number,
  ) {}

  static async begin(count: number, seed: number): Promise<Day> {
    const [chromium, agents] = await Promise.all([browser(), bed()]);
    const { host } = agents;
    const first = await open(chromium, host.url);
    const { codes } = await setUp(first.page, host);
    const second = await open(chromium, host.url);
    await signIn(second.page, codes[0]!);
    const phone = await open(chromium, host.url, PHONE);
    await signIn(phone.page, codes[1]!);
    const devtools = (page: Page, context: BrowserContext): Promise<CDPSession> => context.newCDPSession(page);
    const all = { desk: first, inbox: second, phone };
    const windows = await Promise.all(
      Object.entries(all).map(async ([name, { page, context }]) => ({
        name,
        page,
        devtools: await devtools(page, context),
      })),
    );
    const ids = Array.from({ length: count }, (_, index) =>
      agents.start(index % 2 === 0 ? "claude-code" : "codex", agents.trusted, "--name", `agent-${index + 1}`),
    );
    const end = async (): Promise<void> => {
      await chromium.close();
      await agents.close();
    };
    const complaints = Object.values(all).map((window) => window.complaints);
    const day = new Day(agents, ids, windows, complaints, end, random(seed));
    for (const id of ids) await day.run("wait", id, "--until", "idle", "--timeout", "120");
    return day;
  }

  /** Lets it go on for so long, in s. */
  async passes(seconds: number, moments: number): Promise<Report> {
    const until = Date.now() + seconds * 1000;
    const [desk, inbox, phone] = this.windows as [Window, Window, Window];
    await inbox.page.goto(`${this.agents.host.url}/inbox`);
    await phone.page.goto(`${this.agents.host.url}/inbox`);
    const busy = [
      ...this.ids.map((id, index) => this.converses(id, index % 2 === 1)),
      this.looksAround(desk),
      this.answers(inbox),
      this.answers(phone),
    ];
    const compares = async (): Promise<void> => {
      for (let moment = 1; moment <= moments; moment++) {
        await pause(Math.max(0, until - (seconds * 1000 * (moments - moment)) / moments - Date.now()));
        await this.compare();
        if (moment % Math.ceil(moments / 10) === 0) await this.weigh();
      }
    };
    await Promise.all([...busy, compares().finally(() => (this.over = true))]);
    for (const { name, page } of this.windows) await shot(page, `day-${name}`);
    this.report.complaints = this.complaints.flat();
    return this.report;
  }

  close(): Promise<void> {
    return this.end();
  }

  private async run(...args: string[]): Promise<string> {
    const { host } = this.agents;
    const env = { PATH: process.env["PATH"], CODEPIPER_HOME: host.home };
    return (await promisify(execFile)(host.program, args, { env, cwd: host.home, maxBuffer: 1 << 26 })).stdout;
  }

  private async told(): Promise<Told[]> {
    return JSON.parse(await this.run("sessions", "--json")) as Told[];
  }

  /** An agent is given one thing after another to do. */
  private async converses(id: string, isCodex: boolean): Promise<void> {
    const wait = (until: string): Promise<string> => this.run("wait", id, "--until", until, "--timeout", "60");
    for (let turn = 0; !this.over; turn++) {
      const name = `${id.slice(0, 8)}-${turn}`;
      const leaves = isCodex ? "!" : "";
      const prompts = [
        `say ${name}`,
        `say ${name} ;; slow: ${20 + this.pick(60)} 100`,
        `long: ${50 + this.pick(400)}`,
        `md: ${name}`,
        `run: ${leaves}touch ${name}`,
        isCodex ? `run: ${leaves}touch other-${name}` : `ask: Which colour for ${name}? | Red | Blue`,
      ];
      await this.run("send", id, prompts[this.pick(prompts.length)]!);
      this.report.prompts += 1;
      // Somebody at one of the windows answers; after a while, somebody in the terminal.
      await wait("idle").catch(() => this.answerInTerminal(id, isCodex));
      await pause(this.pick(4000));
    }
  }

  private async answerInTerminal(id: string, isCodex: boolean): Promise<void> {
    await this.run("keys", id, isCodex ? "y" : "1");
    await this.run("wait", id, "--until", "idle", "--timeout", "60");
    this.report.late += 1;
  }

  /** From session to session, and through what there is of each. */
  private async looksAround({ page }: Window): Promise<void> {
    await page.goto(this.agents.host.url);
    while (!this.over) {
      await page.locator(`.rail-list a[href="/sessions/${this.ids[this.pick(this.ids.length)]}"]`).click();
      await page.locator(".live-screen .xterm-rows").waitFor();
      await pause(500 + this.pick(2000));
      const tabs = page.getByRole("tab");
      await tabs.nth(this.pick(await tabs.count())).click();
      await pause(500 + this.pick(1500));
      await tabs.first().click();
      if (this.pick(4) > 0) continue;
      await page.locator(`.nav a[href="/"]`).click();
      await page.locator(".row-link").first().waitFor();
      await pause(this.pick(1500));
    }
  }

  /** Answers what comes to the inbox. */
  private async answers({ page }: Window): Promise<void> {
    // The other window may be faster: then there is nothing to press any more.
    const soon = { timeout: 2000 };
    const allow = page.getByRole("button", { name: /^Allow once/ });
    const choice = page.getByLabel(/^Blue/);
    while (!this.over) {
      await pause(300 + this.pick(1500));
      // On a phone, one ask takes the place of the list.
      const item = page.locator("a.inbox-item").first();
      if (!(await item.isVisible())) await page.locator('a[href="/inbox"]').locator("visible=true").first().click();
      if (!(await item.isVisible())) continue;
      try {
        await item.click(soon);
        await allow.or(choice).first().waitFor(soon);
        if (await choice.isVisible()) {
          await choice.check(soon);
          await page.getByRole("button", { name: /^Send answer/ }).click(soon);
        } else {
          await allow.click(soon);
        }
        this.report.answered += 1;
      } catch (error) {
        if (!(error instanceof errors.TimeoutError)) throw error;
      }
    }
  }

  /** Each window shows, soon, what is so. */
  private async compare(): Promise<void> {
    for (const { name, page } of this.windows) {
      let [shown, is] = ["", ""];
      const same = async (): Promise<boolean> => {
        const before = await this.told();
        shown = await page.evaluate(shows);
        const after = await this.told();
        is = expected(after, shown);
        // While it changes, either may be right.
        return expected(before, shown) === is && shown === is;
      };
      try {
        await eventually(same, `${name} shows what is so`);
      } catch {
        this.report.wrong.push(`${name} shows ${shown}, and it is ${is}`);
      }
      this.report.compared += 1;
    }
  }

  private async weigh(): Promise<void> {
    for (const { name, devtools } of this.windows) (this.report.sizes[name] ??= []).push(await pageSize(devtools));
  }
}

/** In a window: how many sessions need a person, and what each does, where the window has a list of them. */
function shows(): string {
  const seen = (selector: string): HTMLElement[] =>
    [...document.querySelectorAll<HTMLElement>(selector)].filter((element) => element.checkVisibility());
  const needs = seen(".nav .needs-number, .bottom-bar .needs-number")[0]?.textContent ?? "0";
  const doing = seen(".rail-list a").map((link) => {
    const [, name = "", what = ""] = [...link.children].map((child) => child.textContent);
    return `${name} ${/working|waiting|unknown/i.exec(what)?.[0].toLowerCase() ?? "idle"}`;
  });
  return [needs, ...doing].join(", ");
}

function expected(sessions: Told[], shown: string): string {
  const needs = sessions.filter(({ asks }) => asks.length > 0).length;
  const doing = sessions.map(({ name, activity }) => `${name} ${activity}`);
  return [needs, ...(shown.includes(",") ? doing : [])].join(", ");
}

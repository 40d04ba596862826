// The README's tour, as one walk, with the real agents: in the dashboard, and once more on the command line. An agent
// starts in a worktree with an env set, gets a prompt, waits, is answered, gets another model, stops, goes on, and is read.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bed, type Bed } from "./agents";
import { findings } from "./axe";
import { browser, DESK, open, PHONE, setUp, shot, shows } from "./harness";

const SET = "my-api-keys";
const SECRET = "sk_live_tour_Zq8vK3xW";

let chromium: Browser;
let agents: Bed;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  [chromium, agents] = await Promise.all([browser(), bed()]);
  execFileSync("git", [
    "-C",
    agents.trusted,
    "-c",
    "user.name=x",
    "-c",
    "user.email=x@example.org",
    "commit",
    "--quiet",
    "--allow-empty",
    "-m",
    "first",
  ]);
  ({ page, complaints } = await open(chromium, agents.host.url));
  await setUp(page, agents.host);
});
afterAll(async () => {
  await chromium.close();
  await agents.close();
});

/** An agent, what it is called, and how its tool is made to ask: the command needs the env set's value. */
const AGENTS = [
  { agent: "claude-code", label: /^Claude Code/, tool: "run: ", other: "haiku", answer: "1" },
  { agent: "codex", label: /^Codex/, tool: "run: !", other: "gpt-6-luna", answer: "y" },
] as const;

const asks = (tool: string, file: string): string => `${tool}test "$STRIPE_KEY" = ${SECRET} && touch ${file}`;

interface Told {
  id: string;
  status: string;
  model: string | null;
  env_sets: string[];
  worktree: { path: string; branch: string } | null;
}
const told = (id: string): Told => JSON.parse(agents.host.run("sessions", "show", id, "--json")) as Told;

const pill = (words: string | RegExp) => page.locator(".session-head .pill", { hasText: words });
const REST = /idle|finished/;
const field = () => page.getByRole("textbox", { name: /^Prompt/ });

async function give(text: string): Promise<void> {
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("p");
  await field().fill(text);
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

async function answerIt(key: string): Promise<void> {
  // Codex says that it waits before it asks.
  await shows(page, /1\. Yes/);
  await page.locator(".live-screen .xterm").click();
  await page.keyboard.press(key);
}

/** Pictures of it on a desk and on a phone, in which nothing is found. */
async function looks(name: string): Promise<void> {
  for (const [size, device] of [
    [PHONE, "phone"],
    [DESK, "desk"],
  ] as const) {
    await page.setViewportSize(size);
    await shot(page, `tour-${name}-${device}`);
    expect(await findings(page), `${name} ${device}`).toEqual([]);
  }
}

it("makes an env set", async () => {
  await page.goto(`${agents.host.url}/settings/env-sets`);
  await page.getByRole("button", { name: "New env set" }).click();
  await page.getByLabel("Name", { exact: true }).fill(SET);
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText(SET).click();
  await page.getByRole("button", { name: "Add variable" }).click();
  await page.getByLabel("Name", { exact: true }).fill("STRIPE_KEY");
  await page.getByLabel("Value", { exact: true }).fill(SECRET);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(`STRIPE_KEY saved in ${SET}.`).waitFor();
});

describe.each(AGENTS)("$agent in the dashboard", ({ agent, label, tool, other, answer }) => {
  const branch = `feature/dashboard-${agent}`;
  let id = "";
  let worktree = "";

  it("starts in a worktree with an env set", async () => {
    await page.goto(agents.host.url);
    await page.getByRole("button", { name: "Create Session" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Create Session" });
    await dialog.getByRole("radio", { name: label }).check();
    await dialog.getByLabel("Working directory").fill(agents.trusted);
    await dialog.getByText("Work in a separate worktree").click();
    await dialog.getByLabel("New branch").fill(branch);
    await dialog.getByLabel("Add an env set").selectOption(SET);
    if (agent === "claude-code") await dialog.getByRole("radio", { name: /^API/ }).check();
    await looks(`create-${agent}`);
    await dialog.getByRole("button", { name: /^Create/ }).click();
    await page.waitForURL("**/sessions/*");
    id = page.url().split("/").at(-1)!;
    await page.locator(".head-branch", { hasText: branch }).waitFor();
    await pill(REST).waitFor();
    const session = told(id);
    expect(session.env_sets).toEqual([SET]);
    expect(session.worktree?.branch).toBe(branch);
    worktree = session.worktree!.path;
  });

  it("takes a prompt, and waits with its question", async () => {
    await give("hello there");
    await shows(page, "You said: hello there");
    await pill(REST).waitFor();
    await give(asks(tool, "has-the-key"));
    await pill("Waiting").waitFor();
    expect(existsSync(join(worktree, "has-the-key"))).toBe(false);
    await looks(`waits-${agent}`);
  });

  it("goes on when it is answered", async () => {
    await answerIt(answer);
    await pill(REST).waitFor();
    expect(existsSync(join(worktree, "has-the-key"))).toBe(true);
  });

  it("gets another model", async () => {
    await page.keyboard.press("Alt+Escape");
    await page.locator("#model-picker").click();
    const card = page.locator(".model-card:popover-open");
    await card.getByLabel("Model").fill(other);
    await card.getByRole("button", { name: "Switch" }).click();
    await page.locator(".toast", { hasText: "from the next request on" }).waitFor();
    await expect.poll(() => page.locator("#model-picker").innerText()).toContain(other);
    await give("on the other model");
    await shows(page, "You said: on the other model");
    await pill(REST).waitFor();
  });

  it("stops, and goes on with its conversation, worktree, env set and model", async () => {
    await page.keyboard.press("Alt+Escape");
    await page
      .getByRole("button", { name: /^Actions of/ })
      .last()
      .click();
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await pill(/stopped/i).waitFor();
    await looks(`stopped-${agent}`);
    await page.locator(".session-head").getByRole("button", { name: "Resume" }).click();
    await pill(REST).waitFor();
    await shows(page, "You said: on the other model");
    await give(asks(tool, "has-it-again"));
    await pill("Waiting").waitFor();
    await answerIt(answer);
    await pill(REST).waitFor();
    expect(existsSync(join(worktree, "has-it-again"))).toBe(true);
    expect(told(id)).toMatchObject({ env_sets: [SET], worktree: { branch } });
    expect(agents.host.run("model", id)).toContain(other);
  });

  it("is read as a conversation", async () => {
    await page.keyboard.press("Alt+Escape");
    await page.getByRole("button", { name: "Conversation" }).click();
    const region = page.getByRole("region", { name: "Conversation" });
    for (const said of ["You said: hello there", "You said: on the other model"])
      await region.getByText(said).waitFor();
    await region.getByText("has-it-again").first().waitFor();
    await looks(`conversation-${agent}`);
  });
});

describe.each(AGENTS)("$agent on the command line", ({ agent, tool, other, answer }) => {
  it("goes the same way", () => {
    const run = agents.host.run;
    const branch = `feature/shell-${agent}`;
    const id = agents.start(
      agent,
      agents.trusted,
      "--env-set",
      SET,
      "--worktree",
      "--create-branch",
      branch,
      "--prompt",
      "hello there",
    );
    run("wait", id, "--until", "idle", "--timeout", "60");
    const worktree = told(id).worktree!.path;
    const asked = (file: string): void => {
      run("send", id, asks(tool, file), "--wait", "waiting", "--timeout", "60");
      expect(existsSync(join(worktree, file))).toBe(false);
      run("keys", id, answer);
      run("wait", id, "--until", "idle", "--timeout", "60");
      expect(existsSync(join(worktree, file))).toBe(true);
    };
    asked("has-the-key");
    run("model", id, other);
    run("send", id, "on the other model", "--wait", "idle", "--timeout", "60");
    run("stop", id);
    expect(told(id).status.toLowerCase()).toBe("stopped");
    run("resume", id);
    run("wait", id, "--until", "idle", "--timeout", "60");
    asked("has-it-again");
    expect(run("model", id)).toContain(other);
    expect(told(id)).toMatchObject({ env_sets: [SET], worktree: { branch } });
    expect(run("tail", id, "-n", "all")).toContain("You said: on the other model");
    expect(run("worktree", "list")).toContain(branch);
  });
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

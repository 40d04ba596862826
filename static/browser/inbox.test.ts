import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { bed, type Bed } from "./agents";
import { findings } from "./axe";
import { browser, DESK, eventually, open, PHONE, setUp, shot, signIn } from "./harness";
import type { Ask } from "../src/wire";

let chromium: Browser;
let agents: Bed;
let page: Page;
let phone: Page;
let complaints: string[];
let id: string;

beforeAll(async () => {
  [chromium, agents] = await Promise.all([browser(), bed()]);
  ({ page, complaints } = await open(chromium, agents.host.url));
  const { codes } = await setUp(page, agents.host);
  ({ page: phone } = await open(chromium, "about:blank", PHONE));
  await phone.goto(`${agents.host.url}/inbox`);
  await signIn(phone, codes[0] ?? "");
  id = agents.start("claude-code", agents.trusted, "--name", "migration");
  agents.host.run("wait", id, "--until", "idle", "--timeout", "60");
});
afterAll(async () => {
  await chromium.close();
  await agents.close();
});

// A test that failed may have left the agent asking.
beforeEach(() => {
  try {
    agents.host.run("wait", id, "--until", "idle", "--timeout", "5");
  } catch {
    agents.host.run("keys", id, "escape");
    idle();
  }
});

const ask = (prompt: string): string => agents.host.run("send", id, prompt, "--wait", "waiting", "--timeout", "20");
const allow = (of: Page) => of.getByRole("button", { name: /^Allow once/ });
const badge = () => page.locator(".nav .needs-number");
const idle = (): string => agents.host.run("wait", id, "--until", "idle", "--timeout", "20");

/** Pictures in which nothing is found. */
async function looks(of: Page, name: string): Promise<void> {
  for (const theme of ["light", "dark"] as const) {
    await of.emulateMedia({ colorScheme: theme });
    // Colours change softly.
    await of.waitForTimeout(200);
    await shot(of, `${name}-${theme}`);
    expect(await findings(of), `${name} ${theme}`).toEqual([]);
  }
}

it("shows what is asked, and allows it by a key, not before it can be read", async () => {
  await page.goto(`${agents.host.url}/inbox`);
  await page.getByText("Nothing needs you.").waitFor();
  // As the answer appears first: a key that was meant for something else does nothing. It is watched before anything is asked.
  await page.evaluate(() => {
    new MutationObserver((_, observer) => {
      const button = document.querySelector<HTMLButtonElement>(".button.answer");
      if (!button) return;
      observer.disconnect();
      document.body.dataset["begun"] = String(button.disabled);
    }).observe(document.body, { subtree: true, childList: true });
  });
  ask("run: touch asked-here");
  await page.locator(".whole-text", { hasText: "touch asked-here" }).waitFor();
  expect(await page.evaluate(() => document.body.dataset["begun"])).toBe("true");
  expect(await badge().innerText()).toBe("1");
  expect(await page.title()).toMatch(/^\(1\) Inbox/);
  await eventually(() => allow(page).isEnabled(), "the answer can be given");
  await page.getByText("Do you want to proceed?").first().waitFor({ state: "attached" });
  await page.setViewportSize(DESK);
  await looks(page, "inbox-permission-desk");
  await looks(phone, "inbox-list-phone");
  await page.keyboard.press("a");
  await page.getByText("Allowed by").first().waitFor();
  idle();
  expect(agents.host.run("tail", id)).toContain("Tool result:");
});

it("keeps what is asked, and since when, while the daemon restarts", async () => {
  const since = (): string => {
    const [session] = JSON.parse(agents.host.run("sessions", "--json")) as { state_since: string }[];
    return session!.state_since;
  };
  ask("run: touch over-a-restart");
  await page.goto(agents.host.url);
  const needs = page.getByRole("region", { name: "Needs you" });
  await needs.getByText("touch over-a-restart").waitFor();
  const before = since();
  agents.host.restart();
  await page.reload();
  await needs.getByText("touch over-a-restart").waitFor();
  await needs.getByText("Permission", { exact: true }).waitFor();
  expect(since()).toBe(before);
  await shot(page, "needs-you-after-restart");
  await page.goto(`${agents.host.url}/inbox`);
  await page.locator(".whole-text", { hasText: "touch over-a-restart" }).waitFor();
  await eventually(() => allow(page).isEnabled(), "the answer can be given");
  await allow(page).click();
  await page.getByText("Allowed by").first().waitFor();
  idle();
  expect(agents.host.run("tail", id)).toContain("Tool result:");
});

it("denies with a reason on a phone, and the desk sees that it is over", async () => {
  await phone.goto(`${agents.host.url}/inbox`);
  ask("run: touch never");
  await page.locator(".whole-text", { hasText: "touch never" }).waitFor();
  await phone.locator(".inbox-item", { hasText: "migration" }).first().tap();
  await phone.locator(".whole-text", { hasText: "touch never" }).waitFor();
  await looks(phone, "inbox-permission-phone");
  await phone.getByRole("button", { name: /^Deny/ }).first().tap();
  await phone.getByLabel("Why? The agent is told this.").fill("use the staging database");
  await eventually(() => phone.getByRole("button", { name: "Deny", exact: true }).isEnabled(), "it can be denied");
  await phone.getByRole("button", { name: "Deny", exact: true }).tap();
  await page.locator(".whole-text", { hasText: "touch never" }).waitFor({ state: "detached" });
  await page.getByText("Denied by").first().waitFor();
  idle();
  expect(agents.host.run("tail", id)).toContain("use the staging database");
});

it("answers questions with one thumb", async () => {
  const questions = {
    questions: [
      {
        question: "Which queues should be retried?",
        header: "Queues",
        multiSelect: true,
        options: [
          { label: "Billing", description: "Webhooks of the payment provider" },
          { label: "Mail", description: "Everything that was not delivered" },
          { label: "Search", description: "The index of last night" },
        ],
      },
    ],
  };
  ask(`tool: AskUserQuestion ${JSON.stringify(questions)}`);
  await phone.goto(`${agents.host.url}/inbox`);
  await phone.locator(".inbox-item", { hasText: "Which queues" }).tap();
  await phone.getByLabel(/^Billing/).check();
  await phone.getByLabel(/^Search/).check();
  await looks(phone, "inbox-question-phone");
  await looks(page, "inbox-question-desk");
  const send = phone.getByRole("button", { name: /^Send answer/ });
  await eventually(() => send.isEnabled(), "the answer can be sent");
  await send.tap();
  await eventually(() => agents.host.run("tail", id).includes("Billing, Search"), "the agent has the answer");
  idle();
});

/** The older version tells its plan only on the screen. */
it("approves a plan with one thumb", async () => {
  const newest = await bed("newest");
  const { page: thumb, complaints: said } = await open(chromium, "about:blank", PHONE);
  try {
    const { page: first } = await open(chromium, newest.host.url);
    await setUp(first, newest.host).then(({ codes }) =>
      thumb.goto(`${newest.host.url}/inbox`).then(() => signIn(thumb, codes[0] ?? "")),
    );
    await first.close();
    const plans = newest.start("claude-code", newest.trusted, "--name", "plans", "--", "--permission-mode", "plan");
    const run = newest.host.run;
    run("wait", plans, "--until", "idle", "--timeout", "60");
    const steps = Array.from({ length: 40 }, (_, at) => `step ${at + 1}`).join("\\n");
    run("send", plans, `plan: ${steps}`, "--wait", "waiting", "--timeout", "20");
    // The state is told before the plan itself.
    const asked = (): Ask[] => (JSON.parse(run("inbox", "--json")) as Ask[]).filter((ask) => ask.kind === "plan");
    await eventually(() => asked()[0]?.text.includes("step 40") ?? false, "the plan is asked about");
    const [ask] = asked();
    // As a click on the notification does.
    await thumb.goto(`${newest.host.url}/inbox?ask=${ask?.id ?? ""}`);
    const text = thumb.locator(".whole-text", { hasText: "step 40" });
    await text.waitFor().catch(async (error: Error) => {
      throw new Error(
        `${error.message}\nthe page: ${await thumb.innerText("body")}\nthe inbox: ${run("inbox", "--json")}`,
      );
    });
    await looks(thumb, "inbox-plan-phone");
    expect(await thumb.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await text.evaluate((box) => box.scrollTo(0, box.scrollHeight));
    const approve = thumb.getByRole("button", { name: /^Approve/ }).first();
    await eventually(() => approve.isEnabled(), "it can be approved");
    await approve.tap();
    await thumb
      .getByText(/^(Approved|Allowed) by/)
      .first()
      .waitFor();
    run("wait", plans, "--until", "idle", "--timeout", "20");
    expect((JSON.parse(run("sessions", "show", plans, "--json")) as { permission_mode: string }).permission_mode).toBe(
      "default",
    );
    expect(said).toEqual([]);
  } finally {
    await newest.close();
  }
});

it("keeps a rule for this session, and says which", async () => {
  await page.goto(`${agents.host.url}/inbox`);
  ask("run: touch always ;; run: touch always");
  await page.locator(".whole-text", { hasText: "touch always" }).waitFor();
  await eventually(() => allow(page).isEnabled(), "the answer can be given");
  await page.keyboard.press("Shift+A");
  await page.getByText("Bash(touch always)", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Allow always" }).click();
  // It is not asked about again.
  idle();
});

it("makes one scroll to the end of what is long before it can be allowed", async () => {
  ask(`run: touch ${Array.from({ length: 80 }, (_, at) => `file-with-a-long-name-${at}`).join(" ")}`);
  await page.locator(".whole-text", { hasText: "file-with-a-long-name-79" }).waitFor();
  await page.getByText("Scroll to the end of the text first").waitFor();
  await page.waitForTimeout(600);
  expect(await allow(page).isDisabled()).toBe(true);
  await page.locator(".whole-text").evaluate((box) => box.scrollTo(0, box.scrollHeight));
  await eventually(() => allow(page).isEnabled(), "it can be allowed");
  await page.keyboard.press("d");
  await page.getByLabel("Why? The agent is told this.").press("Escape");
  agents.host.run("deny", id);
  idle();
});

it("shows what is selected, and never answers another one by a stray key", async () => {
  const other = agents.start("claude-code", agents.trusted, "--name", "second");
  agents.host.run("wait", other, "--until", "idle", "--timeout", "60");
  await page.goto(`${agents.host.url}/inbox`);
  ask("run: touch first-file");
  agents.host.run("send", other, "run: touch second-file", "--wait", "waiting", "--timeout", "20");
  const asks = page.locator(".inbox-item[data-ask]", { hasText: "Permission" });
  await eventually(async () => (await asks.count()) === 2, "both ask");
  await page.locator(".inbox-item", { hasText: "first-file" }).click();
  await page.locator(".whole-text", { hasText: "first-file" }).waitFor();
  await eventually(() => allow(page).isEnabled(), "it can be answered");
  // Held, the key reaches the next ask as well, and answers nothing.
  await page.keyboard.press("h");
  await page.locator(".whole-text", { hasText: "second-file" }).waitFor();
  await page.keyboard.press("a");
  await page.keyboard.down("a");
  for (let at = 0; at < 12; at += 1) {
    await page.waitForTimeout(80);
    await page.keyboard.down("a");
  }
  await page.keyboard.up("a");
  // What was pressed first came within the moment; the rest were repeats.
  expect(await page.locator(".whole-text").innerText()).toBe("touch second-file");
  expect(await page.locator(".inbox-item[aria-current]").innerText()).toContain("second-file");
  expect(await asks.count()).toBe(1);
  await shot(page, "inbox-snoozed-desk");
  await page.getByRole("button", { name: /^Snoozed/ }).click();
  await page.locator(".whole-text", { hasText: "first-file" }).waitFor();
  expect(await page.locator(".inbox-item[aria-current]").innerText()).toContain("first-file");
  // A link to it leads to where it is.
  const snoozedAsk = await page.locator(".inbox-item[aria-current]").getAttribute("data-ask");
  await page.goto(`${agents.host.url}/inbox?ask=${snoozedAsk}`);
  await page.locator(".inbox-item[aria-current]", { hasText: "first-file" }).waitFor();
  expect(page.url()).toContain("show=snoozed");
  await page.getByRole("button", { name: "Unsnooze" }).click();
  await page.getByText("Nothing is snoozed.").waitFor();
  expect(await page.locator(".ask").count()).toBe(0);
  // A reason is sent by Enter.
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.locator(".inbox-item", { hasText: "first-file" }).click();
  await eventually(() => allow(page).isEnabled(), "it can be answered");
  await page.keyboard.press("d");
  await page.getByLabel("Why? The agent is told this.").fill("not the first one");
  await page.keyboard.press("Enter");
  await page.locator(".whole-text", { hasText: "second-file" }).waitFor();
  await eventually(
    () => page.evaluate(() => document.activeElement?.getAttribute("aria-current") === "true"),
    "the focus follows",
  );
  idle();
  expect(agents.host.run("tail", id)).toContain("not the first one");
  // The row has the focus, and Enter opens its session.
  await page.keyboard.press("Enter");
  await page.waitForURL(/sessions/);
  agents.host.run("deny", other);
  agents.host.run("stop", other);
});

it("marks what only wants to be seen, on all devices", async () => {
  await page.goto(`${agents.host.url}/inbox`);
  await page.locator(".inbox-item", { hasText: "Finished a turn" }).first().waitFor();
  await looks(page, "inbox-finished-desk");
  await page.keyboard.press("e");
  await page.getByText("Nothing needs you.").waitFor();
  await phone.goto(`${agents.host.url}/inbox`);
  await phone.getByText("Nothing needs you.").waitFor();
  await page.goto(`${agents.host.url}/inbox?show=answered`);
  await page.getByText("Denied by").first().waitFor();
  // Turns that finished and went on are no answers.
  expect(await page.getByText("the agent went on").count()).toBe(0);
  await looks(page, "inbox-answered-desk");
});

it("has all of it on record", async () => {
  await page.goto(`${agents.host.url}/settings/audit`);
  await page.getByText("Denied by Chrome on Linux:").first().waitFor();
  await page.getByLabel("Kind").selectOption("Answers");
  await eventually(async () => (await page.getByText("Started as process").count()) === 0, "only answers are shown");
  await page.locator(".audit-record summary").first().click();
  await page.getByText('"decision"').first().waitFor();
  await page.getByRole("button", { name: "Check all records" }).click();
  await page.getByText("Every record is as it was written.").waitFor();
  await page.setViewportSize(DESK);
  await looks(page, "settings-audit-desk");
  await page.setViewportSize(PHONE);
  await looks(page, "settings-audit-phone");
  await page.setViewportSize(DESK);
});

it("halts all agents", async () => {
  await page.goto(`${agents.host.url}/inbox`);
  agents.host.run("send", id, "slow: 500 100", "--wait", "text=word3", "--timeout", "20");
  await page.locator(".page-head").getByRole("button", { name: "Halt all agents" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Halt all agents" }).click();
  await page.getByText("Halted 1 agent.").waitFor();
  idle();
});

it("shows which policies a session has, and what they decided", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "codepiper-policy-")), "nightly.toml");
  writeFileSync(
    file,
    `name = "nightly"
description = "For tests"
sessions = []
default = "ask"

[[rule]]
action = "deny"
command = { program = "rm" }
reason = "nothing is deleted at night"
match = ["rm x"]
`,
  );
  agents.host.run("policy", "create", "nightly", "--from", file);
  await page.goto(`${agents.host.url}/sessions/${id}/policies`);
  await page.getByText("applies to no session yet").waitFor();
  expect(await page.getByLabel("Command").count()).toBe(0);
  await page.getByRole("button", { name: "Attach nightly" }).click();
  await page.getByRole("button", { name: "Detach nightly" }).waitFor();
  await page.getByLabel("Command").fill("rm x");
  await page.locator(".policy-verdict", { hasText: "nothing is deleted at night" }).waitFor();
  agents.host.run("send", id, "run: rm gone");
  await page.locator(".policy-decided", { hasText: "rm gone" }).first().waitFor();
  idle();
  await looks(page, "session-policies-desk");
  await phone.goto(`${agents.host.url}/sessions/${id}/policies`);
  await phone.getByRole("button", { name: "Detach nightly" }).waitFor();
  await looks(phone, "session-policies-phone");
  await phone.getByRole("button", { name: "Detach nightly" }).tap();
  await page.getByRole("button", { name: "Attach nightly" }).waitFor();
  agents.host.run("policy", "remove", "nightly");
  await page.getByText("No policies yet").waitFor();
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

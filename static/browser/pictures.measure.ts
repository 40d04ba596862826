// Takes the pictures of the guides, into the folder that SHOTS names: `make pictures`.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bed, type Bed } from "./agents";
import { browser, continueSetUp, open, PASSWORD, PHONE, setUp, shot, signIn } from "./harness";

let chromium: Browser;
let agents: Bed;
let page: Page;
let phone: Page;
let shop: string;
/** The sessions, by their names. */
const ids: Record<string, string> = {};

const git = (...args: string[]): string => execFileSync("git", ["-C", shop, ...args], { encoding: "utf8" });
const write = (name: string, text: string): void => {
  mkdirSync(dirname(join(shop, name)), { recursive: true });
  writeFileSync(join(shop, name), text);
};
const claude = (name: string, project: string, ...args: string[]): void => {
  ids[name] = agents.start("claude-code", agents.projects[project]!, "--name", name, ...args);
};
const shell = (name: string, project: string, ...command: string[]): void => {
  const args = ["start", "-p", "shell", "-d", agents.projects[project]!, "--name", name, "--json", "--", ...command];
  ids[name] = (JSON.parse(agents.host.run(...args)) as { id: string }).id;
};
const send = (name: string, prompt: string, until: string): string =>
  agents.host.run("send", ids[name]!, prompt, "--wait", until, "--timeout", "30");
const visit = (name: string, tab = ""): Promise<unknown> => page.goto(`${agents.host.url}/sessions/${ids[name]}${tab}`);
/** What appears softly is there. */
const settled = (): Promise<void> => page.waitForTimeout(500);

const line = (number: number): string => `  const value${number} = compute(${number});\n`;
const code = (change: Record<number, string>): string =>
  Array.from({ length: 60 }, (_, at) => change[at + 1] ?? line(at + 1)).join("");

beforeAll(async () => {
  const projects = ["my-app", "storefront", "handbook", "billing", "shop"];
  [chromium, agents] = await Promise.all([browser({ webgl: true }), bed("older", ...projects)]);
  for (const project of projects) {
    shop = agents.projects[project]!;
    git("config", "user.name", "Ada");
    git("config", "user.email", "ada@example.org");
    git("checkout", "-q", "-b", "main");
    write("src/code.ts", code({}));
    write("Cargo.lock", "x\n".repeat(10));
    git("add", "-A");
    git("commit", "-qm", "First");
  }
  claude("auth-argon2", "my-app");
  claude("docs-sweep", "handbook");
  claude("billing-webhooks", "billing");
  claude("review", "shop");
  shell(
    "tests",
    "storefront",
    "bash",
    "-c",
    "for i in $(seq 1 300); do echo ok $i - test $i of the shop; sleep 0.02; done; read x",
  );
  shell("import-legacy", "my-app", "sh", "-c", "sleep 2; kill -9 $$");
  for (const name of ["auth-argon2", "docs-sweep", "billing-webhooks", "review"])
    agents.host.run("wait", ids[name]!, "--until", "idle", "--timeout", "90");
}, 180_000);
afterAll(async () => {
  await chromium.close();
  await agents.close();
});

it("the first visit", async () => {
  const { host } = agents;
  ({ page } = await open(chromium, host.url));
  const word = /[a-z0-9]{4}(-[a-z0-9]{4})+/i.exec(host.run("auth", "bootstrap"))?.[0] ?? "";
  await page.getByLabel("One-time password", { exact: true }).fill(word);
  await page.getByLabel("Your password").fill(PASSWORD);
  await continueSetUp(page);
  await shot(page, "onboarding");
  await page.context().close();
  ({ page } = await open(chromium, host.url));
  const { codes } = await setUp(page, host);
  ({ page: phone } = await open(chromium, host.url, PHONE));
  await signIn(phone, codes[0]!);
});

it("the list", async () => {
  await page.goto(agents.host.url);
  send("docs-sweep", "All links in the handbook point to pages that exist.", "idle");
  send("auth-argon2", "md: Argon2 for passwords", "idle");
  agents.host.run("send", ids["billing-webhooks"]!, "slow: 900 200");
  send("auth-argon2", "run: npm install argon2@0.41 --save-exact", "waiting");
  await page.getByRole("region", { name: "Needs you" }).getByText("npm install").waitFor();
  await page.mouse.move(640, 780);
  await page.reload();
  await page.locator(".row", { hasText: "import-legacy" }).waitFor();
  await page.locator(".row .trace").first().waitFor();
  await settled();
  await shot(page, "sessions");
  await phone.reload();
  await phone.locator(".row-link").first().waitFor();
  await phone.waitForTimeout(500);
  await shot(phone, "phone-sessions");
});

it("the inbox", async () => {
  await page.goto(`${agents.host.url}/inbox`);
  await page.locator(".whole-text", { hasText: "npm install" }).waitFor();
  await page.getByText("Do you want to proceed?").first().waitFor({ state: "attached" });
  await settled();
  await shot(page, "inbox");
});

it("a session that waits", async () => {
  await visit("auth-argon2");
  await page.locator(".timeline").waitFor();
  await page.locator("#size-chip").waitFor();
  await page
    .getByRole("button", { name: /Waiting/ })
    .first()
    .click();
  await page.getByText(/^Why “Waiting/).waitFor();
  await settled();
  await shot(page, "session");
  await phone.goto(`${agents.host.url}/sessions/${ids["auth-argon2"]}`);
  await phone.locator(".xterm-screen canvas").first().waitFor();
  await phone.locator(".key-strip").waitFor();
  await phone.waitForTimeout(500);
  await shot(phone, "phone-session");
});

it("a conversation, and what happened", async () => {
  await visit("auth-argon2", "/conversation");
  await page.getByText("Argon2 for passwords").last().waitFor();
  await settled();
  await shot(page, "conversation");
  await visit("auth-argon2", "/events");
  await page.getByText("hook.permission_requested").first().waitFor();
  await settled();
  await shot(page, "events");
});

it("older output", async () => {
  agents.host.run("wait", ids["tests"]!, "--until", "text=ok 300", "--from", "0:0", "--timeout", "60");
  await visit("tests");
  await page.locator(".xterm-screen canvas").first().waitFor();
  await page.locator(".stage").hover();
  await page.mouse.wheel(0, -900);
  await page.getByText("newer lines").waitFor();
  await page.mouse.move(640, 60);
  await settled();
  await shot(page, "history");
});

it("the form of a new session", async () => {
  await page.goto(agents.host.url);
  await page.getByRole("button", { name: "Create Session" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create Session" });
  await dialog.getByRole("radio", { name: /^Claude Code/ }).check();
  await dialog.getByLabel("Working directory").fill("~/projects/my-app");
  await dialog.getByText("Work in a separate worktree").waitFor();
  await settled();
  await shot(page, "create");
  await page.keyboard.press("Escape");
});

it("a rebase that stopped", async () => {
  await visit("review", "/git");
  await page.getByLabel("Compare with").selectOption("uncommitted");
  git("checkout", "-q", "-b", "topic");
  write("src/code.ts", code({ 3: "  const value3 = 1;\n" }));
  git("commit", "-qam", "One");
  write("src/code.ts", code({ 3: "  const value3 = 1;\n", 9: "  const value9 = 9;\n" }));
  git("commit", "-qam", "Two");
  git("checkout", "-q", "main");
  write("src/code.ts", code({ 3: "  const value3 = 2;\n" }));
  git("commit", "-qam", "Other");
  git("checkout", "-q", "topic");
  expect(() => git("rebase", "main")).toThrow();
  await page.getByText("Rebase under way, 1 of 2").waitFor();
  await page.getByText("Both sides of a merge changed it.").waitFor();
  await settled();
  await shot(page, "git-rebase");
  git("rebase", "--abort");
  git("checkout", "-q", "main");
  git("reset", "-q", "--hard", "HEAD~1");
});

it("what an agent changed", async () => {
  write("Cargo.lock", "y\n".repeat(10));
  write("new file.md", "# New\n\nText\n");
  const changed = {
    3: "  const value3 = compute(3, { cached: true });\n",
    30: "  const value30 = lookUp(30);\n  const more = 1;\n",
    55: "",
  };
  write("src/code.ts", code(changed));
  await page.getByText("const more = 1;").first().waitFor();
  await settled();
  await shot(page, "git");
  agents.host.run("review", "add", ids["review"]!, "src/code.ts:3", "Why not?");
  agents.host.run("review", "add", ids["review"]!, "src/code.ts:30", "Name it better.");
  agents.host.run("review", "add", ids["review"]!, "new file.md:1", "Say more.");
  git("checkout", "-q", "--", "Cargo.lock");
  write("src/code.ts", code({ 3: "  const value3 = compute(3, { cache: 1 });\n" }));
  await page.emulateMedia({ colorScheme: "light" });
  await expect.poll(() => page.getByText("its lines are gone").count()).toBe(2);
  await settled();
  await shot(page, "git-comments");
  await page.emulateMedia({ colorScheme: "dark" });
});

import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, DESK, eventually, open, PHONE, setUp, shot, signIn, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];
let codes: string[];
/** What scripts of an agent's text said. */
const ran: string[] = [];
/** The home of a `claude` that says nothing: the tests write its transcripts. */
let user = "";

/** Messages of a long conversation. */
const LONG = 10_000;

beforeAll(async () => {
  user = mkdtempSync(join(tmpdir(), "codepiper-user-"));
  mkdirSync(join(user, "bin"));
  mkdirSync(join(user, "project"));
  writeFileSync(join(user, "bin/claude"), "#!/bin/sh\necho ready\nexec cat\n");
  chmodSync(join(user, "bin/claude"), 0o755);
  [chromium, host] = await Promise.all([
    browser(),
    daemon({ environment: { HOME: user, PATH: `${join(user, "bin")}:${process.env["PATH"] ?? ""}` } }),
  ]);
  ({ page, complaints } = await open(chromium, host.url));
  page.on("dialog", (dialog) => {
    ran.push(dialog.message());
    void dialog.dismiss();
  });
  ({ codes } = await setUp(page, host));
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  rmSync(user, { recursive: true, force: true });
});

function start(name: string): string {
  const started = host.run("start", "-p", "claude-code", "--name", name, "-d", join(user, "project"), "--json");
  return (JSON.parse(started) as { id: string }).id;
}

function transcript(id: string): string {
  const project = realpathSync(join(user, "project")).replace(/[^a-zA-Z0-9]/g, "-");
  return join(user, ".claude/projects", project, `${id}.jsonl`);
}

function append(file: string, lines: unknown[]): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

let second = 0;
/** Each line is two seconds younger than the one before; the newest ones are of now. */
const at = (): string => new Date(Date.now() - 600_000 + 2000 * second++).toISOString();
const user_ = (content: unknown, more: object = {}) => ({
  type: "user",
  timestamp: at(),
  message: { role: "user", content },
  ...more,
});
let answers = 0;
const says = (...content: unknown[]) => ({
  type: "assistant",
  timestamp: at(),
  message: {
    id: `m${answers++}`,
    model: "claude-opus-4-8",
    content,
    usage: { input_tokens: 400, cache_read_input_tokens: 18_000, output_tokens: 1100 },
  },
});
const text = (words: string) => says({ type: "text", text: words });
const uses = (id: string, name: string, input: unknown) => says({ type: "tool_use", id, name, input });
const result = (id: string, content: unknown, more: object = {}, failed = false) =>
  user_([{ type: "tool_result", tool_use_id: id, content, is_error: failed }], more);
const ended = () => ({ type: "system", subtype: "turn_duration", durationMs: 12_000, timestamp: at() });

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const PATCH = [
  {
    oldStart: 17,
    oldLines: 3,
    newStart: 17,
    newLines: 3,
    lines: [
      " // Passwords.",
      '-import bcrypt from "bcrypt";',
      '+import { hash, verify } from "argon2";',
      " export const COST = 12;",
    ],
  },
];

function story(id: string): void {
  const file = transcript(id);
  append(join(file.replace(".jsonl", ""), "subagents/agent-a1.jsonl"), [
    user_("Find the callers"),
    text("There are **two** callers."),
  ]);
  append(file, [
    user_("Move password hashing to Argon2id. Keep old hashes valid at sign-in."),
    says({ type: "thinking", thinking: "The hashing code is in one file." }),
    text(
      "I will read the current hashing code first. The plan:\n\n- hash new passwords with `argon2id`, 19 MiB, 2 passes\n- verify old `$2b$` hashes, and replace them at the next sign-in\n\n<img src=x onerror=alert(1)><script>alert(1)</script>[x](javascript:alert(1))",
    ),
    uses("t1", "Read", { file_path: "src/auth/hash.ts" }),
    result("t1", Array.from({ length: 84 }, (_, line) => `line ${line}`).join("\n")),
    uses("t2", "Edit", { file_path: "src/auth/hash.ts", old_string: "a", new_string: "b" }),
    result("t2", "done", { toolUseResult: { filePath: "src/auth/hash.ts", structuredPatch: PATCH } }),
    uses("t3", "Agent", { description: "Find callers", prompt: "Find the callers" }),
    result("t3", [{ type: "text", text: "Two callers." }], {
      toolUseResult: { agentId: "a1", content: [{ type: "text", text: "Two callers." }] },
    }),
    uses("t4", "Bash", { command: "npm test -- auth" }),
    result("t4", "1 failed", {}, true),
    text(
      '```ts\nconst answer = 42;\n```\n\n```rust\n// Says it.\nfn say(name: String) { println!("{name}") }\n```\n\n```diff\n-old\n+new\n```\n\n| file | lines |\n|---|---|\n| `hash.ts` | 84 |',
    ),
    ended(),
    user_([
      { type: "text", text: "Like this?" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
    ]),
    text("The tests pass with the stub."),
  ]);
}

const region = () => page.getByRole("region", { name: "Conversation" });

let told = "";

it("shows what was said", async () => {
  told = start("auth-argon2");
  story(told);
  await page.goto(`${host.url}/sessions/${told}`);
  await page.getByRole("button", { name: "Conversation" }).click();
  await region().getByText("Move password hashing").waitFor();
  await region().getByText("hash new passwords with").waitFor();
  await region().getByText("The tests pass with the stub.").waitFor();
  expect(await region().locator("script, [onerror], a[href^='javascript']").count()).toBe(0);
  await region()
    .getByText(/claude-opus-4-8 · 128\.8k in \(98 % cached\) · 7\.7k out · 12 s/)
    .waitFor();
  await eventually(
    () =>
      region()
        .locator(".picture img")
        .evaluate((image: HTMLImageElement) => image.naturalWidth > 0),
    "the image is shown",
  );
});

it("folds thinking and tools, and shows edits", async () => {
  expect(await region().getByText("The hashing code is in one file.").count()).toBe(0);
  await region()
    .getByRole("button", { name: /^Thought for 2/ })
    .click();
  await region().getByText("The hashing code is in one file.").waitFor();
  const read = region().getByRole("button", { name: /Read src\/auth\/hash\.ts 2 s/ });
  await read.click();
  await region().getByText("line 83").waitFor();
  await read.click();
  const edit = region().getByRole("group", { name: "Changes to src/auth/hash.ts" });
  expect(await edit.locator(".diff-line.added").innerText()).toContain("18");
  expect(await edit.locator(".diff-line.added mark").innerText()).toContain("{ hash, verify }");
  await region()
    .getByRole("button", { name: /Bash npm test -- auth failed/ })
    .waitFor();
  await region()
    .getByRole("button", { name: /Agent Find callers/ })
    .click();
  await region().getByRole("group", { name: "Sub-agent" }).getByText("There are two callers.").waitFor();
});

it("colours code, and nothing else of it changes", async () => {
  const block = region().locator("pre", { hasText: "const answer" });
  await block.locator(".syn-key", { hasText: "const" }).waitFor();
  expect(await block.locator(".syn-num").innerText()).toBe("42");
  expect((await block.innerText()).trim()).toBe("const answer = 42;");
  const added = region().getByRole("group", { name: "Changes to src/auth/hash.ts" }).locator(".diff-line.added");
  await added.locator(".syn-key", { hasText: "import" }).waitFor();
  expect((await added.locator(".syn-str").allInnerTexts()).join("")).toBe('"argon2"');
  expect(await added.locator("code").innerText()).toBe('import { hash, verify } from "argon2";');
  expect(await region().locator(".prose :is([class*=language-], [style])").count()).toBe(0);
});

it("copies a message as it was written", async () => {
  const message = region().locator(".copied", { hasText: "I will read the current" });
  await message.hover();
  await message.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("- hash new passwords with `argon2id`");
});

it("goes on while one reads, and does not move what one reads", async () => {
  await region().focus();
  await page.keyboard.press("End");
  append(transcript(told), [user_("And now?"), text("Now it is done.")]);
  await region().getByText("Now it is done.").waitFor();
  await eventually(
    () => region().evaluate((root) => root.scrollTop + root.clientHeight >= root.scrollHeight - 2),
    "the end is in sight",
  );
  // Also in a window that gets lower, as by a bar that comes below.
  await page.setViewportSize({ width: 1280, height: 500 });
  await eventually(
    () => region().evaluate((root) => root.scrollTop + root.clientHeight >= root.scrollHeight - 2),
    "the end is in sight",
  );
  await page.setViewportSize(DESK);
  await region().evaluate((root) => (root.scrollTop = 0));
  await region().getByText("Move password hashing").waitFor();
  append(transcript(told), [text("One more thing."), text("And another.")]);
  await page.getByRole("button", { name: "2 new entries" }).waitFor();
  expect(await region().evaluate((root) => root.scrollTop)).toBe(0);
  await page.getByRole("button", { name: "2 new entries" }).click();
  await region().getByText("And another.").waitFor();
});

it("survives a daemon that restarts", async () => {
  host.restart();
  append(transcript(told), [text("Said in between.")]);
  await region().getByText("Said in between.").waitFor();
  expect(await region().getByText("And another.").count()).toBe(1);
});

it("shows a moment in the terminal", async () => {
  await region().evaluate((root) => (root.scrollTop = root.scrollHeight));
  await region().getByRole("button", { name: "show in terminal" }).first().click();
  await page.waitForURL(/\?at=\d+/);
  await page.locator(".stage").waitFor();
  await page.keyboard.press("Alt+Escape");
});

it(`stays smooth with ${LONG} messages`, async () => {
  const id = start("long");
  append(
    transcript(id),
    Array.from({ length: LONG / 2 }, (_, number) => [
      user_(`question ${2 * number}`),
      text(
        `answer ${2 * number + 1}\n\n${"Some *words* about it. ".repeat(number % 40)}\n\n\`\`\`ts\n${'export const word = "it";\n'.repeat(number % 30)}\`\`\``,
      ),
    ]).flat(),
  );
  await page.goto(`${host.url}/sessions/${id}/conversation`);
  await region()
    .getByText(`answer ${LONG - 1}`)
    .waitFor();
  const numbers = (): Promise<number[]> =>
    region().evaluate((root) =>
      [...root.querySelectorAll<HTMLElement>(".entry[data-number]")].map((entry) => Number(entry.dataset["number"])),
    );
  expect((await numbers()).length).toBeLessThan(120);
  // Each frame a third of the page: nothing is missing, nothing doubled, and frames come.
  const frames = await region().evaluate(async (root) => {
    const took: number[] = [];
    let last = performance.now();
    for (let step = 0; step < 120; step++) {
      root.scrollTop -= root.clientHeight / 3;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      took.push(now - last);
      last = now;
    }
    return took.sort((a, b) => a - b);
  });
  const shown = await numbers();
  shown.forEach((number, index) => expect(number).toBe((shown[0] ?? 0) + index));
  expect(shown.length).toBeLessThan(120);
  console.log(
    `frames while scrolling, in ms: median ${frames[60]?.toFixed(1)}, 95 % ${frames[114]?.toFixed(1)}, longest ${frames.at(-1)?.toFixed(1)}`,
  );
  // What one reads stays where it is while what is above it is measured.
  await region().evaluate((root) => (root.scrollTop = root.scrollHeight / 2));
  await eventually(async () => (await region().locator(".entry .bone").count()) === 0, "the middle is loaded");
  await region().focus();
  await page.keyboard.press("Home");
  await region().getByText("question 0", { exact: true }).waitFor();
  await page.keyboard.press("End");
  await region()
    .getByText(`answer ${LONG - 1}`)
    .waitFor();
});

it("is told of nothing that a shell has not", async () => {
  const id = (JSON.parse(host.run("start", "-p", "shell", "--json", "--", "cat")) as { id: string }).id;
  await page.goto(`${host.url}/sessions/${id}`);
  await page.getByRole("button", { name: "Attach" }).waitFor();
  expect(await page.getByRole("button", { name: "Conversation" }).count()).toBe(0);
  // Newer Chromiums tell of a handler in the inert document, too, in which it is taken away.
  expect(complaints.filter((complaint) => !complaint.startsWith("Executing inline event handler"))).toEqual([]);
  expect(ran).toEqual([]);
});

describe.each([
  ["light", DESK, "desk"],
  ["dark", DESK, "desk"],
  ["light", PHONE, "phone"],
  ["dark", PHONE, "phone"],
] as const)("in %s on %o", (theme, size, name) => {
  it("has nothing to find", async () => {
    const opened = await open(chromium, host.url, size, theme);
    await signIn(opened.page, codes.pop() ?? "");
    await opened.page.goto(`${host.url}/sessions/${told}/conversation`);
    const shown = opened.page.getByRole("region", { name: "Conversation" });
    await shown.getByText("Said in between.").waitFor();
    await shot(opened.page, `conversation-end-${name}-${theme}`);
    expect(await findings(opened.page)).toEqual([]);
    await shown.evaluate((root) => (root.scrollTop = 0));
    await shown.getByText("Move password hashing").waitFor();
    await shown.getByRole("button", { name: /^Thought/ }).click();
    await shown.getByRole("button", { name: /Bash/ }).click();
    await shot(opened.page, `conversation-${name}-${theme}`);
    expect(await findings(opened.page)).toEqual([]);
    await opened.context.close();
  });
});

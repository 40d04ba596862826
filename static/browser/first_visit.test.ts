import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, code, daemon, DESK, open, PASSWORD, PHONE, setUp, shot, shows, signIn, type Daemon } from "./harness";

let chromium: Browser;
beforeAll(async () => {
  chromium = await browser();
});
afterAll(() => chromium.close());

describe.each([
  ["desk", DESK],
  ["phone", PHONE],
] as const)("a first visit on a %s", (name, size) => {
  let host: Daemon;
  beforeAll(async () => {
    host = await daemon();
  });
  afterAll(() => host.stop());

  it("goes from an empty home to typing, and out again", async () => {
    const { page, complaints, context } = await open(chromium, host.url, size, "light");
    await page.getByRole("heading", { name: "Set up the dashboard" }).waitFor();
    await shot(page, `onboarding-1-${name}`);
    const { codes } = await setUp(page, host);
    expect(codes.length).toBeGreaterThanOrEqual(8);
    await page.getByRole("heading", { name: "No sessions yet" }).waitFor();
    await shot(page, `sessions-empty-${name}`);

    await page.getByRole("button", { name: "Create Session" }).first().click();
    const dialog = page.getByRole("dialog", { name: "Create Session" });
    await dialog.getByLabel("Shell").check({ force: true });
    await dialog.getByLabel("Working directory").fill("/tmp");
    await dialog.getByText("Directory", { exact: false }).first().waitFor();
    await dialog.getByLabel("Name").fill("first");
    await shot(page, `create-${name}`);
    await dialog.getByRole("button", { name: /^Create/ }).click();

    await page.getByRole("heading", { name: "first" }).waitFor();
    await shows(page, "$ ");
    if (name === "desk") {
      // The terminal has the focus already.
      await page.keyboard.type("echo $((6*7))-answer\n");
    } else {
      await page.getByLabel("Command").fill("echo $((6*7))-answer");
      await page.getByRole("button", { name: "Send", exact: true }).click();
    }
    await shows(page, /^42-answer/m);
    await shot(page, `session-${name}`);

    if (name === "phone") {
      await page.getByRole("link", { name: "Back to Sessions" }).click();
      await page.getByRole("button", { name: "More" }).click();
    }
    await page.getByRole("button", { name: "Sign out" }).last().click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await shot(page, `sign-in-${name}`);
    await signIn(page, codes[0] ?? "");
    await page.getByRole("link", { name: "first" }).first().waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe("the way in", () => {
  let host: Daemon;
  beforeAll(async () => {
    host = await daemon();
  });
  afterAll(() => host.stop());

  it("says what is wrong with a one-time password, and keeps what was typed", async () => {
    const { page, context } = await open(chromium, host.url);
    await page.getByLabel("One-time password", { exact: true }).fill("aaaa-bbbb-cccc-dddd");
    await page.getByLabel("Your password").fill("short");
    await page.getByRole("button", { name: "Continue" }).click();
    expect(await page.getByLabel("Your password").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", { name: "Continue" }).click();
    const help = page.getByRole("alert");
    await help.getByText("This is not the current one-time password.").waitFor();
    await help.getByText("codepiper auth bootstrap", { exact: true }).waitFor();
    // No code was asked for yet.
    expect(await help.innerText()).not.toMatch(/\bcode\b/);
    await shot(page, "one-time-password-wrong");
    expect(await findings(page), "a wrong one-time password").toEqual([]);
    expect(await page.getByLabel("Your password").inputValue()).toBe(PASSWORD);
    await context.close();
  });

  it("signs in with six digits, and says when they are wrong", async () => {
    const first = await open(chromium, host.url);
    const { secret } = await setUp(first.page, host);
    await first.context.close();

    const { page, context } = await open(chromium, host.url);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Code from your authenticator").fill("000000");
    await page.getByRole("alert").getByText("Wrong password or code").waitFor();
    expect(await page.getByLabel("Password", { exact: true }).inputValue()).toBe(PASSWORD);
    expect(await page.getByLabel("Code from your authenticator").inputValue()).toBe("");
    await page.getByLabel("Code from your authenticator").fill(code(secret, 1));
    await page.getByRole("heading", { name: "Sessions", exact: true }).waitFor();
    await context.close();
  });
});

import type { Browser, Page } from "playwright-core";
import { expect, it } from "vitest";
import { findings } from "./axe";
import { type Daemon, DESK, open, PHONE, shot, shows, signedIn } from "./harness";

let chromium: Browser;
let host: Daemon;
let page: Page;
let complaints: string[];

signedIn((ready) => ({ chromium, host, page, complaints } = ready));

it("keeps prompts, finds them behind a slash, and leaves the agent its commands", async () => {
  const words = ["start", "-p", "shell", "--name", "x", "--json", "--", "cat"];
  const { id } = JSON.parse(host.run(...words)) as { id: string };
  await page.goto(`${host.url}/sessions/${id}`);
  await page.locator(".live-screen .xterm").waitFor();
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("p");
  const field = page.getByLabel("Command", { exact: true });
  const list = page.getByRole("region", { name: "Saved prompts" });
  const pin = page.getByRole("button", { name: "Saved prompts" });
  const save = async (text: string, name: string): Promise<void> => {
    await field.fill(text);
    await pin.click();
    await list.getByLabel("Save this text as").fill(name);
    await page.keyboard.press("Enter");
    await list.waitFor({ state: "detached" });
    expect(await field.inputValue()).toBe(text);
  };
  await save("Review all changes\nand say what is wrong", "review");
  await save("Run the tests again", "tests");

  // Behind a slash they are found; Enter inserts and sends nothing.
  await field.fill("");
  await field.press("/");
  await list.getByText("Review all changes").waitFor();
  expect(await list.locator("li").count()).toBe(2);
  await shot(page, "saved-prompts-desk");
  expect(await findings(page)).toEqual([]);
  await page.keyboard.type("tes");
  await list.getByText("Review all changes").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  expect(await field.inputValue()).toBe("Run the tests again");
  expect(await list.count()).toBe(0);

  // The arrows choose, Escape closes the list alone.
  await field.fill("");
  await field.press("/");
  await list.locator("li.current", { hasText: "review" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await list.locator("li.current", { hasText: "tests" }).waitFor();
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "detached" });
  expect(await field.inputValue()).toBe("/");

  // What no prompt fits is sent as it is, and so is what follows Escape or a second slash.
  await field.fill("");
  await field.press("/");
  await list.waitFor();
  await page.keyboard.type("compact");
  await list.waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await shows(page, "/compact");
  await field.press("/");
  await list.waitFor();
  await field.press("/");
  await list.waitFor({ state: "detached" });
  await page.keyboard.type("tests\n");
  await shows(page, /^\/tests$/m);

  // They are kept by the daemon: another device has them, and changes them.
  const other = await open(chromium, host.url, PHONE);
  await other.context.addCookies(await page.context().cookies());
  const kept = await page.evaluate(() => ({ ...localStorage }));
  await other.page.evaluate(
    (items) => Object.entries(items).forEach(([key, value]) => localStorage.setItem(key, value)),
    kept,
  );
  await other.page.goto(`${host.url}/sessions/${id}`);
  await other.page.getByRole("button", { name: "Saved prompts" }).click();
  const there = other.page.getByRole("region", { name: "Saved prompts" });
  await there.getByRole("button", { name: "Rename tests" }).click();
  await there.getByRole("textbox", { name: "Name" }).fill("all tests");
  await other.page.keyboard.press("Enter");
  await there.getByText("all tests").waitFor();
  await shot(other.page, "saved-prompts-phone");
  await there.getByRole("button", { name: "Delete review" }).click();
  await there.getByText("Review all changes").waitFor({ state: "detached" });
  await other.page.getByRole("button", { name: "Undo" }).click();
  await there.getByText("Review all changes").waitFor();
  await there.getByRole("button", { name: "Delete review" }).click();
  await there.getByText("Review all changes").waitFor({ state: "detached" });
  await other.context.close();

  await page.setViewportSize(DESK);
  await field.fill("");
  await field.press("/");
  await list.getByText("all tests").waitFor();
  expect(await list.locator("li").count()).toBe(1);
  expect(complaints).toEqual([]);
});

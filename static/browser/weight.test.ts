import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, daemon, eventually, open, setUp, signIn, type Daemon } from "./harness";

let chromium: Browser;
let host: Daemon;
beforeAll(async () => {
  [chromium, host] = await Promise.all([browser({ webgl: true }), daemon()]);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
});

/** Counts the files of the page, gzipped, in bytes; what is asked of the API is no part of it. */
function weigh(page: Page): { total: () => Promise<number> } {
  const files = new Map<string, Promise<number>>();
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    // The icons are the browser's own wish.
    if (/^\/(api|ws)|\.(png|svg|webmanifest)$/.test(pathname) || response.status() !== 200) return;
    files.set(
      pathname,
      // Nothing has a body any more once its page is closed; by then it was counted.
      response.body().then(
        (body) => gzipSync(body, { level: 9 }).length,
        () => 0,
      ),
    );
  });
  return { total: async () => (await Promise.all(files.values())).reduce((sum, size) => sum + size, 0) };
}

it("is light", async () => {
  const first = await open(chromium, host.url);
  const { codes } = await setUp(first.page, host);
  const id = (
    JSON.parse(host.run("start", "-p", "shell", "--json", "--", "sh", "-c", "echo ready; read x")) as { id: string }
  ).id;
  await first.context.close();

  const { page } = await open(chromium, "about:blank");
  const signingIn = weigh(page);
  await page.goto(host.url);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const firstPage = await signingIn.total();
  await signIn(page, codes[0] ?? "");

  const list = await page.context().newPage();
  const listing = weigh(list);
  await list.goto(host.url);
  await list.locator(".row-link").first().waitFor();
  const listPage = await listing.total();

  const terminal = await page.context().newPage();
  const opening = weigh(terminal);
  // What the first frame does not wait for is held back until it is there.
  let held = (): void => undefined;
  const frame = new Promise<void>((done) => (held = done));
  await terminal.route(
    /assets\/(addon|around|around_pages|session_menu|popover|model_picker|evidence|program_status|meters|hatch)-/,
    async (route) => {
      await frame;
      await route.continue();
    },
  );
  await terminal.goto(`${host.url}/sessions/${id}`);
  await terminal.locator(".xterm-rows").getByText("ready").waitFor();
  const beforeFrame = await opening.total();
  held();
  await terminal.locator(".xterm-screen canvas").first().waitFor();
  await terminal.locator(".timeline").waitFor();
  let all = 0;
  await eventually(async () => all === (all = await opening.total()), "everything was loaded");

  console.log(
    `gzipped, in bytes: sign-in ${firstPage}, list ${listPage}, terminal before its first frame ${beforeFrame}, terminal ${all}`,
  );
  expect(firstPage).toBeLessThan(20_000);
  expect(beforeFrame).toBeLessThan(130_000);
  // With what is needed without a connection: the palette, dialogs, toasts.
  expect(all).toBeLessThan(200_000);
});

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bed, type Bed } from "./agents";
import { findings } from "./axe";
import { browser, DESK, open, PHONE, setUp, shot, shows } from "./harness";

let chromium: Browser;
let agents: Bed;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  [chromium, agents] = await Promise.all([browser(), bed()]);
  ({ page, complaints } = await open(chromium, agents.host.url));
  await setUp(page, agents.host);
});
afterAll(async () => {
  await chromium.close();
  await agents.close();
});

const pill = (words: string | RegExp) => page.locator(".session-head .pill", { hasText: words });
const field = () => page.getByRole("textbox", { name: /^Prompt/ });
const note = () => page.locator("#composer-note");

/** Types a text, and presses the button of that name. */
async function give(text: string, button: "Send" | "Queue"): Promise<void> {
  await field().fill(text);
  await page.getByRole("button", { name: button, exact: true }).click();
}

/** Pictures of it on a desk and on a phone, in light and dark, in which nothing is found. */
async function looks(name: string): Promise<void> {
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme });
    for (const [size, device] of [
      [PHONE, "phone"],
      [DESK, "desk"],
    ] as const) {
      await page.setViewportSize(size);
      await shot(page, `${name}-${device}-${theme}`);
      expect(await findings(page), `${name} ${device} ${theme}`).toEqual([]);
    }
  }
}

describe.each(["claude-code", "codex"] as const)("%s", (agent) => {
  let id: string;
  const asks = agent === "codex" ? "run: !touch asked" : "run: touch asked";
  beforeAll(async () => {
    id = agents.start(agent, agents.trusted, "--name", `my ${agent}`);
    agents.host.run("wait", id, "--until", "idle", "--timeout", "60");
    await page.goto(`${agents.host.url}/sessions/${id}`);
    await page.locator(".xterm-rows").waitFor();
    await page.keyboard.press("Alt+Escape");
    await page.keyboard.press("p");
    await field().waitFor();
  });

  it("says how far a text is proven to have come", async () => {
    await give("hello there", "Send");
    await note().getByText("Written → Echoed → Submitted → Turn started").waitFor();
    await shows(page, "You said: hello there");
    expect(await field().inputValue()).toBe("");
    await pill(/idle|finished/).waitFor();
  });

  it("keeps what is written while a text is on its way", async () => {
    await page.route(/input\?enter/, async (route) => {
      await new Promise((after) => setTimeout(after, 500));
      await route.continue();
    });
    await give("hello again", "Send");
    await field().fill("the next one");
    await note().getByText("Turn started").waitFor();
    expect(await field().inputValue()).toBe("the next one");
    await page.unroute(/input\?enter/);
    await field().fill("");
    await pill(/idle|finished/).waitFor();
  });

  it("queues while it works, and says what becomes of each text", async () => {
    await give("slow: 60 100", "Send");
    await pill("working").waitFor();
    await give("after that", "Queue");
    await note().getByText("Queued. It will be sent when the agent is idle.").waitFor();
    await give("and then", "Queue");
    await note().getByText("Queued (number 2 in line)").waitFor();
    await note().getByText("1 other text queued.").waitFor();
    await looks(`queued-${agent}`);
    await shows(page, "You said: after that");
    await note().getByText("Queued → Written").waitFor();
    await shows(page, "You said: and then");
    await note().getByText("Turn started").waitFor();
    await note().getByRole("button", { name: "Discard" }).waitFor({ state: "detached" });
    await pill(/idle|finished/).waitFor();
  });

  it("forgets what waits", async () => {
    await give("slow: 40 100", "Send");
    await pill("working").waitFor();
    await give("never mind", "Queue");
    await note().getByRole("button", { name: "Discard" }).click();
    await note().getByRole("button", { name: "Discard" }).waitFor({ state: "detached" });
    expect(await note().innerText()).toBe("");
    await pill(/idle|finished/).waitFor();
    expect(agents.host.run("tail", id, "-n", "all")).not.toContain("never mind");
  });

  it("answers no question with a prompt", async () => {
    await give(asks, "Send");
    await pill("Waiting").waitFor();
    await give("when you may", "Queue");
    await note().getByText("Queued. It will be sent when the agent is idle.").waitFor();
    await expect.poll(() => field().getAttribute("placeholder")).toBe("Prompt (queued until you answer)");
    await looks(`waiting-${agent}`);
    await page.getByRole("button", { name: "Conversation" }).click();
    const there = page.getByRole("button", { name: "Answer in the terminal" });
    await there.waitFor();
    await looks(`waiting-conversation-${agent}`);
    await there.click();
    await page.locator(".live-screen .xterm").click();
    await page.keyboard.press("Escape");
    await shows(page, "You said: when you may");
    await pill(/idle|finished/).waitFor();
  });

  it("is not sent by a page that does not know yet that the agent waits", async () => {
    await page.keyboard.press("Alt+Escape");
    await page.keyboard.press("p");
    agents.host.run("send", id, asks, "--wait", "waiting", "--timeout", "20");
    await pill("Waiting").waitFor();
    // What such a page asks for.
    await page.route("**/input?*", (route) =>
      route.continue({ url: route.request().url().replace("&if_busy=queue", "") }),
    );
    await give("too early", "Queue");
    await note().getByText(`Not sent: ${agent} is waiting for an answer.`).waitFor();
    expect(await field().inputValue()).toBe("too early");
    await looks(`refused-${agent}`);
    await page.unroute("**/input?*");
    await note().getByRole("button", { name: "Queue it" }).click();
    await note().getByText("Queued. It will be sent when the agent is idle.").waitFor();
    agents.host.run("keys", id, "escape");
    await shows(page, "You said: too early");
    await pill(/idle|finished/).waitFor();
  });

  it("switches its model, when it is idle", async () => {
    const picker = page.locator("#model-picker");
    const card = page.locator(".model-card:popover-open");
    const wanted = agent === "codex" ? "gpt-6-luna" : "haiku";
    await page.keyboard.press("Alt+Escape");
    await picker.click();
    await looks(`model-${agent}`);
    await card.getByLabel("Model").fill("nonsense");
    await card.getByRole("button", { name: "Switch" }).click();
    await page.locator(".toast", { hasText: "has no model 'nonsense'" }).waitFor();
    await shot(page, `model-none-${agent}`);
    await picker.click();
    if (agent === "claude-code") {
      await card.getByRole("button", { name: "Haiku" }).click();
    } else {
      await card.getByLabel("Model").fill(wanted);
      await card.getByRole("button", { name: "Switch" }).click();
    }
    await page.locator(".toast", { hasText: "from the next request on" }).waitFor();
    await expect.poll(() => picker.innerText()).toContain(wanted);
    expect(agents.host.run("model", id)).toContain(wanted);
    await give("slow: 40 100", "Send");
    await pill("working").waitFor();
    await picker.click();
    await card.getByText("You can switch when the agent is idle.").waitFor();
    if (agent === "claude-code") expect(await card.getByRole("button", { name: "Opus" }).isDisabled()).toBe(true);
    await page.keyboard.press("Escape");
    await pill(/idle|finished/).waitFor();
  });
});

it("says why a text did not come through what an agent asks at its start", async () => {
  const id = agents.start("claude-code", agents.unknown);
  await page.goto(`${agents.host.url}/sessions/${id}`);
  await shows(page, "Yes, I trust this folder");
  await page.keyboard.press("Alt+Escape");
  await page.keyboard.press("p");
  await field().fill("hello");
  await page.getByRole("button", { name: /^(Send|Queue)$/ }).click();
  // Which of these depends on who knew first that it asks: nobody, the daemon, or the page.
  await note()
    .getByText(/Enter was not pressed\.$|^Not sent: .* is waiting for an answer\.|^Queued/)
    .waitFor();
  await shows(page, "Yes, I trust this folder");
  await looks("asks-at-its-start");
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

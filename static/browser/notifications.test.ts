import type { Browser, CDPSession, Page, Worker } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findings } from "./axe";
import { browser, daemon, type Daemon, DESK, eventually, open, PHONE, setUp, shot, signIn } from "./harness";
import { decrypt, pushService, type PushService } from "./push_service";

let chromium: Browser;
let host: Daemon;
let service: PushService;
let page: Page;
let phone: Page;
let complaints: string[];
let workers: CDPSession;

beforeAll(async () => {
  service = await pushService();
  [chromium, host] = await Promise.all([browser(), daemon({ config: "[notifications]\nprivate_endpoints = true\n" })]);
  ({ page, complaints } = await open(chromium, "about:blank", DESK, "dark", "allow"));
  await page.context().grantPermissions(["notifications"], { origin: host.url });
  // A browser subscribes with its maker's service: this is the one on loopback.
  await page.addInitScript((made) => {
    PushManager.prototype.subscribe = function () {
      return Promise.resolve({ ...made, toJSON: () => made } as unknown as PushSubscription);
    };
  }, service.subscription);
  await page.goto(host.url);
  const { codes } = await setUp(page, host);
  ({ page: phone } = await open(chromium, "about:blank", PHONE));
  await phone.goto(`${host.url}/settings/notifications`);
  await signIn(phone, codes[0] ?? "");
  workers = await page.context().newCDPSession(page);
});
afterAll(async () => {
  await chromium.close();
  await host.stop();
  service.close();
});

/** A program in a session asks for attention. */
const calls = (text: string): string => {
  const id = host.run("start", "-p", "shell", "--", "/bin/sh", "-c", `${host.program} notify '${text}'; sleep 1000`);
  return /[0-9a-f]{8}/.exec(id)?.[0] ?? "";
};

/** Hands the newest push to the page's own service worker, as the browser does. */
async function deliver(): Promise<void> {
  const registrations: string[] = [];
  workers.on("ServiceWorker.workerRegistrationUpdated", (told) =>
    registrations.push(...told.registrations.map(({ registrationId }) => registrationId)),
  );
  await workers.send("ServiceWorker.enable");
  await eventually(() => registrations.length > 0, "the service worker is registered");
  await workers.send("ServiceWorker.deliverPushMessage", {
    origin: host.url,
    registrationId: registrations[0] ?? "",
    data: service.pushes.at(-1)?.text ?? "",
  });
  await workers.send("ServiceWorker.disable");
}

const worker = (): Worker => {
  const [running] = page.context().serviceWorkers();
  if (!running) throw new Error("no service worker runs");
  return running;
};

const shown = (): Promise<string[]> =>
  worker().evaluate(async () => {
    const { registration } = globalThis as unknown as { registration: ServiceWorkerRegistration };
    return (await registration.getNotifications()).map(({ title, body }) => `${title}: ${body}`);
  });

it("decrypts as RFC 8291 shows", () => {
  // §5 and appendix A.
  const of = (text: string): Buffer => Buffer.from(text, "base64url");
  const body =
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
  const text = decrypt(
    of(body),
    of("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
    of("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
    of("BTBZMqHH6r4Tts7J_aSIgg"),
  );
  expect(text).toBe("When I grow up, I want to be a watermelon");
});

it("is turned on in Settings, and looks like the rest", async () => {
  await page.goto(`${host.url}/settings/notifications`);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.getByRole("switch", { name: "Notifications" }).click();
  await page.getByText("On, also while the dashboard is closed.").waitFor();
  await page.getByRole("switch", { name: "Quiet hours" }).click();
  await page.getByLabel("Quiet from").waitFor();
  await page.getByRole("switch", { name: "Quiet hours" }).click();
  await page.getByLabel("Quiet from").waitFor({ state: "detached" });
  await page.getByText("Nothing yet").waitFor();
  for (const theme of ["light", "dark"] as const)
    for (const [name, size] of [
      ["desk", DESK],
      ["phone", PHONE],
    ] as const) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: theme });
      await page.waitForTimeout(200);
      await shot(page, `settings-notifications-${name}-${theme}`);
      expect(await findings(page), `${name} ${theme}`).toEqual([]);
    }
  await page.setViewportSize(DESK);
  await phone.reload();
  await phone.getByText("Chrome on Linux").waitFor();
});

it("shows a push, and a click on it opens the ask", async () => {
  const session = calls("the build is red");
  await eventually(() => service.pushes.length === 1, "it is pushed");
  const { headers, text } = service.pushes[0] ?? { headers: {}, text: "" };
  expect(headers["urgency"]).toBe("normal");
  const told = JSON.parse(text) as {
    web_push: number;
    notification: { navigate: string };
    codepiper: { path: string };
  };
  expect(told.web_push).toBe(8030);
  expect(told.notification.navigate).toBe(`${host.url}${told.codepiper.path}`);
  // Somebody looks at something else.
  await page.goto("about:blank");
  await deliver();
  await eventually(async () => (await shown()).length === 1, "it is shown");
  expect((await shown())[0]).toMatch(/wants your attention: the build is red$/);
  await eventually(
    () => host.run("logs", "--source", "notification").includes("Notification shown by Chrome"),
    "the device says so",
  );
  await page.goto(host.url);
  await page.locator(".nav").waitFor();
  await worker().evaluate(async () => {
    const scope = globalThis as unknown as { registration: ServiceWorkerRegistration } & EventTarget;
    const [notification] = await scope.registration.getNotifications();
    const Click = (globalThis as unknown as { NotificationEvent: new (type: string, init: object) => Event })
      .NotificationEvent;
    const click = new Click("notificationclick", { notification });
    // Only the browser's own events are waited for.
    Object.defineProperty(click, "waitUntil", { value: () => undefined });
    scope.dispatchEvent(click);
  });
  await page.waitForURL(/\/inbox\?ask=ask-/);
  await page.getByText("the build is red").first().waitFor();
  host.run("inbox", "done", session);
  await eventually(() => service.pushes.length === 2, "its end is pushed, too");
  expect(service.pushes[1]?.headers["topic"]).toBe(headers["topic"]);
  expect(JSON.parse(service.pushes[1]?.text ?? "{}")).toMatchObject({ codepiper: { silent: true } });
  host.run("kill", session);
});

it("shows nothing where the dashboard is looked at, and says so", async () => {
  await page.bringToFront();
  await page.goto(`${host.url}/settings/notifications`);
  const session = calls("look up");
  await eventually(() => service.pushes.length === 3, "it is pushed");
  await deliver();
  await page.getByText("the dashboard is in the foreground there").first().waitFor();
  expect(await shown()).toEqual([]);
  host.run("kill", session);
});

it("is muted for a session", async () => {
  const session = calls("first");
  // Its own page would be a look at it.
  await page.goto(host.url);
  await page.getByRole("button", { name: `Actions of ${session}` }).click();
  await page.getByRole("button", { name: "Mute on this device" }).click();
  await page.getByText("is muted on this device").waitFor();
  await eventually(
    () => host.run("logs", session, "--source", "notification").includes("the session is muted there"),
    "nothing is sent, and the log says why",
  );
  await page.goto(`${host.url}/settings/notifications`);
  await page.getByRole("button", { name: "Unmute" }).click();
  await page.getByText("Muted on this device.").waitFor({ state: "detached" });
});

it("is shown where the browser has no room to keep it", async () => {
  await worker().evaluate(async () => {
    await caches.delete("shell");
    Cache.prototype.put = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
  });
  await page.goto(`${host.url}/sessions`);
  await page.getByRole("heading", { name: "Sessions", exact: true }).waitFor();
  expect(await worker().evaluate(() => caches.match("/").then(Boolean))).toBe(false);
  await page.goto(`${host.url}/settings/notifications`);
});

it("is turned off", async () => {
  await page.getByRole("switch", { name: "Notifications" }).click();
  await page.getByText("Off.", { exact: true }).first().waitFor();
  expect(JSON.parse(host.run("notifications", "--json"))).toMatchObject({ devices: [] });
});

it("complained about nothing", () => {
  expect(complaints).toEqual([]);
});

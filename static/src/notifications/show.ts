// What the daemon tells this page: shown by the browser while the page is not looked at.

import { request } from "../http";
import { kept, SWITCH } from "../preferences";
import type { Notification as Told, NotificationReceipt } from "../wire";

/** Pages that are not looked at wait so long for the one that is, in ms. */
const TURN = 400;

/** A sound when something needs a person, while the dashboard is open. */
export const sound = kept("notifications.sound", SWITCH, "off");

/** All pages of a device are told: the one that is looked at speaks for them, otherwise the first. */
export async function show({ notification: told, pushed }: { notification: Told; pushed: boolean }): Promise<void> {
  const looked = document.visibilityState === "visible" && document.hasFocus();
  if (!looked) await new Promise((done) => setTimeout(done, TURN));
  await navigator.locks.request(told.receipt, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    if (!told.silent && sound.value === "on") play();
    // The service worker shows it.
    if (!pushed && told.silent) await replace(told);
    else if (!pushed) await report(told, looked ? "foreground" : await outcome(told));
    // Those that come later find it taken.
    await new Promise((done) => setTimeout(done, 2 * TURN));
  });
}

async function outcome(told: Told): Promise<NotificationReceipt["outcome"]> {
  if (!("Notification" in window) || Notification.permission !== "granted") return "blocked";
  const registration = await navigator.serviceWorker?.getRegistration();
  if (registration) await registration.showNotification(told.title, options(told));
  else new Notification(told.title, options(told));
  return "shown";
}

/** Takes the place of one that is still shown. */
async function replace(told: Told): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  const shown = await registration?.getNotifications({ tag: told.tag });
  if (shown?.length) await registration?.showNotification(told.title, options(told));
}

function options({ body, tag, silent, path }: Told): NotificationOptions {
  return { body, tag, silent, icon: "/icon-192.png", data: { path } };
}

async function report({ receipt }: Told, outcome: NotificationReceipt["outcome"]): Promise<void> {
  await request("POST", "/api/notifications/receipts", { receipt, outcome });
}

/** Two soft tones, in ms and Hz. */
export function play(): void {
  const context = new AudioContext();
  for (const [at, pitch] of [
    [0, 660],
    [140, 880],
  ] as const) {
    const begin = context.currentTime + at / 1000;
    const tone = new OscillatorNode(context, { frequency: pitch });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.linearRampToValueAtTime(0.12, begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.35);
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + 0.4);
    if (at > 0) tone.addEventListener("ended", () => void context.close());
  }
}

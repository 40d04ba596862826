// Notifications of this browser: whether it can have them, and turning them on and off.

import { effect } from "@preact/signals";
import { request } from "../http";
import { auth } from "../login";
import { inOrder, isDue } from "../store";
import type { NotificationRules, Notifications, PushSubscription as Subscription, SetDevice } from "../wire";
import { keep, kept } from "./kept";

export type Support = "ok" | "insecure" | "missing" | "blocked";

export function support(): Support {
  if (!isSecureContext) return "insecure";
  if (!("Notification" in window)) return "missing";
  return Notification.permission === "denied" ? "blocked" : "ok";
}

export const read = (): Promise<Notifications> => request<Notifications>("GET", "/api/notifications");

/** What a device is told of at first. */
export const FIRST: NotificationRules = {
  kinds: [
    "permission",
    "question",
    "plan",
    "elicitation",
    "trust",
    "dialog",
    "sign_in",
    "usage_limit",
    "crashed",
    "stalled",
    "attention",
  ],
  muted: [],
  quiet: null,
};

/** Asks the browser for leave; false when it is not given. */
export async function mayNotify(): Promise<boolean> {
  return (await Notification.requestPermission()) === "granted";
}

/**
 * Tells the daemon what this browser wants to be told of, and how it is reached.
 *
 * Answers why it is not reached while the dashboard is closed, if it is not.
 */
export async function set(rules: NotificationRules, key: string): Promise<string | null> {
  let push: Subscription | null = null;
  let why: string | null = null;
  try {
    push = await subscription(key);
  } catch (error) {
    // What it had is not given up without a word.
    if (kept()?.endpoint) throw error;
    why = error instanceof Error ? error.message : String(error);
  }
  const device: SetDevice = { rules, origin: location.origin, push };
  await request<Notifications>("PUT", "/api/notifications/device", device);
  keep({ login: auth.status?.login?.id ?? "", endpoint: push?.endpoint ?? null, rules });
  return why;
}

export async function turnOff(id: string): Promise<void> {
  keep(null);
  await navigator.clearAppBadge?.().catch(() => undefined);
  await request("DELETE", `/api/notifications/devices/${id}`);
  const registration = await navigator.serviceWorker?.getRegistration();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe();
}

/** The icon of an installed dashboard has the number of what needs a person; and the daemon is told again where it has to be. */
export async function start(): Promise<void> {
  effect(() => {
    const asks = inOrder.value.flatMap((session) => session.asks.filter(isDue));
    void navigator.setAppBadge?.(asks.length).catch(() => undefined);
  });
  await renew();
}

/** After another sign-in, or with another subscription, the daemon has to be told again. */
async function renew(): Promise<void> {
  const known = kept();
  if (!known || support() !== "ok" || Notification.permission !== "granted") return;
  const registration = await navigator.serviceWorker?.getRegistration();
  const endpoint = (await registration?.pushManager?.getSubscription())?.endpoint ?? null;
  const { push_key, devices } = await read();
  const listed = devices.some(({ current }) => current);
  const same = known.login === auth.status?.login?.id && known.endpoint === endpoint;
  // It was turned off from another device.
  if (same && !listed) return keep(null);
  if (!same) await set(known.rules, push_key);
}

/** Of the browser's push service, made with the daemon's key. */
async function subscription(key: string): Promise<Subscription> {
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) throw new Error("this browser has no push");
  const registration = await navigator.serviceWorker.getRegistration();
  if (!registration?.active) throw new Error("the service worker is not ready; reload the page and try again");
  const applicationServerKey = bytes(key);
  const known = await registration.pushManager.getSubscription();
  if (known && !same(known.options.applicationServerKey, applicationServerKey)) await known.unsubscribe();
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  const { endpoint, keys } = made.toJSON();
  const [p256dh, secret] = [keys?.["p256dh"], keys?.["auth"]];
  if (!endpoint || !p256dh || !secret) throw new Error("the push subscription has no keys");
  return { endpoint, p256dh, auth: secret };
}

/** Of base64url. */
function bytes(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function same(one: ArrayBuffer | null, other: Uint8Array): boolean {
  const known = new Uint8Array(one ?? new ArrayBuffer(0));
  return known.length === other.length && known.every((byte, at) => byte === other[at]);
}

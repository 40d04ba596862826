// Keeps the shell, so that an installed dashboard opens while the daemon is away; never what belongs to a login. Shows what is
// pushed to this browser, and opens what it is about.

const SHELL = "shell";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (event.request.mode === "navigate") event.respondWith(fresh(event.request));
  // Their names change with their content.
  else if (url.pathname.startsWith("/assets/")) event.respondWith(kept(event.request));
});

async function fresh(request) {
  const shell = await caches.open(SHELL);
  try {
    const response = await fetch(request);
    if (response.ok) await shell.put("/", response.clone());
    return response;
  } catch (error) {
    const stored = await shell.match("/");
    if (stored) return stored;
    throw error;
  }
}

async function kept(request) {
  const shell = await caches.open(SHELL);
  const stored = await shell.match(request);
  if (stored) return stored;
  const response = await fetch(request);
  if (response.ok) {
    await shell.put(request, response.clone());
    await forgetOld(shell);
  }
  return response;
}

/** Files of older versions. */
async function forgetOld(shell) {
  const MOST = 60;
  const assets = (await shell.keys()).filter((request) => new URL(request.url).pathname.startsWith("/assets/"));
  await Promise.all(assets.slice(0, Math.max(0, assets.length - MOST)).map((request) => shell.delete(request)));
}

self.addEventListener("push", (event) => event.waitUntil(pushed(event.data.json())));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path ?? "/inbox"));
});

/** See `payload` in src/notification/deliver.rs. */
async function pushed({ codepiper: told }) {
  await navigator.setAppBadge?.(told.open).catch(() => undefined);
  const windows = await self.clients.matchAll({ type: "window" });
  const looked = windows.some((window) => window.focused && window.visibilityState === "visible");
  if (looked && !told.silent) return report(told, "foreground");
  const { body, tag, silent, path } = told;
  const options = { body, tag, silent, renotify: !silent, icon: "/icon-192.png", data: { path } };
  const shown = await self.registration.getNotifications({ tag });
  await self.registration.showNotification(told.title, options);
  if (!silent) return report(told, "shown");
  // It only takes the place of another one; but a browser wants something to be shown for each push.
  if (shown.length === 0) for (const each of await self.registration.getNotifications({ tag })) each.close();
}

async function report({ receipt }, outcome) {
  const body = JSON.stringify({ receipt, outcome });
  const headers = { "content-type": "application/json" };
  await fetch("/api/notifications/receipts", { method: "POST", headers, body }).catch(() => undefined);
}

async function open(path) {
  const [window] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!window) return self.clients.openWindow(path);
  window.postMessage({ open: path });
  await window.focus().catch(() => undefined);
}

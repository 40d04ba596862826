// Keeps the shell, so that an installed dashboard opens while the daemon is away; never what belongs to a login. Shows what is
// pushed to this browser, and opens what it is about.

const SHELL = "shell";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (event.request.mode === "navigate") event.respondWith(fresh(event));
  // Their names change with their content.
  else if (url.pathname.startsWith("/assets/")) event.respondWith(kept(event));
});

async function fresh(event) {
  try {
    const response = await fetch(event.request);
    if (response.ok) event.waitUntil(keep("/", response.clone()));
    return response;
  } catch (error) {
    const stored = await caches.match("/");
    if (stored) return stored;
    throw error;
  }
}

async function kept(event) {
  const stored = await caches.match(event.request).catch(() => undefined);
  if (stored) return stored;
  const response = await fetch(event.request);
  if (response.ok) event.waitUntil(keep(event.request, response.clone()));
  return response;
}

/** Beside the answer: a browser that has no room shows the page all the same. */
async function keep(request, response) {
  try {
    const shell = await caches.open(SHELL);
    await shell.put(request, response);
    await forgetOld(shell);
  } catch (error) {
    console.warn("the page is not kept for when the daemon is away", error);
  }
}

/** Files of older versions. */
async function forgetOld(shell) {
  const MOST = 60;
  const assets = (await shell.keys()).filter((request) => new URL(request.url).pathname.startsWith("/assets/"));
  await Promise.all(assets.slice(0, Math.max(0, assets.length - MOST)).map((request) => shell.delete(request)));
}

self.addEventListener("push", (event) => event.waitUntil(pushed(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.path ?? "/inbox"));
});

// Safari wants something to be shown for each push, whoever looks at what.
const SHOWS_EACH = /Safari\//.test(navigator.userAgent) && !/Chrom(e|ium)\//.test(navigator.userAgent);

/** See `payload` in src/notification/deliver.rs. */
async function pushed(data) {
  const told = read(data);
  await navigator.setAppBadge?.(told.open).catch(() => undefined);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const looked = windows.some((window) => window.focused && window.visibilityState === "visible");
  if (looked && !told.silent && !SHOWS_EACH) return report(told, "foreground");
  const { body, tag, path } = told;
  const silent = told.silent || looked;
  const options = { body, tag, silent, renotify: !silent, icon: "/icon-192.png", data: { path } };
  await self.registration.showNotification(told.title, options);
  if (!told.silent) await report(told, looked ? "foreground" : "shown");
}

function read(data) {
  try {
    return data.json().codepiper;
  } catch {
    return { title: "CodePiper", body: "Something needs you.", tag: "unknown", path: "/inbox", silent: false, open: 1 };
  }
}

async function report({ receipt }, outcome) {
  const body = JSON.stringify({ receipt, outcome });
  const headers = { "content-type": "application/json" };
  await fetch("/api/notifications/receipts", { method: "POST", headers, body }).catch(() => undefined);
}

/** In a dashboard that is open and answers, or in a new one. */
async function open(path) {
  const [window] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!window) return self.clients.openWindow(path);
  const { port1, port2 } = new MessageChannel();
  const answered = new Promise((done) => {
    port1.onmessage = () => done(true);
    setTimeout(done, 500, false);
  });
  window.postMessage({ open: path }, [port2]);
  await window.focus().catch(() => undefined);
  if (!(await answered)) await window.navigate(path).catch(() => self.clients.openWindow(path));
}

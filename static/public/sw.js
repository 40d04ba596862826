// Keeps the shell, so that an installed dashboard opens while the daemon is away; never what belongs to a login.

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

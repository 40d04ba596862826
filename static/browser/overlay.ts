// Stands in front of a daemon, and asks it as if the browser had done so. `cut` breaks every connection, as a network
// does. A built dashboard on disk is served instead of the daemon's: a change of the page needs no build of the daemon.

import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, request as ask, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { Transform } from "node:stream";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** `swallows`: what is sent arrives nowhere, and nobody is told. `deaf`: nothing arrives at the daemon, and what it sends
 * arrives. `refuses`: no connection can be opened. A number: each direction takes so many ms. */
export type Network = "works" | "swallows" | "deaf" | "refuses" | number;

export interface Overlay {
  url: string;
  cut: () => void;
  /** From here on the network is like this. */
  become: (network: Network) => void;
  close: () => Promise<void>;
}

/** `daemon` is asked for each time: it may have another port after a restart. */
export async function overlay(dist: string | undefined, daemon: () => string): Promise<Overlay> {
  const open = new Set<Socket>();
  /** Every stream that goes on to the daemon, and back. */
  const streams = new Set<Socket>();
  const browsers = new Set<Socket>();
  let network: Network = "works";
  const forward = (message: IncomingMessage): OutgoingHttpHeaders => {
    const { host } = new URL(daemon());
    return { ...message.headers, host, ...(message.headers.origin ? { origin: `http://${host}` } : {}) };
  };
  /** In their order, also when it becomes faster. */
  const slowed = (): Transform => {
    let before = Promise.resolve();
    return new Transform({
      transform(chunk, _, done) {
        const wait = typeof network === "number" ? network : null;
        const due = wait === null ? null : new Promise((after) => setTimeout(after, wait));
        before = Promise.all([before, due]).then(() => void this.push(chunk));
        done();
      },
    });
  };
  const server = createServer((incoming, outgoing) => {
    if (network === "swallows") return;
    const path = new URL(incoming.url ?? "/", "http://x").pathname;
    if (dist !== undefined && !/^\/(api|ws)(\/|$)/.test(path)) {
      const { status, headers, body } = file(dist, path, incoming.headers.cookie ?? "");
      outgoing.writeHead(status, headers).end(body);
      return;
    }
    const { hostname, port } = new URL(daemon());
    const upstream = ask(
      { hostname, port, path: incoming.url, method: incoming.method, headers: forward(incoming) },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    upstream.on("error", () => outgoing.destroy());
    incoming.pipe(upstream);
  });
  server.on("connection", (socket) => {
    if (network === "refuses") return socket.destroy();
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  server.on("upgrade", (incoming, socket: Socket, head) => {
    if (network === "swallows") return;
    const { hostname, port } = new URL(daemon());
    const upstream = connect(Number(port), hostname, () => {
      const headers = Object.entries(forward(incoming)).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      upstream.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
      upstream.write(head);
      upstream.pipe(slowed()).pipe(socket);
      socket.pipe(slowed()).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
    socket.on("close", () => upstream.destroy());
    browsers.add(socket);
    socket.on("close", () => browsers.delete(socket));
    for (const stream of [socket, upstream]) {
      streams.add(stream);
      stream.on("close", () => streams.delete(stream));
    }
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    become: (wanted) => {
      if (wanted === network) return;
      network = wanted;
      // What was swallowed is lost: the connection cannot go on.
      const lost = network === "deaf" ? browsers : streams;
      if (network === "swallows" || network === "deaf") for (const stream of lost) stream.unpipe().pause();
      else if (typeof wanted !== "number") cut();
    },
    close: () => {
      cut();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

function file(
  dist: string,
  path: string,
  cookie: string,
): { status: number; headers: OutgoingHttpHeaders; body: string | Buffer } {
  const asked = join(dist, normalize(path));
  const found = existsSync(asked) && statSync(asked).isFile();
  if (!found && path.startsWith("/assets/")) return { status: 404, headers: {}, body: "" };
  const name = found ? asked : join(dist, "index.html");
  const headers = {
    "content-type": TYPES[extname(name)] ?? "application/octet-stream",
    "content-security-policy": POLICY,
  };
  if (!name.endsWith(".html")) return { status: 200, headers, body: readFileSync(name) };
  const theme = /codepiper-theme=(light|dark)/.exec(cookie)?.[1];
  const page = readFileSync(name, "utf8").replace("<html", theme ? `<html data-theme="${theme}"` : "<html");
  const known = /-login=/.test(cookie);
  const session = /^\/sessions\/[^/]+$/.test(path);
  // As src/dashboard.rs does it.
  const body = page.replace(/<!--signed in-->(.*?)<!--session-->(.*?)<!--end-->/, (_, all: string, terminal: string) =>
    known ? `${all}${session ? terminal : ""}` : "",
  );
  return { status: 200, headers, body };
}

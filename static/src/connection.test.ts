// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Connection, type Item, type Typed } from "./connection";
import { aSession } from "./sample";
import type { ClientMessage, ServerMessage } from "./wire";

/** A WebSocket whose other end is the test. */
class FakeSocket {
  static all: FakeSocket[] = [];
  static readonly OPEN = 1;
  readonly OPEN = 1;
  readyState = 0;
  binaryType = "";
  sent: (ClientMessage | Uint8Array)[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(data: string | Uint8Array): void {
    this.sent.push(typeof data === "string" ? (JSON.parse(data) as ClientMessage) : data);
  }
  close(): void {
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  frame(tag: number, text: string): void {
    const bytes = new TextEncoder().encode(text);
    const data = new Uint8Array(bytes.length + 1);
    data[0] = tag;
    data.set(bytes, 1);
    this.onmessage?.({ data: data.buffer });
  }
  lose(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

let visible = true;
Object.defineProperty(document, "visibilityState", { get: () => (visible ? "visible" : "hidden") });

const hello: ServerMessage = { type: "hello", protocol: 1, version: "1" };
const session = aSession();
const subscribed = (request: number, channel: number, cursor: string): ServerMessage => ({
  type: "subscribed",
  request,
  channel,
  cursor,
  size: { cols: 80, rows: 24 },
  session,
});

function make() {
  const heard: ServerMessage[] = [];
  const items: Item[] = [];
  const unsure = vi.fn();
  const connection = new Connection(() => "ws://x/ws", {
    greet: () => [{ type: "authenticate", secret: "s" }],
    ask: () => [{ type: "sessions" }],
    live: () => undefined,
    message: (message) => heard.push(message),
    session: () => undefined,
    probe: () => connection.send({ type: "ping" }),
    closed: () => undefined,
    unsure,
  });
  return { connection, items, heard, unsure };
}

const last = (): FakeSocket => FakeSocket.all.at(-1) as FakeSocket;
const text = (item: Item | undefined): string => (item && "bytes" in item ? new TextDecoder().decode(item.bytes) : "");

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("says who it is before anything else, and is live with the hello", () => {
  const { connection } = make();
  connection.open();
  last().open();
  expect(last().sent).toEqual([{ type: "authenticate", secret: "s" }, { type: "sessions" }]);
  expect(connection.link.value.phase).toBe("connecting");
  last().say(hello);
  expect(connection.link.value.phase).toBe("live");
  connection.close();
});

it("counts the bytes of a channel, and goes on after them on the next connection", () => {
  const { connection, items } = make();
  connection.open();
  last().open();
  last().say(hello);
  connection.subscribe(session.id, "live", "latest", (item) => items.push(item));
  expect(last().sent.at(-1)).toEqual({
    type: "subscribe",
    request: 1,
    session: session.id,
    from: "live",
    delivery: "latest",
  });
  last().say(subscribed(1, 4, "2:100"));
  last().say({ type: "keyframe", channel: 4, cursor: "2:110", size: { cols: 80, rows: 24 }, reason: "begin" });
  last().frame(0x84, "screen");
  last().frame(4, "hello");
  expect(items.map((item) => item.kind)).toEqual(["begun", "keyframe", "output"]);
  expect(text(items[1])).toBe("screen");
  expect(items[2]).toMatchObject({ at: { epoch: 2, offset: 115 } });

  last().lose();
  expect(connection.link.value.phase).toBe("lost");
  vi.advanceTimersByTime(1000);
  last().open();
  // Before the daemon has said a word.
  expect(last().sent[1]).toEqual({
    type: "subscribe",
    request: 2,
    session: session.id,
    from: { cursor: "2:115" },
    delivery: "latest",
  });
  last().say(hello);
  last().say(subscribed(2, 0, "2:115"));
  expect(items.at(-1)).toMatchObject({ kind: "begun", again: true });
  connection.close();
});

it("holds what comes of the session that is expected until somebody shows it", async () => {
  const { connection, items } = make();
  connection.expect(session.id);
  connection.open();
  last().open();
  last().say(hello);
  last().say(subscribed(1, 4, "2:100"));
  last().frame(4, "early");
  const subscription = connection.subscribe(session.id, "live", "latest", (item) => items.push(item));
  await Promise.resolve();
  last().frame(4, "late");
  expect(items.map((item) => (item.kind === "output" ? text(item) : item.kind))).toEqual(["begun", "early", "late"]);
  // It is the only one, and no other takes it.
  subscription.close();
  connection.subscribe(session.id, "live", "latest", () => undefined);
  expect(last().sent.filter((sent) => "type" in sent && sent.type === "subscribe")).toHaveLength(2);
  connection.close();
});

it("gives up what was expected when the page shows something else", () => {
  const { connection } = make();
  connection.expect(session.id);
  connection.open();
  last().open();
  last().say(hello);
  last().say(subscribed(1, 4, "2:100"));
  connection.expectNothing();
  connection.expectNothing();
  expect(last().sent.filter((sent) => "type" in sent && sent.type === "unsubscribe")).toHaveLength(1);
  connection.close();
});

it("gives up what was expected when something else is shown", () => {
  const { connection } = make();
  connection.expect("another");
  connection.open();
  last().open();
  last().say(hello);
  last().say(subscribed(1, 4, "2:100"));
  connection.subscribe(session.id, "live", "latest", () => undefined);
  expect(last().sent.slice(-2)).toMatchObject([{ type: "unsubscribe", channel: 4 }, { type: "subscribe" }]);
  connection.close();
});

it("does not count what a gap leaves out", () => {
  const { connection, items } = make();
  connection.open();
  last().open();
  last().say(hello);
  const subscription = connection.subscribe(session.id, "live", "latest", (item) => items.push(item));
  last().say(subscribed(1, 0, "0:0"));
  last().say({ type: "gap", channel: 0, cursor: "1:5000", reason: "daemon_away", lost: { bytes: 4000 } });
  last().frame(0, "abc");
  expect(subscription.at).toEqual({ epoch: 1, offset: 5003 });
  expect(items.at(-2)).toMatchObject({ kind: "gap", lost: { bytes: 4000 } });
  connection.close();
});

it("acknowledges nothing while nobody sees the page, and then what was shown", () => {
  const { connection } = make();
  connection.open();
  last().open();
  last().say(hello);
  const subscription = connection.subscribe(session.id, "live", "latest", () => undefined);
  last().say(subscribed(1, 3, "0:0"));
  const acks = (): unknown[] => last().sent.filter((message) => "type" in message && message.type === "ack");
  visible = false;
  subscription.consumed(900_000);
  expect(acks()).toEqual([]);
  visible = true;
  document.dispatchEvent(new Event("visibilitychange"));
  expect(acks()).toEqual([{ type: "ack", channel: 3, offset: 900_000 }]);
  connection.close();
});

it("acknowledges every quarter of the window, not every frame", () => {
  const { connection } = make();
  connection.open();
  last().open();
  last().say(hello);
  const subscription = connection.subscribe(session.id, "live", "latest", () => undefined);
  last().say(subscribed(1, 3, "0:0"));
  subscription.consumed(1000);
  subscription.consumed(262_143);
  const acks = (): unknown[] => last().sent.filter((message) => "type" in message && message.type === "ack");
  expect(acks()).toEqual([]);
  subscription.consumed(262_144);
  expect(acks()).toEqual([{ type: "ack", channel: 3, offset: 262_144 }]);
  connection.close();
});

it("lets nothing through to a channel that was closed, also before it was opened", () => {
  const { connection, items } = make();
  connection.open();
  last().open();
  last().say(hello);
  const early = connection.subscribe(session.id, "live", "latest", (item) => items.push(item));
  early.close();
  last().say(subscribed(1, 2, "0:0"));
  expect(last().sent.at(-1)).toEqual({ type: "unsubscribe", channel: 2 });
  last().frame(2, "late");
  expect(items).toEqual([]);
  connection.close();
});

it("types only while there is a connection", () => {
  const { connection } = make();
  connection.open();
  const subscription = connection.subscribe(session.id, "live", "latest", () => undefined);
  const typed = new TextEncoder().encode("ls");
  expect(subscription.type(typed)).toBe(false);
  last().open();
  last().say(hello);
  last().say(subscribed(1, 5, "0:0"));
  expect(subscription.type(typed)).toBe(true);
  expect(last().sent.at(-1)).toEqual(new Uint8Array([5, 0x6c, 0x73]));
  last().lose();
  expect(subscription.type(typed)).toBe(false);
  connection.close();
});

it("sends keys that were typed before the daemon answered that the session is there", () => {
  const { connection, unsure } = make();
  connection.open();
  const subscription = connection.subscribe(session.id, "live", "latest", () => undefined);
  last().open();
  last().say(hello);
  for (const key of ["l", "s"]) expect(subscription.type(new TextEncoder().encode(key))).toBe(true);
  const typed = (): unknown[] => last().sent.filter((sent) => sent instanceof Uint8Array);
  expect(typed()).toEqual([]);
  last().say(subscribed(1, 5, "0:0"));
  expect(typed()).toEqual([new Uint8Array([5, 0x6c]), new Uint8Array([5, 0x73])]);
  // Where no answer comes, they are said to be lost.
  last().lose();
  expect(unsure).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(250);
  last().open();
  last().say(hello);
  expect(subscription.type(new TextEncoder().encode("x"))).toBe(true);
  last().lose();
  expect(unsure).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(2000);
  last().open();
  last().say(hello);
  last().say(subscribed(3, 5, "0:0"));
  expect(typed()).toEqual([]);
  connection.close();
});

it("waits longer after each failure, and tries at once when asked to", () => {
  const { connection } = make();
  connection.open();
  const waits: number[] = [];
  for (let failures = 0; failures < 5; failures++) {
    last().lose();
    const link = connection.link.value;
    if (link.phase !== "lost") throw new Error(link.phase);
    waits.push(link.nextTry - Date.now());
    vi.advanceTimersByTime(link.nextTry - Date.now());
  }
  expect(waits[0]).toBe(250);
  expect(waits[4]).toBeGreaterThan(waits[1] as number);
  expect(Math.max(...waits)).toBeLessThan(20_000);
  last().lose();
  const sockets = FakeSocket.all.length;
  connection.tryNow();
  expect(FakeSocket.all.length).toBe(sockets + 1);
  connection.close();
});

it("finds out after a nap whether the connection still lives", () => {
  const { connection } = make();
  connection.open();
  last().open();
  last().say(hello);
  // No timer ran for a minute: the machine slept.
  vi.setSystemTime(Date.now() + 60_000);
  vi.advanceTimersByTime(5000);
  expect(last().sent.at(-1)).toEqual({ type: "ping" });
  vi.advanceTimersByTime(4000);
  expect(connection.link.value.phase).toBe("lost");
  connection.close();
});

it("finds out that the network swallows everything, and says that what was typed may be lost", () => {
  const { connection, unsure } = make();
  connection.open();
  last().open();
  last().say(hello);
  const subscription = connection.subscribe(session.id, "live", "latest", () => undefined);
  last().say(subscribed(1, 5, "0:0"));
  // As long as it answers, it lives.
  for (let times = 0; times < 10; times++) {
    vi.advanceTimersByTime(5000);
    if (last().sent.some((message) => "type" in message && message.type === "ping")) last().say({ type: "pong" });
  }
  expect(last().sent.at(-1)).toEqual({ type: "ping" });
  expect(connection.link.value.phase).toBe("live");
  subscription.type(new TextEncoder().encode("ls"));
  vi.advanceTimersByTime(3000);
  expect(last().sent.at(-1)).toEqual({ type: "ping" });
  expect(unsure).not.toHaveBeenCalled();
  vi.advanceTimersByTime(4000);
  expect(connection.link.value.phase).toBe("lost");
  expect(unsure).toHaveBeenCalledOnce();
  connection.close();
});

/** One that is live, with a session. */
function typing() {
  const made = make();
  made.connection.open();
  last().open();
  last().say(hello);
  const subscription = made.connection.subscribe(session.id, "live", "latest", (item) => made.items.push(item));
  last().say(subscribed(1, 5, "0:0"));
  const type = (text: string): boolean => subscription.type(new TextEncoder().encode(text));
  const pings = (): number => last().sent.filter((sent) => "type" in sent && sent.type === "ping").length;
  const lost = (): string[] =>
    made.unsure.mock.calls.map(([typed]) =>
      (typed as Typed[]).map(([, bytes]) => new TextDecoder().decode(bytes)).join(""),
    );
  return { ...made, subscription, type, pings, lost };
}

it("holds what was typed for lost until a pong proves it, whatever else is heard", () => {
  const { connection, type, pings, lost } = typing();
  type("a");
  type("b");
  expect(pings()).toBe(0);
  vi.advanceTimersByTime(100);
  expect(pings()).toBe(1);
  // Typed behind the ping: the next one proves it.
  type("c");
  last().frame(5, "output");
  vi.advanceTimersByTime(100);
  last().say({ type: "pong" });
  vi.advanceTimersByTime(100);
  expect(pings()).toBe(2);
  last().frame(5, "output");
  last().lose();
  expect(lost()).toEqual(["c"]);
  connection.close();
  expect(lost()).toEqual(["c"]);
});

it("asks nothing more once everything is proven", () => {
  const { connection, type, pings } = typing();
  type("a");
  vi.advanceTimersByTime(100);
  last().say({ type: "pong" });
  vi.advanceTimersByTime(4000);
  expect(pings()).toBe(1);
  connection.close();
});

it("notices within 15 s that nothing arrives, while output goes on", () => {
  const { connection, type, lost } = typing();
  type("GONE");
  for (let tenths = 0; tenths < 150 && connection.link.value.phase === "live"; tenths++) {
    last().frame(5, "tick");
    vi.advanceTimersByTime(100);
  }
  expect(connection.link.value.phase).toBe("lost");
  expect(lost()).toEqual(["GONE"]);
  connection.close();
});

it("waits for a pong behind much output on a slow link", () => {
  const { connection, type, lost } = typing();
  type("x");
  // 1 MB at 40 kB a second.
  for (let quarters = 0; quarters < 100; quarters++) {
    last().frame(5, "x".repeat(10_000));
    vi.advanceTimersByTime(250);
  }
  last().say({ type: "pong" });
  expect(connection.link.value.phase).toBe("live");
  expect(lost()).toEqual([]);
  connection.close();
});

it("takes no more keys than it can hold", () => {
  const { connection, type, lost } = typing();
  const taken = Array.from({ length: 1100 }, () => type("x")).filter(Boolean).length;
  last().lose();
  expect([taken, lost()[0]?.length]).toEqual([1000, 1000]);
  connection.close();
});

it("gives up a connection that does not open", () => {
  const { connection } = make();
  connection.open();
  vi.advanceTimersByTime(10_000);
  expect(connection.link.value.phase).toBe("lost");
  vi.advanceTimersByTime(250);
  expect(FakeSocket.all).toHaveLength(2);
  connection.close();
});

it("stops at a daemon of another protocol", () => {
  const { connection } = make();
  connection.open();
  last().open();
  last().say({ ...hello, protocol: 99 });
  expect(connection.link.value.phase).toBe("outdated");
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.all).toHaveLength(1);
});

// The one WebSocket: it comes back by itself, and every subscription goes on at its cursor.

import { signal } from "@preact/signals";
import { cursorOf, position, type Position } from "./cursor";
import type {
  Begin,
  ClientMessage,
  Cursor,
  Delivery,
  Exit,
  GapReason,
  KeyframeReason,
  Lost,
  Problem,
  ServerMessage,
  Session,
  Size,
} from "./wire";
import { ACK_EVERY, KEYFRAME_BIT, PROTOCOL } from "./wire";

/** After a ping, nothing may be heard for this long, in ms. */
const PROBE = 4000;
/** The pong may take this long, in ms, while something else is heard: there may be output before it. */
const ANSWER = 10_000;
/** The slowest link, in bytes per ms: so much of the output before a pong gives it more time. */
const SLOWEST = 16;
/** What was typed is followed by a ping, whose pong proves that it arrived, in ms. */
const PROVE = 100;
/** A connection that is not live after this long is given up, in ms. */
const OPENING = 10_000;
/** It is asked so often whether the connection lives, in ms; of a hidden page as often as its browser lets it. */
const TICK = 5000;
/** Keys that wait for a session that is being asked for, or for the proof that they arrived. */
const MOST_WAITING = 1000;

export type Link =
  | { phase: "connecting"; since: number }
  | { phase: "live" }
  /** No connection; `nextTry` is when the next attempt begins. */
  | { phase: "lost"; since: number; nextTry: number; attempt: number }
  /** The daemon speaks another version of the protocol. */
  | { phase: "outdated" };

/** What a subscription yields. */
export type Item =
  | { kind: "output"; bytes: Uint8Array; at: Position }
  | { kind: "keyframe"; bytes: Uint8Array; at: Position; size: Size; reason: KeyframeReason }
  | { kind: "gap"; at: Position; reason: GapReason; lost: Lost }
  | { kind: "caught_up" }
  | { kind: "ended"; exit: Exit | null }
  /** Subscribed, for the first time or again after the connection was lost. */
  | { kind: "begun"; size: Size; at: Position; again: boolean }
  | { kind: "failed"; problem: Problem };

/** What was typed, and where; and whether it is a secret that nobody shows. */
export type Typed = readonly [into: Subscription, bytes: Uint8Array, secret: boolean];

/** One session's output, from a place on. It survives reconnections. */
export class Subscription {
  /** The end of what was received, once there is something. */
  at: Position | null = null;
  channel: number | null = null;
  closed = false;
  private announced: { at: Position; size: Size; reason: KeyframeReason } | null = null;
  /** Typed when the daemon had been asked for the session and had not answered yet that it is there. */
  private early: Typed[] = [];
  private consumedTo = 0;
  private acknowledged = 0;

  constructor(
    private readonly connection: Connection,
    readonly session: string,
    private readonly from: Begin,
    private readonly delivery: Delivery,
    private sink: (item: Item) => void,
  ) {}

  /** From here on it is yielded there: first what was held, once whoever takes it has it. */
  pass(sink: (item: Item) => void, held: readonly Item[]): void {
    this.sink = sink;
    queueMicrotask(() => held.forEach((item) => !this.closed && sink(item)));
  }

  /** The bytes up to `offset` were shown or stored. */
  consumed(offset: number): void {
    this.consumedTo = Math.max(this.consumedTo, offset);
    // A page that nobody sees takes what fits the window, and on its return the screen of then.
    if (document.visibilityState === "visible") this.acknowledge(ACK_EVERY);
  }

  /** Tells what was consumed, if it is so much more than was told. */
  acknowledge(least: number): void {
    if (this.channel !== null && this.consumedTo - this.acknowledged >= least) {
      this.acknowledged = this.consumedTo;
      this.connection.send({ type: "ack", channel: this.channel, offset: this.consumedTo });
    }
  }

  /** Types into the session. False when there is no connection. */
  type(bytes: Uint8Array, secret = false): boolean {
    const typed: Typed = [this, bytes, secret];
    if (this.channel !== null) return this.connection.sendTyped(typed);
    if (!this.connection.isAskedFor(this) || this.early.length >= MOST_WAITING) return false;
    this.early.push(typed);
    return true;
  }

  /** Nothing of what was typed early will arrive. */
  dropEarly(): Typed[] {
    return this.early.splice(0);
  }

  close(): void {
    this.closed = true;
    this.connection.forget(this);
  }

  request(request: number): ClientMessage {
    const from: Begin = this.at ? { cursor: cursorOf(this.at) } : this.from;
    return { type: "subscribe", request, session: this.session, from, delivery: this.delivery };
  }

  begin(channel: number, cursor: Cursor, size: Size): void {
    const again = this.at !== null;
    this.channel = channel;
    this.announced = null;
    this.jump(position(cursor));
    this.sink({ kind: "begun", size, at: position(cursor), again });
    for (const typed of this.early.splice(0)) this.connection.sendTyped(typed);
  }

  message(message: ServerMessage): void {
    switch (message.type) {
      case "keyframe":
        this.announced = { at: position(message.cursor), size: message.size, reason: message.reason };
        return;
      case "gap":
        this.jump(position(message.cursor));
        return this.sink({ kind: "gap", at: position(message.cursor), reason: message.reason, lost: message.lost });
      case "caught_up":
        return this.sink({ kind: "caught_up" });
      case "ended":
        return this.sink({ kind: "ended", exit: message.exit });
    }
  }

  frame(isKeyframe: boolean, bytes: Uint8Array): void {
    if (isKeyframe) {
      if (!this.announced) return;
      const { at, size, reason } = this.announced;
      this.announced = null;
      this.jump(at);
      this.sink({ kind: "keyframe", bytes, at, size, reason });
    } else if (this.at) {
      this.at = { epoch: this.at.epoch, offset: this.at.offset + bytes.length };
      this.sink({ kind: "output", bytes, at: this.at });
    }
  }

  fail(problem: Problem): void {
    this.sink({ kind: "failed", problem });
  }

  private jump(at: Position): void {
    this.at = at;
    this.consumedTo = at.offset;
    this.acknowledged = at.offset;
  }
}

export class Connection {
  readonly link = signal<Link>({ phase: "connecting", since: Date.now() });
  /** What the daemon said of itself at the beginning. */
  readonly version = signal<string | null>(null);
  /** The time of the last message. */
  private heard = 0;
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private ticker: ReturnType<typeof setInterval> | undefined;
  /** Runs while a pong is waited for. */
  private probing: ReturnType<typeof setTimeout> | undefined;
  /** Bytes received since the ping. */
  private received = 0;
  /** What was typed and may not have arrived, oldest first. */
  private typed: Typed[] = [];
  /** So much of it is proven by the next pong: it is handled after everything that was sent before its ping. */
  private proves = 0;
  private proving: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private requests = 0;
  private readonly subscriptions = new Set<Subscription>();
  private readonly asked = new Map<number, Subscription>();
  private readonly channels = new Map<number, Subscription>();
  /** See {@link Connection.expect}. */
  private expected: { subscription: Subscription; held: Item[] } | null = null;

  constructor(
    private readonly url: () => string,
    private readonly on: {
      /** The first messages of a connection, before anything else is sent. */
      greet: () => readonly ClientMessage[];
      /** What is asked for besides the subscriptions. */
      ask: () => readonly ClientMessage[];
      /** The connection is live again. */
      live: () => void;
      message: (message: ServerMessage) => void;
      session: (session: Session) => void;
      /** Says something that the daemon answers: is it there? */
      probe: () => void;
      /** A connection could not be opened or ended; the code is WebSocket's. */
      closed: (code: number) => void;
      /** The connection is lost, and this may not have arrived. */
      unsure: (typed: readonly Typed[]) => void;
    },
  ) {}

  open(): void {
    window.addEventListener("online", this.tryNow);
    document.addEventListener("visibilitychange", this.wake);
    this.ticker = setInterval(this.probe, TICK);
    this.attempt = 0;
    this.connect();
  }

  /** Closes for good. */
  close(): void {
    window.removeEventListener("online", this.tryNow);
    document.removeEventListener("visibilitychange", this.wake);
    clearInterval(this.ticker);
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.drop();
  }

  readonly tryNow = (): void => {
    if (this.link.value.phase !== "lost") return;
    clearTimeout(this.timer);
    this.connect();
  };

  /** Asks for the session that the page is about to show. What comes is held until somebody subscribes to it. */
  expect(session: string): void {
    const held: Item[] = [];
    const subscription = this.subscribe(session, "live", "latest", (item) => held.push(item));
    this.expected = { subscription, held };
  }

  /** The page shows something else. */
  expectNothing(): void {
    this.expected?.subscription.close();
    this.expected = null;
  }

  subscribe(session: string, from: Begin, delivery: Delivery, sink: (item: Item) => void): Subscription {
    const { expected } = this;
    if (expected?.subscription.session === session && from === "live" && delivery === "latest") {
      this.expected = null;
      expected.subscription.pass(sink, expected.held);
      return expected.subscription;
    }
    this.expectNothing();
    const subscription = new Subscription(this, session, from, delivery, sink);
    this.subscriptions.add(subscription);
    if (this.socket?.readyState === WebSocket.OPEN) this.ask(subscription);
    return subscription;
  }

  forget(subscription: Subscription): void {
    this.subscriptions.delete(subscription);
    if (subscription.channel !== null) {
      this.channels.delete(subscription.channel);
      this.send({ type: "unsubscribe", channel: subscription.channel });
      subscription.channel = null;
    }
  }

  send(message: ClientMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** The daemon was asked for it, and has not answered yet. */
  isAskedFor(subscription: Subscription): boolean {
    return [...this.asked.values()].includes(subscription);
  }

  sendTyped(typed: Typed): boolean {
    const [into, bytes] = typed;
    const live = this.link.value.phase === "live" && this.socket?.readyState === WebSocket.OPEN;
    if (!live || this.typed.length >= MOST_WAITING) return false;
    const frame = new Uint8Array(bytes.length + 1);
    frame[0] = into.channel ?? 0;
    frame.set(bytes, 1);
    this.socket?.send(frame);
    this.typed.push(typed);
    this.prove();
    return true;
  }

  private prove(): void {
    this.proving ??= setTimeout(() => {
      this.proving = undefined;
      this.probe();
    }, PROVE);
  }

  private connect(): void {
    if (this.link.value.phase === "live") this.link.value = { phase: "connecting", since: Date.now() };
    const socket = new WebSocket(this.url());
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.timer = setTimeout(() => this.abandon(socket), OPENING);
    socket.onopen = () => {
      for (const message of this.on.greet()) this.send(message);
      // Without waiting for the daemon's greeting: on a slow link that is one round trip less.
      for (const subscription of this.subscriptions) this.ask(subscription);
      for (const message of this.on.ask()) this.send(message);
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (this.socket !== socket) return;
      this.heard = Date.now();
      if (typeof data === "string") this.text(JSON.parse(data) as ServerMessage);
      else this.binary(new Uint8Array(data));
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.lost(code);
    };
  }

  private text(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        this.version.value = message.version;
        if (message.protocol !== PROTOCOL) {
          this.close();
          this.link.value = { phase: "outdated" };
          return;
        }
        clearTimeout(this.timer);
        this.attempt = 0;
        this.link.value = { phase: "live" };
        this.on.live();
        return;
      case "subscribed": {
        const subscription = this.asked.get(message.request);
        this.asked.delete(message.request);
        if (!subscription || subscription.closed) {
          this.send({ type: "unsubscribe", channel: message.channel });
          return;
        }
        this.channels.set(message.channel, subscription);
        this.on.session(message.session);
        subscription.begin(message.channel, message.cursor, message.size);
        return;
      }
      case "pong":
        clearTimeout(this.probing);
        this.probing = undefined;
        this.typed.splice(0, this.proves);
        if (this.typed.length > 0) this.prove();
        return;
      case "session":
        return this.on.session(message.session);
      case "keyframe":
      case "gap":
      case "caught_up":
      case "ended":
        this.channels.get(message.channel)?.message(message);
        return;
      case "error": {
        const subscription = message.request === null ? undefined : this.asked.get(message.request);
        if (!subscription) return this.on.message(message);
        if (message.request !== null) this.asked.delete(message.request);
        this.subscriptions.delete(subscription);
        this.tell(subscription.dropEarly());
        subscription.fail(message.problem);
        return;
      }
      default:
        this.on.message(message);
    }
  }

  private binary(data: Uint8Array): void {
    this.received += data.length;
    const tag = data[0];
    if (tag === undefined) return;
    this.channels.get(tag & ~KEYFRAME_BIT)?.frame((tag & KEYFRAME_BIT) !== 0, data.subarray(1));
  }

  private ask(subscription: Subscription): void {
    const request = ++this.requests;
    this.asked.set(request, subscription);
    this.send(subscription.request(request));
  }

  private lost(code: number): void {
    clearTimeout(this.timer);
    this.socket = null;
    this.drop();
    const now = Date.now();
    const before = this.link.value;
    const since = before.phase === "lost" || before.phase === "connecting" ? before.since : now;
    const wait = this.attempt === 0 ? 250 : Math.min(15_000, 500 * 2 ** this.attempt) * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.link.value = { phase: "lost", since, nextTry: now + wait, attempt: this.attempt };
    this.timer = setTimeout(() => this.connect(), wait);
    this.on.closed(code);
  }

  private drop(): void {
    clearTimeout(this.probing);
    this.probing = undefined;
    this.asked.clear();
    this.channels.clear();
    const early = [...this.subscriptions].flatMap((subscription) => {
      subscription.channel = null;
      return subscription.dropEarly();
    });
    this.tell([...this.typed.splice(0), ...early]);
  }

  private tell(typed: Typed[]): void {
    if (typed.length > 0) this.on.unsure(typed);
  }

  private readonly wake = (): void => {
    if (document.visibilityState !== "visible") return;
    for (const subscription of this.channels.values()) subscription.acknowledge(1);
    if (this.link.value.phase === "lost") this.tryNow();
    else this.probe();
  };

  /** A network that swallows what is sent says nothing of it: only an answer proves that the connection lives. */
  private readonly probe = (): void => {
    const socket = this.socket;
    if (!socket || this.probing !== undefined || this.link.value.phase !== "live") return;
    this.on.probe();
    this.proves = this.typed.length;
    this.received = 0;
    const since = Date.now();
    const check = (): void => {
      const now = Date.now();
      if (now - this.heard >= PROBE || now - since >= ANSWER + this.received / SLOWEST) this.abandon(socket);
      else this.probing = setTimeout(check, 1000);
    };
    this.probing = setTimeout(check, PROBE);
  };

  private abandon(socket: WebSocket): void {
    if (this.socket !== socket) return;
    // Its own closing could wait for the network's time limits.
    socket.onclose = null;
    socket.close();
    this.lost(1006);
  }
}

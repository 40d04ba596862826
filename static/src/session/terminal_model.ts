// What the page of a session's terminal knows and does; its components show it.

import { signal } from "@preact/signals";
import { createRef } from "preact";
import type { Session, Size } from "../wire";
import { cursorOf, type Position } from "../cursor";
import type { Subscription } from "../connection";
import { clipboard, letterSize } from "../preferences";
import { connection } from "../store";
import { coarse, gridFor, isPhone, SMALLEST } from "../terminal/fit";
import { withCtrl } from "../terminal/keys";
import { keptLetters } from "../terminal/pinch";
import { asksForSecret, openScreen, scaleInto, type Screen } from "../terminal/screen";
import { letterWidth } from "../terminal/theme";
import { toast } from "../toasts";
import { isLive } from "../words";
import type { Sticky } from "./key_strip";
import { Past } from "./past";
import { takeInto } from "./stream";
import type { Predicted } from "../terminal/predicted";
import { pressed } from "./terminal_keys";
import { isDrawn, whenDrawn } from "../settled";

// The screen comes first; what is around it follows.
const around = whenDrawn(() => import("./around"));
/** Without a connection it cannot be loaded: what shows it tries again. */
export const NOTHING = (): void => undefined;

/** The whole grid is an overview, in px. */
const TINY = 2;
/** Letters on a phone, in px. */
const PHONE_LETTERS = 11;
/** More typed bytes than this are a text that was pasted. */
const TYPED = 32 * 1024;
/** Rows below the cursor that are seen with it. */
const BELOW_CURSOR = 2;

/** Long texts on their way, by the session: they go on when its page is left. */
const pasting = new Map<string, Promise<void>>();

export class TerminalModel {
  screen: Screen | null = null;
  /** Shows a letter on a slow link before the program echoes it. */
  private predicted: Predicted | null = null;
  readonly past = new Past({
    session: () => this.session.id,
    // The session tells where it ended when something else of it changed last.
    end: () => (this.subscription?.at ? cursorOf(this.subscription.at) : this.session.cursor),
    rowHeight: () => this.rowHeight(),
  });
  /** The text field of the composer. */
  readonly prompt = createRef<HTMLTextAreaElement>();
  readonly composing = signal(false);
  /** The card of the size is open. */
  readonly sizing = signal(false);
  /** The strip of keys is shown. */
  readonly strip = signal(coarse());
  /** On a phone: the whole grid is shown, however small. */
  readonly whole = signal(false);
  /** The size of a phone's letters, in px. */
  readonly letters;
  /** Of the letters: 1 is their normal size. */
  readonly scale = signal(1);
  /** The grid that would fill this screen. */
  readonly wanted;
  /** Counts how often the subscription began. */
  readonly begun = signal(0);
  /** Where the pointer's link leads. */
  readonly link = signal<string | null>(null);
  /** What a program wants to write to the clipboard. */
  readonly clip = signal<string | null>(null);
  /** The program need not ask for the clipboard again. */
  clipAllowed = false;
  readonly sticky = signal<Sticky>("off");
  /** What is seen of a large grid is where the cursor is; a finger that moves it elsewhere ends that. */
  followsCursor = true;
  subscription: Subscription | null = null;
  stage: HTMLElement | null = null;
  /** What the letters were made to fit last. */
  private fitted = "";
  /** Every row of the grid is seen. */
  private allSeen = false;
  private lastEnter: Position | null = null;
  /** Something was pasted, and what takes it is being loaded: keys come behind it. */
  private giving: ReturnType<typeof around> | null = null;

  constructor(
    /** As it is now. */
    public session: Session,
    /** Gives the focus to the page. */
    readonly leave: () => void,
  ) {
    this.letters = signal(keptLetters(session.id, PHONE_LETTERS));
    this.wanted = signal<Size>(session.size);
  }

  /** Shows the session in `host`, as large as `stage` allows, until the answer is called. */
  open(host: HTMLElement, stage: HTMLElement, moment: string | undefined): () => void {
    const screen = openScreen(host, this.session.size, this.normalLetters(), {
      typed: this.type,
      clip: (text) => this.wantsClip(text),
      resized: this.fit,
      link: (url) => (this.link.value = url),
      key: (event, asked) => pressed(event, asked, this),
    });
    screen.accelerate(true);
    this.screen = screen;
    this.stage = stage;
    void around().then(({ predict }) => {
      if (this.screen === screen) this.predicted = predict(screen.terminal);
    }, NOTHING);
    screen.terminal.onCursorMove(this.showCursor);
    const take = takeInto(screen, () => this.subscription);
    const subscribed = connection.subscribe(this.session.id, "live", "latest", (item) => {
      if (item.kind === "begun") this.begun.value++;
      take(item);
      // In the frame after the one in which it is drawn.
      if (item.kind === "caught_up" || item.kind === "failed") requestAnimationFrame(() => setTimeout(isDrawn));
    });
    this.subscription = subscribed;
    let pending = 0;
    const fitSoon = (): void => {
      cancelAnimationFrame(pending);
      pending = requestAnimationFrame(this.fit);
    };
    const room = new ResizeObserver(this.fit);
    room.observe(stage);
    // The other renderer has cells of another size.
    const cells = new ResizeObserver(fitSoon);
    const rendered = host.querySelector(".xterm-screen");
    if (rendered) cells.observe(rendered);
    this.fit();
    if (!coarse()) screen.terminal.focus();
    if (moment !== undefined) this.past.goTo(/^\d+:\d+$/.test(moment) ? moment : Number(moment));
    return () => {
      cancelAnimationFrame(pending);
      room.disconnect();
      cells.disconnect();
      subscribed.close();
      this.past.close();
      this.predicted?.dispose();
      this.predicted = null;
      screen.dispose();
      this.screen = null;
      this.fitted = "";
    };
  }

  /** Sets the letters so that the grid fits. */
  readonly fit = (): void => {
    const { screen, stage } = this;
    if (!screen || !stage || stage.clientWidth === 0) return;
    const room = { width: stage.clientWidth - 24, height: stage.clientHeight - 16 };
    const wanted = isPhone() ? this.letters.value : letterSize.value;
    // Each size that is tried is measured, letter by letter.
    const { cols, rows } = screen.terminal;
    const whole = !isPhone() || this.whole.value;
    const fitted = [room.width, room.height, wanted, cols, rows, whole, this.whole.value, screen.style()].join();
    if (fitted === this.fitted) return;
    this.fitted = fitted;
    screen.scale(wanted);
    this.wanted.value = gridFor(screen.cell(), room);
    const font = whole ? scaleInto(screen, room, wanted, this.whole.value ? TINY : SMALLEST) : wanted;
    const own = screen.cell();
    this.scale.value = font / wanted;
    this.allSeen = own.height * rows <= room.height;
    stage.style.setProperty("--cell-h", `${own.height}px`);
    stage.style.setProperty("--term-font", `${font}px`);
    stage.style.setProperty("--cell-gap", `${own.width - letterWidth(stage, font)}px`);
    this.showCursor();
  };

  /** Only a part of the grid may be seen, on a phone mostly: the part with the cursor, until a finger moves it. */
  private readonly showCursor = (): void => {
    // What follows needs a layout, and the cursor moves with each key.
    if (this.allSeen || !this.followsCursor) return;
    const view = this.liveScreen();
    if (!view || view.scrollHeight <= view.clientHeight) return;
    const { cursorY } = this.screen?.terminal.buffer.active ?? { cursorY: 0 };
    const top = cursorY * this.rowHeight();
    const bottom = top + (1 + BELOW_CURSOR) * this.rowHeight();
    if (bottom > view.scrollTop + view.clientHeight) view.scrollTop = bottom - view.clientHeight;
    else if (top < view.scrollTop) view.scrollTop = top;
  };

  readonly type = (bytes: Uint8Array): void => {
    const behind = (): void => this.type(bytes);
    if (this.giving) return void this.giving.then(behind, behind);
    this.followsCursor = true;
    this.showCursor();
    if (!isLive(this.session)) return toast({ text: "Not sent: the session has ended.", bad: true });
    let typed = bytes;
    if (this.sticky.value !== "off" && bytes.length === 1) {
      typed = new TextEncoder().encode(withCtrl(String.fromCharCode(bytes[0] ?? 0)));
      if (this.sticky.value === "once") this.sticky.value = "off";
    }
    if (typed.length > TYPED || pasting.has(this.session.id)) return this.typeBehind(typed);
    if (!this.subscription?.type(typed, this.screen ? asksForSecret(this.screen.terminal) : false))
      return toast({ text: "Not sent: no connection.", bad: true });
    this.predicted?.typed(typed);
    if (typed.includes(0x0d)) this.lastEnter = this.subscription?.at ?? null;
  };

  /** A long text, and what is typed until the program has it. */
  private typeBehind(bytes: Uint8Array): void {
    const { id } = this.session;
    const mine = Promise.all([around(), pasting.get(id)])
      .then(([{ paste }]) => paste(this, bytes))
      .finally(() => pasting.get(id) === mine && pasting.delete(id));
    pasting.set(id, mine);
  }

  readonly compose = (): void => {
    this.composing.value = true;
    // One that is open already does not take the focus by itself.
    this.prompt.current?.focus();
  };

  readonly copy = (text: string): void => void around().then(({ copySelection }) => copySelection(text));

  readonly copyLast = async (): Promise<void> => (await around()).copyLastOutput(this.session.id, this.lastEnter);

  /** What was pasted or dropped. */
  readonly give = (files: readonly File[], text?: string): Promise<void> => {
    this.giving ??= around().finally(() => (this.giving = null));
    return this.giving.then(({ give }) => give(this, files, text), NOTHING);
  };

  readonly focus = (): void => this.screen?.terminal.focus();

  private liveScreen(): Element | null {
    return this.screen?.terminal.element?.closest(".live-screen") ?? null;
  }

  /** Not the top of the live screen is seen. */
  isScrolled(): boolean {
    return (this.liveScreen()?.scrollTop ?? 0) > 0;
  }

  rowHeight(): number {
    return this.screen?.cell().height ?? 16;
  }

  private normalLetters(): number {
    return isPhone() ? PHONE_LETTERS : letterSize.value;
  }

  private wantsClip(text: string): void {
    if (clipboard.value === "refuse") return;
    if (clipboard.value === "allow" || this.clipAllowed) void around().then(({ writeClip }) => writeClip(text));
    else this.clip.value = text;
  }
}

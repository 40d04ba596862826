import "../styles/terminal.css";
import { useComputed, useSignal } from "@preact/signals";
import { useCallback, useEffect, useRef } from "preact/hooks";
import { pageActions } from "../page_actions";
import type { Cursor, Session } from "../wire";
import type { Position } from "../cursor";
import type { Subscription } from "../connection";
import {
  clipboard as clipboardChoice,
  contrast,
  keepAlt,
  option,
  screenReader,
  shownTheme,
  terminalTheme,
} from "../preferences";
import { bind } from "../shortcuts";
import { connection, live as connected, now } from "../store";
import { beginPinch, keepLetters, keptLetters, pinched, type Pinch } from "../terminal/pinch";
import { gridFor, type Box } from "../terminal/fit";
import type { History } from "../terminal/history";
import { historyKey } from "../terminal/history_keys";
import { withCtrl } from "../terminal/keys";
import { openScreen, scaleInto, type Screen } from "../terminal/screen";
import { letterWidth } from "../terminal/theme";
import { command, isMac } from "../ui/keys";
import { toast } from "../toasts";
import { count, isAgent, isLive, isWaiting } from "../words";
import { later } from "../ui/later";
import type { Sticky } from "./key_strip";
import { takeInto } from "./stream";

// The screen comes first; what is around it follows.
const around = () => import("./around");
const copyText = async (text: string): Promise<boolean> => (await around()).copyText(text);
const Asks = later(() => import("./asks").then((module) => module.Asks));
const Composer = later(() => around().then((module) => module.Composer));
const KeyStrip = later(() => around().then((module) => module.KeyStrip));
const SearchBar = later(() => around().then((module) => module.SearchBar));
const ToolBar = later(() => around().then((module) => module.ToolBar));
const Consent = later(() => around().then((module) => module.Consent));
const ReconnectBanner = later(() => import("../ui/reconnect").then((module) => module.ReconnectBanner));
const Ended = later(() => around().then((module) => module.Ended));
const Timeline = later(() => around().then((module) => module.Timeline));

/** Letters, in px: what one reads on a desk, and on a phone. */
const LETTERS = 13;
const PHONE_LETTERS = 11;
/** Typed bytes in one message. */
const TYPED = 32 * 1024;

type Mode = "live" | "history";

interface Props {
  session: Session;
  moment?: string | undefined;
  /** Gives the focus to the page. */
  leave: () => void;
}

export function TerminalView({ session, moment, leave }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const past = useRef<HTMLDivElement>(null);
  const screen = useRef<Screen | null>(null);
  const subscription = useRef<Subscription | null>(null);
  const history = useRef<History | null>(null);
  const lastEnter = useRef<Position | null>(null);
  const mode = useSignal<Mode>("live");
  const opening = useSignal(false);
  const searching = useSignal(false);
  const composing = useSignal(false);
  const sizing = useSignal(false);
  const prompt = useRef<HTMLTextAreaElement>(null);
  const strip = useSignal(coarse());
  const whole = useSignal(false);
  const letters = useSignal(keptLetters(session.id, PHONE_LETTERS));
  const pinch = useRef<Pinch | null>(null);
  const scale = useSignal(1);
  const box = useSignal<Box>({ width: 0, height: 0 });
  const cell = useSignal<Box>({ width: 0, height: 0 });
  const link = useSignal<string | null>(null);
  const clip = useSignal<string | null>(null);
  const allowed = useSignal(false);
  const sticky = useSignal<Sticky>("off");
  const dropping = useSignal(false);
  const session_ = useRef(session);
  session_.current = session;
  const place = useComputed(() => (mode.value === "history" ? (history.current?.place.value ?? null) : null));

  const fit = useCallback(() => {
    const screen_ = screen.current;
    const stage_ = stage.current;
    if (!screen_ || !stage_ || stage_.clientWidth === 0) return;
    const room = { width: stage_.clientWidth - 24, height: stage_.clientHeight - 16 };
    const phone = innerWidth <= 640;
    const wanted = phone ? letters.value : LETTERS;
    screen_.scale(wanted);
    const natural = screen_.cell();
    const font = !phone || whole.value ? scaleInto(screen_, room, wanted) : wanted;
    const own = screen_.cell();
    cell.value = natural;
    box.value = room;
    scale.value = font / wanted;
    const style = stage_.style;
    style.setProperty("--cell-h", `${own.height}px`);
    style.setProperty("--term-font", `${font}px`);
    style.setProperty("--cell-gap", `${own.width - letterWidth(stage_, font)}px`);
  }, []);

  const type = useCallback((bytes: Uint8Array) => {
    if (!isLive(session_.current)) return toast({ text: "Not sent: the session has ended.", bad: true });
    let typed = bytes;
    if (sticky.value !== "off" && bytes.length === 1) {
      typed = new TextEncoder().encode(withCtrl(String.fromCharCode(bytes[0] ?? 0)));
      if (sticky.value === "once") sticky.value = "off";
    }
    for (let at = 0; at < typed.length; at += TYPED) {
      if (!subscription.current?.type(typed.subarray(at, at + TYPED)))
        return toast({ text: "Not sent: no connection.", bad: true });
    }
    if (typed.includes(0x0d)) lastEnter.current = subscription.current?.at ?? null;
  }, []);

  const toLive = useCallback(() => {
    history.current?.close();
    history.current = null;
    mode.value = "live";
    searching.value = false;
  }, []);

  const openHistory = useCallback(async (open: (history: History) => Promise<void>): Promise<History | null> => {
    const root = past.current;
    if (!root) return null;
    if (history.current) {
      await open(history.current);
      return history.current;
    }
    if (opening.value) return null;
    opening.value = true;
    const { History } = await around();
    const made = new History(
      root,
      session_.current.id,
      () => session_.current.cursor,
      () => screen.current?.cell().height ?? 16,
      () => {
        if (!searching.value) toLive();
      },
    );
    history.current = made;
    // It has to have a size while it is filled.
    mode.value = "history";
    await open(made);
    opening.value = false;
    if (made.failed.value !== null) {
      toast({ text: `The history cannot be read: ${made.failed.value}`, bad: true });
      toLive();
      return null;
    }
    return made;
  }, []);
  const reading = mode.value === "history" && !opening.value;
  // What is hidden cannot have the focus: it goes there when the other one is shown.
  const wasReading = useRef(false);
  useEffect(() => {
    if (reading && !searching.value) past.current?.focus({ preventScroll: true });
    if (!reading && wasReading.current) screen.current?.terminal.focus();
    wasReading.current = reading;
  }, [reading, searching.value]);

  const scrollBack = (lines: number): void => void openHistory((made) => made.openAtEnd(lines));
  const goTo = (at: number | Cursor): void => void openHistory((made) => made.openAt(at));
  const search = (): void => {
    searching.value = true;
    if (mode.value === "live") scrollBack(0);
  };

  useEffect(() => {
    if (!host.current) return;
    letters.value = keptLetters(session.id, PHONE_LETTERS);
    const opened = openScreen(host.current, session.size, innerWidth <= 640 ? PHONE_LETTERS : LETTERS, {
      typed: type,
      clip: (text) => {
        if (clipboardChoice.value === "refuse") return;
        if (clipboardChoice.value === "allow" || allowed.value) void around().then((module) => module.writeClip(text));
        else clip.value = text;
      },
      resized: fit,
      link: (url) => (link.value = url),
      key: (event) => ownKey(event),
    });
    screen.current = opened;
    subscription.current = connection.subscribe(
      session.id,
      "live",
      "latest",
      takeInto(opened, () => subscription.current),
    );
    const observer = new ResizeObserver(fit);
    if (stage.current) observer.observe(stage.current);
    fit();
    // The other renderer has cells of another size.
    const rendered = host.current.querySelector(".xterm-screen");
    const cells = new ResizeObserver(() => fitSoon());
    if (rendered) cells.observe(rendered);
    let pending = 0;
    const fitSoon = (): void => {
      if (pending === 0)
        pending = requestAnimationFrame(() => {
          pending = 0;
          fit();
        });
    };
    if (!coarse()) opened.terminal.focus();
    if (moment !== undefined) goTo(/^\d+:\d+$/.test(moment) ? moment : Number(moment));
    return () => {
      cancelAnimationFrame(pending);
      observer.disconnect();
      cells.disconnect();
      subscription.current?.close();
      history.current?.close();
      history.current = null;
      opened.dispose();
      screen.current = null;
    };
  }, [session.id]);

  useEffect(() => {
    screen.current?.restyle();
  }, [shownTheme.value, terminalTheme.value, contrast.value, screenReader.value, option.value]);
  useEffect(fit, [whole.value, letters.value, composing.value, strip.value]);

  /** False for keys that are ours. */
  const ownKey = (event: KeyboardEvent): boolean => {
    const page = event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (page && event.key === "PageUp") return own(event, () => scrollBack(screen.current?.terminal.rows ?? 24));
    if (page && (event.key === "PageDown" || event.key === "End")) return own(event, () => toLive());
    if (event.altKey && event.key === "Escape" && keepAlt.value === "off") return own(event, leave);
    if (event.key === "F6" && keepAlt.value === "on") return own(event, leave);
    if (command(event) && event.code === "KeyK" && !event.shiftKey) return false;
    const ours = isMac ? command(event) && !event.shiftKey : command(event) && event.shiftKey;
    if (ours && event.code === "KeyF") return own(event, search);
    if (ours && event.code === "KeyC") {
      const selected = screen.current?.terminal.getSelection();
      if (selected) return own(event, () => void copyText(selected));
      return !isMac ? own(event, () => undefined) : true;
    }
    // The browser pastes.
    if (ours && event.code === "KeyV") return false;
    return true;
  };

  const compose = (): void => {
    composing.value = true;
    // One that is open already does not take the focus by itself.
    prompt.current?.focus();
  };
  useEffect(
    () =>
      bind({
        t: () => screen.current?.terminal.focus(),
        p: compose,
        [isMac ? "⌘f" : "⌘⇧f"]: search,
        "⇧F": () => (sizing.value = true),
      }),
    [],
  );
  useEffect(() => {
    pageActions.value = [
      { word: "Search output", icon: "search", run: search },
      { word: "Scroll back", icon: "clock", run: () => scrollBack(24) },
      { word: "Copy last output", icon: "copy", run: () => void copyLast() },
      ...(isLive(session)
        ? [
            { word: "Send a prompt…", icon: "send" as const, key: "P", run: compose },
            {
              word: "Fit to this screen…",
              icon: "fit" as const,
              key: "⇧ F",
              run: () => (sizing.value = true),
            },
            {
              word: strip.value ? "Hide keys" : "Show keys",
              icon: "keys" as const,
              run: () => (strip.value = !strip.value),
            },
          ]
        : []),
    ];
    return () => {
      pageActions.value = [];
    };
  }, [session.id, isLive(session), strip.value]);

  const copyLast = async (): Promise<void> => (await around()).copyLastOutput(session.id, lastEnter.current);
  const giveImages = async (files: readonly File[]): Promise<void> => (await around()).giveImages(session, files);

  const wheel = (event: WheelEvent): void => {
    if (mode.value !== "live" || event.deltaY >= 0 || event.ctrlKey) return;
    const terminal = screen.current?.terminal;
    if (!terminal) return;
    const programs = terminal.modes.mouseTrackingMode !== "none" || terminal.buffer.active.type === "alternate";
    if (programs && !event.shiftKey) return;
    const height = screen.current?.cell().height ?? 16;
    scrollBack(Math.max(3, Math.round(-event.deltaY / (event.deltaMode === 1 ? 1 : height))));
  };
  const touch = useRef<{ x: number; y: number } | null>(null);

  const ended = !isLive(session);
  const dark = terminalTheme.value === "follow" ? shownTheme.value : terminalTheme.value;
  const stale = !connected.value && now.value - sinceLost() > 1000;
  return (
    <div class="terminal-view">
      <div class="timeline-place">
        <Timeline session={session} at={place.value?.at ?? null} goTo={goTo} />
        <div class="over-timeline">
          <ReconnectBanner />
        </div>
      </div>
      <div
        class={`stage${stale ? " stale" : ""}${dropping.value ? " dropping" : ""}`}
        data-theme={dark}
        ref={stage}
        onWheelCapture={wheel}
        onPasteCapture={(event) => {
          const files = images(event.clipboardData);
          // The search field pastes by itself.
          if (files.length === 0 && !host.current?.contains(event.target as Node)) return;
          event.preventDefault();
          event.stopPropagation();
          if (files.length > 0) void giveImages(files);
          else screen.current?.paste(event.clipboardData?.getData("text/plain") ?? "");
        }}
        onDragOver={(event) => {
          event.preventDefault();
          dropping.value = true;
        }}
        onDragLeave={() => (dropping.value = false)}
        onDrop={(event) => {
          event.preventDefault();
          dropping.value = false;
          const files = images(event.dataTransfer);
          if (files.length > 0) void giveImages(files);
          else if (mode.value === "live") screen.current?.paste(event.dataTransfer?.getData("text/plain") ?? "");
        }}
        onTouchStart={(event) => {
          const [finger] = event.touches;
          touch.current = finger && event.touches.length === 1 ? { x: finger.clientX, y: finger.clientY } : null;
          pinch.current = beginPinch(event.touches, letters.value);
        }}
        onTouchMove={(event) => {
          if (pinch.current && event.touches.length === 2) {
            whole.value = false;
            letters.value = pinched(pinch.current, event.touches);
            keepLetters(session.id, letters.value);
            return;
          }
          const [finger] = event.touches;
          const from = touch.current;
          if (!finger || !from || mode.value !== "live") return;
          const down = finger.clientY - from.y;
          if (down > 24 && down > 2 * Math.abs(finger.clientX - from.x)) {
            touch.current = null;
            scrollBack(Math.round(down / (screen.current?.cell().height ?? 16)));
          }
        }}
      >
        <div class="live-screen" data-hidden={reading ? "" : undefined}>
          <div class="term-host" ref={host} />
        </div>
        <div
          class="past"
          ref={past}
          data-open={mode.value === "history" ? "" : undefined}
          data-opening={opening.value ? "" : undefined}
          tabIndex={mode.value === "history" ? 0 : -1}
          role="region"
          aria-label="History"
          onKeyDown={(event) => historyKey(event, toLive, search)}
          onWheel={(event) => {
            const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
            if (
              event.deltaY > 0 &&
              !searching.value &&
              place.value?.below === 0 &&
              scrollTop + clientHeight >= scrollHeight - 1
            )
              toLive();
          }}
        />
        {reading && place.value && (
          <div class="newer-pill">
            {place.value.below !== null && <span>{count(place.value.below, "newer line")}</span>}
            <button class="button primary" onClick={() => toLive()}>
              Back to live
            </button>
          </div>
        )}
        {searching.value && reading && <SearchBar history={history} close={() => toLive()} />}
        <Consent wanted={clip} allow={() => (allowed.value = true)} />
        {ended && mode.value === "live" && <Ended session={session} />}
        {dropping.value && (
          <div class="drop-hint">Drop the image: the {isAgent(session.provider) ? "agent" : "program"} gets it</div>
        )}
      </div>
      <div class="tool-bar" role="toolbar" aria-label="Terminal">
        <ToolBar
          session={session}
          mode={mode.value}
          at={place.value?.at ?? null}
          loading={opening.value || (history.current?.loading.value ?? false)}
          link={link.value}
          scale={scale.value}
          wanted={gridFor(cell.value, box.value)}
          whole={whole}
          sizing={sizing}
          composing={composing}
          toLive={toLive}
          search={search}
          giveImages={giveImages}
          copyLast={copyLast}
        />
      </div>
      {isWaiting(session) && coarse() && (
        <Asks session={session}>
          <span class="how">The arrows and ↵ answer, or tap the terminal and type.</span>
        </Asks>
      )}
      {!ended && strip.value && (
        <KeyStrip
          sticky={sticky}
          send={(text) => type(new TextEncoder().encode(text))}
          application={() => screen.current?.terminal.modes.applicationCursorKeysMode ?? false}
        />
      )}
      {!ended && (composing.value || coarse()) && (
        <Composer
          session={session}
          field={prompt}
          give={giveImages}
          close={() => {
            composing.value = false;
            screen.current?.terminal.focus();
          }}
        />
      )}
    </div>
  );
}

function own(event: KeyboardEvent, run: () => void): false {
  event.preventDefault();
  event.stopPropagation();
  run();
  return false;
}

function sinceLost(): number {
  const link = connection.link.value;
  return "since" in link ? link.since : Date.now();
}

const coarse = (): boolean => matchMedia("(pointer: coarse)").matches || innerWidth <= 640;

function images(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter((file) => file.type.startsWith("image/"));
}

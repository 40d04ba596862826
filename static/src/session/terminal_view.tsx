import "../styles/terminal.css";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { pageActions } from "../page_actions";
import { contrast, letterSize, option, screenReader, shownTheme, terminalTheme } from "../preferences";
import { bind } from "../shortcuts";
import { connection, live, now } from "../store";
import { isMac } from "../ui/keys";
import { later } from "../ui/later";
import { coarse } from "../terminal/fit";
import { isLive, isWaiting } from "../words";
import type { Session } from "../wire";
import { gestures } from "./gestures";
import type { Past } from "./past";
import { NOTHING, TerminalModel } from "./terminal_model";
import { whenDrawn } from "../settled";

// The screen comes first; what is around it follows.
const around = whenDrawn(() => import("./around"));
const Touch = later(whenDrawn(() => import("./touch").then((module) => module.Touch)));
const Asks = later(whenDrawn(() => import("./asks").then((module) => module.Asks)));
const Composer = later(() => around().then((module) => module.Composer));
const SearchBar = later(() => around().then((module) => module.SearchBar));
const ToolBar = later(() => around().then((module) => module.ToolBar));
const NewerPill = later(() => around().then((module) => module.NewerPill));
const Consent = later(() => around().then((module) => module.Consent));
const ReconnectBanner = later(whenDrawn(() => import("../ui/reconnect").then((module) => module.ReconnectBanner)));
const Ended = later(() => around().then((module) => module.Ended));
const Timeline = later(() => around().then((module) => module.Timeline));

interface Props {
  session: Session;
  /** What to show of the past: a cursor, or a time in ms since 1970. */
  moment?: string | undefined;
  /** Gives the focus to the page. */
  leave: () => void;
}

export function TerminalView({ session, moment, leave }: Props) {
  const view = useMemo(() => new TerminalModel(session, leave), [session.id]);
  view.session = session;
  useKeysAndActions(view, session);
  return (
    <div class="terminal-view">
      <div class="timeline-place">
        <Timeline session={session} at={view.past.place.value?.at ?? null} goTo={view.past.goTo} />
        <div class="over-timeline">
          <ReconnectBanner />
        </div>
      </div>
      <Stage view={view} session={session} moment={moment} />
      <div class="tool-bar" role="toolbar" aria-label="Terminal">
        <ToolBar view={view} session={session} />
      </div>
      <Input view={view} session={session} />
    </div>
  );
}

/** What the keys of the page and the palette do here. */
function useKeysAndActions(view: TerminalModel, session: Session): void {
  const { past, strip } = view;
  const resize = (): void => void around().then(({ fitOrRestore }) => fitOrRestore(view));
  useEffect(
    () => bind("session", { t: view.focus, p: view.compose, [isMac ? "⌘f" : "⌘⇧f"]: past.search, "⇧F": resize }),
    [view],
  );
  useEffect(() => {
    let here = true;
    void around().then(({ actionsOf }) => {
      if (here) pageActions.value = actionsOf(view);
    }, NOTHING);
    return () => {
      here = false;
      pageActions.value = [];
    };
  }, [view, isLive(session), strip.value]);
}

interface Part {
  view: TerminalModel;
  session: Session;
}

/** The live screen, and older output in its place. */
function Stage({ view, session, moment }: Part & { moment: string | undefined }) {
  const { past } = view;
  const stage = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const { dropping, on } = useMemo(() => gestures(view), [view]);
  useEffect(() => {
    if (host.current && stage.current) return view.open(host.current, stage.current, moment);
  }, [view]);
  useEffect(() => {
    view.screen?.restyle();
  }, [shownTheme.value, terminalTheme.value, contrast.value, screenReader.value, option.value]);
  useEffect(view.fit, [view.whole.value, view.letters.value, letterSize.value, view.composing.value, view.strip.value]);

  const reading = past.reading.value;
  const searching = past.searching.value;
  // What is hidden cannot have the focus: it goes there when the other one is shown, and before the next key.
  const wasReading = useRef(false);
  useLayoutEffect(() => {
    if (reading && !searching) past.root.current?.focus({ preventScroll: true });
    if (!reading && wasReading.current) view.focus();
    wasReading.current = reading;
  }, [reading, searching]);

  const theme = terminalTheme.value === "follow" ? shownTheme.value : terminalTheme.value;
  const stale = !live.value && now.value - sinceLost() > 1000;
  return (
    <div
      class={`stage${stale ? " stale" : ""}${dropping.value ? " dropping" : ""}`}
      data-theme={theme}
      ref={stage}
      {...on}
    >
      <div class="live-screen" data-hidden={reading ? "" : undefined}>
        <div class="term-host" ref={host} />
      </div>
      <OlderOutput past={past} />
      {reading && <NewerPill past={past} />}
      {searching && <SearchBar past={past} />}
      <Consent wanted={view.clip} allow={() => (view.clipAllowed = true)} />
      {!isLive(session) && past.mode.value === "live" && <Ended session={session} />}
      {dropping.value && <div class="drop-hint">Drop files here to give them to the program</div>}
    </div>
  );
}

function OlderOutput({ past }: { past: Past }) {
  const isOpen = past.mode.value === "history";
  return (
    <div
      class="past"
      ref={past.root}
      data-open={isOpen ? "" : undefined}
      data-opening={past.opening.value ? "" : undefined}
      tabIndex={isOpen ? 0 : -1}
      role="region"
      aria-label="History"
    />
  );
}

/** What is below the terminal to type with: on a desk the composer alone, when it was asked for. */
function Input({ view, session }: Part) {
  const closeComposer = (): void => {
    view.composing.value = false;
    view.focus();
  };
  const live = isLive(session);
  return (
    <>
      {isWaiting(session) && coarse() && (
        <Asks session={session}>
          <span class="how">Answer with the arrow keys and ↵, or tap the terminal and type.</span>
        </Asks>
      )}
      {(view.strip.value || coarse()) && <Touch view={view} session={session} />}
      {live && (view.composing.value || coarse()) && (
        <Composer session={session} field={view.prompt} give={view.give} close={closeComposer} />
      )}
    </>
  );
}

function sinceLost(): number {
  const link = connection.link.value;
  return "since" in link ? link.since : Date.now();
}

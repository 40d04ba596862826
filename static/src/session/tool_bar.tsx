import "../styles/fonts.css";
import { useEffect } from "preact/hooks";
import type { Session } from "../wire";
import { settled } from "../settled";
import { connection, now } from "../store";
import { sameGrid } from "../terminal/following";
import { font } from "../terminal/font";
import { Icon } from "../ui/icon";
import { isMac } from "../ui/keys";
import { isLive } from "../words";
import { clockSeconds } from "../clock";
import { ImageButton } from "./image_button";
import type { Past } from "./past";
import { Pasting } from "./pasting";
import { SizeChip } from "./size_chip";
import type { TerminalModel } from "./terminal_model";
import { changeSize, followWindow, setFont } from "./window_size";

/** What is below the terminal; on a phone above it. */
export function ToolBar({ view, session }: { view: TerminalModel; session: Session }) {
  const { whole, composing } = view;
  const live = isLive(session);
  // It comes with the last of what the page of a terminal is made of.
  useEffect(() => {
    settled.value = true;
  }, []);
  useEffect(() => followWindow(view), [view]);
  useEffect(() => void setFont(view, font.value), [view, font.value]);
  return (
    <>
      <Status past={view.past} ended={!live} />
      <Pasting view={view} />
      <span class="grow truncate meta">{view.link.value}</span>
      {live && !sameGrid(session.size, view.wanted.value) && (
        <button
          class="button ghost icon desk-only"
          aria-label="Fit"
          data-tip="Fit to this screen"
          data-key="⇧ F"
          onClick={() => void changeSize(view, "POST")}
        >
          <Icon name="fit" />
        </button>
      )}
      <SizeChip view={view} session={session} />
      <button
        class="button ghost icon phone-only"
        aria-label={whole.value ? "Normal letter size" : "Fit the whole terminal"}
        aria-pressed={whole.value}
        onClick={() => (whole.value = !whole.value)}
      >
        <Icon name="fit" />
      </button>
      <button
        class="button ghost icon"
        aria-label="Search output"
        data-tip="Search output"
        data-key={isMac ? "⌘ F" : "⌘ ⇧ F"}
        onClick={view.past.search}
      >
        <Icon name="search" />
      </button>
      {live && <ImageButton give={view.give} class="desk-only" />}
      {live && (
        <button
          class="button ghost icon desk-only"
          aria-label="Send a prompt"
          aria-pressed={composing.value}
          data-tip="Send a prompt"
          data-key="P"
          onClick={() => (composing.value = !composing.value)}
        >
          <Icon name="send" />
        </button>
      )}
      <button
        class="button ghost icon desk-only"
        aria-label="Copy last output"
        data-tip="Copy last output"
        onClick={() => void view.copyLast()}
      >
        <Icon name="copy" />
      </button>
    </>
  );
}

function Status({ past, ended }: { past: Past; ended: boolean }) {
  const link = connection.link.value;
  if (link.phase !== "live") {
    const wait = link.phase === "lost" ? Math.max(0, Math.ceil((link.nextTry - now.value) / 1000)) : 0;
    return (
      <span class="status tone-info">
        <Icon name="refresh" size={14} />
        Reconnecting {wait > 0 && <span class="meta">Retry in {wait} s</span>}
      </span>
    );
  }
  if (past.mode.value === "history") {
    const at = past.place.value?.at ?? null;
    return (
      <span class="status tone-info">
        <Icon name="clock" size={14} />
        History
        <span class="meta">{past.loading ? "Loading…" : at !== null && clockSeconds(at)}</span>
      </span>
    );
  }
  return ended ? (
    <span class="status tone-rest">Ended</span>
  ) : (
    <span class="status tone-accent">
      <span class="dot" />
      Live
    </span>
  );
}

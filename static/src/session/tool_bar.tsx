import type { Signal } from "@preact/signals";
import type { Session, Size } from "../wire";
import { connection, now } from "../store";
import { Icon } from "../ui/icon";
import { isMac } from "../ui/keys";
import { clockSeconds, isLive } from "../words";
import { ImageButton } from "./image_button";
import { SizeChip } from "./size_chip";

export interface Props extends StatusProps {
  session: Session;
  /** Where the pointer's link leads. */
  link: string | null;
  scale: number;
  wanted: Size;
  whole: Signal<boolean>;
  sizing: Signal<boolean>;
  composing: Signal<boolean>;
  search: () => void;
  giveImages: (files: readonly File[]) => Promise<void>;
  copyLast: () => Promise<void>;
}

/** What is below the terminal; on a phone above it. */
export function ToolBar({
  session,
  link,
  scale,
  wanted,
  whole,
  sizing,
  composing,
  search,
  giveImages,
  copyLast,
  ...status
}: Props) {
  const live = isLive(session);
  return (
    <>
      <Status {...status} ended={!live} />
      <span class="grow truncate meta">{link}</span>
      <SizeChip
        session={session}
        scale={scale}
        wanted={wanted}
        whole={whole}
        phone={innerWidth <= 640}
        shown={sizing}
      />
      <button
        class="button ghost icon phone-only"
        aria-label={whole.value ? "Letters of normal size" : "Whole grid"}
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
        onClick={search}
      >
        <Icon name="search" />
      </button>
      {live && <ImageButton give={giveImages} />}
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
        onClick={() => void copyLast()}
      >
        <Icon name="copy" />
      </button>
    </>
  );
}

interface StatusProps {
  mode: "live" | "history";
  /** When what is seen was printed. */
  at: number | null;
  loading: boolean;
  toLive: () => void;
}

function Status({ mode, at, ended, loading, toLive }: StatusProps & { ended: boolean }) {
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
  if (mode === "history") {
    return (
      <span class="status tone-info">
        <Icon name="clock" size={14} />
        History
        <span class="meta">{loading ? "Loading…" : at !== null && clockSeconds(at)}</span>
        <button class="button" onClick={toLive}>
          Back to live <kbd>End</kbd>
        </button>
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

import "../styles/sessions.css";
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { openOverlay } from "../overlay";
import { type Filter, fits, ordered } from "../session_list";
import { Filters } from "../sessions/filters";
import { Columns, List } from "../sessions/list";
import { NeedsYou } from "../sessions/needs_you";
import { bind } from "../shortcuts";
import { firstChoice } from "../providers";
import { inOrder, liveCount, sessions } from "../store";
import { Command } from "../ui/copy";
import { Icon } from "../ui/icon";
import { ReconnectBanner } from "../ui/reconnect";

export function SessionsPage() {
  const text = useSignal("");
  const filter = useSignal<Filter>("all");
  const provider = useSignal("");
  const directory = useSignal("");
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => bind({ "/": () => search.current?.focus() }), []);
  const all = inOrder.value;
  const found = useComputed(() =>
    ordered(
      inOrder.value.filter(
        (session) =>
          fits(session, filter.value, text.value) &&
          (provider.value === "" || session.provider === provider.value) &&
          (directory.value === "" || session.cwd === directory.value),
      ),
    ),
  );
  const ended = all.length - liveCount.value;
  return (
    <>
      <div class="page-head">
        <h1>Sessions</h1>
        {all.length > 0 && (
          <span class="meta head-count">
            {liveCount.value} live · {ended} ended
          </span>
        )}
        <span class="grow" />
        <div class="search-field head-search">
          <Icon name="search" />
          <input
            ref={search}
            class="input"
            type="search"
            placeholder={innerWidth <= 640 ? "Filter" : "Filter by name, path, branch"}
            aria-label="Filter by name, path, branch"
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Escape") return;
              text.value = "";
              event.currentTarget.blur();
            }}
          />
          <kbd>/</kbd>
        </div>
        <button class="button primary head-create" onClick={() => openOverlay("create")}>
          <Icon name="plus" />
          Create Session
          <kbd>C</kbd>
        </button>
      </div>
      <ReconnectBanner over />
      {sessions.value === null ? (
        <Loading />
      ) : all.length === 0 ? (
        <Empty />
      ) : (
        <>
          <NeedsYou />
          <Filters
            filter={filter.value}
            choose={(chosen) => (filter.value = chosen)}
            provider={provider.value}
            chooseProvider={(chosen) => (provider.value = chosen)}
            directory={directory.value}
            chooseDirectory={(chosen) => (directory.value = chosen)}
          >
            <List
              wanted={found.value}
              text={text.value}
              clear={() => {
                text.value = provider.value = directory.value = "";
                filter.value = "all";
              }}
            />
          </Filters>
        </>
      )}
    </>
  );
}

function Empty() {
  return (
    <div class="scroll">
      <div class="empty">
        <svg width="92" height="52" viewBox="0 0 92 52" fill="none" stroke-width="1.6" aria-hidden="true">
          <rect x="3" y="3" width="14" height="46" rx="5" stroke="var(--accent-line)" />
          <rect x="26" y="3" width="14" height="38" rx="5" stroke="var(--accent-line)" />
          <rect x="49" y="3" width="14" height="28" rx="5" stroke="var(--accent-line)" />
          <rect x="72" y="3" width="14" height="18" rx="7" stroke="var(--rest-line)" stroke-dasharray="3 2.4" />
        </svg>
        <h2>No sessions yet</h2>
        <p>
          A session is one agent or shell in its own terminal. It keeps running when you close this page, log out or
          restart the daemon.
        </p>
        <button class="button primary large" onClick={() => openOverlay("create")}>
          <Icon name="plus" />
          Create Session
          <kbd>C</kbd>
        </button>
        <span class="or">or from a shell on this host</span>
        <Command text={`codepiper start -p ${firstChoice()?.name ?? "PROVIDER"} -d ~/projects/my-app`} />
      </div>
    </div>
  );
}

/** As high as what comes, so that nothing jumps. */
function Loading() {
  return (
    <div class="scroll list loading" role="status" aria-label="Loading">
      <Columns />
      {[1, 2, 3, 4, 5, 6].map((row) => (
        <div key={row} class={`row bones-${row}`}>
          <span class="cell-state">
            <span class="bone" />
          </span>
          <span class="cell-session">
            <span class="bone w70" />
            <span class="bone w50" />
          </span>
          <span class="cell-now">
            <span class="bone" />
          </span>
          <span class="cell-trace">
            <span class="bone" />
          </span>
          <span class="cell-provider">
            <span class="bone" />
          </span>
        </div>
      ))}
    </div>
  );
}

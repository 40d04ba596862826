import "../styles/sessions.css";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { currentKey } from "../keys_table";
import { program } from "../menu_actions";
import { openOverlay } from "../overlay";
import { kept } from "../preferences";
import { FILTERS, fits, type Grouping, ordered } from "../session_list";
import { Filters } from "../sessions/filters";
import { Columns, List } from "../sessions/list";
import { NeedsYou } from "../sessions/needs_you";
import { bind } from "../shortcuts";
import { firstChoice } from "../providers";
import { inOrder, liveCount, sessions } from "../store";
import { Command } from "../ui/copy";
import { Icon } from "../ui/icon";
import { Keys } from "../ui/keys";
import { later } from "../ui/later";
import { ReconnectBanner } from "../ui/reconnect";

/** On this device; an address may say another one. */
const keptGrouping = kept<Grouping>("list.group", ["state", "directory"], "state");
const FirstRun = later(() => import("../sessions/first_run").then((module) => module.FirstRun));

export function SessionsPage() {
  const { query, path, route } = useLocation();
  const { q: text = "", provider = "", dir = "", tag = "" } = query;
  const grouping: Grouping = query["group"] === "directory" ? "directory" : keptGrouping.value;
  const filter = FILTERS.find(({ key }) => key === query["show"])?.key ?? "all";
  /** What is shown is in the address: it is kept, linked and gone back to. */
  const show = (part: Record<string, string>): void => {
    const wanted = Object.entries({ ...query, ...part }).filter(([, value]) => value !== "");
    const search = new URLSearchParams(wanted).toString();
    route(search ? `${path}?${search}` : path, true);
  };
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => bind("list", { "/": () => search.current?.focus() }), []);
  const all = inOrder.value;
  const found = ordered(
    all.filter(
      (session) =>
        fits(session, filter, text) &&
        (provider === "" || session.provider === provider) &&
        (dir === "" || session.cwd === dir) &&
        (tag === "" || session.tags.includes(tag)),
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
            placeholder="Filter"
            aria-label="Filter by name, path, branch"
            title="Name, path, branch, id, tag or provider"
            value={text}
            onInput={(event) => show({ q: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === "Escape") {
                show({ q: "" });
                event.currentTarget.blur();
              }
              // To what was found.
              if (event.key === "Enter" || event.key === "ArrowDown") {
                event.preventDefault();
                const first = document.querySelector<HTMLElement>(".row-link");
                if (event.key === "Enter") first?.click();
                else first?.focus();
              }
            }}
          />
          <Keys keys={currentKey("/", "list")} />
        </div>
        {liveCount.value > 1 && (
          <a class="button ghost icon head-grid" href="/grid" aria-label="Grid" data-tip="Grid" data-key="G G">
            <Icon name="grid" />
          </a>
        )}
        <button class="button primary head-create" onClick={() => openOverlay("create")}>
          <Icon name="plus" />
          Create Session
          <Keys keys={currentKey("C", "")} />
        </button>
      </div>
      <ReconnectBanner over />
      {sessions.value === null ? (
        <Loading />
      ) : all.length === 0 ? (
        <Empty />
      ) : (
        <>
          <NeedsYou showAll={() => show({ show: "needs" })} />
          <Filters
            filter={filter}
            choose={(chosen) => show({ show: chosen === "all" ? "" : chosen })}
            provider={provider}
            chooseProvider={(chosen) => show({ provider: chosen })}
            directory={dir}
            chooseDirectory={(chosen) => show({ dir: chosen })}
            tag={tag}
            chooseTag={(chosen) => show({ tag: chosen })}
            grouping={grouping}
            group={(chosen) => {
              keptGrouping.value = chosen;
              show({ group: chosen === "state" ? "" : chosen });
            }}
          >
            <List wanted={found} text={text} grouping={grouping} clear={() => route(path, true)} />
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
        <FirstRun />
        <button class="button primary large" onClick={() => openOverlay("create")}>
          <Icon name="plus" />
          Create Session
          <Keys keys={currentKey("C", "")} />
        </button>
        <span class="or">or from a shell on this host</span>
        <Command text={`${program()} start -p ${firstChoice()?.name ?? "PROVIDER"} -d ~/projects/my-app`} />
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

import "./styles/dashboard.css";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { LocationProvider, useLocation } from "preact-iso";
import { renaming } from "./actions";
import { question } from "./ask";
import { kept } from "./notifications/kept";
import { closeOverlay, openOverlay, overlay } from "./overlay";
import { bind, startShortcuts } from "./shortcuts";
import { isDrawn, settled, whenDrawn } from "./settled";
import { connection, inOrder, needing, sessions, start, stop, waiting } from "./store";
import { Announcer } from "./ui/announcer";
import { later } from "./ui/later";
import { missing, NotFound } from "./ui/missing";
import { Rail } from "./ui/rail";
import { toast, toasts } from "./toasts";
import { isLive, nameOf } from "./words";

const SessionsPage = later(() => import("./pages/sessions").then((page) => page.SessionsPage));
const SessionPage = later(() => import("./pages/session").then((page) => page.SessionPage));
const InboxPage = later(() => import("./pages/inbox").then((page) => page.InboxPage));
const GridPage = later(() => import("./pages/grid").then((page) => page.GridPage));
const Settings = later(() => import("./pages/settings").then((page) => page.Settings));
const CreateSession = later(() => import("./pages/create_session").then((page) => page.CreateSession), noOverlay);
const Palette = later(() => import("./ui/palette").then((page) => page.Palette), noOverlay);
const BottomBar = later(whenDrawn(() => import("./ui/bottom_bar").then((module) => module.BottomBar)));
const Toasts = later(() => import("./ui/toast").then((module) => module.Toasts));
const Confirm = later(() => import("./ui/confirm").then((module) => module.Confirm));
const Rename = later(() => import("./ui/rename").then((module) => module.Rename));
const Hatch = later(whenDrawn(() => import("./ui/hatch").then((module) => module.Hatch)));
const Tooltip = later(whenDrawn(() => import("./ui/tooltip").then((module) => module.Tooltip)));
const Shortcuts = later(() => import("./ui/shortcuts").then((page) => page.Shortcuts), noOverlay);
const Reconnect = later(() => import("./ui/reconnect").then((module) => module.ReconnectBanner));

/** In ms: what is around a page that is not drawn by then is loaded all the same. */
const DRAWN_WITHIN = 1000;

/** What may be wanted while the daemon is away, when nothing can be loaded. */
const WITHOUT_CONNECTION = [Toasts, Reconnect, Palette, Confirm, Rename, Shortcuts, BottomBar];

function noOverlay(): void {
  closeOverlay();
  toast({ text: "That could not be loaded: the daemon is not responding.", bad: true });
}

/** The page of a terminal says itself when all of it is there. */
function useSettled(path: string): void {
  const shown = sessions.value !== null && !/^\/sessions\/[^/]+\/?$/.test(path);
  useEffect(() => {
    if (!shown) return;
    isDrawn();
    settled.value = true;
  }, [shown]);
  useEffect(() => {
    if (settled.value) for (const each of WITHOUT_CONNECTION) void each.load().catch(() => undefined);
  }, [settled.value]);
}

/** Everything behind the sign-in. */
export function Dashboard() {
  // Before anything is painted.
  useLayoutEffect(() => {
    // Asked for before there is anything to draw it with.
    const opened = /^\/sessions\/([0-9a-f-]{36})\/?$/.exec(location.pathname)?.[1];
    if (opened) connection.expect(opened);
    start();
    if (opened) void import("./session/terminal_view").catch(() => connection.expectNothing());
    const end = startShortcuts();
    const patience = setTimeout(isDrawn, DRAWN_WITHIN);
    return () => {
      clearTimeout(patience);
      end();
      stop();
    };
  }, []);
  return (
    <LocationProvider>
      <Places />
      {toasts.value.length > 0 && <Toasts />}
      <Tooltip />
      <Hatch />
    </LocationProvider>
  );
}

function Places() {
  const { route, path } = useLocation();
  useEffect(
    () =>
      bind("", {
        "⌘k": () => openOverlay("palette"),
        "⌘⇧k": () => openOverlay("palette"),
        "?": () => openOverlay("shortcuts"),
        c: () => openOverlay("create"),
        "g s": () => route("/"),
        "g i": () => route("/inbox"),
        "g g": () => route("/grid"),
        "g ,": () => route("/settings"),
        "⌥ArrowDown": () => neighbour(1),
        "⌥ArrowUp": () => neighbour(-1),
        "⌥n": () => {
          const next = waiting.value[0];
          if (next) route(`/sessions/${next.id}`);
        },
      }),
    [],
  );
  const neighbour = (step: number): void => {
    const list = inOrder.value.filter(isLive);
    if (list.length === 0) return;
    const at = list.findIndex((session) => location.pathname.startsWith(`/sessions/${session.id}`));
    const to = at < 0 ? (step > 0 ? 0 : list.length - 1) : (at + step + list.length) % list.length;
    route(`/sessions/${list[to]?.id}`);
  };
  useEffect(() => {
    // A click on a notification opens its page here.
    navigator.serviceWorker?.addEventListener("message", ({ data, ports }) => {
      ports[0]?.postMessage(0);
      route(data.open);
    });
  }, []);
  useEffect(() => {
    if (settled.value && kept())
      void import("./notifications/device").then(({ start }) => start()).catch(() => undefined);
  }, [settled.value]);
  useTitle(path);
  useSettled(path);
  return (
    <>
      <div class="app">
        <a class="skip" href="#main">
          Skip to main content
        </a>
        <Rail />
        <main class="page" id="main" tabIndex={-1}>
          <Page />
        </main>
        <BottomBar />
      </div>
      {overlay.value === "create" && <CreateSession onClose={closeOverlay} />}
      {overlay.value === "palette" && <Palette onClose={closeOverlay} />}
      {overlay.value === "shortcuts" && <Shortcuts onClose={closeOverlay} />}
      {question.value && <Confirm />}
      {renaming.value && <Rename />}
      <Announcer />
    </>
  );
}

/** What the address names. */
function Page() {
  const { path } = useLocation();
  const first = useRef(path);
  useLayoutEffect(() => {
    scrollTo(0, 0);
    if (path === first.current) return;
    connection.expectNothing();
    // It is not left behind on the link to another page, nor lost with the page that it was on.
    const at = document.activeElement;
    const link = at?.closest(".rail a")?.getAttribute("href");
    if (at === document.body || (link && link !== path && !path.startsWith(`${link}/`)))
      document.getElementById("main")?.focus();
  }, [path]);
  const [, place, what, part, more] = path.split("/");
  // A page for each session: what Preact keeps of a page that goes on (its issue 4909) would be every session that was looked at.
  if (place === "sessions" && what && more === undefined) return <SessionPage key={what} id={what} tab={part ?? ""} />;
  if (part !== undefined) return <NotFound />;
  if (place === "settings") return <Settings section={what ?? "appearance"} />;
  if (what !== undefined) return <NotFound />;
  switch (place) {
    case "":
    case "sessions":
      return <SessionsPage />;
    case "inbox":
      return <InboxPage />;
    case "grid":
      return <GridPage />;
    default:
      return <NotFound />;
  }
}

const NAMES: Record<string, string> = { settings: "Settings", grid: "Grid", inbox: "Inbox" };

/** The window's title, with what needs one elsewhere, and the favicon's last pipe: copper while something waits. */
function useTitle(path: string): void {
  const open = inOrder.value.find((session) => path.startsWith(`/sessions/${session.id}`));
  const count = needing.value.filter((session) => session !== open).length;
  const name = open ? nameOf(open) : (NAMES[path.split("/")[1] ?? ""] ?? "Sessions");
  const title = missing.value ?? `${count > 0 ? `(${count}) ` : ""}${open?.activity === "waiting" ? "! " : ""}${name}`;
  const warm = waiting.value.length > 0;
  useEffect(() => {
    document.title = `${title} · CodePiper`;
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const href = warm ? "/icon-waiting.svg" : "/icon.svg";
    if (icon && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  }, [title, warm]);
}

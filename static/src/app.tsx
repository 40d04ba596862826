import { useEffect } from "preact/hooks";
import { LocationProvider, Route, Router, useLocation } from "preact-iso";
import { auth, findOut, unreachable } from "./login";
import { SessionsPage } from "./pages/sessions";
import { Rail, BottomBar } from "./ui/rail";
import { Confirm } from "./ui/confirm";
import { Rename } from "./ui/rename";
import { Toasts } from "./ui/toast";
import { Tooltip } from "./ui/tooltip";
import { Hatch } from "./ui/trace";
import { later } from "./ui/later";
import { Announcer } from "./ui/announcer";
import { Command } from "./ui/copy";
import { Logo } from "./ui/icon";
import { bind } from "./shortcuts";
import { closeOverlay, openOverlay, overlay } from "./overlay";
import { inOrder, waiting } from "./store";
import { isLive, nameOf } from "./words";

const SignIn = later(() => import("./pages/sign_in").then((page) => page.SignIn));
const Onboarding = later(() => import("./pages/onboarding").then((page) => page.Onboarding));
const SessionPage = later(() => import("./pages/session").then((page) => page.SessionPage));
const Settings = later(() => import("./pages/settings").then((page) => page.Settings));
const CreateSession = later(() => import("./pages/create_session").then((page) => page.CreateSession));
const Palette = later(() => import("./ui/palette").then((page) => page.Palette));
const Shortcuts = later(() => import("./ui/shortcuts").then((page) => page.Shortcuts));

export function App() {
  return (
    <LocationProvider>
      <Stage />
      <Toasts />
      <Tooltip />
      <Hatch />
    </LocationProvider>
  );
}

/** What fits who this browser is. */
function Stage() {
  const status = auth.value;
  if (!status) return unreachable.value === null ? null : <Unreachable detail={unreachable.value} />;
  switch (status.stage) {
    case "setup":
      return <Onboarding />;
    case "signed_out":
      return <SignIn />;
    case "closed":
      return <Unreachable detail={status.detail ?? "The sign-in cannot be read."} />;
    case "signed_in":
      return <Dashboard />;
  }
}

function Dashboard() {
  const { route, path } = useLocation();
  useEffect(
    () =>
      bind({
        "⌘k": () => openOverlay("palette"),
        "?": () => openOverlay("shortcuts"),
        c: () => openOverlay("create"),
        "g s": () => route("/"),
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
  useTitle(path);
  return (
    <>
      <div class="app">
        <a class="skip" href="#main">
          Skip to the page
        </a>
        <Rail />
        <main class="page" id="main" tabIndex={-1}>
          <Router>
            <Route path="/" component={SessionsPage} />
            <Route path="/sessions" component={SessionsPage} />
            <Route path="/sessions/:id/:tab?" component={SessionPage} />
            <Route path="/settings/:section?" component={Settings} />
            <Route default component={NotFound} />
          </Router>
        </main>
        <BottomBar />
      </div>
      {overlay.value === "create" && <CreateSession onClose={closeOverlay} />}
      {overlay.value === "palette" && <Palette onClose={closeOverlay} />}
      {overlay.value === "shortcuts" && <Shortcuts onClose={closeOverlay} />}
      <Confirm />
      <Rename />
      <Announcer />
    </>
  );
}

/** The window's title, and the favicon's last pipe: copper while something waits. */
function useTitle(path: string): void {
  const count = waiting.value.length;
  const open = inOrder.value.find((session) => path.startsWith(`/sessions/${session.id}`));
  const title = open
    ? `${open.activity === "waiting" ? "! " : ""}${nameOf(open)}`
    : `${count > 0 ? `(${count}) ` : ""}${path.startsWith("/settings") ? "Settings" : "Sessions"}`;
  useEffect(() => {
    document.title = `${title} · CodePiper`;
    const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    const href = count > 0 ? "/icon-waiting.svg" : "/icon.svg";
    if (icon && icon.getAttribute("href") !== href) icon.setAttribute("href", href);
  }, [title, count]);
}

function NotFound() {
  return (
    <div class="empty">
      <h1 class="visually-hidden">Not found</h1>
      <h2>There is no such page</h2>
      <a class="button primary large" href="/">
        Sessions
      </a>
    </div>
  );
}

function Unreachable({ detail }: { detail: string }) {
  return (
    <main class="empty">
      <Logo size={28} />
      <h1 class="visually-hidden">CodePiper</h1>
      <h2>{detail}</h2>
      <p>Sessions keep running in tmux. On the host:</p>
      <Command text="codepiper daemon --web" />
      <button class="button primary large" onClick={() => void findOut()}>
        Try again
      </button>
    </main>
  );
}

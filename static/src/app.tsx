import { auth, findOut, unreachable } from "./login";
import { Command } from "./ui/copy";
import { Logo } from "./ui/icon";
import { later } from "./ui/later";
import { Toasts } from "./ui/toast";
import { secret } from "./secret";

const SignIn = later(() => import("./pages/sign_in").then((page) => page.SignIn));
const Onboarding = later(() => import("./pages/onboarding").then((page) => page.Onboarding));
const loadDashboard = () => import("./dashboard").then((page) => page.Dashboard);
const Dashboard = later(loadDashboard);

// Who has signed in here most probably still is: it is fetched while the daemon is asked.
if (secret() !== null) void loadDashboard().catch(() => undefined);

export function App() {
  return (
    <>
      <Stage />
      <Toasts />
    </>
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

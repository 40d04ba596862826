import { useEffect, useState } from "preact/hooks";
import { auth, onAuth } from "./login";
import { later } from "./ui/later";
import { secret } from "./secret";

const SignIn = later(() => import("./pages/sign_in").then((page) => page.SignIn));
const Onboarding = later(() => import("./pages/onboarding").then((page) => page.Onboarding));
const Unreachable = later(() => import("./pages/unreachable").then((page) => page.Unreachable));
const loadDashboard = () => import("./dashboard").then((page) => page.Dashboard);
const Dashboard = later(loadDashboard);

// Who has signed in here most probably still is: it is fetched while the daemon is asked.
if (secret() !== null) void loadDashboard().catch(() => undefined);

/** What fits who this browser is. */
export function App() {
  const [, again] = useState(0);
  useEffect(() => {
    const look = (): void => again((count) => count + 1);
    onAuth(look);
    // The answer may have come since the first drawing.
    look();
  }, []);
  const { status, unreachable } = auth;
  if (!status) return unreachable === null ? null : <Unreachable detail={unreachable} />;
  switch (status.stage) {
    case "setup":
      return <Onboarding />;
    case "signed_out":
      return <SignIn />;
    case "closed":
      return <Unreachable detail={status.detail ?? "The sign-in data cannot be read."} />;
    case "signed_in":
      return <Dashboard />;
  }
}

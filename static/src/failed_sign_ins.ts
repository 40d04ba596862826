// What somebody is told who has just signed in: that others have tried to.

import { request } from "./http";
import { toast } from "./toasts";
import type { Factors } from "./wire";
import { count, duration, foreign } from "./words";

export async function tellFailedSignIns(): Promise<void> {
  const { failed } = await request<Factors>("GET", "/api/auth/factors");
  const [latest] = failed;
  if (!latest) return;
  const when = duration(Date.now() - Date.parse(latest.at));
  const from = latest.address ? ` from ${foreign(latest.address)}` : "";
  toast({
    text: `${count(failed.length, "wrong sign-in attempt")} since your last sign-in, the latest ${when} ago${from}.`,
    bad: true,
    action: { label: "Look", run: look },
  });
}

/** The router hears of it as of the back button. */
function look(): void {
  history.pushState(null, "", "/settings/security");
  dispatchEvent(new PopStateEvent("popstate"));
}

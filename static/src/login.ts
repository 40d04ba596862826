// Who this browser is to the daemon. Without signals: the sign-in needs nothing else of what the dashboard needs.

import { onSignedOut, problemOf, request, UNREACHABLE } from "./http";
import { keepSecret } from "./secret";
import type { AuthStatus, SignedIn } from "./wire";

/** What is known: what the daemon said, or why it said nothing. */
export const auth: { status: AuthStatus | null; unreachable: string | null } = { status: null, unreachable: null };

let changed = (): void => undefined;

/** Called when `auth` changed; there is one who shows it. */
export function onAuth(listener: () => void): void {
  changed = listener;
}

/** Asks the daemon who this is, and shows what fits. */
export async function findOut(): Promise<void> {
  try {
    auth.status = await request<AuthStatus>("GET", "/api/auth");
    auth.unreachable = null;
  } catch (error) {
    const problem = problemOf(error);
    if (auth.status !== null && problem.status === UNREACHABLE) return;
    auth.unreachable = problem.detail;
  }
  changed();
}

export async function enter({ secret }: SignedIn): Promise<void> {
  keepSecret(secret);
  await findOut();
}

export async function signOut(): Promise<void> {
  try {
    await request("POST", "/api/auth/sign-out");
  } catch (error) {
    const problem = problemOf(error);
    if (problem.code !== "signed_out") {
      const { toast } = await import("./toasts");
      return toast({ text: `Not signed out: ${problem.detail}`, bad: true });
    }
  }
  leave();
}

function leave(): void {
  keepSecret(null);
  void findOut();
}

export function startLogin(): void {
  onSignedOut.call = () => {
    if (auth.status?.stage === "signed_in") leave();
  };
  void findOut();
}

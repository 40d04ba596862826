// Who this browser is to the daemon.

import { signal } from "@preact/signals";
import type { AuthStatus, SignedIn } from "./wire";
import { onSignedOut, problemOf, request, UNREACHABLE } from "./http";
import { keepSecret } from "./secret";
import { toast } from "./ui/toast";

export const auth = signal<AuthStatus | null>(null);
/** Why the first question got no answer. */
export const unreachable = signal<string | null>(null);

/** Asks the daemon who this is, and shows what fits. */
export async function findOut(): Promise<void> {
  try {
    const status = await request<AuthStatus>("GET", "/api/auth");
    unreachable.value = null;
    auth.value = status;
  } catch (error) {
    const problem = problemOf(error);
    if (auth.value === null || problem.status !== UNREACHABLE) unreachable.value = problem.detail;
  }
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
      toast({ text: `Not signed out: ${problem.detail}`, bad: true });
      return;
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
    if (auth.value?.stage === "signed_in") leave();
  };
  void findOut();
}

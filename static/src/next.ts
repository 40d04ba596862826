// What to do about a problem, as people do it in the dashboard.

import type { Next } from "./wire";

type Steps = { [Step in Next["step"]]?: string | ((next: Extract<Next, { step: Step }>) => string) };

/** Left out: where the page has a button for it, and where nothing helps here. What only one page meets, it adds. */
export const STEPS: Steps = {
  stop_session: "stop it first",
  resume_session: "resume it first",
  answer: "answer it in its terminal",
  allow_dangerous: "use the option “Dangerous” instead",
  choose_billing: ({ billing }) => `choose ${billing} billing, or remove the variable`,
  use_branch: "choose it as an existing branch",
  create_branch: ({ base }) => `create it as a new branch${base === undefined ? "" : ` from ${base}`}`,
  change_env_set: "change it instead",
  remove_env_sets: "restore the file from a backup, or remove the set",
};

/** Where the problem's own words are of the command line: these stand instead. */
export const INSTEAD: Steps = {
  add_api_key: "No API key was found. Add one to an env set, or choose Subscription.",
};

/** Words to follow the problem's own. */
export function nextWords(next: Next): string | null {
  const words = STEPS[next.step] as string | ((next: Next) => string) | undefined;
  return typeof words === "function" ? words(next) : (words ?? null);
}

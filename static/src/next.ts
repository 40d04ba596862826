// What to do about a problem, as people do it in the dashboard.

import type { Next } from "./wire";

/** Words to follow the problem's own, or null where the page has a button for it, or nothing helps here. */
export function nextWords(next: Next): string | null {
  switch (next.step) {
    case "stop_session":
      return "stop it first";
    case "resume_session":
      return "resume it first";
    case "answer":
      return "answer it in its terminal";
    case "allow_dangerous":
      return "use the option “Dangerous” instead";
    case "choose_billing":
      return `choose ${next.billing} billing, or remove the variable`;
    case "add_api_key":
      return "add a key to an env set, or choose subscription billing";
    case "use_branch":
      return "choose it as an existing branch";
    case "create_branch":
      return next.base === undefined ? "create it as a new branch" : `create it as a new branch from ${next.base}`;
    case "change_env_set":
      return "change it instead";
    case "remove_env_sets":
      return "restore the file from a backup, or remove the set";
    default:
      return null;
  }
}

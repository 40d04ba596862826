// What was typed for a new session, and the request that it makes.

import type { Billing, GitDirectory, Provider, Session, StartSession } from "../wire";
import { splitArguments } from "../launch";
import { quoted } from "../quoted";
import { originOf } from "../session_list";
import { home, inOrder } from "../store";
import { keptGrid } from "../terminal/following";
import { tilde } from "../words";
import { NO_OPTIONS, worktreeOf, type Options } from "./create_options";

const DRAFT = "codepiper.create";

export interface Draft {
  /** Empty: the first choice. */
  provider: string;
  dir: string;
  billing: Billing;
  name: string;
  prompt: string;
  model: string;
  cols: string;
  rows: string;
  args: string;
  options: Options;
}

/** What was typed and not created, also after a reload. */
export function readDraft(): Draft {
  const newest = inOrder.value.at(-1);
  const fresh: Draft = {
    provider: newest?.provider ?? "",
    dir: newest ? tilde(newest.cwd, home.value) : "~/",
    billing: "subscription",
    name: "",
    prompt: "",
    model: "",
    cols: "",
    rows: "",
    args: "",
    options: NO_OPTIONS,
  };
  try {
    return { ...fresh, ...(JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}") as Partial<Draft>) };
  } catch {
    return fresh;
  }
}

/** What would start another session like it: in a worktree of its own, too, and with another name. */
export function duplicateOf(session: Session): Draft {
  return {
    provider: session.provider,
    dir: tilde(originOf(session), home.value),
    billing: session.billing ?? "subscription",
    name: "",
    prompt: "",
    // Unless an argument says it.
    model: session.args.some((arg) => /^(--model(=|$)|-m$)/.test(arg)) ? "" : (session.model ?? ""),
    cols: "",
    rows: "",
    args: session.args.map(quoted).join(" "),
    options: {
      ...NO_OPTIONS,
      worktree: session.worktree !== null,
      base: session.worktree?.base ?? "",
      envSets: session.env_sets,
      dangerous: session.dangerous,
    },
  };
}

export function keepDraft(draft: Draft): void {
  sessionStorage.setItem(DRAFT, JSON.stringify(draft));
}

export function forgetDraft(): void {
  sessionStorage.removeItem(DRAFT);
}

/** What the daemon is asked for: by a provider that it knows, in a directory as it knows it. */
export function requestOf(
  draft: Draft,
  provider: Provider | undefined,
  directory: { path: string; git: GitDirectory | null } | null,
): StartSession {
  const model = provider?.models ? draft.model.trim() : "";
  const worktree = directory?.git ? worktreeOf(draft.options) : null;
  return {
    provider: provider?.name ?? draft.provider,
    dir: directory?.path ?? draft.dir,
    name: draft.name.trim() || null,
    prompt: (provider?.agent && draft.prompt.trim()) || null,
    size: draft.cols && draft.rows ? { cols: Number(draft.cols), rows: Number(draft.rows) } : keptGrid(),
    args: [...(model ? ["--model", model] : []), ...(splitArguments(draft.args) ?? [])],
    ...(provider && provider.billing.length > 0 ? { billing: draft.billing } : {}),
    ...(draft.options.envSets.length > 0 ? { env_sets: [...draft.options.envSets] } : {}),
    ...(worktree ? { worktree } : {}),
    ...(draft.options.dangerous && provider?.dangerous ? { dangerous: true } : {}),
  };
}

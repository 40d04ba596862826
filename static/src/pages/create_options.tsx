// What of a new session's options is about git, secrets and permissions.

import { useEffect, useState } from "preact/hooks";
import type { EnvSets, GitDirectory, NewWorktree } from "../wire";
import { request } from "../http";
import { Icon } from "../ui/icon";
import { count } from "../words";

export interface Options {
  worktree: boolean;
  /** A new branch or one that is there. */
  branchIs: "new" | "there";
  branch: string;
  base: string;
  envSets: readonly string[];
  dangerous: boolean;
}

export const NO_OPTIONS: Options = {
  worktree: false,
  branchIs: "new",
  branch: "",
  base: "",
  envSets: [],
  dangerous: false,
};

/** As the daemon is asked for it. */
export function worktreeOf(options: Options): NewWorktree | null {
  if (!options.worktree) return null;
  const branch = options.branch.trim() || null;
  return options.branchIs === "there" ? { branch } : { create_branch: branch, base: options.base.trim() || null };
}

interface Props {
  options: Options;
  set: (part: Partial<Options>) => void;
}

export function WorktreeBox({ options, set, git }: Props & { git: GitDirectory }) {
  const changed = git.changed ?? 0;
  return (
    <div class="option-box">
      <label class="check">
        <input
          type="checkbox"
          checked={options.worktree}
          onChange={(event) => set({ worktree: event.currentTarget.checked })}
        />
        <span>
          <b>Work in a separate worktree</b>
        </span>
      </label>
      <div class="help">
        The agent gets its own checkout. Yours is left alone
        {changed > 0 ? `, including its ${count(changed, "uncommitted file")}` : ""}. Files that git ignores, such as
        .env, are not copied.
      </div>
      {options.worktree && (
        <>
          <div class="segments" role="group" aria-label="Branch">
            <button type="button" aria-pressed={options.branchIs === "new"} onClick={() => set({ branchIs: "new" })}>
              New branch
            </button>
            <button
              type="button"
              aria-pressed={options.branchIs === "there"}
              onClick={() => set({ branchIs: "there" })}
            >
              Existing branch
            </button>
          </div>
          <div class="option-fields">
            <div class="field">
              <label for="session-branch">{options.branchIs === "new" ? "New branch" : "Branch"}</label>
              <input
                id="session-branch"
                class="input mono"
                list={options.branchIs === "there" ? "session-branches" : undefined}
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
                placeholder={options.branchIs === "new" ? "codepiper/…" : "feature/refactor"}
                value={options.branch}
                onInput={(event) => set({ branch: event.currentTarget.value })}
              />
            </div>
            {options.branchIs === "new" && (
              <div class="field">
                <label for="session-base">From</label>
                <input
                  id="session-base"
                  class="input mono"
                  list="session-branches"
                  autocomplete="off"
                  autocapitalize="off"
                  spellcheck={false}
                  placeholder={git.branch ?? "HEAD"}
                  value={options.base}
                  onInput={(event) => set({ base: event.currentTarget.value })}
                />
              </div>
            )}
            <datalist id="session-branches">
              {git.branches.map((branch) => (
                <option key={branch} value={branch} />
              ))}
            </datalist>
          </div>
        </>
      )}
    </div>
  );
}

/** In the order in which they are chosen: a later one counts before an earlier one. */
export function EnvSetPicker({ options, set }: Props) {
  const [names, setNames] = useState<readonly string[] | null>(null);
  useEffect(() => {
    const load = async (): Promise<void> => {
      try {
        setNames((await request<EnvSets>("GET", "/api/env-sets")).sets.map((each) => each.name));
      } catch {
        setNames(null);
      }
    };
    void load();
  }, []);
  if (names === null || (names.length === 0 && options.envSets.length === 0)) return null;
  const left = names.filter((name) => !options.envSets.includes(name));
  return (
    <div class="env-picker" role="group" aria-label="Env sets">
      <span class="label">Env sets</span>
      {options.envSets.map((name) => (
        <span key={name} class="chip">
          <Icon name="lock" size={13} />
          <code>{name}</code>
          <button
            type="button"
            class="button ghost icon"
            aria-label={`Remove ${name}`}
            onClick={() => set({ envSets: options.envSets.filter((other) => other !== name) })}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      {left.length > 0 && (
        <select
          class="select"
          aria-label="Add an env set"
          value=""
          onChange={(event) => set({ envSets: [...options.envSets, event.currentTarget.value] })}
        >
          <option value="">Add…</option>
          {left.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

export function DangerousBox({ options, set }: Props) {
  return (
    <div class={options.dangerous ? "option-box danger" : "option-box"}>
      <label class="check">
        <input
          type="checkbox"
          checked={options.dangerous}
          onChange={(event) => set({ dangerous: event.currentTarget.checked })}
        />
        <span>
          <b>Dangerous: skip all permission prompts</b>
        </span>
      </label>
      <div class="help">The agent can run any command and change any file that you can, without asking.</div>
    </div>
  );
}

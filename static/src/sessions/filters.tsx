import type { ComponentChildren } from "preact";
import { type Filter, FILTERS, fits, type Grouping } from "../session_list";
import { home, inOrder } from "../store";
import { StateMark } from "../ui/state_mark";
import { providerName } from "../providers";
import { tilde } from "../words";

const GROUP_WORDS: readonly (readonly [Grouping, string])[] = [
  ["state", "By state"],
  ["directory", "By directory"],
];

interface FiltersProps {
  filter: Filter;
  choose: (filter: Filter) => void;
  provider: string;
  chooseProvider: (provider: string) => void;
  directory: string;
  chooseDirectory: (directory: string) => void;
  tag: string;
  chooseTag: (tag: string) => void;
  grouping: Grouping;
  group: (grouping: Grouping) => void;
  children: ComponentChildren;
}

export function Filters({
  filter,
  choose,
  provider,
  chooseProvider,
  directory,
  chooseDirectory,
  tag,
  chooseTag,
  grouping,
  group,
  children,
}: FiltersProps) {
  const all = inOrder.value;
  const providers = [...new Set(all.map((session) => session.provider))].sort();
  const tags = [...new Set(all.flatMap((session) => session.tags))].sort();
  const directories = [...new Set(all.map((session) => session.cwd))].sort();
  return (
    <>
      <div class="filters">
        <div class="segments" role="group" aria-label="Show">
          {FILTERS.map(({ key, word, icon }) => {
            const count = all.filter((session) => fits(session, key, "")).length;
            if (key === "archived" && count === 0 && filter !== key) return null;
            return (
              <button key={key} aria-pressed={filter === key} onClick={() => choose(key)}>
                {icon && (
                  <span class={`tone-${key === "needs" ? "warm" : key === "working" ? "accent" : "rest"}`}>
                    <StateMark icon={icon} size={14} />
                  </span>
                )}
                {word}
                {count > 0 && <small>{count}</small>}
              </button>
            );
          })}
        </div>
        {providers.length > 1 && (
          <Picker
            label="Provider"
            value={provider}
            choose={chooseProvider}
            options={providers.map((name) => [name, providerName(name)])}
          />
        )}
        {directories.length > 1 && (
          <Picker
            label="Directory"
            value={directory}
            choose={chooseDirectory}
            options={directories.map((name) => [name, tilde(name, home.value)])}
          />
        )}
        {(tags.length > 0 || tag !== "") && (
          <Picker label="Tag" value={tag} choose={chooseTag} options={tags.map((each) => [each, each])} />
        )}
        <span class="grow" />
        {(directories.length > 1 || grouping === "directory") && (
          <div class="segments" role="group" aria-label="Group by">
            {GROUP_WORDS.map(([key, word]) => (
              <button key={key} aria-pressed={grouping === key} onClick={() => group(key)}>
                {word}
              </button>
            ))}
          </div>
        )}
        <span class="meta sorted">Sorted by urgency, then newest</span>
      </div>
      {children}
    </>
  );
}

function Picker({
  label,
  value,
  choose,
  options,
}: {
  label: string;
  value: string;
  choose: (value: string) => void;
  options: [string, string][];
}) {
  return (
    <select
      class="select picker"
      aria-label={label}
      value={value}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      <option value="">Any {label.toLowerCase()}</option>
      {options.map(([key, word]) => (
        <option key={key} value={key}>
          {word}
        </option>
      ))}
    </select>
  );
}

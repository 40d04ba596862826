import { useEffect, useRef, useState } from "preact/hooks";
import type { PolicyForm, PolicyInfo, PolicyNote, Problem, WrittenPolicy } from "../wire";
import { ask } from "../ask";
import { problemOf, request } from "../http";
import { Icon } from "../ui/icon";
import { count } from "../words";
import { draftOf, formOf, obstacles, tooMuch, type PolicyDraft } from "./policy_draft";
import { PolicyFormView, type RuleNotes } from "./policy_form";
import { PolicyTester } from "./policy_tester";
import { Box, Choice } from "./settings";

/** A pause in typing after which the text is checked, in ms. */
const PAUSE = 300;

type View = "form" | "toml";

interface Props {
  /** Null: a new one, named in its text. */
  name: string | null;
  text: string;
  close: () => void;
  saved: (name: string) => void;
}

/** What was said of a text, and the keys of the rules that it had. */
interface Checked {
  info: PolicyInfo;
  keys: readonly number[];
}

/** A policy, as a form and as a text, checked while it is written. */
export function PolicyEditor({ name, text: before, close, saved }: Props) {
  const [view, setView] = useState<View | null>(null);
  const [text, setText] = useState(before);
  /** The text that the form was read from. */
  const [base, setBase] = useState(before);
  const [draft, setDraft] = useState<PolicyDraft | null>(null);
  const [open, setOpen] = useState<number | null>(null);
  const [checked, setChecked] = useState<Checked | null>(null);
  const [lost, setLost] = useState<readonly PolicyNote[]>([]);
  /** Why there is no form. */
  const [noForm, setNoForm] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const blocked = view === "form" && draft ? obstacles(draft) : [];

  const toForm = async (): Promise<void> => {
    try {
      const form = await request<PolicyForm>("POST", "/api/policies/form", { text });
      const odd = tooMuch(form);
      setNoForm(odd);
      setView(odd === null ? "form" : "toml");
      if (odd !== null) return;
      setDraft(draftOf(form));
      setBase(text);
      setLost([]);
    } catch (error) {
      setNoForm(problemOf(error).detail);
      setView("toml");
    }
  };
  useEffect(() => void toForm(), []);

  /** The text that the form stands for. */
  const write = (draft: PolicyDraft): Promise<WrittenPolicy> =>
    request<WrittenPolicy>("POST", "/api/policies/write", { form: formOf(draft), text: base });
  const told = (draft: PolicyDraft, written: WrittenPolicy): void => {
    setText(written.text);
    setLost(written.lost);
    setChecked({ info: written.info, keys: draft.rules.map(({ key }) => key) });
  };
  useEffect(() => {
    if (view === null || blocked.length > 0) return;
    let stale = false;
    const look = async (): Promise<void> => {
      try {
        if (view === "form" && draft) {
          const written = await write(draft);
          if (!stale) told(draft, written);
        } else {
          const info = await request<PolicyInfo>("POST", "/api/policies/check", { text });
          if (!stale) setChecked({ info, keys: [] });
        }
      } catch (error) {
        if (!stale) setProblem(problemOf(error));
      }
    };
    const timer = setTimeout(() => void look(), PAUSE);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [view, draft, view === "toml" ? text : null, blocked.length]);

  /** The text as it is now: what the form says may not have been written yet. */
  const current = async (): Promise<string> => {
    if (view !== "form" || !draft) return text;
    const written = await write(draft);
    told(draft, written);
    return written.text;
  };
  const tried = async (run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const choose = (next: View): void => {
    setProblem(null);
    if (next === view) return;
    if (next === "form") void toForm();
    else if (blocked.length === 0) void tried(async () => void (await current(), setView("toml")));
  };
  const save = (): void =>
    void tried(async () => {
      const last = await current();
      const named = name ?? draft?.name ?? nameIn(last);
      await request("PUT", `/api/policies/${encodeURIComponent(named)}`, { text: last });
      saved(named);
    });
  const leave = (): void => {
    if (text === before) return close();
    ask({
      title: "Discard the changes?",
      text: "The policy stays as it was saved.",
      verb: "Discard",
      destroys: true,
      run: async () => close(),
    });
  };
  const info = checked?.info;
  const mistakes = [...blocked, ...(info?.mistakes ?? [])];
  const ofRules = view === "form" && draft ? notesOf(draft, checked, blocked) : new Map();
  const show = (number: number): void => setOpen(draft?.rules[number - 1]?.key ?? null);
  return (
    <div class="policy-edit">
      <Box title={name === null ? "New policy" : name}>
        <div class="box-row policy-editor">
          <div class="policy-row">
            <Choice<View>
              label="View"
              value={view ?? "form"}
              choose={choose}
              options={[
                ["form", "Form"],
                ["toml", "TOML"],
              ]}
            />
          </div>
          {noForm !== null && (
            <p class="tone-warm policy-problem" role="status">
              Only the text can show this policy: {noForm}
            </p>
          )}
          {view === "form" && draft && (
            <PolicyFormView
              draft={draft}
              set={(next) => {
                setDraft(next);
                setProblem(null);
              }}
              named={name !== null}
              mistakes={mistakes.filter((note) => note.rule === null)}
              ofRules={ofRules}
              open={open}
              setOpen={setOpen}
            />
          )}
          {view === "toml" && (
            <Text
              text={text}
              set={(next) => {
                setText(next);
                setProblem(null);
                setNoForm(null);
              }}
              info={info}
            />
          )}
          <div class="policy-notes" role="status">
            {problem && <p class="tone-bad policy-problem">{problem.detail}</p>}
            {view === "form" && mistakes.length > 0 && <p class="tone-bad">{placesOf(mistakes)}</p>}
            {view === "form" && lost.length > 0 && <Lost lost={lost} />}
            {info && mistakes.length === 0 && <p class="meta">{count(info.rules, "rule")}, no mistakes.</p>}
          </div>
          <div class="policy-foot">
            <button class="button" onClick={leave}>
              Cancel
            </button>
            <button class="button primary" disabled={mistakes.length > 0} onClick={save}>
              Save policy
            </button>
          </div>
        </div>
      </Box>
      <PolicyTester text={text} own={info?.name} show={view === "form" ? show : undefined} />
    </div>
  );
}

function nameIn(text: string): string {
  return /^name\s*=\s*"([^"]*)"/m.exec(text)?.[1] ?? "";
}

/** What was said of each rule, by its key. */
function notesOf(draft: PolicyDraft, checked: Checked | null, blocked: readonly PolicyNote[]): RuleNotes {
  const found = new Map<number, { mistakes: PolicyNote[]; warnings: PolicyNote[] }>();
  const add = (key: number | undefined, kind: "mistakes" | "warnings", note: PolicyNote): void => {
    if (key === undefined) return;
    const notes = found.get(key) ?? { mistakes: [], warnings: [] };
    notes[kind].push(note);
    found.set(key, notes);
  };
  for (const note of blocked) add(draft.rules[(note.rule ?? 0) - 1]?.key, "mistakes", note);
  for (const kind of ["mistakes", "warnings"] as const)
    for (const note of checked?.info[kind] ?? []) add(checked?.keys[(note.rule ?? 0) - 1], kind, note);
  return found;
}

function placesOf(mistakes: readonly PolicyNote[]): string {
  const rules = [...new Set(mistakes.flatMap(({ rule }) => (rule === null ? [] : [rule])))];
  const where = rules.length === 0 ? "" : ` in rule ${rules.join(", ")}`;
  return `${count(mistakes.length, "mistake")}${where}.`;
}

function Lost({ lost }: { lost: readonly PolicyNote[] }) {
  return (
    <div class="tone-warm policy-lost">
      <p>{count(lost.length, "comment")} will be left out. To keep them, edit the text instead.</p>
      <ul>
        {lost.map(({ line, message }) => (
          <li key={line}>
            Line {line}: <code>{message}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The text itself, with what is wrong by line. */
function Text({ text, set, info }: { text: string; set: (text: string) => void; info: PolicyInfo | undefined }) {
  const field = useRef<HTMLTextAreaElement>(null);
  /** Where a note is about. */
  const show = (line: number): void => {
    const lines = text.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    field.current?.focus();
    field.current?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  const mistakes = info?.mistakes ?? [];
  return (
    <>
      <label for="policy-text">Rules (TOML)</label>
      <textarea
        id="policy-text"
        ref={field}
        class="input mono"
        rows={24}
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        value={text}
        aria-invalid={mistakes.length > 0}
        aria-describedby="policy-notes"
        onInput={(event) => set(event.currentTarget.value)}
      />
      <div id="policy-notes" class="policy-notes" role="status">
        {mistakes.map((note) => (
          <Note key={`${note.line} ${note.message}`} note={note} bad show={show} />
        ))}
        {info?.warnings.map((note) => (
          <Note key={`${note.line} ${note.message}`} note={note} show={show} />
        ))}
      </div>
    </>
  );
}

function Note({ note, bad, show }: { note: PolicyNote; bad?: boolean; show: (line: number) => void }) {
  return (
    <p class={bad ? "tone-bad" : "tone-warm"}>
      <Icon name="warning" size={14} />
      <button type="button" class="text-button" onClick={() => show(note.line)}>
        Line {note.line}
        {note.rule !== null && `, rule ${note.rule}`}
      </button>
      <span>{note.message}</span>
    </p>
  );
}

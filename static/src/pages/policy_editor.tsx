import { useEffect, useRef, useState } from "preact/hooks";
import type { PolicyInfo, PolicyNote, Problem } from "../wire";
import { problemOf, request } from "../http";
import { Icon } from "../ui/icon";
import { count } from "../words";
import { PolicyTester } from "./policy_tester";
import { Box } from "./settings";

/** A pause in typing after which the text is checked, in ms. */
const PAUSE = 300;

interface Props {
  /** Null: a new one, named in its text. */
  name: string | null;
  text: string;
  close: () => void;
  saved: (name: string) => void;
}

/** The text of a policy, checked while it is written. */
export function PolicyEditor({ name, text: before, close, saved }: Props) {
  const [text, setText] = useState(before);
  const [checked, setChecked] = useState<PolicyInfo | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    let stale = false;
    const timer = setTimeout(async () => {
      try {
        const said = await request<PolicyInfo>("POST", "/api/policies/check", { text });
        if (!stale) setChecked(said);
      } catch (error) {
        if (!stale) setProblem(problemOf(error));
      }
    }, PAUSE);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [text]);
  const save = async (): Promise<void> => {
    const named = name ?? /^name\s*=\s*"([^"]*)"/m.exec(text)?.[1] ?? "";
    try {
      await request("PUT", `/api/policies/${encodeURIComponent(named)}`, { text });
      saved(named);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  /** Where a note is about. */
  const show = (line: number): void => {
    const lines = text.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    field.current?.focus();
    field.current?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  const mistakes = checked?.mistakes ?? [];
  return (
    <>
      <Box title={name === null ? "New policy" : name}>
        <div class="box-row policy-editor">
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
            onInput={(event) => {
              setText(event.currentTarget.value);
              setProblem(null);
            }}
          />
          <div id="policy-notes" class="policy-notes" role="status">
            {problem && <p class="tone-bad policy-problem">{problem.detail}</p>}
            {mistakes.map((note) => (
              <Note key={`${note.line} ${note.message}`} note={note} bad show={show} />
            ))}
            {checked?.warnings.map((note) => (
              <Note key={`${note.line} ${note.message}`} note={note} show={show} />
            ))}
            {checked && mistakes.length === 0 && <p class="meta">{count(checked.rules, "rule")}, no mistakes.</p>}
          </div>
          <div class="policy-foot">
            <button class="button" onClick={close}>
              Cancel
            </button>
            <button class="button primary" disabled={mistakes.length > 0} onClick={() => void save()}>
              Save policy
            </button>
          </div>
        </div>
      </Box>
      {mistakes.length === 0 && <PolicyTester text={text} />}
    </>
  );
}

function Note({ note, bad, show }: { note: PolicyNote; bad?: boolean; show: (line: number) => void }) {
  return (
    <p class={bad ? "tone-bad" : "tone-warm"}>
      <Icon name="warning" size={14} />
      <button type="button" class="text-button" onClick={() => show(note.line)}>
        Line {note.line}
      </button>
      <span>{note.message}</span>
    </p>
  );
}

import { useEffect, useState } from "preact/hooks";
import type { PolicyAction, PolicyVerdict, Problem, RuleRef, Session } from "../wire";
import { problemOf, request } from "../http";
import { inOrder } from "../store";
import { isLive, nameOf } from "../words";
import type { Pair } from "./policy_draft";
import { Pairs, TextField } from "./policy_fields";
import { Box } from "./settings";

const WORDS: Record<PolicyAction, string> = { allow: "Allowed", ask: "Asked about", deny: "Denied" };
const TONES: Record<PolicyAction, string> = { allow: "tone-accent", ask: "tone-warm", deny: "tone-bad" };
const PAUSE = 200;

/** The tool that runs commands. */
const SHELL = "Bash";

interface Props {
  /** Only this policy, as if it were saved. */
  text?: string;
  of?: Session;
  /** The name of the policy in `text`. */
  own?: string | undefined;
  /** Opens a rule of it. */
  show?: ((rule: number) => void) | undefined;
}

/** Where an agent usually is: in the home directory, `./` in a rule means nothing. */
const PROJECT = "~/project";

/** What would happen to a use of a tool, and why: by all policies, or by one that is being written. */
export function PolicyTester({ text, of, own, show }: Props) {
  const [tool, setTool] = useState(SHELL);
  const [command, setCommand] = useState("git push");
  const [fields, setFields] = useState<readonly Pair[]>([]);
  const [session, setSession] = useState(of?.id ?? "");
  const [cwd, setCwd] = useState(of ? "" : PROJECT);
  const [verdict, setVerdict] = useState<PolicyVerdict | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const isShell = tool === SHELL;
  useEffect(() => {
    let stale = false;
    const timer = setTimeout(async () => {
      const input = Object.fromEntries(fields.map(({ name, value }) => [name, value]));
      try {
        const said = await request<PolicyVerdict>("POST", "/api/policies/test", {
          ...(isShell ? { command } : { tool, input }),
          session: session || null,
          cwd: cwd || null,
          text: text ?? null,
        });
        if (stale) return;
        setVerdict(said);
        setProblem(null);
      } catch (error) {
        if (!stale) setProblem(problemOf(error));
      }
    }, PAUSE);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [tool, command, fields, session, cwd, text]);
  const live = inOrder.value.filter(isLive);
  return (
    <Box title="Try it" what="What the policies decide about this, and why. Nothing is run.">
      <div class="box-row policy-tester">
        {isShell ? (
          <TextField label="Command" mono value={command} set={setCommand} />
        ) : (
          <Pairs label="Arguments" pairs={fields} set={setFields} add="Add argument" />
        )}
        <div class="policy-try">
          <TextField label="Tool" mono value={tool} set={setTool} />
          <TextField label="Directory" mono value={cwd} set={setCwd} />
          {!of && live.length > 0 && (
            <select
              class="select"
              aria-label="Test as if run"
              value={session}
              onChange={(event) => {
                setSession(event.currentTarget.value);
                setCwd(event.currentTarget.value ? "" : PROJECT);
              }}
            >
              <option value="">{cwd ? "in no session" : "in your home directory"}</option>
              {live.map((each) => (
                <option key={each.id} value={each.id}>
                  in {nameOf(each)}
                </option>
              ))}
            </select>
          )}
        </div>
        <div class="policy-verdict" role="status">
          {problem ? (
            <p class="tone-bad policy-problem">{problem.detail}</p>
          ) : (
            verdict && <Said verdict={verdict} command={command} own={own} show={show} />
          )}
        </div>
      </div>
    </Box>
  );
}

function Said({
  verdict,
  command,
  own,
  show,
}: { verdict: PolicyVerdict; command: string } & Pick<Props, "own" | "show">) {
  const { unreadable } = verdict;
  return (
    <>
      <p>
        <b class={verdict.action ? TONES[verdict.action] : ""}>
          {verdict.action ? WORDS[verdict.action] : "No policy"}
        </b>{" "}
        {verdict.why} <RuleName rule={verdict.rule} own={own} show={show} />
      </p>
      {verdict.parts.length > 0 && (
        <ol class="policy-parts" aria-label="Commands">
          {verdict.parts.map((part, number) => (
            <li key={number}>
              <span class="policy-words">
                {part.words.map((word, at) => (
                  <code key={at}>{word || "''"}</code>
                ))}
              </span>
              <span class={TONES[part.action]}>{WORDS[part.action]}</span>
              <RuleName rule={part.rule} own={own} show={show} />
              {!part.rule && part.why !== verdict.why && <span class="meta">{part.why}</span>}
            </li>
          ))}
        </ol>
      )}
      {unreadable && (
        <p class="meta">
          Cannot be read from <code>{from(command, unreadable.at)}</code> on: {unreadable.why}
        </p>
      )}
    </>
  );
}

/** A text from one of its bytes on. */
function from(text: string, at: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(text).slice(at)).slice(0, 40);
}

function RuleName({ rule, own, show }: { rule: RuleRef | null } & Pick<Props, "own" | "show">) {
  if (!rule) return null;
  if (rule.policy !== own) return <span class="meta">{`rule ${rule.number} of ${rule.policy}`}</span>;
  if (!show) return <span class="meta">rule {rule.number}</span>;
  return (
    <button type="button" class="text-button" onClick={() => show(rule.number)}>
      Rule {rule.number}
    </button>
  );
}

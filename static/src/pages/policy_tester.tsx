import { useEffect, useState } from "preact/hooks";
import type { PolicyAction, PolicyVerdict, Problem, Session } from "../wire";
import { problemOf, request } from "../http";
import { inOrder } from "../store";
import { isLive, nameOf } from "../words";
import { Box } from "./settings";

const WORDS: Record<PolicyAction, string> = { allow: "Allowed", ask: "Asked about", deny: "Denied" };
const TONES: Record<PolicyAction, string> = { allow: "tone-accent", ask: "tone-warm", deny: "tone-bad" };
const PAUSE = 200;

/** What would happen to a command, and why: by all policies, or by one that is being written. */
export function PolicyTester({ text, of }: { text?: string; of?: Session }) {
  const [command, setCommand] = useState("git push");
  const [session, setSession] = useState(of?.id ?? "");
  const [verdict, setVerdict] = useState<PolicyVerdict | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    let stale = false;
    const timer = setTimeout(async () => {
      try {
        const asked = { command, session: session || null, text: text ?? null };
        const said = await request<PolicyVerdict>("POST", "/api/policies/test", asked);
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
  }, [command, session, text]);
  const live = inOrder.value.filter(isLive);
  return (
    <Box title="Try it" what="What the policies decide about this command, and why. Nothing is run.">
      <div class="box-row policy-tester">
        <div class="policy-try">
          <input
            class="input mono"
            aria-label="Command"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            value={command}
            onInput={(event) => setCommand(event.currentTarget.value)}
          />
          {!of && live.length > 0 && (
            <select
              class="select"
              aria-label="Test as if run"
              value={session}
              onChange={(event) => setSession(event.currentTarget.value)}
            >
              <option value="">in your home directory</option>
              {live.map((each) => (
                <option key={each.id} value={each.id}>
                  in {nameOf(each)}
                </option>
              ))}
            </select>
          )}
        </div>
        <div class="policy-verdict" role="status">
          {problem ? <p class="tone-bad">{problem.detail}</p> : verdict && <Said verdict={verdict} />}
        </div>
      </div>
    </Box>
  );
}

function Said({ verdict }: { verdict: PolicyVerdict }) {
  return (
    <>
      <p>
        <b class={verdict.action ? TONES[verdict.action] : ""}>
          {verdict.action ? WORDS[verdict.action] : "No policy"}
        </b>{" "}
        {verdict.why}
      </p>
      {verdict.parts.length > 1 && (
        <ol class="policy-parts">
          {verdict.parts.map((part, number) => (
            <li key={number}>
              <code>{part.words.join(" ")}</code>
              <span class={TONES[part.action]}>{WORDS[part.action]}</span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

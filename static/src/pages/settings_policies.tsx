import "../styles/policies.css";
import { useEffect, useState } from "preact/hooks";
import type { PolicyFile, PolicyInfo, Problem, ReadyPolicy } from "../wire";
import { ask } from "../ask";
import { problemOf, request } from "../http";
import { toast } from "../toasts";
import { Icon } from "../ui/icon";
import { count } from "../words";
import { PolicyEditor } from "./policy_editor";
import { PolicyTester } from "./policy_tester";
import { Box, BoxRow } from "./settings";

const path = (name: string): string => `/api/policies/${encodeURIComponent(name)}`;

/** A text that is being written; `name` is null for a new one. */
interface Edited {
  name: string | null;
  text: string;
}

const EMPTY = `name = "my-policy"
description = "What it is for"
priority = 100
default = "ask"    # what happens to everything that no rule mentions

[[rule]]
action = "allow"
command = { program = "git", words = ["status"], options = ["-s", "--short"] }
match = ["git status"]
not_match = ["git push"]
`;

/** What agents may do without asking, and what would happen. */
export function PoliciesSection() {
  const [policies, setPolicies] = useState<readonly PolicyInfo[] | null>(null);
  const [ready, setReady] = useState<readonly ReadyPolicy[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [edited, setEdited] = useState<Edited | null>(null);
  const load = async (): Promise<void> => {
    try {
      setPolicies(await request<PolicyInfo[]>("GET", "/api/policies"));
      setReady(await request<ReadyPolicy[]>("GET", "/api/policies/ready"));
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  useEffect(() => void load(), []);
  const open = async (name: string): Promise<void> => {
    try {
      setEdited({ name, text: (await request<PolicyFile>("GET", path(name))).text });
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const remove = (name: string): void =>
    ask({
      title: `Delete the policy ${name}?`,
      text: "From then on, the other policies and the agents’ own rules decide what this one denied or asked about.",
      verb: "Delete policy",
      destroys: true,
      run: async () => {
        await request("DELETE", path(name));
        await load();
      },
    });
  if (edited)
    return (
      <PolicyEditor
        name={edited.name}
        text={edited.text}
        close={() => setEdited(null)}
        saved={(name) => {
          setEdited(null);
          toast({ text: `Policy ${name} saved.` });
          void load();
        }}
      />
    );
  const left = ready.filter(({ name }) => policies?.every((policy) => policy.name !== name));
  return (
    <>
      <Box
        title="Policies"
        what="Rules for agents: what they may do without asking, what they must ask about, and what they may not do. A deny counts in every policy."
      >
        {problem && (
          <div class="box-row tone-bad" role="alert">
            <Icon name="warning" />
            {problem.detail}
          </div>
        )}
        {policies?.map((policy) => (
          <BoxRow key={policy.name} title={policy.name} what={<PolicyFacts policy={policy} />}>
            <button class="button" aria-label={`Edit ${policy.name}`} onClick={() => void open(policy.name)}>
              Edit
            </button>
            <button class="button ghost icon" aria-label={`Delete ${policy.name}`} onClick={() => remove(policy.name)}>
              <Icon name="trash" />
            </button>
          </BoxRow>
        ))}
        {policies?.length === 0 && (
          <BoxRow title="No policies yet" what="Agents follow their own rules and ask you in their terminals." />
        )}
        <div class="box-row policy-new">
          <button class="button" onClick={() => setEdited({ name: null, text: EMPTY })}>
            <Icon name="plus" size={14} />
            New policy
          </button>
          {left.map(({ name, text }) => (
            <button key={name} class="button ghost" onClick={() => setEdited({ name: null, text })}>
              Start from {name}
            </button>
          ))}
        </div>
      </Box>
      {policies !== null && policies.length > 0 && <PolicyTester />}
    </>
  );
}

export function PolicyFacts({ policy }: { policy: PolicyInfo }) {
  const where =
    policy.scope === "everywhere"
      ? "applies everywhere"
      : "directories" in policy.scope
        ? `applies in ${policy.scope.directories.join(", ")}`
        : policy.scope.sessions.length === 0
          ? "applies to no session yet"
          : `applies to ${count(policy.scope.sessions.length, "session")}`;
  if (policy.mistakes.length > 0)
    return (
      <span class="tone-bad">
        It cannot be read, so nothing is allowed by any rule: line {policy.mistakes[0]?.line},{" "}
        {policy.mistakes[0]?.message}
      </span>
    );
  return (
    <>
      {count(policy.rules, "rule")}
      {policy.includes.length > 0 && ` and those of ${policy.includes.join(", ")}`} · {where} · otherwise{" "}
      {policy.default}
      {policy.warnings.length > 0 && <span class="tone-warm"> · {count(policy.warnings.length, "warning")}</span>}
    </>
  );
}

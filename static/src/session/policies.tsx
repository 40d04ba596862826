// The policies of a session: which speak about it, what they decided, and what they would decide.

import "../styles/policies.css";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Event, FoundEvents, PolicyInfo, Session, SessionPolicy } from "../wire";
import { problemOf, request } from "../http";
import { PolicyTester } from "../pages/policy_tester";
import { Box, BoxRow } from "../pages/settings";
import { PolicyFacts } from "../pages/settings_policies";
import { providerOf } from "../providers";
import { onEvent } from "../store";
import { Described } from "../ui/described";
import { clockSeconds } from "../clock";

/** So many decisions are listed. */
const MOST = 20;

/** One that names the session in its own text is not detached here. */
function attachable({ scope }: PolicyInfo, applies: boolean, session: Session): boolean {
  return typeof scope === "object" && "sessions" in scope && (!applies || scope.sessions.includes(session.id));
}

export function PoliciesTab({ session }: { session: Session }) {
  const policies = useSignal<readonly SessionPolicy[] | null>(null);
  const decisions = useSignal<readonly Event[]>([]);
  const failed = useSignal<string | null>(null);
  const load = async (): Promise<void> => {
    try {
      const query = `session=${session.id}&kind=policy.decided&limit=${MOST}`;
      const [found, decided] = await Promise.all([
        request<SessionPolicy[]>("GET", `/api/sessions/${session.id}/policies`),
        request<FoundEvents>("GET", `/api/events?${query}`),
      ]);
      [policies.value, decisions.value, failed.value] = [found, decided.events.reverse(), null];
    } catch (error) {
      failed.value = problemOf(error).detail;
    }
  };
  useEffect(() => {
    void load();
    return onEvent((event) => {
      if (event.kind.startsWith("policy.") && (event.session === null || event.session === session.id)) void load();
    });
  }, [session.id]);
  const attach = async (name: string, attached: boolean): Promise<void> => {
    try {
      await request("POST", `/api/policies/${encodeURIComponent(name)}/attach`, { session: session.id, attached });
      await load();
    } catch (error) {
      failed.value = problemOf(error).detail;
    }
  };
  if (providerOf(session.provider)?.agent === false)
    return (
      <div class="scroll empty">
        <p>Policies decide what agents may do. This session has no agent.</p>
      </div>
    );
  return (
    <div class="scroll session-policies">
      <Box
        title="Policies of this session"
        what="What its agent may do without asking, what it must ask about, and what it may not do. A deny counts in every policy."
      >
        {failed.value && (
          <p class="box-row tone-bad" role="alert">
            {failed.value}
          </p>
        )}
        {policies.value?.map(({ policy, applies }) => (
          <BoxRow key={policy.name} title={policy.name} what={<PolicyFacts policy={policy} />}>
            {applies && <span class="chip">applies</span>}
            {attachable(policy, applies, session) && (
              <button
                class="button"
                aria-label={`${applies ? "Detach" : "Attach"} ${policy.name}`}
                onClick={() => void attach(policy.name, !applies)}
              >
                {applies ? "Detach" : "Attach"}
              </button>
            )}
          </BoxRow>
        ))}
        {policies.value?.length === 0 && (
          <BoxRow title="No policies yet" what="The agent follows its own rules, and asks you." />
        )}
        <div class="box-row">
          <a class="button ghost" href="/settings/policies">
            Edit policies
          </a>
        </div>
      </Box>
      {policies.value?.some(({ applies }) => applies) && <PolicyTester of={session} />}
      {decisions.value.length > 0 && (
        <Box title="What they decided last">
          {decisions.value.map((event) => (
            <div key={event.seq} class="box-row policy-decided">
              <span class="meta mono">{clockSeconds(Date.parse(event.at))}</span>
              <span class="grow">
                <Described of={event.description} />
              </span>
            </div>
          ))}
        </Box>
      )}
    </div>
  );
}

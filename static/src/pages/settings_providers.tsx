import { useEffect, useState } from "preact/hooks";
import type { Problem, Provider, ProviderCheck } from "../wire";
import { problemOf, request } from "../http";
import { providers } from "../providers";
import { home } from "../store";
import { Icon } from "../ui/icon";
import { tilde } from "../words";
import { Box, BoxRow } from "./settings";

/** What is installed, and what it says of itself: it is asked when this is opened. */
export function Providers() {
  const [checked, setChecked] = useState<readonly Provider[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const check = async (): Promise<void> => {
    setChecked(null);
    try {
      setChecked(await request<Provider[]>("GET", "/api/providers?check=true"));
      setProblem(null);
    } catch (error) {
      setChecked([]);
      setProblem(problemOf(error));
    }
  };
  useEffect(() => void check(), []);
  return (
    <Box
      title="Providers"
      what="The programs that sessions run, as found on the daemon’s PATH. Version and sign-in are what the programs report when this page is opened."
    >
      {problem && (
        <div class="box-row tone-bad" role="alert">
          <Icon name="warning" />
          {problem.detail}
        </div>
      )}
      {(providers.value ?? []).map((provider) => (
        <ProviderRow
          key={provider.name}
          provider={provider}
          check={checked?.find(({ name }) => name === provider.name)?.check ?? null}
          asking={checked === null}
        />
      ))}
      <div class="box-row">
        <button class="button" disabled={checked === null} onClick={() => void check()}>
          {checked === null ? "Checking…" : "Check again"}
        </button>
      </div>
    </Box>
  );
}

function ProviderRow({
  provider,
  check,
  asking,
}: {
  provider: Provider;
  check: ProviderCheck | null;
  asking: boolean;
}) {
  const signIn = check?.sign_in;
  return (
    <BoxRow
      title={
        <>
          {provider.label} {check?.version && <code>{check.version}</code>}
        </>
      }
      what={
        <>
          {provider.description} ·{" "}
          {provider.found === null ? (
            `${provider.program} was not found`
          ) : (
            <code>{tilde(provider.found, home.value)}</code>
          )}
          {check && <Features check={check} />}
        </>
      }
    >
      {provider.found === null ? (
        <span class="chip">not installed</span>
      ) : signIn ? (
        <span class={signIn.signed_in ? "chip" : "chip tone-warm"} title={signIn.how}>
          {signIn.signed_in ? "signed in" : "not signed in"}
        </span>
      ) : (
        <span class="chip">{asking && provider.agent ? "checking…" : "installed"}</span>
      )}
    </BoxRow>
  );
}

function Features({ check: { version, tested, features, sign_in } }: { check: ProviderCheck }) {
  const lacks = features.filter(({ works }) => works === false);
  const said = [
    version === null
      ? "It does not report its version."
      : tested.includes(version)
        ? "Tested with this version."
        : `Tested with ${tested.join(" and ")}.`,
    sign_in?.signed_in ? `Signed in: ${sign_in.how}.` : "",
    ...lacks.map(({ what, since }) => `Needs ${since}: ${what}.`),
  ];
  return <div>{said.filter(Boolean).join(" ")}</div>;
}

import "../styles/first_run.css";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { problemOf, request } from "../http";
import { rememberDirectory } from "../pages/recent";
import { providers } from "../providers";
import { keep, now } from "../store";
import { keptGrid, setFollowing } from "../terminal/following";
import { Icon } from "../ui/icon";
import { Path } from "../ui/path";
import { duration, foreign } from "../words";
import type { Provider, RecentDirectory, Session, StartSession } from "../wire";

/** What is found on the host, and a click away from the first session. */
export function FirstRun() {
  const [checked, setChecked] = useState<readonly Provider[] | null>(null);
  const [recent, setRecent] = useState<readonly RecentDirectory[]>([]);
  useEffect(() => {
    // What is not known is not shown.
    request<Provider[]>("GET", "/api/providers?check=true").then(setChecked, () => undefined);
    request<RecentDirectory[]>("GET", "/api/directories/recent").then(setRecent, () => undefined);
  }, []);
  const all = checked ?? providers.value ?? [];
  const ready = all.filter(({ found, check }) => found !== null && check?.sign_in?.signed_in !== false);
  const first = ready.find(({ agent }) => agent) ?? ready[0];
  return (
    <>
      <ul class="found" aria-label="Providers">
        {all
          .filter(({ agent }) => agent)
          .map((provider) => (
            <Found key={provider.name} provider={provider} />
          ))}
      </ul>
      {first && recent.length > 0 && <Recent recent={recent} provider={first} />}
    </>
  );
}

function Found({ provider: { label, program, found, check } }: { provider: Provider }) {
  const signIn = check?.sign_in;
  const fine = found !== null && signIn?.signed_in !== false;
  const said =
    found === null
      ? `not installed: ${program} is not on the daemon’s PATH`
      : signIn
        ? signIn.signed_in
          ? "signed in"
          : `not signed in: run ${program} on the host and sign in`
        : "installed";
  return (
    <li>
      <span class={fine ? "tone-accent" : "tone-unk"}>
        <Icon name={fine ? "tick" : "minus"} size={14} />
      </span>
      <b>{label}</b>
      {check?.version && <code>{check.version}</code>}
      <span class="meta" title={signIn?.how}>
        {said}
      </span>
    </li>
  );
}

function Recent({ recent, provider }: { recent: readonly RecentDirectory[]; provider: Provider }) {
  const { route } = useLocation();
  const [starting, setStarting] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const start = async (dir: string): Promise<void> => {
    setStarting(dir);
    setProblem(null);
    const wanted: StartSession = { provider: provider.name, dir, size: keptGrid() };
    try {
      const session = await request<Session>("POST", "/api/sessions", wanted);
      keep(session);
      rememberDirectory(dir);
      setFollowing(session.id, true);
      route(`/sessions/${session.id}`);
    } catch (error) {
      setProblem(problemOf(error).detail);
      setStarting(null);
    }
  };
  return (
    <section class="recent" aria-label="Recent repositories">
      <h3>Recent repositories</h3>
      {problem && (
        <div class="notice bad" role="alert">
          <Icon name="warning" />
          <span>{problem}</span>
        </div>
      )}
      <ul>
        {recent.map(({ path, branch, used_at: used }) => (
          <li key={path}>
            <span class="grow">
              <Path path={path} />
              <span class="meta">
                {[branch && foreign(branch), `used ${duration(now.value - Date.parse(used))} ago`]
                  .filter(Boolean)
                  .join(" · ")}
              </span>
            </span>
            <button
              class="button"
              disabled={starting !== null}
              aria-label={`Start ${provider.label} in ${shortOf(path)}`}
              onClick={() => void start(path)}
            >
              {starting === path ? "Starting…" : `Start ${provider.label}`}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const shortOf = (path: string): string => foreign(path.split("/").at(-1) ?? path);

import { useEffect, useState } from "preact/hooks";
import type { Factors, FailedSignIn, Login, Problem, RecoveryCodes, TotpChange } from "../wire";
import { problemOf, request } from "../http";
import { auth } from "../login";
import { daemon, now } from "../store";
import { ask } from "../ask";
import { CodeInput } from "../ui/code_input";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { CodeList } from "../ui/recovery_codes";
import { SecretInput } from "../ui/secret_input";
import { toast } from "../toasts";
import { TotpKey } from "../ui/totp_key";
import { fullTime, count, duration, foreign } from "../words";
import { PasswordHelp } from "../ui/password_help";
import { Box, BoxRow } from "./settings";
import "../styles/factors.css";

type Change = "password" | "authenticator" | "codes";

export function Security() {
  const [change, setChange] = useState<Change | null>(null);
  const [logins, setLogins] = useState<readonly Login[] | null>(null);
  const [factors, setFactors] = useState<Factors | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = async (): Promise<void> => {
    try {
      setLogins(await request<Login[]>("GET", "/api/auth/logins"));
      setFactors(await request<Factors>("GET", "/api/auth/factors"));
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  useEffect(() => void load(), []);
  const close = (): void => {
    setChange(null);
    void load();
  };
  const others = (logins ?? []).filter((login) => !login.current);
  const web = daemon.value?.web ?? null;
  return (
    <>
      <Box title="Sign-in" what="Every sign-in needs the password and a code.">
        <BoxRow
          title="Password"
          what={
            <Dated verb="Changed" at={factors?.password_changed_at} what="Changing it signs out all other devices." />
          }
        >
          <button class="button" onClick={() => setChange("password")}>
            Change…
          </button>
        </BoxRow>
        <BoxRow
          title="Authenticator"
          what={
            <Dated verb="Added" at={factors?.totp_added_at} what="The old one works until you confirm the new one." />
          }
        >
          <button class="button" onClick={() => setChange("authenticator")}>
            Replace…
          </button>
        </BoxRow>
        <BoxRow
          title="Recovery codes"
          what={`${factors ? `${factors.recovery_codes_left} of ${factors.recovery_codes} left. ` : ""}New codes replace the old ones.`}
        >
          <button class="button" onClick={() => setChange("codes")}>
            New codes…
          </button>
        </BoxRow>
      </Box>
      <Box title="Signed-in devices" what="Signing out a device closes its open terminals at once.">
        {problem && (
          <div class="box-row tone-bad" role="alert">
            <Icon name="warning" />
            {problem.detail}
          </div>
        )}
        {[...(logins ?? [])]
          .sort((a, b) => Number(b.current) - Number(a.current))
          .map((login) => (
            <Device key={login.id} login={login} load={load} />
          ))}
      </Box>
      {factors && factors.failed.length > 0 && <Failed failed={factors.failed} />}
      {others.length > 1 && <SignOutOthers others={others.length} load={load} />}
      {web && (
        <Box title="Network access">
          <BoxRow
            title={`Served at ${web}`}
            what={
              /\/\/(127\.|localhost|\[::1\])/.test(web)
                ? "Loopback only: other machines cannot reach it."
                : "Other machines can reach it."
            }
          />
        </Box>
      )}
      {change === "password" && <ChangePassword close={close} />}
      {change === "authenticator" && <ReplaceAuthenticator close={close} />}
      {change === "codes" && <NewCodes close={close} />}
    </>
  );
}

/** When something became what it is, if that is known, and a sentence. */
function Dated({ verb, at, what }: { verb: string; at: string | null | undefined; what: string }) {
  if (!at) return <>{what}</>;
  const when = ago(at);
  return (
    <>
      <span title={fullTime(Date.parse(at))}>
        {verb} {when === "now" ? "just now" : when}.
      </span>{" "}
      {what}
    </>
  );
}

/** Who did not get in. */
function Failed({ failed }: { failed: readonly FailedSignIn[] }) {
  return (
    <Box
      title="Wrong sign-in attempts"
      what="Since the last sign-in before this one. A wrong password and a wrong code look the same."
    >
      {failed.map(({ at, device, address }, index) => (
        <BoxRow
          key={`${at} ${index}`}
          title={foreign(device)}
          what={
            <>
              <time dateTime={at}>{fullTime(Date.parse(at))}</time>
              {address && <> · from {foreign(address)}</>}
            </>
          }
        />
      ))}
    </Box>
  );
}

interface Load {
  /** Reads the list anew. */
  load: () => Promise<void>;
}

/** A browser that is signed in. */
function Device({ login, load }: Load & { login: Login }) {
  return (
    <BoxRow
      title={
        <>
          <Icon name={/Android|iPhone|iPad/.test(login.device) ? "phone" : "monitor"} />
          <span class="truncate">{login.device}</span>
          {login.current && <span class="chip source source-session">this device</span>}
        </>
      }
      what={
        <span title={`Signed in ${fullTime(Date.parse(login.created_at))}`}>
          {[
            login.address,
            `signed in ${ago(login.created_at)}`,
            login.current ? null : `active ${ago(login.seen_at)}`,
            login.open > 0 ? `${count(login.open, "page")} open` : null,
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      }
    >
      {!login.current && (
        <button class="button quiet-destroy" onClick={() => void end(login, load)}>
          Sign out
        </button>
      )}
    </BoxRow>
  );
}

function SignOutOthers({ others, load }: Load & { others: number }) {
  return (
    <button
      class="button quiet-destroy all-others"
      onClick={() =>
        ask({
          title: "Sign out all other devices?",
          text: `${count(others, "device")} will have to sign in again. This device stays signed in.`,
          verb: "Sign out all other devices",
          destroys: true,
          run: async () => {
            await request("DELETE", "/api/auth/logins");
            await load();
          },
        })
      }
    >
      Sign out all other devices
    </button>
  );
}

const ago = (at: string): string => {
  const passed = now.value - Date.parse(at);
  return passed < 60_000 ? "now" : `${duration(passed)} ago`;
};

async function end(login: Login, then: () => Promise<void>): Promise<void> {
  try {
    await request("DELETE", `/api/auth/logins/${login.id}`);
    toast({ text: `${login.device} signed out.` });
    await then();
  } catch (error) {
    toast({ text: problemOf(error).detail, bad: true });
  }
}

function Wrong({ problem }: { problem: Problem | null }) {
  return (
    problem && (
      <div class="notice bad" role="alert">
        <Icon name="warning" />
        {problem.code === "wrong_credentials" ? "Wrong password or code." : problem.detail}
      </div>
    )
  );
}

function ChangePassword({ close }: { close: () => void }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [tried, setTried] = useState(false);
  const shortest = auth.status?.shortest_password ?? 10;
  const short = [...next].length < shortest;
  const submit = async (): Promise<void> => {
    setTried(true);
    if (short || current === "") return;
    try {
      await request("POST", "/api/auth/password", { current, new: next });
      toast({ text: "Password changed. Other devices are signed out." });
      close();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <Dialog
      title="Change password"
      size="small"
      onClose={close}
      onSubmit={() => void submit()}
      foot={<Foot verb="Change" close={close} />}
    >
      <div class="fields">
        <Wrong problem={problem} />
        <div class="field">
          <label for="current-password">Current password</label>
          <SecretInput
            id="current-password"
            value={current}
            onInput={setCurrent}
            autocomplete="current-password"
            first
          />
        </div>
        <div class="field">
          <label for="next-password">New password</label>
          <SecretInput
            id="next-password"
            value={next}
            onInput={setNext}
            autocomplete="new-password"
            describedBy="next-help"
            invalid={tried && short}
          />
          <PasswordHelp id="next-help" password={next} shortest={shortest} wrong={tried && short} />
        </div>
      </div>
    </Dialog>
  );
}

function Foot({ verb, close, busy }: { verb: string; close: () => void; busy?: boolean }) {
  return (
    <>
      <span class="grow" />
      <button type="button" class="button" onClick={close}>
        Cancel
      </button>
      <button class="button primary" disabled={busy}>
        {verb}
      </button>
    </>
  );
}

/** Password and code, once more. */
function Factors({
  password,
  setPassword,
  code,
  setCode,
}: {
  password: string;
  setPassword: (value: string) => void;
  code: string;
  setCode: (value: string) => void;
}) {
  return (
    <>
      <div class="field">
        <label for="factor-password">Password</label>
        <SecretInput
          id="factor-password"
          value={password}
          onInput={setPassword}
          autocomplete="current-password"
          first
        />
      </div>
      <div class="field">
        <label for="factor-code">Code from your authenticator, or a recovery code</label>
        <input
          id="factor-code"
          class="input mono"
          autocomplete="one-time-code"
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </div>
    </>
  );
}

function ReplaceAuthenticator({ close }: { close: () => void }) {
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [begun, setBegun] = useState<TotpChange | null>(null);
  const [first, setFirst] = useState("");
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const attempt = async (run: () => Promise<void>): Promise<void> => {
    try {
      await run();
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const submit = (): Promise<void> =>
    attempt(async () => {
      if (codes) return close();
      if (begun) {
        setCodes(
          (await request<RecoveryCodes>("POST", "/api/auth/totp/confirm", { token: begun.token, code: first })).codes,
        );
      } else {
        setBegun(await request<TotpChange>("POST", "/api/auth/totp", { password, code: code.trim() }));
      }
    });
  return (
    <Dialog
      title="Replace authenticator"
      onClose={close}
      onSubmit={() => void submit()}
      foot={codes ? <Done close={close} /> : <Foot verb={begun ? "Confirm" : "Continue"} close={close} />}
    >
      <div class="fields">
        <Wrong problem={problem} />
        {codes ? (
          <>
            <p>The new authenticator is active. These recovery codes replace the old ones. They are not shown again.</p>
            <CodeList codes={codes} />
          </>
        ) : begun ? (
          <>
            <TotpKey totp={begun.totp} />
            <div class="field">
              <label for="first-code">Code from the app</label>
              <CodeInput id="first-code" value={first} onInput={setFirst} first />
            </div>
          </>
        ) : (
          <Factors password={password} setPassword={setPassword} code={code} setCode={setCode} />
        )}
      </div>
    </Dialog>
  );
}

function NewCodes({ close }: { close: () => void }) {
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (): Promise<void> => {
    if (codes) return close();
    try {
      setCodes(
        (await request<RecoveryCodes>("POST", "/api/auth/recovery-codes", { password, code: code.trim() })).codes,
      );
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <Dialog
      title="New recovery codes"
      size="small"
      onClose={close}
      onSubmit={() => void submit()}
      foot={codes ? <Done close={close} /> : <Foot verb="Create new codes" close={close} />}
    >
      <div class="fields">
        <Wrong problem={problem} />
        {codes ? (
          <>
            <p>The old codes no longer work. These are not shown again.</p>
            <CodeList codes={codes} />
          </>
        ) : (
          <Factors password={password} setPassword={setPassword} code={code} setCode={setCode} />
        )}
      </div>
    </Dialog>
  );
}

function Done({ close }: { close: () => void }) {
  return (
    <>
      <span class="grow" />
      <button type="button" class="button primary" onClick={close}>
        I stored them
      </button>
    </>
  );
}

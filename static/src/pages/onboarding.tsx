import "../styles/factors.css";
import { useEffect, useState } from "preact/hooks";
import type { Problem, RecoveryCodes, SetupBegun, SignedIn } from "../wire";
import { problemOf, request } from "../http";
import { auth, enter } from "../login";
import { CodeInput } from "../ui/code_input";
import { Entry } from "../ui/entry";
import { focusFirst } from "../ui/first_focus";
import { Icon } from "../ui/icon";
import { CodeList } from "../ui/recovery_codes";
import { PasswordHelp } from "../ui/password_help";
import { SecretInput } from "../ui/secret_input";
import { TotpKey } from "../ui/totp_key";

const STEPS = ["Password", "Authenticator", "Recovery codes"];

/** Password, authenticator, recovery codes; nothing is kept before the last step. */
export function Onboarding() {
  const [step, setStep] = useState(0);
  const [bootstrap, setBootstrap] = useState("");
  const [password, setPassword] = useState("");
  const [begun, setBegun] = useState<SetupBegun | null>(null);
  const [codes, setCodes] = useState<readonly string[]>([]);
  useEffect(() => {
    document.title = "Set up · CodePiper";
  }, []);
  return (
    <Entry>
      <ol class="steps" aria-label="Steps">
        {STEPS.map((name, index) => (
          <li key={name} aria-current={index === step ? "step" : undefined} data-done={index < step ? "" : undefined}>
            {index < step && <Icon name="tick" size={13} />}
            {name}
          </li>
        ))}
      </ol>
      {step === 0 && (
        <Password
          bootstrap={bootstrap}
          setBootstrap={setBootstrap}
          password={password}
          setPassword={setPassword}
          again={begun !== null}
          done={(answer) => {
            setBegun(answer);
            setStep(1);
          }}
        />
      )}
      {step === 1 && begun && (
        <Authenticator
          begun={begun}
          back={() => setStep(0)}
          done={(answer) => {
            setCodes(answer.codes);
            setStep(2);
          }}
        />
      )}
      {step === 2 && begun && <Codes codes={codes} token={begun.token} />}
    </Entry>
  );
}

interface PasswordProps {
  bootstrap: string;
  setBootstrap: (value: string) => void;
  password: string;
  setPassword: (value: string) => void;
  /** This browser began the set-up already, and came back. */
  again: boolean;
  done: (answer: SetupBegun) => void;
}

function Password({ bootstrap, setBootstrap, password, setPassword, again, done }: PasswordProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const shortest = auth.status?.shortest_password ?? 10;
  const letters = [...password].length;
  const tooShort = letters < shortest;
  const submit = async (takeOver: boolean): Promise<void> => {
    setTried(true);
    if (tooShort || bootstrap.trim() === "") return;
    setBusy(true);
    try {
      done(
        await request<SetupBegun>("POST", "/api/auth/setup", {
          bootstrap: bootstrap.trim(),
          password,
          take_over: takeOver,
        }),
      );
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  const wrongBootstrap = problem?.code === "wrong_credentials";
  return (
    <>
      <div>
        <h1>Set up the dashboard</h1>
        <p class="lead">
          Enter the one-time password that the daemon printed in its terminal. It proves that you have access to the
          host.
        </p>
      </div>
      <div class="terminal-lines">
        <span class="dollar">$</span> codepiper daemon --web{"\n"}
        <span class="mark">✓</span> Web dashboard at {location.origin}
        {"\n"}
        {"  "}First visit: the one-time password is{"\n"}
        {"  "}
        <span class="mark">xxxx-xxxx-xxxx-xxxx-xxxx</span>
      </div>
      {problem?.code === "setup_under_way" ? (
        <div class="notice" role="alert">
          <span class="grow">Setup was started in another browser.</span>
          <button class="button" onClick={() => void submit(true)}>
            Take over
          </button>
        </div>
      ) : (
        problem &&
        !wrongBootstrap && (
          <div class="notice bad" role="alert">
            <Icon name="warning" />
            {problem.detail}
          </div>
        )
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(again);
        }}
      >
        <BootstrapField
          value={bootstrap}
          set={(value) => {
            setBootstrap(value);
            setProblem(null);
          }}
          wrong={wrongBootstrap}
          missing={tried && bootstrap.trim() === ""}
        />
        <div class="field">
          <label for="password">Your password</label>
          <SecretInput
            id="password"
            value={password}
            onInput={setPassword}
            autocomplete="new-password"
            describedBy="password-help"
            invalid={tried && tooShort}
          />
          <PasswordHelp id="password-help" password={password} shortest={shortest} wrong={tried && tooShort} />
        </div>
        <button class="button primary large wide" disabled={busy}>
          {busy ? "Checking…" : "Continue"}
        </button>
      </form>
    </>
  );
}

interface BootstrapFieldProps {
  value: string;
  set: (value: string) => void;
  wrong: boolean;
  missing: boolean;
}

function BootstrapField({ value, set, wrong, missing }: BootstrapFieldProps) {
  return (
    <div class="field">
      <label for="bootstrap">One-time password</label>
      <input
        id="bootstrap"
        class="input large mono"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        ref={focusFirst}
        value={value}
        aria-invalid={wrong || missing}
        aria-describedby="bootstrap-help"
        onInput={(event) => {
          set(event.currentTarget.value);
        }}
      />
      <div id="bootstrap-help" class={wrong ? "help wrong" : "help"} role={wrong ? "alert" : undefined}>
        {wrong && <Icon name="warning" size={14} />}
        <span>
          {wrong ? "This is not the current one-time password." : "Cannot find it?"}{" "}
          <code>codepiper auth bootstrap</code> on the host prints a new one.
        </span>
      </div>
    </div>
  );
}

function Authenticator({
  begun,
  back,
  done,
}: {
  begun: SetupBegun;
  back: () => void;
  done: (answer: RecoveryCodes) => void;
}) {
  const [code, setCode] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (typed: string): Promise<void> => {
    if (typed.length !== 6 || busy) return;
    setBusy(true);
    try {
      done(await request<RecoveryCodes>("POST", "/api/auth/setup/totp", { token: begun.token, code: typed }));
    } catch (error) {
      setProblem(problemOf(error));
      setCode("");
      setBusy(false);
    }
  };
  return (
    <>
      <div>
        <h1>Add a second factor</h1>
        <p class="lead">Scan this code with any authenticator app. You will need a code from it at every sign-in.</p>
      </div>
      <TotpKey totp={begun.totp} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(code);
        }}
      >
        <div class="field">
          <label for="code">Code from the app</label>
          <CodeInput
            id="code"
            value={code}
            first
            describedBy="code-help"
            invalid={problem !== null && code === ""}
            onInput={(typed) => {
              setCode(typed);
              if (typed !== "") setProblem(null);
            }}
            onComplete={(typed) => void submit(typed)}
          />
          <div id="code-help" class={problem ? "help wrong" : "help"} role={problem ? "alert" : undefined}>
            {problem ? (
              <>
                <Icon name="warning" size={14} />
                {problem.detail}
              </>
            ) : (
              "Continues automatically after the sixth digit."
            )}
          </div>
        </div>
        <div class="row-of">
          <button type="button" class="button large" onClick={back}>
            Back
          </button>
          <button class="button primary large grow" disabled={code.length !== 6 || busy}>
            {busy ? "Checking…" : "Continue"}
          </button>
        </div>
      </form>
    </>
  );
}

function Codes({ codes, token }: { codes: readonly string[]; token: string }) {
  const [kept, setKept] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const finish = async (): Promise<void> => {
    setBusy(true);
    try {
      await enter(await request<SignedIn>("POST", "/api/auth/setup/finish", { token }));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <>
      <div>
        <h1>Save your recovery codes</h1>
        <p class="lead">Each code works once in place of the authenticator. They are not shown again.</p>
      </div>
      <CodeList codes={codes} />
      {problem && (
        <div class="notice bad" role="alert">
          <Icon name="warning" />
          {problem.detail}
        </div>
      )}
      <label class="check">
        <input type="checkbox" checked={kept} onChange={(event) => setKept(event.currentTarget.checked)} />I stored them
        somewhere other than this machine
      </label>
      <button class="button primary large wide" disabled={!kept || busy} onClick={() => void finish()}>
        {busy ? "Opening…" : "Open dashboard"}
      </button>
    </>
  );
}

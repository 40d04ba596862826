import { useEffect, useRef, useState } from "preact/hooks";
import type { Problem, SignedIn } from "../wire";
import { problemOf, request } from "../http";
import { enter } from "../login";
import { CodeInput } from "../ui/code_input";
import { Entry } from "../ui/entry";
import { Icon } from "../ui/icon";
import { SecretInput } from "../ui/secret_input";
import { count } from "../words";

/** What is typed, and what became of it. */
function useSignIn() {
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [wait, setWait] = useState(0);
  const passwordField = useRef<HTMLInputElement>(null);
  const codeField = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (wait <= 0) return;
    const timer = setTimeout(() => setWait(wait - 1), 1000);
    return () => clearTimeout(timer);
  }, [wait]);

  const submit = async (typed: string): Promise<void> => {
    if (busy || wait > 0) return;
    if (password === "") return passwordField.current?.focus();
    if (typed === "") return codeField.current?.focus();
    setBusy(true);
    try {
      await enter(await request<SignedIn>("POST", "/api/auth/sign-in", { password, code: typed }));
      void import("../failed_sign_ins").then(({ tellFailedSignIns }) => tellFailedSignIns()).catch(() => undefined);
    } catch (error) {
      const failed = problemOf(error);
      setProblem(failed);
      setWait(failed.retry_after ?? 0);
      setCode("");
      setBusy(false);
      codeField.current?.focus();
    }
  };

  return { password, setPassword, code, setCode, busy, problem, wait, submit, passwordField, codeField };
}

export function SignIn() {
  const { password, setPassword, code, setCode, busy, problem, wait, submit, passwordField, codeField } = useSignIn();
  const [recovery, setRecovery] = useState(false);
  useEffect(() => {
    passwordField.current?.focus();
    document.title = "Sign in · CodePiper";
  }, []);
  const retry = wait > 0 ? `Try again in ${wait} s` : null;
  return (
    <Entry>
      <h1>Sign in</h1>
      {problem && (
        <div class="notice bad" role="alert">
          <Icon name="warning" />
          {words(problem)}
        </div>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(code);
        }}
      >
        {/* Password managers want a name. */}
        <input
          class="visually-hidden"
          type="text"
          name="username"
          autocomplete="username"
          value="owner"
          tabIndex={-1}
          aria-hidden="true"
          readOnly
        />
        <div class="field">
          <label for="password">Password</label>
          <SecretInput
            id="password"
            value={password}
            onInput={setPassword}
            autocomplete="current-password"
            field={passwordField}
          />
        </div>
        <div class="field">
          <label for="code">{recovery ? "Recovery code" : "Code from your authenticator"}</label>
          {recovery ? (
            <input
              id="code"
              ref={codeField}
              class="input mono code-input recovery"
              autocomplete="off"
              autocapitalize="off"
              spellcheck={false}
              value={code}
              aria-describedby="code-help"
              onInput={(event) => setCode(event.currentTarget.value)}
            />
          ) : (
            <CodeInput
              id="code"
              field={codeField}
              value={code}
              onInput={setCode}
              onComplete={(typed) => void submit(typed)}
              describedBy="code-help"
            />
          )}
          <div class="help" id="code-help">
            {recovery ? "One of your saved recovery codes. Each works once." : "Six digits. Each code works once."}
          </div>
        </div>
        <button class="button primary large wide" disabled={busy || wait > 0}>
          {busy ? "Signing in…" : (retry ?? "Sign in")}
        </button>
      </form>
      <p class="beneath">
        <button
          class="text-button"
          onClick={() => {
            setRecovery(!recovery);
            setCode("");
          }}
        >
          {recovery ? "Use an authenticator code" : "Use a recovery code"}
        </button>{" "}
        · Locked out? Run <code>codepiper auth reset-mfa</code> on the host.
      </p>
    </Entry>
  );
}

function words(problem: Problem): string {
  switch (problem.code) {
    case "wrong_credentials":
      if (problem.tries_left === 0) return "Wrong password or code. The next attempt has to wait.";
      return problem.tries_left === undefined || problem.tries_left === null
        ? "Wrong password or code."
        : `Wrong password or code. ${count(problem.tries_left, "attempt")} left from this browser.`;
    case "too_many_tries":
      return "Too many attempts from this browser. Other devices are not affected.";
    default:
      return problem.detail;
  }
}

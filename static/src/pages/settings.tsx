import "../styles/settings.css";
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import {
  chosenTheme,
  clipboard,
  contrast,
  keepAlt,
  letterSize,
  option,
  screenReader,
  terminalTheme,
} from "../preferences";
import { font, INCLUDED } from "../terminal/font";
import { letters, switchLetters } from "../shortcuts";
import { chooseTheme, type Theme } from "../theme";
import { ReconnectBanner } from "../ui/reconnect";
import { isMac } from "../ui/keys";
import { NotFound } from "../ui/missing";
import { later } from "../ui/later";
import { EnvSetsSection } from "./settings_env_sets";
import { Providers } from "./settings_providers";
import { Security } from "./settings_security";

const PoliciesSection = later(() => import("./settings_policies").then((module) => module.PoliciesSection));
const AuditSection = later(() => import("./settings_audit").then((module) => module.AuditSection));
const NotificationsSection = later(() =>
  import("./settings_notifications").then((module) => module.NotificationsSection),
);
const DaemonSection = later(() => import("./settings_daemon").then((module) => module.DaemonSection));
const WorktreesSection = later(() => import("./settings_worktrees").then((module) => module.WorktreesSection));
const KeysSection = later(() => import("./settings_keys").then((module) => module.KeysSection));

const SECTIONS = [
  ["appearance", "Appearance"],
  ["terminal", "Terminal"],
  ["keys", "Keys"],
  ["notifications", "Notifications"],
  ["security", "Security"],
  ["env-sets", "Env sets"],
  ["worktrees", "Worktrees"],
  ["policies", "Policies"],
  ["audit", "Audit"],
  ["providers", "Providers"],
  ["daemon", "Daemon"],
] as const;

export function Settings({ section = "appearance" }: { section?: string }) {
  const { route } = useLocation();
  if (!SECTIONS.some(([key]) => key === section)) return <NotFound />;
  return (
    <>
      <div class="page-head">
        <h1>Settings</h1>
      </div>
      <ReconnectBanner over />
      <div class="scroll settings">
        <nav class="settings-nav" aria-label="Settings">
          {SECTIONS.map(([key, word]) => (
            <a key={key} href={`/settings/${key}`} aria-current={section === key ? "page" : undefined}>
              {word}
            </a>
          ))}
        </nav>
        <select
          class="select settings-pick"
          aria-label="Section"
          value={section}
          onChange={(event) => route(`/settings/${event.currentTarget.value}`)}
        >
          {SECTIONS.map(([key, word]) => (
            <option key={key} value={key}>
              {word}
            </option>
          ))}
        </select>
        <div class="settings-body">
          {section === "appearance" && <Appearance />}
          {section === "terminal" && <TerminalSettings />}
          {section === "keys" && <KeysSection />}
          {section === "notifications" && <NotificationsSection />}
          {section === "security" && <Security />}
          {section === "env-sets" && <EnvSetsSection />}
          {section === "worktrees" && <WorktreesSection />}
          {section === "policies" && <PoliciesSection />}
          {section === "audit" && <AuditSection />}
          {section === "providers" && <Providers />}
          {section === "daemon" && <DaemonSection />}
        </div>
      </div>
    </>
  );
}

/** A titled box of rows. */
export function Box({ title, what, children }: { title: string; what?: string; children: ComponentChildren }) {
  return (
    <section class="box-section">
      <h2>{title}</h2>
      {what && <p>{what}</p>}
      <div class="box">{children}</div>
    </section>
  );
}

export function BoxRow({
  title,
  what,
  children,
}: {
  title: ComponentChildren;
  what?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <div class="box-row">
      <div class="grow">
        <div class="box-title">{title}</div>
        {what && <div class="meta">{what}</div>}
      </div>
      {children}
    </div>
  );
}

export function Choice<T extends string>({
  label,
  value,
  choose,
  options,
}: {
  label: string;
  value: T;
  choose: (value: T) => void;
  options: readonly (readonly [T, string])[];
}) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([key, word]) => (
        <button key={key} aria-pressed={value === key} onClick={() => choose(key)}>
          {word}
        </button>
      ))}
    </div>
  );
}

export function Switch({ label, on, turn }: { label: string; on: boolean; turn: (on: boolean) => void }) {
  return (
    <button class="switch" role="switch" aria-checked={on} aria-label={label} onClick={() => turn(!on)}>
      <span />
    </button>
  );
}

function Toggle({ label, what, value }: { label: string; what: string; value: Signal<"on" | "off"> }) {
  return (
    <BoxRow title={label} what={what}>
      <Switch label={label} on={value.value === "on"} turn={(on) => (value.value = on ? "on" : "off")} />
    </BoxRow>
  );
}

function Appearance() {
  return (
    <Box title="Appearance" what="Saved in this browser.">
      <BoxRow title="Theme">
        <Choice<Theme>
          label="Theme"
          value={chosenTheme.value}
          choose={chooseTheme}
          options={[
            ["system", "System"],
            ["light", "Light"],
            ["dark", "Dark"],
          ]}
        />
      </BoxRow>
      <BoxRow title="Single-key shortcuts" what="C, /, J, K and so on. The command palette works without them.">
        <Switch label="Single-key shortcuts" on={letters.value} turn={switchLetters} />
      </BoxRow>
    </Box>
  );
}

/** In px. */
const LETTER_SIZES = [10, 11, 12, 13, 14, 15, 16, 18, 20, 24];

function TerminalSettings() {
  return (
    <Box title="Terminal" what="Saved in this browser. These settings change only what you see.">
      <BoxRow title="Colours">
        <Choice
          label="Colours"
          value={terminalTheme.value}
          choose={(chosen) => (terminalTheme.value = chosen)}
          options={[
            ["follow", "Follow the theme"],
            ["dark", "Always dark"],
            ["light", "Always light"],
          ]}
        />
      </BoxRow>
      <BoxRow title="Letter size" what="Adjusted where the terminal's size needs it. On a phone, pinch.">
        <select
          class="input"
          aria-label="Letter size"
          value={letterSize.value}
          onChange={(event) => {
            letterSize.value = Number(event.currentTarget.value);
            localStorage.setItem("codepiper.letter-size", event.currentTarget.value);
          }}
        >
          {LETTER_SIZES.map((size) => (
            <option key={size} value={size}>
              {size} px
            </option>
          ))}
        </select>
      </BoxRow>
      <BoxRow title="Font" what="One of the list, or any monospaced font that is installed on this device.">
        <input
          class="input"
          aria-label="Font"
          list="included-fonts"
          placeholder="Default"
          autocomplete="off"
          spellcheck={false}
          value={font.value}
          onChange={(event) => (font.value = event.currentTarget.value.trim())}
        />
        <datalist id="included-fonts">
          {INCLUDED.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </BoxRow>
      <Toggle label="Raise low contrast" what="Adjusts colours that are hard to read." value={contrast} />
      <BoxRow title="Programs may copy to the clipboard" what="When a program in a session asks to (OSC 52).">
        <Choice
          label="Programs may copy to the clipboard"
          value={clipboard.value}
          choose={(chosen) => (clipboard.value = chosen)}
          options={[
            ["ask", "Ask"],
            ["allow", "Always"],
            ["refuse", "Never"],
          ]}
        />
      </BoxRow>
      {isMac && (
        <BoxRow title="Option key" what="Types special characters, as in other apps, or acts as Alt in the program.">
          <Choice
            label="Option key"
            value={option.value}
            choose={(chosen) => (option.value = chosen)}
            options={[
              ["compose", "Special characters"],
              ["meta", "Alt"],
            ]}
          />
        </BoxRow>
      )}
      <Toggle
        label="Send Alt shortcuts to the program"
        what="Alt+Esc, Alt+↑, Alt+↓ and Alt+N. F6 leaves the terminal instead."
        value={keepAlt}
      />
      <Toggle
        label="Screen-reader mode"
        what="Announces output and lets you read it line by line."
        value={screenReader}
      />
    </Box>
  );
}

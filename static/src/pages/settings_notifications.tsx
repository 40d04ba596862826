import "../styles/notifications.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../ask";
import { problemOf, request } from "../http";
import { kindName, KIND_ORDER } from "../inbox/model";
import { FIRST, mayNotify, read, set, support, turnOff, type Support } from "../notifications/device";
import { play, sound } from "../notifications/show";
import { inOrder, onEvent } from "../store";
import { toast } from "../toasts";
import { Described } from "../ui/described";
import { Icon } from "../ui/icon";
import type { Event, FoundEvents, NotificationRules, NotifiedDevice, Notifications, Problem } from "../wire";
import { fullTime, nameOf } from "../words";
import { clock } from "../clock";
import { Box, BoxRow, Switch } from "./settings";

const CANNOT: Readonly<Record<Exclude<Support, "ok">, string>> = {
  insecure: "Notifications need a secure page: open the dashboard with https:// or on localhost.",
  missing: "This browser has no notifications. On an iPhone or iPad, add the dashboard to the home screen first.",
  blocked: "This browser blocks notifications of the dashboard. Allow them in its settings for this site.",
};

/** What this device and others are told of. */
export function NotificationsSection() {
  const [all, setAll] = useState<Notifications | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = async (): Promise<void> => {
    try {
      setAll(await read());
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  useEffect(() => void load(), []);
  const device = all?.devices.find(({ current }) => current);
  const others = all?.devices.filter(({ current }) => !current) ?? [];
  // One change after another: each begins with what the one before made.
  const changing = useRef(Promise.resolve());
  const change = (rules: NotificationRules): Promise<void> => {
    const shown = (device: NotifiedDevice): NotifiedDevice => (device.current ? { ...device, rules } : device);
    setAll((known) => known && { ...known, devices: known.devices.map(shown) });
    changing.current = changing.current.then(async () => {
      try {
        const why = await set(rules, all?.push_key ?? "");
        if (why !== null && !device) toast({ text: `On while the dashboard is open; no push: ${why}` });
      } catch (error) {
        setProblem(problemOf(error));
      }
    });
    return changing.current.then(load);
  };
  const turn = async (on: boolean): Promise<void> => {
    if (!on && device) {
      await turnOff(device.id).catch((error: unknown) => setProblem(problemOf(error)));
      await load();
    } else if (on && (await mayNotify())) await change(FIRST);
    else {
      if (on)
        toast({ text: "The browser was not allowed to notify you. Turn it on again to be asked again.", bad: true });
      await load();
    }
  };
  const cannot = support();
  return (
    <>
      <Box title="This device" what="What needs you is told here when you do not look at the dashboard.">
        {problem && (
          <div class="box-row tone-bad" role="alert">
            <Icon name="warning" />
            {problem.detail}
          </div>
        )}
        <BoxRow title="Notifications" what={cannot === "ok" ? how(device) : CANNOT[cannot]}>
          {all && (cannot === "ok" || device) && (
            <Switch label="Notifications" on={device !== undefined} turn={(on) => void turn(on)} />
          )}
        </BoxRow>
        {device && <Rules rules={device.rules} change={(rules) => void change(rules)} />}
        {device && <Test />}
        <BoxRow title="Sound" what="Two soft tones while the dashboard is open.">
          <Switch
            label="Sound"
            on={sound.value === "on"}
            turn={(on) => {
              sound.value = on ? "on" : "off";
              if (on) play();
            }}
          />
        </BoxRow>
      </Box>
      {device && <Log device={device.id} />}
      {others.length > 0 && (
        <Box title="Other devices">
          {others.map((other) => (
            <BoxRow key={other.id} title={other.name} what={how(other)}>
              <button class="button" aria-label={`Turn off ${other.name}`} onClick={() => stop(other, load)}>
                Turn off
              </button>
            </BoxRow>
          ))}
        </Box>
      )}
      {all && (all.command || all.webhook !== null || all.terminals) && (
        <Box title="From the configuration file">
          {all.command && <BoxRow title="Command" what="notifications.command is run." />}
          {all.webhook !== null && <BoxRow title="Webhook" what={all.webhook} />}
          {all.terminals && <BoxRow title="Terminals" what="Terminals that are attached show notifications." />}
        </Box>
      )}
    </>
  );
}

function how(device: NotifiedDevice | undefined): string {
  if (!device) return "Off.";
  return device.push === null ? "On while the dashboard is open there." : `On, also while the dashboard is closed.`;
}

function stop(device: NotifiedDevice, load: () => Promise<void>): void {
  ask({
    title: `Turn off notifications of ${device.name}?`,
    text: "It stays signed in, and can turn them on again.",
    verb: "Turn off",
    run: async () => {
      await request("DELETE", `/api/notifications/devices/${device.id}`);
      await load();
    },
  });
}

interface RulesProps {
  rules: NotificationRules;
  change: (rules: NotificationRules) => void;
}

function Rules({ rules, change }: RulesProps) {
  const muted = inOrder.value.filter(({ id }) => rules.muted.includes(id));
  return (
    <>
      <div class="box-row">
        <fieldset class="told-of">
          <legend class="box-title">Tell me of</legend>
          {KIND_ORDER.map((kind) => (
            <label class="check" key={kind}>
              <input
                type="checkbox"
                checked={rules.kinds.includes(kind)}
                onChange={(event) => {
                  const others = rules.kinds.filter((each) => each !== kind);
                  change({ ...rules, kinds: event.currentTarget.checked ? [...others, kind] : others });
                }}
              />
              <span>{kindName(kind)}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <QuietHours rules={rules} change={change} />
      {muted.map((session) => (
        <BoxRow key={session.id} title={nameOf(session)} what="Muted on this device.">
          <button
            class="button"
            onClick={() => change({ ...rules, muted: rules.muted.filter((id) => id !== session.id) })}
          >
            Unmute
          </button>
        </BoxRow>
      ))}
    </>
  );
}

function QuietHours({ rules, change }: RulesProps) {
  const { quiet } = rules;
  const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const time = (label: string, end: "from" | "to") =>
    quiet && (
      <input
        class="input quiet-time"
        type="time"
        aria-label={label}
        required
        value={quiet[end]}
        onChange={({ currentTarget: { value } }) => value && change({ ...rules, quiet: { ...quiet, [end]: value } })}
      />
    );
  return (
    <BoxRow title="Quiet hours" what={quiet ? `Nothing is sent then. ${quiet.time_zone}` : "Off."}>
      {time("Quiet from", "from")}
      {time("Quiet until", "to")}
      <Switch
        label="Quiet hours"
        on={quiet !== null}
        turn={(on) => change({ ...rules, quiet: on ? { from: "22:00", to: "07:00", time_zone } : null })}
      />
    </BoxRow>
  );
}

function Test() {
  const test = async (delay_seconds: number): Promise<void> => {
    try {
      await request("POST", "/api/notifications/test", { delay_seconds });
      toast({ text: delay_seconds === 0 ? "A test is on its way." : "A test comes in 10 seconds: lock the screen." });
    } catch (error) {
      toast({ text: problemOf(error).detail, bad: true });
    }
  };
  return (
    <BoxRow title="Test" what="While you look at the dashboard, nothing is shown: use the delay, and look away.">
      <button class="button" onClick={() => void test(0)}>
        Send
      </button>
      <button class="button" onClick={() => void test(10)}>
        In 10 s
      </button>
    </BoxRow>
  );
}

/** How many of the latest are shown. */
const LOGGED = 20;

const isOf = (event: Event, device: string): boolean =>
  event.source === "notification" && (event.data as { device?: string | null }).device === device;

/** What was sent to this device and what was not, the latest first. */
function Log({ device }: { device: string }) {
  const [events, setEvents] = useState<readonly Event[]>([]);
  useEffect(() => {
    request<FoundEvents>("GET", "/api/events?source=notification&limit=200")
      .then((found) => {
        const stored = found.events.filter((event) => isOf(event, device)).reverse();
        setEvents((live) => [...live.filter(({ seq }) => seq > (stored[0]?.seq ?? 0)), ...stored]);
      })
      .catch((error: unknown) => toast({ text: problemOf(error).detail, bad: true }));
    return onEvent((event) => {
      if (isOf(event, device)) setEvents((known) => [event, ...known]);
    });
  }, [device]);
  return (
    <Box title="Log of this device">
      {events.length === 0 && <BoxRow title="Nothing yet" />}
      {events.slice(0, LOGGED).map((event) => (
        <div class="box-row told" key={event.seq}>
          <time class="meta" dateTime={event.at} title={fullTime(Date.parse(event.at))}>
            {clock(Date.parse(event.at))}
          </time>
          <span class="grow">
            <Described of={event.description} />
          </span>
        </div>
      ))}
    </Box>
  );
}

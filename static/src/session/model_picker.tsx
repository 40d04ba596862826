import "../styles/model.css";
import type { Signal } from "@preact/signals";
import { useState } from "preact/hooks";
import type { Session } from "../wire";
import { problemOf, request } from "../http";
import { providerOf } from "../providers";
import { keep } from "../store";
import { toast } from "../toasts";
import { Icon } from "../ui/icon";
import { closePopover, Popover } from "../ui/popover";
import { isLive } from "../words";
import { modelName } from "./model_name";

/** Whether its model can be switched. */
export function switchesModel(session: Session): boolean {
  return isLive(session) && providerOf(session.provider)?.models?.switches === true;
}

/** The model of an agent; it opens how to switch it. */
export function ModelPicker({ session, shown }: { session: Session; shown: Signal<boolean> }) {
  const [wanted, setWanted] = useState("");
  const [busy, setBusy] = useState(false);
  const models = providerOf(session.provider)?.models;
  if (!switchesModel(session))
    return session.model === null ? null : (
      <span class="chip head-model">
        <span class="truncate">{modelName(session.model, models?.vendor)}</span>
      </span>
    );
  const name = session.model === null ? "model" : modelName(session.model, models?.vendor);
  const change = async (model: string, button: HTMLElement): Promise<void> => {
    closePopover(button);
    setBusy(true);
    try {
      const changed = await request<Session>("POST", `/api/sessions/${session.id}/model`, { model });
      keep(changed);
      setWanted("");
      toast({ text: `Switched to ${changed.model ?? model}, from the next request on.` });
    } catch (error) {
      toast({ text: problemOf(error).detail, bad: true });
    }
    setBusy(false);
  };
  const works = session.activity === "working" || session.activity === "waiting";
  return (
    <Popover
      id="model-picker"
      buttonClass="chip head-model"
      class="model-card"
      tip="Model"
      disabled={busy}
      shown={shown.value}
      onShown={(on) => (shown.value = on)}
      button={
        <>
          <span class="visually-hidden">Model: </span>
          <span class="truncate">{busy ? "Switching…" : name}</span>
          <Icon name="down" size={12} />
        </>
      }
    >
      <h2>Model</h2>
      {session.model !== null && <code class="truncate">{session.model}</code>}
      <p class="meta">
        {works
          ? "You can switch when the agent is idle."
          : "Applies to this session only, from the next request. Your default does not change."}
      </p>
      {(models?.offered ?? []).map((model) => (
        <button
          key={model}
          type="button"
          class="button ghost wide"
          disabled={works}
          onClick={(event) => void change(model, event.currentTarget)}
        >
          {model}
        </button>
      ))}
      <form
        class="model-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted.trim() !== "") void change(wanted.trim(), event.currentTarget);
        }}
      >
        <input
          class="input"
          aria-label="Model"
          placeholder={models?.example}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <button class="button" disabled={works || wanted.trim() === ""}>
          Switch
        </button>
      </form>
    </Popover>
  );
}

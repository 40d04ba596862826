// What stands around the stream: what was refused, what can be brought back, the lines that were chosen, the comments.

import { ask } from "../ask";
import { now } from "../store";
import { CopyButton } from "../ui/copy";
import { Icon } from "../ui/icon";
import { Popover, closePopover } from "../ui/popover";
import { age, count, visible } from "../words";
import { commentsText } from "./comments_text";
import { someOf, type Model } from "./model";
import type { Scroller } from "./stream";

/** So many earlier discards are listed. */
const MOST_EARLIER = 10;

/** Why nothing was done, and what the file is now. */
export function Refused({ model, scroller }: { model: Model; scroller: { current: Scroller | null } }) {
  const refused = model.refused.value;
  if (!refused) return null;
  const item = model.items.value.find((each) => each.key === refused.key);
  const show = (): void => {
    if (!item) return;
    model.refused.value = null;
    model.reveal(item);
    scroller.current?.to(item.key, "start");
  };
  return (
    <p class="notice bad git-notice" role="alert">
      <span class="grow">{refused.text}</span>
      {item && (
        <button class="button" onClick={show}>
          Show new diff
        </button>
      )}
      <button class="button ghost" onClick={() => (model.refused.value = null)}>
        Close
      </button>
    </p>
  );
}

/** Brings back what was discarded: the last at once, the others from a list. */
export function Undo({ model }: { model: Model }) {
  const [last, ...earlier] = model.discarded.value;
  if (!last) return null;
  const said = (each: typeof last): string => `${someOf(each.paths)}, ${age(now.value - Date.parse(each.at))} ago`;
  return (
    <>
      <button
        class="button ghost"
        title={`Discarded: ${said(last)}`}
        disabled={model.busy.value}
        onClick={() => void model.restore()}
      >
        Undo discard <kbd>Z</kbd>
      </button>
      {earlier.length > 0 && (
        <Popover
          button={<Icon name="down" size={14} />}
          label="Earlier discards"
          buttonClass="button ghost icon"
          class="menu"
        >
          {earlier.slice(0, MOST_EARLIER).map((each) => (
            <button
              key={each.id}
              onClick={(event) => {
                closePopover(event.currentTarget);
                void model.restore(each);
              }}
            >
              <span class="truncate">{said(each)}</span> · Undo
            </button>
          ))}
        </Popover>
      )}
    </>
  );
}

/** What can be done to the lines that were chosen. */
export function ChosenBar({ model }: { model: Model }) {
  const chosen = model.chosen.value;
  const item = model.items.value.find((each) => each.key === chosen?.key);
  if (!chosen || !item) return null;
  const verb = model.verb(item, true);
  return (
    <div class="chosen-bar" role="toolbar" aria-label="Chosen lines">
      <b>{count(chosen.lines.size, "line")}</b>
      {verb && (
        <button class="button primary small" disabled={model.busy.value} onClick={() => model.toggleLines()}>
          {verb === "stage" ? "Stage" : "Unstage"}
        </button>
      )}
      {model.canDiscard(item, true) && (
        <button
          class="button small"
          disabled={model.busy.value}
          onClick={() =>
            ask({
              title: `Discard ${count(chosen.lines.size, "line")} of ${visible(item.file.path)}?`,
              text: "They are removed from the file and kept for 30 days; Undo brings them back.",
              verb: "Discard",
              destroys: true,
              run: () => model.discardLines(),
            })
          }
        >
          Discard…
        </button>
      )}
      <button class="button ghost small" onClick={() => (model.chosen.value = null)}>
        Clear
      </button>
    </div>
  );
}

export function ReviewBar({ model }: { model: Model }) {
  const { comments, prompt } = model.review.value;
  const { drafts, hasAgent } = model;
  const open = comments.filter((comment) => comment.state === "sent");
  if (comments.length === 0) return null;
  const preview = (): void =>
    ask({
      title: "Send to the agent?",
      text: <pre class="quote">{prompt}</pre>,
      verb: "Send",
      run: () => model.sendReview(),
    });
  return (
    <div class="review-bar">
      <b>{drafts.length > 0 ? count(drafts.length, "draft") : count(comments.length, "comment")}</b>
      <span class="meta truncate">{open.length > 0 && `${open.length} with the agent`}</span>
      <span class="grow" />
      {drafts.length > 0 && !hasAgent && <CopyButton text={commentsText(drafts)} label="Copy as text" word class="" />}
      {drafts.length > 0 && hasAgent && (
        <>
          <button class="button ghost" onClick={preview}>
            Preview prompt
          </button>
          <button
            class="button primary"
            disabled={model.unsendable !== null || model.busy.value}
            title={model.unsendable ?? undefined}
            onClick={() => void model.sendReview()}
          >
            <Icon name="send" size={14} />
            Send to agent
          </button>
        </>
      )}
    </div>
  );
}

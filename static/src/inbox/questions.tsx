import { command } from "../ui/keys";
import type { AskedQuestion, QuestionAnswer } from "../wire";

interface Props {
  /** Tells the fields of two asks apart. */
  id: string;
  questions: readonly AskedQuestion[];
  answers: readonly Required<QuestionAnswer>[];
  change: (answers: readonly Required<QuestionAnswer>[]) => void;
  send: () => void;
}

export const blank = (questions: readonly AskedQuestion[]): readonly Required<QuestionAnswer>[] =>
  questions.map(() => ({ options: [], text: "" }));

/** Whether each question has an answer. */
export const isComplete = (answers: readonly Required<QuestionAnswer>[]): boolean =>
  answers.every(({ options, text }) => options.length > 0 || Boolean(text?.trim()));

/** An option is chosen or not any more; where one counts, it replaces the one before, and words of one's own. */
export function chosen(answer: Required<QuestionAnswer>, option: number, multi: boolean): Required<QuestionAnswer> {
  const has = answer.options.includes(option);
  if (!multi) return { options: [option], text: "" };
  const options = has ? answer.options.filter((each) => each !== option) : [...answer.options, option];
  return { ...answer, options: options.sort((a, b) => a - b) };
}

export function Questions({ id, questions, answers, change, send }: Props) {
  const set = (index: number, answer: Required<QuestionAnswer>): void =>
    change(answers.map((each, at) => (at === index ? answer : each)));
  return (
    <>
      {questions.map((question, index) => {
        const answer = answers[index] ?? { options: [], text: "" };
        return (
          <fieldset key={index} class="question">
            <legend>{question.question}</legend>
            {question.multi && <p class="meta">Choose any number.</p>}
            {question.options.map((option, at) => (
              <label key={at} class="question-option">
                <input
                  type={question.multi ? "checkbox" : "radio"}
                  name={`${id}-${index}`}
                  checked={answer.options.includes(at + 1)}
                  onChange={() => set(index, chosen(answer, at + 1, question.multi))}
                />
                <span>
                  <b>{option.label}</b>
                  {option.description && <small>{option.description}</small>}
                </span>
                {questions.length === 1 && at < 9 && <kbd aria-hidden="true">{at + 1}</kbd>}
              </label>
            ))}
            <input
              class="input"
              aria-label={`In your own words: ${question.question}`}
              placeholder="In your own words"
              value={answer.text ?? ""}
              onKeyDown={(event) => {
                if (event.key === "Enter" && command(event) && !event.repeat) send();
              }}
              onInput={(event) => {
                const text = event.currentTarget.value;
                set(index, { options: question.multi || !text ? answer.options : [], text });
              }}
            />
          </fieldset>
        );
      })}
    </>
  );
}

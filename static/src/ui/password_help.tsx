/** Length is what counts; the bars say no more than that. */
export function PasswordHelp({
  id,
  password,
  shortest,
  wrong,
}: {
  id: string;
  password: string;
  shortest: number;
  wrong: boolean;
}) {
  const letters = [...password].length;
  const level =
    letters === 0 ? 0 : letters < shortest ? 1 : letters < shortest + 4 ? 2 : letters < shortest + 10 ? 3 : 4;
  const words = ["", "Too short.", "OK.", "Good.", "Strong."][level];
  return (
    <div class={wrong ? "help wrong" : "help"} id={id}>
      <span class="strength" aria-hidden="true">
        {[1, 2, 3, 4].map((bar) => (
          <i key={bar} data-on={bar <= level ? "" : undefined} />
        ))}
      </span>
      {words} Use at least {shortest} characters; a sentence is best.
    </div>
  );
}

import type { Description } from "../wire";

/** What happened, with what one could type set as code. */
export function Described({ of: { text, code } }: { of: Description }) {
  return (
    <>
      {text}
      {code !== undefined && (
        <>
          {" "}
          <code>{code}</code>
        </>
      )}
    </>
  );
}

/** The same as plain text. */
export function describedText({ text, code }: Description): string {
  return code === undefined ? text : `${text} ${code}`;
}

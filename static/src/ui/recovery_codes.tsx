import { CopyButton } from "./copy";
import { Icon } from "./icon";

/** Recovery codes, to copy or to keep as a file. */
export function CodeList({ codes }: { codes: readonly string[] }) {
  const download = (): void => {
    const text = `CodePiper recovery codes for ${location.host}\nEach works once.\n\n${codes.join("\n")}\n`;
    const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = "codepiper-recovery-codes.txt";
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <>
      <ol class="recovery-codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <div class="row-of">
        <CopyButton text={codes.join("\n")} word class="" />
        <button type="button" class="button" onClick={download}>
          <Icon name="download" size={14} />
          Download .txt
        </button>
      </div>
    </>
  );
}

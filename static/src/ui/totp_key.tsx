import type { TotpSecret } from "../wire";
import { CopyButton } from "./copy";

/** What an authenticator needs: to scan, and to type. */
export function TotpKey({ totp }: { totp: TotpSecret }) {
  const groups = totp.secret.replace(/=+$/, "").match(/.{1,4}/g) ?? [];
  const lines: string[] = [];
  for (let at = 0; at < groups.length; at += 2) lines.push(groups.slice(at, at + 2).join(" "));
  return (
    <div class="qr">
      {/* As a picture nothing in it can act. */}
      <img src={`data:image/svg+xml,${encodeURIComponent(totp.qr_svg)}`} alt="QR code of the authenticator key" />
      <div class="qr-side">
        <h2>Cannot scan? Type this key</h2>
        <div class="key">
          {lines.map((line) => (
            <div key={line}>{line}</div>
          ))}
        </div>
        <CopyButton text={totp.secret} label="Copy key" word class="" />
        <span class="meta">Time-based · 6 digits · 30 s</span>
      </div>
    </div>
  );
}

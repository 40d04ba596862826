// A push service on loopback, and the browser's half of a subscription: what a real one does by RFC 8030, 8188, 8291 and 8292.

import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Push {
  headers: IncomingHttpHeaders;
  /** What the browser is given. */
  text: string;
}

export interface PushService {
  /** What `pushManager.subscribe()` answers. */
  subscription: { endpoint: string; keys: { p256dh: string; auth: string } };
  /** In the order in which they came. */
  pushes: Push[];
  close: () => void;
}

export async function pushService(): Promise<PushService> {
  const own = createECDH("prime256v1");
  own.generateKeys();
  const auth = randomBytes(16);
  const pushes: Push[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      checkSender(request.headers, `http://127.0.0.1:${port}`);
      const text = decrypt(Buffer.concat(parts), own.getPrivateKey(), own.getPublicKey(), auth);
      pushes.push({ headers: request.headers, text });
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    subscription: {
      endpoint: `http://127.0.0.1:${port}/send/this-browser`,
      keys: { p256dh: own.getPublicKey("base64url"), auth: auth.toString("base64url") },
    },
    pushes,
    close: () => void server.close(),
  };
}

/** RFC 8292: a token for this service, signed by the key that is named. */
function checkSender(headers: IncomingHttpHeaders, audience: string): void {
  const [, token, key] = /^vapid t=([^,]+), k=(.+)$/.exec(headers.authorization ?? "") ?? [];
  if (!token || !key) throw new Error(`no VAPID: ${headers.authorization}`);
  const [head, claims, signature] = token.split(".") as [string, string, string];
  const point = Buffer.from(key, "base64url");
  const jwk = { kty: "EC", crv: "P-256", x: part(point, 1), y: part(point, 33) };
  const publicKey = createPublicKey({ key: jwk, format: "jwk" });
  const signed = Buffer.from(`${head}.${claims}`);
  if (!verify("sha256", signed, { key: publicKey, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")))
    throw new Error("the signature is wrong");
  const said = JSON.parse(Buffer.from(claims, "base64url").toString()) as { aud: string; exp: number; sub: string };
  const lasts = said.exp - Date.now() / 1000;
  if (said.aud !== audience || lasts <= 0 || lasts > 86_400 || !/^(https:|mailto:)/.test(said.sub))
    throw new Error(`wrong claims: ${JSON.stringify(said)}`);
}

const part = (point: Buffer, at: number): string => point.subarray(at, at + 32).toString("base64url");

/** RFC 8291 §3.4, RFC 8188 §2. */
export function decrypt(body: Buffer, privateKey: Buffer, publicKey: Buffer, auth: Buffer): string {
  const salt = body.subarray(0, 16);
  const length = body.readUInt8(20);
  const sender = body.subarray(21, 21 + length);
  const sealed = body.subarray(21 + length);
  const own = createECDH("prime256v1");
  own.setPrivateKey(privateKey);
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), publicKey, sender]);
  const input = hkdf(own.computeSecret(sender), auth, info, 32);
  const key = hkdf(input, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
  const nonce = hkdf(input, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
  const cipher = createDecipheriv("aes-128-gcm", key, nonce);
  cipher.setAuthTag(sealed.subarray(-16));
  const text = Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
  // The delimiter of the last record, and padding.
  return text.subarray(0, text.lastIndexOf(2)).toString();
}

const hkdf = (key: Buffer, salt: Buffer, info: Buffer, length: number): Buffer =>
  Buffer.from(hkdfSync("sha256", key, salt, info, length));

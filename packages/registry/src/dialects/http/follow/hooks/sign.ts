/**
 * Signatures of what hooks are told, by Standard Webhooks: an HMAC-SHA256 of `<id>.<seconds>.<body>` in base64. Libraries of many
 * languages verify them.
 */
import { createHmac } from "node:crypto";

const PREFIX = "whsec_";
const SECRET = /^whsec_[A-Za-z0-9+/]+={0,2}$/;
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

export function toSecret(bytes: Buffer): string {
  return PREFIX + bytes.toString("base64");
}

export function isSecret(text: string): boolean {
  const { length } = keyOf(text);
  return SECRET.test(text) && length >= SECRET_BYTES_MIN && length <= SECRET_BYTES_MAX;
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(PREFIX.length), "base64");
}

/** The headers of one delivery. `id` is the same when it is tried again, `atMs` is not. */
export function signed(secret: string, id: string, atMs: number, body: string): Readonly<Record<string, string>> {
  const seconds = Math.floor(atMs / 1000);
  const signature = createHmac("sha256", keyOf(secret)).update(`${id}.${seconds}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": `v1,${signature}` };
}

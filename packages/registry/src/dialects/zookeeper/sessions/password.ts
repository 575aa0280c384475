/** The password of a session: it follows from its id and a secret of the registry, so nobody has to remember it. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { type Bytes, type LeaseId, toBuffer } from "../../../core/index.ts";
import { PASSWORD_BYTES } from "../wire/connect.ts";

export function passwordOf(secret: Buffer, session: LeaseId): Bytes {
  return createHmac("sha256", secret).update(session).digest().toString("latin1", 0, PASSWORD_BYTES);
}

export function isPassword(secret: Buffer, session: LeaseId, said: Bytes): boolean {
  const [own, other] = [toBuffer(passwordOf(secret, session)), toBuffer(said)];
  return own.length === other.length && timingSafeEqual(own, other);
}

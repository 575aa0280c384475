/** @live Secrets that are made once and kept in the registry, so that what was signed with them stays good. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Bytes,
  fromBuffer,
  type Outcome,
  ok,
  type Refusal,
  type Registry,
  SYSTEM_ACCOUNT,
  toBuffer,
} from "../core/index.ts";

export const SECRET_BYTES = 32;

/** A secret as it is now: nodes that met after each had made its own go on with one of them. */
export type Secret = () => Buffer;

/** A store of several machines may give no answer for a while, as when its leader is lost. */
const TRIES_MAX = 30;
const AGAIN_MS = 500;

function isPassing(refusal: Refusal): boolean {
  return refusal === "unavailable" || refusal === "unknown";
}

/** The secret under this reserved key of the system account; made when there is none. */
export async function secretOf(registry: Registry, key: Bytes): Promise<Outcome<Secret>> {
  const stored = (): Bytes | undefined => registry.read((view) => view.entry(SYSTEM_ACCOUNT, key)?.value);
  const fresh = fromBuffer(randomBytes(SECRET_BYTES));
  let known = stored();
  for (let tries = 1; known === undefined; tries++) {
    // Two nodes may start at once: only one of them makes it.
    const outcome = await registry.propose(SYSTEM_ACCOUNT, {
      kind: "when",
      guards: [{ on: "version", key, is: "=", than: 0 }],
      then: [{ kind: "put", key, value: fresh }],
      otherwise: [],
    });
    if (outcome.ok) known = stored() ?? fresh;
    else if (tries >= TRIES_MAX || !isPassing(outcome.refusal)) return outcome;
    else {
      await sleep(AGAIN_MS);
      known = stored();
    }
  }
  let secret = toBuffer(known);
  return ok(() => {
    const now = stored();
    if (now !== undefined && now !== known) {
      known = now;
      secret = toBuffer(now);
    }
    return secret;
  });
}

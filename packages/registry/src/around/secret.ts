/** @live Secrets that are made once and kept in the registry, so that what was signed with them stays good. */
import { randomBytes } from "node:crypto";
import { type Bytes, fromBuffer, type Outcome, ok, type Registry, SYSTEM_ACCOUNT, toBuffer } from "../core/index.ts";

export const SECRET_BYTES = 32;

/** A secret as it is now: nodes that met after each had made its own go on with one of them. */
export type Secret = () => Buffer;

/** The secret under this reserved key of the system account; made when there is none. */
export async function secretOf(registry: Registry, key: Bytes): Promise<Outcome<Secret>> {
  const stored = (): Bytes | undefined => registry.read((view) => view.entry(SYSTEM_ACCOUNT, key)?.value);
  let known = stored();
  if (known === undefined) {
    const fresh = fromBuffer(randomBytes(SECRET_BYTES));
    // Two nodes may start at once: only one of them makes it.
    const outcome = await registry.propose(SYSTEM_ACCOUNT, {
      kind: "when",
      guards: [{ on: "version", key, is: "=", than: 0 }],
      then: [{ kind: "put", key, value: fresh }],
      otherwise: [],
    });
    if (!outcome.ok) return outcome;
    known = stored() ?? fresh;
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

/** @live Secrets that are made once and kept in the registry, so that what was signed with them stays good. */
import { randomBytes } from "node:crypto";
import { type Bytes, fromBuffer, type Outcome, ok, type Registry, SYSTEM_ACCOUNT, toBuffer } from "../core/index.ts";

export const SECRET_BYTES = 32;

/** The secret under this reserved key of the system account; made when there is none. */
export async function secretOf(registry: Registry, key: Bytes): Promise<Outcome<Buffer>> {
  const stored = (): Bytes | undefined => registry.read((view) => view.entry(SYSTEM_ACCOUNT, key)?.value);
  const known = stored();
  if (known !== undefined) return ok(toBuffer(known));
  const fresh = fromBuffer(randomBytes(SECRET_BYTES));
  // Two nodes may start at once: only one of them makes it.
  const outcome = await registry.propose(SYSTEM_ACCOUNT, {
    kind: "when",
    guards: [{ on: "version", key, is: "=", than: 0 }],
    then: [{ kind: "put", key, value: fresh }],
    otherwise: [],
  });
  return outcome.ok ? ok(toBuffer(stored() ?? fresh)) : outcome;
}

/** The registry's own secret, made once and kept in it. */
import { randomBytes } from "node:crypto";
import { type Bytes, type Registry, SYSTEM_ACCOUNT } from "../../core/index.ts";

/** The secret under this key; at the first start it is made. */
export async function secretOf(registry: Registry, key: Bytes): Promise<Buffer> {
  const stored = (): string | undefined => registry.read((view) => view.entry(SYSTEM_ACCOUNT, key)?.value);
  const fresh = randomBytes(32);
  if (stored() === undefined) {
    // Two nodes may start at once: only one of them makes it.
    await registry.propose(SYSTEM_ACCOUNT, {
      kind: "when",
      guards: [{ on: "version", key, is: "=", than: 0 }],
      then: [{ kind: "put", key, value: fresh.toString("latin1") }],
      otherwise: [],
    });
  }
  const secret = stored();
  // A registry that cannot write now can still serve; its bearers end with the process.
  return secret === undefined ? fresh : Buffer.from(secret, "latin1");
}

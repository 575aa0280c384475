/** @live Brings the catalog in step with another registry. */
import type { Account, Command, InstanceKey, InstanceRecord, Refused, Registry } from "../core/index.ts";

/** Things that are brought at once. */
const CHUNK = 200;

/**
 * Some hundred at once; where that is refused, one by one. What is gone meanwhile needs nothing. Answers why the others
 * were refused.
 */
export async function bring<T>(
  registry: Registry,
  account: Account,
  things: readonly T[],
  toCommand: (things: readonly T[]) => Command,
): Promise<readonly Refused[]> {
  const refused: Refused[] = [];
  for (let at = 0; at < things.length; at += CHUNK) {
    const some = things.slice(at, at + CHUNK);
    const together = await registry.propose(account, toCommand(some));
    for (const one of together.ok ? [] : some) {
      const outcome = some.length === 1 ? together : await registry.propose(account, toCommand([one]));
      if (!outcome.ok && outcome.refusal !== "not-found") refused.push(outcome);
    }
  }
  return refused;
}

/** The instances of all accounts that were mirrored by other settings than today's, by their accounts. */
export function findStale(
  registry: Registry,
  isStale: (account: Account, record: InstanceRecord) => boolean,
): ReadonlyMap<Account, readonly InstanceKey[]> {
  return registry.read((view) => {
    const found = new Map<Account, readonly InstanceKey[]>();
    for (const account of view.accounts()) {
      const stale: InstanceKey[] = [];
      for (const record of account.instances())
        if (isStale(account.name, record)) stale.push({ service: record.service, id: record.id });
      if (stale.length > 0) found.set(account.name, stale);
    }
    return found;
  });
}

export function inOne(then: readonly Command[]): Command {
  return { kind: "when", guards: [], then, otherwise: [] };
}

/** @live Waits for what this node has not heard of yet, where a client has seen more at another one. */
import type { Registry, Revision } from "../../core/index.ts";
import { type Outcome, ok, type Refused } from "../../outcome.ts";

/** A node that is further behind refuses as `unavailable`: the client may ask another. */
const WAIT_MS_MAX = 5000;

type Order = Pick<Registry, "read" | "barrier">;

/** Resolves when this node has all that was acknowledged anywhere before, or all that can be had. */
export function awaitAll(registry: Pick<Registry, "latest">): Promise<Outcome<Revision>> {
  return registry.latest(AbortSignal.timeout(WAIT_MS_MAX));
}

/** The same, refused where more may be had elsewhere: what is not here is not surely nowhere then. */
export function awaitSurely(registry: Order): Promise<Outcome<Revision>> {
  return registry.barrier(AbortSignal.timeout(WAIT_MS_MAX));
}

/**
 * Looks again once this node has all that was acknowledged anywhere: what it does not find at first may be on its way.
 * Undefined when there is surely none.
 */
export async function findSurely<T>(registry: Order, find: () => T | undefined): Promise<Outcome<T | undefined>> {
  const found = find();
  if (found !== undefined) return ok(found);
  const reached = await awaitSurely(registry);
  return reached.ok ? ok(find()) : reached;
}

/**
 * Undefined when this node has the revision. Else resolves once it has, or knows that nobody does, or with a refusal when
 * that takes too long.
 */
export function catchUp(registry: Order, revision: Revision): Promise<Refused | undefined> | undefined {
  if (revision <= registry.read((view) => view.revision)) return undefined;
  return awaitSurely(registry).then((reached) => (reached.ok ? undefined : reached));
}

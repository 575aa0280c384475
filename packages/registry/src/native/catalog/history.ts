/** @live What explain rests on: each change of an instance says which came before it, so its history is a chain of commits. */
import type { ExplainBody } from "@rollcall/client";
import {
  type Account,
  type Clock,
  type InstanceKey,
  type Outcome,
  ok,
  type Registry,
  type Revision,
  refuse,
} from "../../core/index.ts";
import type { House } from "../../dialects/contract.ts";
import { findTraces, type Trace, toExplainBody } from "./explanation.ts";

const TRACES_MAX = 50;

interface Sources {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly house: Pick<House, "checks">;
}

/** Why an instance is shown, held or gone. */
export async function explainInstance(
  { registry, clock, house }: Sources,
  account: Account,
  key: InstanceKey,
): Promise<Outcome<ExplainBody>> {
  const traces = await findHistory(registry, account, key);
  const now = registry.read((view) => {
    const record = view.instance(account, key.service, key.id);
    const lease = record?.lease == null ? undefined : view.lease(account, record.lease);
    return { record, lease };
  });
  if (now.record === undefined && traces.length === 0) {
    const detail = `there is no instance ${key.id} of service ${key.service}, and history knows none`;
    return refuse("not-found", detail);
  }
  const lease = now.lease?.id;
  const [pulse] = lease === undefined ? [] : await registry.pulses(account, [lease]);
  const keptBy = lease === undefined ? undefined : registry.keptBy(account, lease);
  const seen = (checkId: string) => house.checks.seen(account, key, checkId);
  return ok(toExplainBody({ key, ...now, pulse, keptBy, traces, seen, nowMs: clock.now() }));
}

/** Newest first. Ends with the registration, where history begins, or when there are enough. */
async function findHistory(registry: Registry, account: Account, key: InstanceKey): Promise<Trace[]> {
  const traces: Trace[] = [];
  const present = registry.read((view) => view.instance(account, key.service, key.id));
  let revision: Revision = present?.modRevision ?? (await registry.goneAt(account, key));
  let name = key;
  while (revision > registry.floor && traces.length < TRACES_MAX) {
    const page = await registry.history(revision - 1, 1);
    const commit = page.ok ? page.value[0] : undefined;
    if (commit === undefined || commit.revision !== revision || commit.account !== account) break;
    for (const trace of findTraces(commit, name).reverse()) {
      traces.push(trace);
      const { before } = trace.change;
      if (before === null) return traces;
      name = before;
      revision = before.modRevision;
    }
    // Whose name has the same hash, or history knows no more.
    if (revision >= commit.revision) break;
  }
  return traces.slice(0, TRACES_MAX);
}

/** @live Handler of explain: each change of an instance says which came before it, so its history is a chain of commits. */
import { type InstanceKey, type Revision, refuse } from "../../../core/index.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";
import { findTraces, type Trace, toExplainBody } from "./explanation.ts";

const TRACES_MAX = 50;

/** GET …/instances/:id/explain */
export async function explain(exchange: Exchange): Promise<Result> {
  const { desk, account, params } = exchange;
  const key: InstanceKey = { service: params[0] as string, id: params[1] as string };
  const traces = await findHistory(desk, account, key);
  const now = desk.registry.read((view) => {
    const record = view.instance(account, key.service, key.id);
    const lease = record?.lease == null ? undefined : view.lease(account, record.lease);
    return { record, lease };
  });
  if (now.record === undefined && traces.length === 0) {
    const detail = `there is no instance ${key.id} of service ${key.service}, and history knows none`;
    return refuse("not-found", detail);
  }
  const { registry, clock } = desk;
  const lease = now.lease?.id;
  const [pulse] = lease === undefined ? [] : await registry.pulses(account, [lease]);
  const keptBy = lease === undefined ? undefined : registry.keptBy(account, lease);
  const seen = (checkId: string) => desk.house.checks.seen(account, key, checkId);
  return toJson(toExplainBody({ key, ...now, pulse, keptBy, traces, seen, nowMs: clock.now() }));
}

/** Newest first. Ends with the registration, where history begins, or when there are enough. */
async function findHistory({ registry }: Desk, account: string, key: InstanceKey): Promise<Trace[]> {
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

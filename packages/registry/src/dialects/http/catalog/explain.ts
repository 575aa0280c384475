/** @live Handler of explain: searches history backwards, in bounded steps. */
import { type Commit, type InstanceKey, type Revision, refuse, type View } from "../../../core/index.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";
import { findTraces, type Trace, toExplainBody } from "./explanation.ts";

const CHUNK = 1000;
const CHUNKS_MAX = 200;
const SEARCH_MS_MAX = 2000;
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
  const pulse = now.lease === undefined ? undefined : desk.registry.pulse(account, now.lease.id);
  return toJson(toExplainBody({ key, ...now, pulse, traces, nowMs: desk.clock.now() }));
}

/** Newest first. Ends with the registration, or at the bounds of history, of time and of work. */
async function findHistory({ registry, clock }: Desk, account: string, key: InstanceKey): Promise<Trace[]> {
  const traces: Trace[] = [];
  const startedMs = clock.monotonic();
  let before = registry.read((view) => latestTouch(view, account, key));
  for (let chunks = 0; chunks < CHUNKS_MAX && before > registry.floor && traces.length < TRACES_MAX; chunks++) {
    if (clock.monotonic() - startedMs > SEARCH_MS_MAX) break;
    const from = Math.max(registry.floor, before - CHUNK);
    const page = await registry.history(from, CHUNK);
    // Compacted while we searched: what was found is what there is.
    if (!page.ok) break;
    if (collect(page.value, account, key, before, traces)) break;
    before = from;
    // Other requests come first: a search is never urgent.
    await new Promise<void>((resume) => setImmediate(resume));
  }
  return traces.slice(0, TRACES_MAX);
}

/** The latest revision that can have touched the instance: later commits need not be searched. */
function latestTouch(view: View, account: string, { service, id }: InstanceKey): Revision {
  const record = view.instance(account, service, id);
  // A service that is empty long enough is forgotten, and its revision with it.
  return record?.modRevision ?? view.account(account)?.service(service)?.revision ?? view.revision;
}

/** Adds a chunk's traces, newest first. True when the first registration was among them. */
function collect(
  commits: readonly Commit[],
  account: string,
  key: InstanceKey,
  before: Revision,
  traces: Trace[],
): boolean {
  for (let i = commits.length - 1; i >= 0; i--) {
    const commit = commits[i] as Commit;
    if (commit.account !== account || commit.revision > before) continue;
    for (const trace of findTraces(commit, key).reverse()) {
      traces.push(trace);
      if (trace.change.before === null) return true;
    }
  }
  return false;
}

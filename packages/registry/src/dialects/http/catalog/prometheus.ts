/** Handlers of Prometheus' HTTP service discovery: all instances of an account, or those of one service. */
import type { AccountView, InstanceRecord, ServiceView } from "../../../core/index.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeArray, toStateBody } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { decodeFilter } from "../wire/query.ts";
import { type Shown, snapshotOf } from "./listing.ts";
import { type TargetGroup, toTargetGroup } from "./targets.ts";

/** GET /sd/prometheus/:account and /sd/prometheus/:account/:service */
export function getTargets(exchange: Exchange): Result {
  const { desk, account, params, query } = exchange;
  const [service] = params;
  const filter = decodeFilter(query);
  if (!filter.ok) return filter;
  const wanted = filter.value?.matches ?? (() => true);
  return desk.registry.read((view) => {
    const all = view.account(account);
    const [revision, records] = service === undefined ? instancesOf(all) : ofService(all, all?.service(service));
    return toStateBody(exchange, revision, () => encodeArray(toGroups(records, wanted)));
  });
}

type Records = readonly [revision: number, records: Iterable<InstanceRecord>];

function ofService(account: AccountView | undefined, service: ServiceView | undefined): Records {
  if (account === undefined || service === undefined) return [0, []];
  return [service.revision, recordsOf(snapshotOf(service, account))];
}

function* recordsOf(all: readonly Shown[]): Iterable<InstanceRecord> {
  for (const { record } of all) yield record;
}

/** All instances of an account; shared by all answers of one revision. */
const snapshots = new WeakMap<AccountView, Records>();

function instancesOf(account: AccountView | undefined): Records {
  if (account === undefined) return [0, []];
  let snapshot = snapshots.get(account);
  if (snapshot?.[0] !== account.catalogRevision) {
    snapshot = [account.catalogRevision, [...account.instances()]];
    snapshots.set(account, snapshot);
  }
  return snapshot;
}

function* toGroups(
  records: Iterable<InstanceRecord>,
  wanted: (record: InstanceRecord) => boolean,
): Iterable<TargetGroup | undefined> {
  for (const record of records) yield wanted(record) ? toTargetGroup(record) : undefined;
}

/** Handlers of Prometheus' HTTP service discovery: all instances of an account, or those of one service. */
import type { AccountView, InstanceRecord } from "../../../core/index.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toState } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { decodeFilter } from "../wire/query.ts";
import { toTargetGroup } from "./targets.ts";

/** GET /sd/prometheus/:account and /sd/prometheus/:account/:service */
export function getTargets(exchange: Exchange): Result {
  const { desk, account, params, query } = exchange;
  const [service] = params;
  const filter = decodeFilter(query);
  if (!filter.ok) return filter;
  const wanted = filter.value ?? (() => true);
  const revision = desk.registry.read((view) => {
    const all = view.account(account);
    return (service === undefined ? all?.catalogRevision : all?.service(service)?.revision) ?? 0;
  });
  return toState(exchange, revision, () =>
    desk.registry.read((view) => {
      const records = recordsOf(view.account(account), service);
      return [...records].filter(wanted).flatMap((record) => toTargetGroup(record) ?? []);
    }),
  );
}

function recordsOf(account: AccountView | undefined, service: string | undefined): Iterable<InstanceRecord> {
  if (account === undefined) return [];
  return service === undefined ? account.instances() : (account.service(service)?.instances.values() ?? []);
}

/** Applications as they are read from the catalog. */
import type { Account, InstanceRecord, Registry, View } from "../../../core/index.ts";
import { toInfo, vitalsOf } from "../instances/info.ts";
import { recordsOf } from "../instances/registration.ts";
import type { Spellings } from "../instances/spellings.ts";
import type { ActionType, InstanceInfo } from "../wire/messages.ts";
import type { ToInfo } from "./chunks.ts";

/** What it takes to read instances. */
export interface Source {
  readonly registry: Registry;
  readonly spellings: Spellings;
  /** The data center that instances of other dialects are shown in. */
  readonly dataCenter: string;
}

/**
 * The application's instances. Where services differ by their letters' case alone and share an id, the service in lower
 * case goes first: clients know one instance by an id, and count one.
 */
export function instancesOf({ spellings }: Source, view: View, account: Account, app: string): InstanceRecord[] {
  const names = spellings.services(account, app);
  const records = recordsOf(view.account(account), names);
  if (names.length === 1) return records;
  const ids = new Set<string>();
  return records.filter(({ id }) => !ids.has(id) && ids.add(id));
}

/** How the account's instances become messages. */
export function infoMaker(source: Source, account: Account): ToInfo {
  return ({ record, action }, app) => infoOf(source, account, record, action, app);
}

export function infoOf(
  { registry, dataCenter }: Source,
  account: Account,
  record: InstanceRecord,
  action: ActionType,
  app: string,
): InstanceInfo {
  const vitals = registry.read((view) =>
    vitalsOf(record, view.account(account), (lease) => registry.pulse(account, lease)),
  );
  const info = toInfo(record, vitals, action, dataCenter);
  return info.app === app ? info : { ...info, app };
}

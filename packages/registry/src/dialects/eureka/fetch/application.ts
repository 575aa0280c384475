/** Applications as they are read from the catalog. */
import type { Account, InstanceRecord, View } from "../../../core/index.ts";
import { type InfoSource, infoOf } from "../instances/info.ts";
import type { Spellings } from "../instances/spellings.ts";
import type { ToInfo } from "./chunks.ts";

/** What it takes to read instances. */
export interface Source extends InfoSource {
  readonly spellings: Spellings;
}

/**
 * The application's instances. Where services differ by their letters' case alone and share an id, the service in lower
 * case goes first: clients know one instance by an id, and count one.
 */
export function instancesOf({ spellings }: Source, view: View, account: Account, app: string): InstanceRecord[] {
  const names = spellings.services(account, app);
  const owner = view.account(account);
  const records = names.flatMap((name) => [...(owner?.service(name)?.instances.values() ?? [])]);
  if (names.length === 1) return records;
  const ids = new Set<string>();
  return records.filter(({ id }) => !ids.has(id) && ids.add(id));
}

/** How the account's instances become messages. A service's own upper case may differ from the application's name. */
export function infoMaker(source: Source, account: Account): ToInfo {
  return ({ record, action }, app) => {
    const info = infoOf(source, account, record, action);
    return info.app === app ? info : { ...info, app };
  };
}

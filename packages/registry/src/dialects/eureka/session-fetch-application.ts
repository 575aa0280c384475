/** One application as it is shown now: its instances, how many have which status, and its encodings. */
import type { Account, InstanceRecord, Registry, View } from "../../core/index.ts";
import { writeApplication } from "./codec.ts";
import type { ActionType, EurekaStatus, Format, InstanceInfo } from "./codec-model.ts";
import { Piece } from "./session-fetch-piece.ts";
import type { Index } from "./session-index.ts";
import { recordsOf } from "./translate.ts";
import { toInfo, vitalsOf } from "./translate-info.ts";
import { shownStatus } from "./translate-status.ts";

export type Counts = Partial<Record<EurekaStatus, number>>;

/** What reading instances takes. */
export interface Source {
  readonly registry: Registry;
  readonly index: Index;
  /** The data center that instances of other dialects are shown in. */
  readonly dataCenter: string;
}

/** An application at one revision of its services. */
export interface ShownApplication {
  /** Upper case. */
  readonly name: string;
  /** The latest revision of its services. */
  readonly revision: number;
  /** How many services it is made of. */
  readonly services: number;
  readonly counts: Counts;
  readonly piece: Piece;
}

/**
 * The application's instances by id. Where services differ by their letters' case alone and share an id, the service in
 * lower case goes first: clients know one instance by an id, and count one.
 */
export function instancesOf({ index }: Source, view: View, account: Account, app: string): InstanceRecord[] {
  const names = index.services(account, app);
  const records = recordsOf(view.account(account), names);
  if (names.length === 1) return records;
  const ids = new Set<string>();
  return records.filter(({ id }) => !ids.has(id) && ids.add(id));
}

export function showApplication(
  source: Source,
  view: View,
  account: Account,
  known: Pick<ShownApplication, "name" | "revision" | "services">,
): ShownApplication {
  const records = instancesOf(source, view, account, known.name);
  return {
    ...known,
    counts: countStatuses(records),
    piece: new Piece((format) => writeRecords(source, account, format, known.name, records, () => "ADDED")),
  };
}

/** The application's text in a list. Times of heartbeats are those of this moment. */
export function writeRecords(
  source: Source,
  account: Account,
  format: Format,
  name: string,
  records: readonly InstanceRecord[],
  actionOf: (record: InstanceRecord) => ActionType,
): string {
  const instances = records.map((record) => infoOf(source, account, record, actionOf(record), name));
  return writeApplication(format, { name, instances });
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

function countStatuses(records: readonly InstanceRecord[]): Counts {
  const counts: Counts = {};
  for (const record of records) {
    const status = shownStatus(record);
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const status in more) {
    const known = status as EurekaStatus;
    sum[known] = (sum[known] ?? 0) + (more[known] ?? 0);
  }
}

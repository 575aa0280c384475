/** An account's state, as the registry sends it and as it lies on the disk, and the catalog that is made of it. */
import type { CopyBody, Copying, StateOptions } from "@rollcall/client";
import type {
  Account,
  AccountView,
  InstanceRecord,
  KeyRecord,
  LeaseRecord,
  Restored,
  Revision,
  StoredAccount,
} from "../../core/index.ts";
import { fromPlain } from "../../net/link/plain.ts";

export interface Rows {
  readonly leases: readonly LeaseRecord[];
  readonly instances: readonly InstanceRecord[];
  readonly keys: readonly KeyRecord[];
}

/** What is known of the account at one revision. */
export interface State extends Rows {
  /** The name of the registry's order. */
  readonly line: string;
  readonly revision: Revision;
  readonly account: CopyBody["account"];
}

export type Row = readonly ["lease", LeaseRecord] | readonly ["instance", InstanceRecord] | readonly ["key", KeyRecord];

/** Rows as they come. */
export class Sorted implements Rows {
  readonly leases: LeaseRecord[] = [];
  readonly instances: InstanceRecord[] = [];
  readonly keys: KeyRecord[] = [];

  /** Throws when it is no row. */
  add(row: Row): void {
    if (row[0] === "lease") this.leases.push(row[1]);
    else if (row[0] === "instance") this.instances.push(row[1]);
    else if (row[0] === "key") this.keys.push(row[1]);
    else throw new Error(`a row of another kind: ${JSON.stringify(row).slice(0, 100)}`);
  }

  /** As it was written. */
  addPlain(row: unknown): void {
    this.add(fromPlain(row) as Row);
  }
}

export function sortRows(rows: Iterable<Row>): Rows {
  const sorted = new Sorted();
  for (const row of rows) sorted.add(row);
  return sorted;
}

export async function readState(copy: Pick<Copying, "state">, options: StateOptions): Promise<State> {
  const rows = new Sorted();
  const { line, revision, account } = await copy.state((row) => rows.addPlain(row), options);
  return { line, revision, account, leases: rows.leases, instances: rows.instances, keys: rows.keys };
}

export function rowsOf(account: AccountView | undefined): Rows {
  if (account === undefined) return { leases: [], instances: [], keys: [] };
  return { leases: [...account.leases()], instances: [...account.instances()], keys: [...account.entries("", "")] };
}

export function* eachRow({ leases, instances, keys }: Rows): Iterable<Row> {
  for (const lease of leases) yield ["lease", lease];
  for (const record of instances) yield ["instance", record];
  for (const record of keys) yield ["key", record];
}

/** As `StoredAccount`, of an account as it is here. */
export function headOf(account: AccountView | undefined): CopyBody["account"] {
  if (account === undefined) return { createdAtMs: 0, revision: 0, catalogRevision: 0, keysRevision: 0, services: [] };
  const { createdAtMs, revision, catalogRevision, keysRevision } = account;
  const services = [...account.changedServices(0)].flatMap((one) => {
    const service = account.service(one);
    if (service === undefined) return [];
    const { name, revision, changedAtMs, lostAtMs } = service;
    return { name, revision, changedAtMs, lostAtMs };
  });
  return { createdAtMs, revision, catalogRevision, keysRevision, services };
}

export interface Part {
  readonly name: Account;
  readonly account: CopyBody["account"];
  readonly rows: Rows;
}

/** All accounts together, at one revision. History begins there. */
export function toRestored(revision: Revision, parts: readonly Part[]): Restored {
  function* each<R>(of: (rows: Rows) => readonly R[]): Iterable<readonly [Account, R]> {
    for (const { name, rows } of parts) for (const record of of(rows)) yield [name, record];
  }
  return {
    ...{ revision, orderMs: 0, nth: 0, floor: revision },
    accounts: parts.map((part) => toStored(part, revision)),
    leases: each(({ leases }) => leases),
    instances: each(({ instances }) => instances),
    keys: each(({ keys }) => keys),
    recent: [],
  };
}

/** Nobody says here which directories were emptied when: all of them have changed by now, which is later than they did. */
function toStored({ name, account }: Part, revision: Revision): StoredAccount {
  return { name, ...account, forgottenDirectories: 0, directoriesSince: revision, directories: [] };
}

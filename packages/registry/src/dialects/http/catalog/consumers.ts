/** @live Who depends on what: by subscriptions and watches, and by lookups of all protocols, which tell an address. */
import type { ConsumersBody } from "@rollcall/client";
import {
  type Account,
  type AccountView,
  type InstanceKey,
  type InstanceRecord,
  perRevision,
  refuse,
} from "../../../core/index.ts";
import { toTime } from "../../../native/wire/numbers.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, toJsonBody } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";

export interface Known {
  readonly consumer: string;
  readonly provider: string;
  readonly protocol: string;
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly source: string;
  readonly instance: InstanceKey | null;
}

const INDEXES_MAX = 1_000_000;

/** The instance at an address; null where there are several. */
const byAddress = perRevision(
  (account: AccountView) => {
    const found = new Map<string, InstanceRecord | null>();
    for (const record of account.instances())
      if (record.address !== "") found.set(record.address, found.has(record.address) ? null : record);
    return found;
  },
  { costMax: INDEXES_MAX, costOf: ({ size }) => size + 1 },
);

/** Sorted by provider and consumer. One that looks a service up is called as the service that is at its address alone, or by that. */
export function knownConsumers({ consumers, house }: Desk, name: Account, account: AccountView | undefined): Known[] {
  const known = consumers
    .list(name)
    .map(({ consumer, provider, protocol, sinceMs, lastMs, source = "subscription" }): Known => {
      return { consumer, provider, protocol, sinceMs, lastMs, source, instance: null };
    });
  const lookups = house.lookups.list(name);
  const places = lookups.length === 0 || account === undefined ? undefined : byAddress(account);
  for (const { service, dialect, address, sinceMs, seenMs } of lookups) {
    const record = places?.get(address);
    const instance = record == null ? null : { service: record.service, id: record.id };
    const consumer = instance?.service ?? address;
    known.push({ consumer, provider: service, protocol: "", sinceMs, lastMs: seenMs, source: dialect, instance });
  }
  return known.sort(
    (a, b) => compare(a.provider, b.provider) || compare(a.consumer, b.consumer) || compare(a.source, b.source),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** GET …/consumers */
export function getConsumers({ desk, account, query }: Exchange): Result {
  const [provider, consumer] = ["provider", "consumer"].map((name) => query.get(name));
  if (provider === "" || consumer === "")
    return refuse("invalid", "query parameters provider and consumer must not be empty");
  return desk.registry.read((view) => {
    const found = knownConsumers(desk, account, view.account(account)).filter(
      (one) => (provider ?? one.provider) === one.provider && (consumer ?? one.consumer) === one.consumer,
    );
    return toJsonBody(encodeList({ revision: view.revision }, "consumers", found.map(toConsumerBody)));
  });
}

function toConsumerBody({ sinceMs, lastMs, ...known }: Known): ConsumersBody["consumers"][number] {
  return { ...known, since: toTime(sinceMs), lastSeenAt: toTime(lastMs) };
}

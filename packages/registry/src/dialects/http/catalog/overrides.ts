/** @live Handler of an operator's word on many instances at once: draining a version, say. */
import type { OverriddenBody } from "@rollcall/client";
import {
  type AccountView,
  type Command,
  type InstanceRecord,
  isUsable,
  LIMITS,
  type Outcome,
  ok,
  refuse,
  type Status,
  statusOf,
} from "../../../core/index.ts";
import { type InstanceFilter, toFilter } from "../../../native/catalog/filter.ts";
import { decodeOverride } from "../../../native/catalog/overriding.ts";
import { Fields, isObject } from "../../../native/wire/fields.ts";
import type { Json } from "../../../net/routes/json.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import { type Exchange, signed } from "../desk.ts";

/** Overrides in one commit. */
const AT_ONCE = 1000;
const INSTANCES_MAX = 20_000;
const SERVICES_MAX = 1000;
/** Looked at in one go. */
const LOOKS_MAX = 500_000;
const ASKED: ReadonlySet<string> = new Set(["filter", "status", "reason", "ttl", "dry"]);
const FILTER: ReadonlySet<string> = new Set(["service", "zone", "version", "protocol", "status", "tags", "meta"]);
const NO_FILTER = refuse("invalid", "field filter must say something: to mean all, give status with all statuses");

interface Wanted {
  readonly service: string | undefined;
  readonly filter: InstanceFilter | undefined;
}

type Word = Extract<Command, { kind: "override" }>;

interface Asked extends Wanted {
  readonly dry: boolean;
  /** For an instance of any name. */
  readonly word: Word;
}

/** POST …/overrides */
export async function overrideMany(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const asked = decodeAsked(exchange);
  if (!asked.ok) return asked;
  const { word, dry } = asked.value;
  const size = desk.registry.read((view) => view.account(account)?.counts.instances ?? 0);
  if (asked.value.service === undefined && size > LOOKS_MAX)
    return refuse("too-large", `there are more than ${LOOKS_MAX} instances; name a service`);
  const found = desk.registry.read((view) => ({ ...find(view.account(account), asked.value), now: view.revision }));
  if (found.records.length > INSTANCES_MAX)
    return refuse("too-large", `more than ${INSTANCES_MAX} instances match; ask for less`);
  const body: OverriddenBody = {
    revision: found.now,
    dry,
    matched: found.records.length,
    changed: found.records.filter((record) => isOther(record, word)).length,
    services: found.services,
  };
  if (dry) return toJson(body);
  body.changed = 0;
  for (let from = 0; from < found.records.length; from += AT_ONCE) {
    const then = found.records.slice(from, from + AT_ONCE).map((record) => toStep(record, word));
    const all: Command = { kind: "when", guards: [], then, otherwise: [] };
    const outcome = await desk.registry.propose(account, signed(exchange, all));
    if (!outcome.ok) return outcome;
    body.revision = outcome.value.revision;
    body.changed += outcome.value.commit?.changes.filter(({ kind }) => kind === "instance").length ?? 0;
  }
  return toJson(body);
}

/** One that goes meanwhile is passed over. */
function toStep({ service, id }: InstanceRecord, word: Word): Command {
  const then: Command = { ...word, instance: { service, id } };
  return { kind: "when", guards: [{ on: "instance", service, id, exists: true }], then: [then], otherwise: [] };
}

function isOther({ override, overridden }: InstanceRecord, { status, reason, by, untilMs }: Word): boolean {
  if (override !== status) return true;
  return (
    status !== null && ((overridden?.reason ?? "") !== (reason ?? "") || overridden?.by !== by || untilMs !== undefined)
  );
}

function decodeAsked({ json, principal, desk }: Exchange): Outcome<Asked> {
  const fields = new Fields(json, ASKED);
  fields.need("filter");
  fields.need("status");
  const dry = fields.boolean("dry", false);
  if (fields.fault !== undefined) return fields.fault;
  const status = fields.raw("status");
  const said = Object.fromEntries(
    ["status", "reason", "ttl"].flatMap((name) =>
      fields.has(name) && !(name === "status" && status === null) ? [[name, fields.raw(name)]] : [],
    ),
  ) as Json;
  const wanted = decodeWanted(fields.raw("filter") as Json);
  if (!wanted.ok) return wanted;
  const command = decodeOverride({ service: "", id: "" }, said, principal, desk.clock.now());
  return command.ok ? ok({ ...wanted.value, dry, word: command.value as Word }) : command;
}

function decodeWanted(json: Json): Outcome<Wanted> {
  if (!isObject(json)) return refuse("invalid", "field filter must be an object");
  const fields = new Fields(json, FILTER, "filter.");
  const [service, zone, version, protocol] = ["service", "zone", "version", "protocol"].map((name) =>
    fields.has(name) ? fields.text(name, "") : undefined,
  );
  const statuses = fields.texts("status", LIMITS.tagsMax);
  const tags = fields.texts("tags", LIMITS.tagsMax);
  const metas = Object.entries(fields.pairs("meta")).map(([key, value]) => [key, [value]] as const);
  if (fields.fault !== undefined) return fields.fault;
  const filter = toFilter({ zone, version, protocol, statuses, tags, metas });
  if (!filter.ok) return refuse("invalid", `field filter.${filter.detail}`);
  return service === undefined && filter.value === undefined ? NO_FILTER : ok({ service, filter: filter.value });
}

interface Found {
  /** One more than there may be when there are too many. */
  readonly records: readonly InstanceRecord[];
  readonly services: OverriddenBody["services"];
}

function find(account: AccountView | undefined, asked: Asked): Found {
  const records: InstanceRecord[] = [];
  const services: OverriddenBody["services"] = [];
  const one = asked.service === undefined ? undefined : account?.service(asked.service);
  const all = asked.service === undefined ? (account?.services() ?? []) : one === undefined ? [] : [one];
  for (const service of all) {
    let [matched, usable, usableAfter] = [0, 0, 0];
    for (const record of service.instances.values()) {
      const isMatch = asked.filter?.matches(record) !== false;
      if (isMatch) records.push(record);
      if (isMatch) matched++;
      if (isUsable(record)) usable++;
      if (isMatch ? isUsableAs(record, asked.word.status) : isUsable(record)) usableAfter++;
      if (records.length > INSTANCES_MAX) return { records, services };
    }
    if (matched > 0 && services.length < SERVICES_MAX)
      services.push({ service: service.name, matched, instances: service.instances.size, usable, usableAfter });
  }
  return { records, services };
}

function isUsableAs(record: InstanceRecord, override: Status | null): boolean {
  const status = statusOf({ ...record, override });
  return status === "passing" || status === "warning";
}

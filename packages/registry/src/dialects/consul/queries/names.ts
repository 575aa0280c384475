/** @live Prepared queries in DNS: `<name>.query[.<dc>].consul`. All other names are the catalog's. */
import type { AccountFacts, InstanceRecord } from "../../../core/index.ts";
import type { Found, NameKeys, NameSource } from "../../contract.ts";
import { checksOf } from "../catalog/checks.ts";
import { CONSUL_NAMES, isHere, toPlaces } from "../catalog/names/source.ts";
import { nodeKey, toStored } from "../catalog/nodes.ts";
import { META } from "../catalog/place.ts";
import { compileGroups } from "../requests/filter/patterns.ts";
import { parseDuration } from "../wire/duration.ts";
import { toTest } from "./choose.ts";
import { type Definition, findQuery, toDefinition } from "./record.ts";
import { render } from "./template.ts";

/** Where there is no such query, the service of its name, and its tags left of it. */
export const NAMES: NameSource = {
  ...CONSUL_NAMES,
  find(labels, account, options, keys) {
    const at = labels.lastIndexOf("query");
    const datacenter = (options.datacenter ?? "dc1").toLowerCase();
    if (at < 1 || !isHere(labels.slice(at + 1), datacenter)) return CONSUL_NAMES.find(labels, account, options, keys);
    const name = labels.slice(0, at).join(".");
    const record = findQuery(keys, name);
    const found =
      record === undefined
        ? CONSUL_NAMES.find(labels, account, options, keys)
        : carryOut(render(toDefinition(record), name, compileGroups), account, keys, datacenter);
    return { ...found, onKeys: true };
  },
};

function carryOut({ Service, DNS }: Definition, account: AccountFacts, keys: NameKeys, datacenter: string): Found {
  const service = account.service(Service.Service.toLowerCase()) ?? account.service(Service.Service);
  const passes = toTest(Service);
  const records = [...(service?.instances.values() ?? [])].filter((record) => passes(toCandidate(record, keys)));
  if (records.length === 0) return { kind: "none" };
  const ttl = DNS.TTL === "" ? undefined : parseDuration(DNS.TTL);
  const found: Found = { kind: "instances", places: toPlaces(records, account, datacenter) };
  return ttl?.ok === true ? { ...found, ttlS: Math.floor(ttl.value / 1000) } : found;
}

function toCandidate(record: InstanceRecord, keys: NameKeys) {
  const { tags, meta } = record;
  const name = meta[META.node] ?? "";
  const stored = name === "" ? undefined : keys.entry(nodeKey(name));
  const node = stored === undefined ? { name, meta: {}, checks: [] } : toStored(stored);
  const checks = [...node.checks, ...checksOf(record, { node: name, id: record.id })];
  return { node, tags, meta, checks };
}

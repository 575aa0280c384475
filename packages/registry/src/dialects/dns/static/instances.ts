/**
 * The SRV records of a zone file as instances. `_http._tcp.site1.example.` is the service `http` in the zone `site1`;
 * `Name._http._tcp.example.` (RFC 6763 §4.1) one instance of it with that name.
 */
import {
  type Bytes,
  fromBytes,
  type Instance,
  isLegalName,
  LIMITS,
  type Outcome,
  ok,
  refuse,
  refuseInstance,
} from "../../../core/index.ts";
import { FILE_META, fromStrings, type Notes, PRIORITY_META } from "../labels/meta.ts";
import { fromSrvWeight, WEIGHT_DEFAULT } from "../labels/weight.ts";
import { type Data, type Name, type Resource, TYPE } from "../wire/message.ts";
import { isWithin, keyOf, lowerLabel, showName } from "../wire/name.ts";
import { fileAddresses, findInFile, showOrigin } from "../zone/file.ts";
import type { FileZone } from "../zone/model.ts";
import type { BuiltZone } from "./built-zone.ts";
import type { Line } from "./zonefile/parser.ts";

/** Entries of the meta that are ours. */
const OWN_ENTRIES = 3;
/** Leaves room for what tells two instances of the same name apart. */
const ID_BASE_MAX = 300;

export interface StaticInstance {
  readonly instance: Instance;
  readonly line: Line | undefined;
}

export interface StaticInstances {
  readonly instances: readonly StaticInstance[];
  /** The first few SRV records that make no instance, and why. */
  readonly warnings: readonly string[];
}

type Service = Extract<Data, { kind: "service" }>;

/** An instance that has no id yet. */
interface Candidate {
  readonly base: string;
  /** Part of the id when another instance has the same base. */
  readonly apart: string;
  readonly instance: Omit<Instance, "id">;
  readonly line: Line | undefined;
}

const PAUSE_OWNERS = 500;
const WARNINGS_MAX = 20;

/** The instances of a zone; their ids are unique within a service. Others may have a turn at each yield. */
export function* toInstances(built: BuiltZone, notes: Notes): Generator<undefined, StaticInstances> {
  const candidates: Candidate[] = [];
  const warnings: string[] = [];
  const counts = new Map<string, number>();
  const given = new Set<string>();
  let count = 0;
  for (const records of built.zone.owners.values()) {
    if (++count % PAUSE_OWNERS === 0) yield;
    if (!records.some(({ type }) => type === TYPE.SRV)) continue;
    const found = candidatesOf(built, records, notes);
    if (!found.ok && warnings.length < WARNINGS_MAX) warnings.push(found.detail);
    for (const candidate of found.ok ? found.value : []) {
      candidates.push(candidate);
      const key = keyIn(candidate.instance, candidate.base);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const instances: StaticInstance[] = [];
  for (const [number, candidate] of candidates.entries()) {
    if (number % PAUSE_OWNERS === 0) yield;
    const made = nameCandidate(candidate, counts, given);
    const refused = refuseInstance(made.instance);
    if (refused === undefined) instances.push(made);
    else if (warnings.length < WARNINGS_MAX) warnings.push(`${showLine(made.line)}: ${refused.detail}`);
  }
  return { instances, warnings };
}

export function showLine(line: Line | undefined): string {
  return line === undefined ? "zone file" : `${line.file}:${line.number}`;
}

/** The parts of an owner's name. */
interface Owner {
  readonly service: string;
  readonly protocol: string;
  readonly site: string;
  /** The name of the instance; undefined when the owner is a service. */
  readonly own: string | undefined;
}

function readOwner(name: Name, origin: Name): Outcome<Owner> {
  const labels = name.slice(0, name.length - origin.length).map((label) => fromBytes(lowerLabel(label)));
  const at = labels[0]?.startsWith("_") ? 0 : 1;
  const [service = "", protocol = ""] = labels.slice(at);
  if (!service.startsWith("_") || !protocol.startsWith("_") || (at === 1 && labels[0] === "*"))
    return refuse("invalid", "no name of the form _service._proto");
  if (protocol !== "_tcp" && protocol !== "_udp") return refuse("invalid", `${protocol} is neither _tcp nor _udp`);
  if (!isLegalName(service.slice(1))) return refuse("invalid", `"${service.slice(1)}" is no legal name of a service`);
  return ok({
    service: service.slice(1),
    protocol: protocol.slice(1),
    site: labels.slice(at + 2).join("."),
    own: at === 0 ? undefined : fromBytes(name[0] as Bytes),
  });
}

/** The candidates of one owner's SRV records. */
function candidatesOf(built: BuiltZone, records: readonly Resource[], notes: Notes): Outcome<Candidate[]> {
  const { zone } = built;
  const name = records[0]!.name;
  const services = records.filter(({ type }) => type === TYPE.SRV);
  // Names below a delegation belong to another zone.
  if (findInFile(zone, name).kind === "delegation") return ok([]);
  const owner = readOwner(name, zone.origin);
  if (!owner.ok) {
    const line = showLine(built.lineOf(services[0]!));
    return refuse("invalid", `${line}: ${showName(name)} SRV makes no instance: ${owner.detail}`);
  }
  const meta = readMeta(records, notes);
  const weightless = services.every(({ data }) => data.kind === "service" && data.weight === 0);
  const around = { owner: owner.value, meta, weightless };
  return ok(
    services.flatMap((record) =>
      record.data.kind === "service" ? candidatesOfRecord(built, record, record.data, around) : [],
    ),
  );
}

interface Around {
  readonly owner: Owner;
  readonly meta: Readonly<Record<string, string>>;
  readonly weightless: boolean;
}

/** An instance for each address of the target, or one with the target's name when the file has no address. */
function candidatesOfRecord({ zone, lineOf }: BuiltZone, record: Resource, data: Service, around: Around): Candidate[] {
  const { owner, meta, weightless } = around;
  // RFC 2782: the target "." means that there is no such service.
  if (data.target.length === 0) return [];
  const target = fromBytes(keyOf(data.target));
  const addresses = isWithin(data.target, zone.origin) ? addressesOf(zone, data.target) : [];
  const base = owner.own ?? `${target}:${data.port}`;
  const apart = owner.own === undefined ? apartOf(owner) : `${target}:${data.port}`;
  const shown = addresses.length === 0 ? [target] : addresses;
  return shown.map((address) => ({
    base: toLegalId(shown.length === 1 ? base : `${base}@${address}`),
    apart,
    line: lineOf(record),
    instance: {
      service: owner.service,
      address,
      ports: { default: data.port },
      protocol: owner.protocol,
      tags: [],
      meta: {
        ...meta,
        [FILE_META]: showOrigin(zone.origin),
        "dns.name": fromBytes(keyOf(record.name)),
        [PRIORITY_META]: String(data.priority),
      },
      version: "",
      zone: owner.site,
      weight: weightless ? WEIGHT_DEFAULT : fromSrvWeight(data.weight),
      status: "passing",
      checks: [],
      via: "dns",
    },
  }));
}

function apartOf({ protocol, site }: Owner): string {
  return site === "" ? protocol : `${protocol}.${site}`;
}

/** Addresses of a target: its own, or those at the end of its CNAME. */
function addressesOf(zone: FileZone, target: Name): string[] {
  let name = target;
  for (let aliases = 0; aliases < 8; aliases++) {
    const found = fileAddresses(zone, name);
    if (found.length > 0) return found.flatMap(({ data }) => (data.kind === "address" ? [data.address] : []));
    const alias = zone.owners.get(keyOf(name))?.find(({ type }) => type === TYPE.CNAME);
    if (alias?.data.kind !== "name" || !isWithin(alias.data.target, zone.origin)) return [];
    name = alias.data.target;
  }
  return [];
}

/** The meta that the TXT records beside SRV records give. */
function readMeta(records: readonly Resource[], notes: Notes): Readonly<Record<string, string>> {
  const strings = records.flatMap(({ type, data }) => (type === TYPE.TXT && data.kind === "text" ? data.strings : []));
  return Object.fromEntries([...fromStrings(strings, notes)].slice(0, LIMITS.metaEntriesMax - OWN_ENTRIES));
}

function keyIn({ service }: { readonly service: string }, id: string): string {
  return `${service}/${id}`;
}

/**
 * Gives the candidate an id that is unique within its service. `counts` has the number of candidates with each base,
 * `given` the ids that were given before, both by `keyIn`.
 */
function nameCandidate(candidate: Candidate, counts: ReadonlyMap<string, number>, given: Set<string>): StaticInstance {
  const { instance, base, apart, line } = candidate;
  if (counts.get(keyIn(instance, base)) === 1) return { instance: { ...instance, id: base }, line };
  const stem = `${base}@${toLegalId(apart)}`.slice(0, LIMITS.idLengthMax - 12);
  const isTaken = (key: string): boolean => counts.has(key) || given.has(key);
  let id = stem;
  for (let n = 2; isTaken(keyIn(instance, id)); n++) id = `${stem}#${n}`;
  given.add(keyIn(instance, id));
  return { instance: { ...instance, id }, line };
}

const PLAIN_ID = /^[!-.0-~]+$/;

/** Ids have no slash, no control characters and no blanks at their ends. */
function toLegalId(text: string): string {
  const cut = text.length > ID_BASE_MAX ? text.slice(0, ID_BASE_MAX) : text;
  const legal = PLAIN_ID.test(cut) ? cut : cut.replace(/[/\p{C}]/gu, "-").trim();
  return legal === "" ? "-" : legal;
}

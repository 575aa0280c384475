/** A catalog in this process with its names in DNS, looked up without a socket. */

import { DIALECTS } from "../../packages/registry/src/bin/dialects.ts";
import type { Facts, Instance, Life, View } from "../../packages/registry/src/core/index.ts";
import type { NameSource } from "../../packages/registry/src/dialects/contract.ts";
import { toLabel } from "../../packages/registry/src/dialects/dns/labels/text.ts";
import type { Dependency, Reply } from "../../packages/registry/src/dialects/dns/names/reply.ts";
import { resolve } from "../../packages/registry/src/dialects/dns/names/resolve.ts";
import type { Settings } from "../../packages/registry/src/dialects/dns/settings/model.ts";
import { readSettings, type Surroundings } from "../../packages/registry/src/dialects/dns/settings/reader.ts";
import { CLASS, type Name, type Resource, TYPE } from "../../packages/registry/src/dialects/dns/wire/message.ts";
import { isWithin, parseName, showName } from "../../packages/registry/src/dialects/dns/wire/name.ts";
import { showData, showType } from "../../packages/registry/src/dialects/dns/wire/record.ts";
import { shareFile } from "../../packages/registry/src/dialects/dns/zone/file.ts";
import { LabelIndex } from "../../packages/registry/src/dialects/dns/zone/label-index.ts";
import type { FileZone, World, Zone } from "../../packages/registry/src/dialects/dns/zone/model.ts";
import { accepted, instanceOf, openRig, type Rig } from "../harness/registry.ts";

export interface NamesOptions {
  readonly settings?: Partial<Settings>;
  readonly sources?: readonly NameSource[];
  readonly files?: readonly FileZone[];
}

/** An answer in text: `TYPE data`, additional with the owner before it. */
export interface Told {
  readonly rcode: number;
  readonly answers: readonly string[];
  readonly additional: readonly string[];
  readonly authority: readonly Resource[];
  readonly reply: Reply;
}

export interface NamesRig {
  readonly rig: Rig;
  readonly index: LabelIndex;
  /** Counts the calls by `LabelIndex.onChange`. */
  readonly changes: { count: number };
  register(service: string, id: string, more?: Partial<Instance>, account?: string, life?: Life): Promise<void>;
  deregister(service: string, id: string, account?: string): Promise<void>;
  /** Undefined when the name is in no zone. */
  find(name: string | Name, type: keyof typeof TYPE): Reply | undefined;
  ask(name: string | Name, type: keyof typeof TYPE): Told;
  read<T>(use: (world: World) => T extends PromiseLike<unknown> ? never : T): T;
  close(): void;
}

/** Settings that are read here name no files. */
export const SURROUNDINGS: Surroundings = {
  directory: "/",
  names: [],
  notes: DIALECTS.filter(({ notes }) => notes).map(({ name }) => name),
  readSecret: () => {
    throw new Error("there are no files here");
  },
};

const defaults = readSettings({}, SURROUNDINGS);
if (!defaults.ok) throw new Error(defaults.detail);
export const DEFAULTS: Settings = defaults.value;

export function nameOf(text: string): Name {
  const name = parseName(text);
  if (name === undefined) throw new Error(`no name: ${text}`);
  return name;
}

/** Opens an empty registry; every account that something is registered in has a zone. */
export async function openNames(options: NamesOptions = {}): Promise<NamesRig> {
  const rig = await openRig();
  const settings: Settings = { ...DEFAULTS, addresses: ["192.0.2.53"], ...options.settings };
  const index = new LabelIndex(rig.registry, rig.clock, settings);
  const changes = { count: 0 };
  index.onChange(() => changes.count++);
  // The index follows from the next turn on.
  await new Promise(setImmediate);
  const read: NamesRig["read"] = (use) =>
    rig.registry.read((view) => use(toWorld(view, zonesOf(view, settings, options), settings, index)));
  const find = (name: string | Name, type: keyof typeof TYPE): Reply | undefined =>
    read((world) => {
      const question = { name: typeof name === "string" ? nameOf(name) : name, type: TYPE[type], class: CLASS.IN };
      return resolve(question, world);
    });
  return {
    rig,
    index,
    changes,
    read,
    find,
    async register(service, id, more = {}, account = "default", life = "permanent") {
      const instance = instanceOf(service, id, more);
      accepted(await rig.registry.propose(account, { kind: "register", instance, life }));
    },
    async deregister(service, id, account = "default") {
      accepted(await rig.registry.propose(account, { kind: "deregister", instance: { service, id } }));
    },
    ask(name, type) {
      const reply = find(name, type);
      if (reply === undefined) throw new Error(`${String(name)} is in no zone`);
      return tell(reply);
    },
    close: () => index.close(),
  };
}

function tell(reply: Reply): Told {
  const { rcode, answers, additional, authority } = reply;
  return {
    rcode,
    answers: answers.map(showShort),
    additional: additional.map((record) => `${showName(record.name)} ${showShort(record)}`),
    authority,
    reply,
  };
}

export function showShort(record: Resource): string {
  return `${showType(record.type)} ${showData(record.data)}`;
}

function zonesOf(view: View, settings: Settings, options: NamesOptions): readonly Zone[] {
  const fileOf = (name: Name): FileZone | undefined =>
    options.files?.find((file) => showName(file.origin) === showName(name));
  const accountZone = (name: Name, account: string): Zone => {
    const file = fileOf(name);
    if (file === undefined) return { kind: "account", name, account };
    return { kind: "account", name, account, file: shareFile(file, settings.ttlS) };
  };
  const zones: Zone[] = [accountZone(settings.domain, "default")];
  for (const { name } of view.accounts())
    if (name !== "default") zones.push(accountZone([toLabel(name), ...settings.domain], name));
  for (const source of options.sources ?? []) {
    const name = nameOf(source.domain);
    zones.push({ kind: "source", name, account: "default", source, options: {} });
  }
  for (const file of options.files ?? [])
    if (!zones.some((zone) => showName(zone.name) === showName(file.origin)))
      zones.push({ kind: "file", name: file.origin, file });
  zones.push({ kind: "reverse", name: ["in-addr", "arpa"] }, { kind: "reverse", name: ["ip6", "arpa"] });
  return zones.sort((one, other) => other.name.length - one.name.length);
}

function toWorld(view: View, zones: readonly Zone[], settings: Settings, index: LabelIndex): World {
  return {
    view,
    index,
    settings,
    addresses: [],
    zoneOf: (name) => zones.find((zone) => isWithin(name, zone.name)),
    zones: () => zones.filter((zone) => zone.kind !== "reverse"),
    serialOf: (zone) => ("account" in zone ? (view.account(zone.account)?.catalogRevision ?? 0) : view.revision),
  };
}

/** Whether all dependencies hold: a cache would give the answer again. */
export function isGood(dependencies: readonly Dependency[], view: Facts): boolean {
  return dependencies.every((dependency) => {
    if (dependency.on === "all") return view.revision === dependency.revision;
    const account = view.account(dependency.account);
    if (dependency.on === "catalog") return (account?.catalogRevision ?? 0) === dependency.revision;
    return (account?.service(dependency.service)?.revision ?? 0) === dependency.revision;
  });
}

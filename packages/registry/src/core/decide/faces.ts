/**
 * The two faces of a registration in one commit: after a change of an entry the instance that it registers is brought to
 * the same state, and after a change of an instance its entries are. Faces are stored like everything else, so revisions,
 * versions and watches of both are exact. An instance that came of an entry is named by it. One that came otherwise has
 * an entry with a new name, and two reserved keys remember which, as they do where a name is no id: they live by the same
 * lease.
 */
import { type Outcome, ok, type Refused, refuse } from "../../outcome.ts";
import { fromBytes, toBytes } from "../bytes.ts";
import { type Command, type CommandOf, type Decision, type Heard, type Life, ownerOf, ownLease } from "../command.ts";
import { LIMITS, refuseInstance } from "../limits.ts";
import {
  type Bytes,
  type Change,
  type InstanceKey,
  type InstanceRecord,
  type KeyRecord,
  type LeaseId,
  leaverOf,
  subjectOf,
} from "../types.ts";
import { type Basis, changed } from "./basis.ts";
import { Draft } from "./draft.ts";
import { counterOf, type Layout, type Place } from "./layout.ts";
import { leaseChange } from "./lease.ts";

export type Decide = (basis: Basis, command: Command) => Outcome<Decision>;

/** Every key that layouts keep for themselves. */
export const LAYOUT_KEYS: Bytes = "\0layout/";
/** Entry -> instance. */
const BACK = `${LAYOUT_KEYS}entry/`;
/** Layout and instance -> entry. */
const LINK = `${LAYOUT_KEYS}instance/`;

function linkOf({ prefix }: Layout, { service, id }: InstanceKey): Bytes {
  return `${LINK}${prefix}\0${toBytes(service)}\0${toBytes(id)}`;
}

function backOf(entry: Bytes): Bytes {
  return BACK + entry;
}

/** The entries under this prefix whose instances came otherwise: the keys that say so begin with it. */
export function backsUnder(prefix: Bytes): Bytes {
  return BACK + prefix;
}

/** What such a key says; the instance is written as the name of a lease of its own would be. */
export function readBack({ key, value }: KeyRecord): { readonly entry: Bytes; readonly instance: InstanceKey } {
  return { entry: key.slice(BACK.length), instance: ownerOf(fromBytes(value)) as InstanceKey };
}

/** The keys that remember which entry is whose. */
export function linksOf(layout: Layout, instance: InstanceKey, entry: Bytes): readonly Bytes[] {
  return [linkOf(layout, instance), backOf(entry)];
}

/** A decision with what it changes on the other faces. */
export function withFaces(basis: Basis, decided: Decision, decide: Decide): Outcome<Decision> {
  if (decided.changes.length === 0) return ok(decided);
  const faces = new Faces(basis, decide, decided.changes);
  for (const change of decided.changes) {
    const refused = faces.follow(change);
    if (refused !== undefined) return refused;
  }
  const heard = [...(decided.heard ?? []), ...faces.heard];
  return ok({ ...decided, changes: faces.changes, ...(heard.length === 0 ? {} : { heard }) });
}

/** Brings the faces of what is there to the same state: of a layout that is new. */
export function decideMirror(basis: Basis, command: CommandOf<"mirror">, decide: Decide): Outcome<Decision> {
  const faces = new Faces(basis, decide, []);
  for (const key of command.keys) {
    const refused = faces.followEntry(key, null);
    if (refused !== undefined) return refused;
  }
  for (const { service, id } of command.instances) {
    const record = basis.facts.instance(basis.account, service, id);
    const refused = record === undefined ? undefined : faces.followInstance(null, record, null);
    if (refused !== undefined) return refused;
  }
  return changed(faces.changes);
}

interface Entry {
  readonly entry?: KeyRecord;
  /** What remembers it, if its name does not tell whose it is. */
  readonly link?: KeyRecord;
}

const NO_ENTRY: Entry = {};

class Faces {
  readonly changes: Change[];
  /** Leases whose owners have said by an entry that they are alive. */
  readonly heard: Heard[] = [];
  readonly #basis: Basis & { readonly facts: Draft };
  /** An entry before the command. */
  readonly #before: (key: Bytes) => KeyRecord | undefined;
  readonly #decide: Decide;

  constructor(basis: Basis, decide: Decide, changes: readonly Change[]) {
    const facts = new Draft(basis.facts);
    facts.fold(basis.account, changes, basis.stamp.revision);
    this.#before = (key) => basis.facts.entry(basis.account, key);
    this.#basis = { ...basis, facts };
    this.#decide = decide;
    this.changes = [...changes];
  }

  follow(change: Change): Refused | undefined {
    if (change.kind === "instance") return this.followInstance(change.before, change.after, null);
    if (change.kind === "key") return this.followEntry(subjectOf(change).key, change.before);
    return undefined;
  }

  /** Brings the entries of an instance to its state; those of all layouts but the one that the change came of. */
  followInstance(
    before: InstanceRecord | null,
    after: InstanceRecord | null,
    except: Layout | null,
  ): Refused | undefined {
    const { layouts } = this.#basis;
    const leaver = leaverOf({ before, after });
    for (const layout of layouts) {
      if (layout === except) continue;
      const refused =
        (leaver === null ? undefined : this.#hide(layout, leaver)) ??
        (after === null ? undefined : this.#show(layout, after));
      if (refused !== undefined) return refused;
    }
    this.#endEmpty(before?.lease ?? null);
    return undefined;
  }

  /** Brings the instance of an entry to its state. */
  followEntry(key: Bytes, before: KeyRecord | null): Refused | undefined {
    const layout = this.#basis.layouts.find(({ prefix }) => key.startsWith(prefix));
    if (layout === undefined) return undefined;
    const entry = this.#entry(key);
    // With the end of a lease both go at once.
    const back = this.#entry(backOf(key)) ?? (entry === undefined ? this.#before(backOf(key)) : undefined);
    const was = back === undefined ? before && layout.toInstance(key, before.value, null) : readBack(back).instance;
    const known = was === null ? undefined : this.#instance(was);
    const said = entry === undefined ? null : layout.toInstance(key, entry.value, known ?? null);
    const instance = said === null || back === undefined ? said : { ...said, ...(was as InstanceKey) };
    if (entry !== undefined && instance !== null && refuseInstance(instance) === undefined) {
      const life = this.#lifeOf(layout, entry, instance);
      // It had another entry, and this one now takes its name.
      const other = this.#entry(linkOf(layout, instance));
      const refused =
        (other === undefined || other.value === key ? undefined : this.#hide(layout, instance)) ??
        (this.#isRemembered(layout, instance, entry, back)
          ? undefined
          : this.#remember(layout, instance, key, entry.lease));
      return (
        refused ??
        this.#run({ kind: "register", instance, life }, layout) ??
        (typeof life === "object" && "ttlMs" in life ? this.#attach(entry, ownLease(instance)) : undefined)
      );
    }
    const refused = back === undefined || was === null ? undefined : this.#delete(layout, linksOf(layout, was, key));
    if (refused !== undefined || known === undefined) return refused;
    return this.#run({ kind: "deregister", instance: { service: known.service, id: known.id } }, layout);
  }

  /** Where the id does not tell the name of its entry, keys do that live by the same lease. */
  #isRemembered(
    layout: Layout,
    instance: InstanceKey,
    { key, lease }: KeyRecord,
    back: KeyRecord | undefined,
  ): boolean {
    return back === undefined ? layout.placeOf(instance)?.own === key : back.lease === lease;
  }

  /** What is written in a layout that gives its instances a time is a heartbeat, unless a lease of somebody's keeps it. */
  #lifeOf({ lifeMs }: Layout, { lease }: KeyRecord, instance: InstanceKey): Life {
    const own = ownLease(instance);
    if (lifeMs === undefined || (lease !== null && lease !== own)) return lease === null ? "permanent" : { lease };
    const { account, facts } = this.#basis;
    const known = this.#instance(instance)?.lease === own ? facts.lease(account, own) : undefined;
    return { ttlMs: known?.ttlMs ?? lifeMs };
  }

  /** The entry lives by this lease from now on; its change says so, and comes after that of the lease. */
  #attach(entry: KeyRecord, lease: LeaseId): Refused | undefined {
    if (entry.lease === lease) return undefined;
    const after: KeyRecord = { ...entry, lease };
    const index = this.changes.findIndex((change) => change.kind === "key" && change.after === entry);
    const [written] = index < 0 ? [] : this.changes.splice(index, 1);
    const before = written === undefined ? entry : ((written.before ?? null) as KeyRecord | null);
    const { account, facts, stamp } = this.#basis;
    facts.fold(account, [{ kind: "key", cause: "put", before: entry, after }], stamp.revision);
    this.changes.push({ kind: "key", cause: "put", before, after });
    return undefined;
  }

  /** The entry of an instance in a layout. */
  #entryOf(layout: Layout, instance: InstanceKey): Entry {
    const link = this.#entry(linkOf(layout, instance));
    const key = link === undefined ? layout.placeOf(instance)?.own : link.value;
    const entry = key == null ? undefined : this.#entry(key);
    if (entry === undefined || link !== undefined) return { ...(entry && { entry }), ...(link && { link }) };
    // Somebody's key is no face, whatever its name, and another instance may have its entry there.
    const isFace = layout.toInstance(entry.key, entry.value, null) !== null && !this.#entry(backOf(entry.key));
    return isFace ? { entry } : {};
  }

  #hide(layout: Layout, instance: InstanceKey): Refused | undefined {
    const { entry, link } = this.#entryOf(layout, instance);
    if (link !== undefined) return this.#delete(layout, [link.value, ...linksOf(layout, instance, link.value)]);
    return entry === undefined ? undefined : this.#delete(layout, [entry.key]);
  }

  #show(layout: Layout, record: InstanceRecord): Refused | undefined {
    const known = this.#entryOf(layout, record);
    const isOther = known.entry !== undefined && layout.says?.(known.entry.key, record) === false;
    const refusedToGo = isOther ? this.#hide(layout, record) : undefined;
    if (refusedToGo !== undefined) return refusedToGo;
    const { entry, link } = isOther ? NO_ENTRY : known;
    const value = layout.toValue(record, entry?.value ?? null);
    const place = layout.placeOf(record);
    if (value === null || place === null) return this.#hide(layout, record);
    if (entry === undefined) return this.#create(layout, record, place, value);
    if (entry.value === value && entry.lease === record.lease) return undefined;
    const refused = this.#put(layout, entry.key, value, record.lease);
    const isMoved = link !== undefined && link.lease !== record.lease;
    return refused ?? (isMoved ? this.#remember(layout, record, entry.key, record.lease) : undefined);
  }

  #create(layout: Layout, record: InstanceRecord, place: Place, value: Bytes): Refused | undefined {
    const { own, parent, name, digits } = place;
    if (own !== null && this.#entry(own) === undefined) return this.#put(layout, own, value, record.lease);
    const counter = counterOf(parent);
    let number = Number(this.#entry(counter)?.value ?? 0) || 0;
    const nameOf = (): Bytes => parent + name + String(number).padStart(digits, "0");
    while (this.#entry(nameOf()) !== undefined) number++;
    const key = nameOf();
    return (
      this.#put(layout, counter, String(number + 1), null) ??
      this.#put(layout, key, value, record.lease) ??
      this.#remember(layout, record, key, record.lease)
    );
  }

  /** Both keys live by the lease that keeps the entry. */
  #remember(layout: Layout, instance: InstanceKey, entry: Bytes, lease: LeaseId | null): Refused | undefined {
    return (
      this.#put(layout, linkOf(layout, instance), entry, lease) ??
      this.#put(layout, backOf(entry), toBytes(ownLease(instance)), lease)
    );
  }

  #put(layout: Layout, key: Bytes, value: Bytes, lease: LeaseId | null): Refused | undefined {
    return this.#run({ kind: "put", key, value, lease }, layout);
  }

  #delete(layout: Layout, keys: readonly Bytes[]): Refused | undefined {
    for (const from of keys) {
      const refused = this.#run({ kind: "delete", from }, layout);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  /** Decides on what is there now. Instances that change by it show in the other layouts. */
  #run(command: Command, layout: Layout): Refused | undefined {
    const decided = this.#decide(this.#basis, command);
    if (!decided.ok) return decided;
    const { changes, heard = [] } = decided.value;
    this.heard.push(...heard);
    if (this.changes.length + changes.length > LIMITS.changesMax)
      return refuse("too-large", `more than ${LIMITS.changesMax} changes with those of the layouts`);
    this.#add(changes);
    for (const change of changes) {
      const refused = change.kind === "instance" ? this.followInstance(change.before, change.after, layout) : undefined;
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  #add(changes: readonly Change[]): void {
    const { account, facts, stamp } = this.#basis;
    facts.fold(account, changes, stamp.revision);
    for (const change of changes) this.changes.push(change);
  }

  /** A lease that an instance had to itself ends with the last of what it kept. */
  #endEmpty(id: LeaseId | null): void {
    const { account, facts } = this.#basis;
    const lease = id === null ? undefined : facts.lease(account, id);
    if (lease?.own !== true) return;
    const { instances, keys } = facts.members(account, lease.id);
    if (instances.length + keys.length === 0) this.#add([leaseChange("closed", lease, null)]);
  }

  #entry(key: Bytes): KeyRecord | undefined {
    return this.#basis.facts.entry(this.#basis.account, key);
  }

  #instance({ service, id }: InstanceKey): InstanceRecord | undefined {
    return this.#basis.facts.instance(this.#basis.account, service, id);
  }
}

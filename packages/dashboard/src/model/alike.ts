/** What the failing instances of a service have in common, and no other has. */
import type { InstanceBody } from "@rollcall/client";
import { listed, plural } from "./numbers.ts";
import { isUsable } from "./status.ts";

/** An attribute that tells the failing ones apart. */
export interface Common {
  /** `version`, `zone`, `via`, `tag`, `meta.team`, `check`, `host`, `came`. */
  readonly attribute: string;
  readonly value: string;
}

export interface Failing {
  readonly failing: readonly InstanceBody[];
  /** All failing ones share it and no other has it. The plainest first. */
  readonly apart: readonly Common[];
  /** All failing ones share it, and so do others: it explains nothing. */
  readonly shared: readonly Common[];
  /** The failing check that they share, with an output that one of them shows. */
  readonly check: { readonly id: string; readonly output: string } | null;
}

const ORDER = ["version", "zone", "via", "tag", "host", "protocol"];

export function isFailing(instance: InstanceBody): boolean {
  return !isUsable(instance) && instance.status !== "starting" && instance.status !== "draining";
}

export function findCommon(instances: readonly InstanceBody[]): Failing {
  const failing = instances.filter(isFailing);
  const others = instances.filter((instance) => !isFailing(instance));
  const check = sharedCheck(failing);
  if (failing.length === 0) return { failing, apart: [], shared: [], check };
  const common = commonTo(failing);
  const elsewhere = new Set(others.flatMap((one) => attributesOf(one).map(toKey)));
  const apart = common.filter((one) => !elsewhere.has(toKey(one)));
  const cameAfter = cameApart(failing, others);
  return {
    failing,
    apart: cameAfter === null ? apart : [...apart, cameAfter],
    shared: common.filter((one) => elsewhere.has(toKey(one))),
    check,
  };
}

function toKey({ attribute, value }: Common): string {
  return `${attribute}\0${value}`;
}

function attributesOf(instance: InstanceBody): Common[] {
  const { version, zone, via, protocol, address, tags, meta } = instance;
  const plain = Object.entries({ version, zone, via, host: address, protocol });
  return [
    ...plain.filter(([, value]) => value !== "").map(([attribute, value]) => ({ attribute, value })),
    ...tags.map((value) => ({ attribute: "tag", value })),
    ...Object.entries(meta).map(([name, value]) => ({ attribute: `meta.${name}`, value })),
  ];
}

function commonTo(instances: readonly InstanceBody[]): Common[] {
  const [first, ...rest] = instances;
  if (first === undefined) return [];
  let common = attributesOf(first);
  for (const instance of rest) {
    const has = new Set(attributesOf(instance).map(toKey));
    common = common.filter((one) => has.has(toKey(one)));
  }
  const place = ({ attribute }: Common) => (ORDER.indexOf(attribute) + 1 || ORDER.length + 1) - 1;
  return common.sort((one, other) => place(one) - place(other));
}

/** All of them came after every other one. */
function cameApart(failing: readonly InstanceBody[], others: readonly InstanceBody[]): Common | null {
  if (others.length === 0 || failing.length === 0) return null;
  const first = failing.map(({ createdAt }) => createdAt).sort()[0] as string;
  return others.every(({ createdAt }) => createdAt < first) ? { attribute: "came", value: first } : null;
}

function sharedCheck(failing: readonly InstanceBody[]): Failing["check"] {
  const [first, ...rest] = failing;
  const bad = (instance: InstanceBody) =>
    instance.checks.filter(({ status }) => status === "critical" || status === "warning");
  const shared = first && bad(first).find(({ id }) => rest.every((one) => bad(one).some((other) => other.id === id)));
  return shared === undefined ? null : { id: shared.id, output: shared.output };
}

/** The parts of the sentence: what is strong stands first. */
export interface CommonText {
  readonly strong: string;
  readonly rest: string;
}

const VERBS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  version: ["runs", "run"],
  zone: ["is in zone", "are in zone"],
  via: ["came through", "came through"],
  tag: ["has the tag", "have the tag"],
  host: ["is on", "are on"],
  protocol: ["speaks", "speak"],
};

/** Null when nothing fails. `all`: how many instances there are. */
export function commonText({ failing, apart, shared, check }: Failing, all: number): CommonText | null {
  if (failing.length === 0) return null;
  const isOne = failing.length === 1;
  const who = isOne ? "The failing instance" : `All ${failing.length} failing instances`;
  const by = apart.find(({ attribute }) => attribute !== "came");
  const came = apart.find(({ attribute }) => attribute === "came");
  const checked =
    check === null ? "" : isOne ? ` Its check ${check.id} fails.` : ` They fail the same check, ${check.id}.`;
  if (failing.length === all) {
    const same = shared.concat(apart).filter(({ attribute }) => attribute !== "came");
    return {
      strong: isOne ? "The only instance fails." : `All ${all} instances fail.`,
      rest: `${checked}${sameText(same)}`,
    };
  }
  if (by !== undefined) {
    const [one, many] = VERBS[by.attribute] ?? [`has ${by.attribute} =`, `have ${by.attribute} =`];
    const others = all - failing.length === 1 ? "the other one does not" : "none of the others does";
    const more = came === undefined ? "" : " They came later than all others.";
    return { strong: `${who} ${isOne ? one : many} ${by.value}, and ${others}.`, rest: `${more}${checked}` };
  }
  if (came !== undefined)
    return { strong: `${who} came later than all others.`, rest: `${checked} Nothing else tells them apart.` };
  const untold = isOne && apart.length === 0 ? "" : ` ${plural(failing.length, "instance")} of ${all} fail`;
  return {
    strong: check === null ? `${untold.trim() || "One instance fails"}.` : checked.trim(),
    rest: " Version, zone, dialect, tags and meta do not tell the failing from the others.",
  };
}

function sameText(same: readonly Common[]): string {
  const told = same.filter(({ attribute }) => attribute === "version" || attribute === "zone");
  return told.length === 0 ? "" : ` All have ${listed(told.map(({ attribute, value }) => `${attribute} ${value}`))}.`;
}

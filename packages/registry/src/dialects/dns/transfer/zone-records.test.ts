/** A whole zone has what single answers have, and answers are kept only while they are right. Random catalogs. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isGood, type NamesRig, nameOf, openNames, showShort } from "../../../../../../test/dns/names-rig.ts";
import type { Instance } from "../../../core/index.ts";
import type { Reply } from "../names/reply.ts";
import { resolve } from "../names/resolve.ts";
import { CLASS, type Name, type Resource, TYPE } from "../wire/message.ts";
import { isName, keyOf, showName } from "../wire/name.ts";
import { canonicalData, toResource } from "../wire/record.ts";
import type { FileZone } from "../zone/model.ts";
import { serviceRecords, zoneRecords } from "./zone-records.ts";

const words = (...texts: string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);
const SERVICES = [
  "api",
  "API",
  "my.app",
  "my app",
  "my-app",
  "addr",
  "ns",
  "shop",
  "_tcp",
  "dns-sd",
  "größe",
  "x".repeat(70),
];
const IDS = ["a1", "A1", "a.1", "a-1", "host:80", "id", "日本", "y".repeat(64), "_sub", "-"];

const instance: fc.Arbitrary<Partial<Instance>> = fc.record({
  address: words(
    "10.0.0.1",
    "10.0.0.2",
    "2001:db8::1",
    "2001:DB8:0::1",
    "web.example.com",
    "api.rollcall",
    "no address",
  ),
  ports: words("{}", '{"default":80}', '{"http":81,"Admin UI":82}', '{"default":0,"b":1}', '{"admin-ui":9}').map(
    (text) => JSON.parse(text) as Record<string, number>,
  ),
  protocol: words("http", "udp", "UDP"),
  tags: fc.uniqueArray(words("blue", "Blue", "v1.2", "v1-2", "zone", "id", "_tcp", "0a000001", "a b"), {
    maxLength: 3,
  }),
  meta: words("{}", '{"k":"v"}', '{"k":"v","dns.priority":"7"}').map(
    (text) => JSON.parse(text) as Record<string, string>,
  ),
  version: words("", "1.2", "1-2", "2", "1.2.3", "a._tcp", ".."),
  zone: words("", "eu", "EU", "eu.west"),
  weight: words("0", "1", "100", "300").map(Number),
  status: words("passing", "passing", "warning", "critical", "draining", "starting") as fc.Arbitrary<
    Instance["status"]
  >,
});

type Step =
  | {
      readonly kind: "register";
      readonly account: string;
      readonly service: string;
      readonly id: string;
      readonly more: Partial<Instance>;
    }
  | { readonly kind: "deregister"; readonly account: string; readonly service: string; readonly id: string };

const place = {
  account: words("default", "default", "default", "shop"),
  service: words(...SERVICES),
  id: words(...IDS),
};
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("register" as const), ...place, more: instance }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("deregister" as const), ...place }) },
);

async function take(names: NamesRig, each: Step): Promise<void> {
  if (each.kind === "register") await names.register(each.service, each.id, each.more, each.account);
  else {
    const { account, service, id } = each;
    await names.rig.registry.propose(account, { kind: "deregister", instance: { service, id } });
  }
}

function setKey({ name, type }: Resource): string {
  return `${keyOf(name)} ${type}`;
}

function factOf({ type, data }: Resource): string {
  return canonicalData(type, data);
}

/** The records of a zone by owner and type. */
function toSets(records: Iterable<Resource>): Map<string, Resource[]> {
  const sets = new Map<string, Resource[]>();
  for (const record of records) {
    const set = sets.get(setKey(record)) ?? [];
    sets.set(setKey(record), set);
    set.push(record);
  }
  return sets;
}

/** Every set of the zone is what `resolve` answers, every target of ours has its addresses in the zone. */
function checkZone(names: NamesRig, zoneName: string): void {
  names.read((world) => {
    const zone = world.zoneOf(nameOf(zoneName));
    assert.ok(zone !== undefined);
    const all = [...zoneRecords(world, zone)];
    assert.deepEqual([...zoneRecords(world, zone)].map(showFull), all.map(showFull), "another order");
    const sets = toSets(all);
    for (const set of sets.values()) {
      const [first] = set;
      if (first === undefined) continue;
      const { name, type } = first;
      assert.ok(isName(name), showName(name));
      assert.equal(new Set(set.map(factOf)).size, set.length, `doubles at ${showFull(first)}`);
      assert.equal(new Set(set.map((record) => record.ttlS)).size, 1, `two TTLs at ${showFull(first)}`);
      const types = all.filter((record) => keyOf(record.name) === keyOf(name)).map((record) => record.type);
      if (types.includes(TYPE.CNAME)) assert.deepEqual(types, [TYPE.CNAME]);
      // A child zone's servers and their addresses are its own to answer for.
      const owner = world.zoneOf(name);
      if (owner === undefined || keyOf(owner.name) !== keyOf(zone.name)) continue;
      const reply = resolve({ name, type, class: CLASS.IN }, world);
      assert.deepEqual(facts(reply, type), set.map(factOf).sort(), `${showFull(first)} is answered otherwise`);
    }
    for (const record of all) {
      if (record.type !== TYPE.SRV || record.data.kind !== "service") continue;
      const { target } = record.data;
      const owner = world.zoneOf(target);
      if (owner === undefined || keyOf(owner.name) !== keyOf(zone.name) || isHost(target)) continue;
      const found = [TYPE.A, TYPE.AAAA].some((type) => sets.has(`${keyOf(target)} ${type}`));
      assert.ok(found, `${showFull(record)} leads nowhere`);
      const reply = resolve({ name: record.name, type: TYPE.SRV, class: CLASS.IN }, world);
      const said = reply?.additional.filter((other) => keyOf(other.name) === keyOf(target)) ?? [];
      const asked = [TYPE.A, TYPE.AAAA].flatMap((type) =>
        facts(resolve({ name: target, type, class: CLASS.IN }, world), type),
      );
      assert.deepEqual(said.map(factOf).sort(), asked.sort(), `${showFull(record)} leads elsewhere`);
    }
  });
}

/** `api.rollcall`, the host that an instance says it is: there may be no such service. */
function isHost(target: Name): boolean {
  return target.length === 2;
}

function showFull(record: Resource): string {
  return `${showName(record.name)} ${record.ttlS} ${showShort(record)}`;
}

function facts(reply: Reply | undefined, type: number): readonly string[] {
  return (reply?.answers ?? [])
    .filter((record) => record.type === type)
    .map(factOf)
    .sort();
}

/** A zone file of `rollcall.`, with sets that the catalog has, too. */
function fileOf(): FileZone {
  const at = (owner: string, type: number, data: Resource["data"]): Resource =>
    toResource(nameOf(owner), type, 60, data);
  const authority = at("rollcall.", TYPE.SOA, {
    kind: "authority",
    primary: nameOf("one.rollcall."),
    mailbox: nameOf("admin.rollcall."),
    serial: 7,
    refreshS: 1,
    retryS: 1,
    expireS: 1,
    minimumS: 600,
  });
  const records = [
    authority,
    at("rollcall.", TYPE.NS, { kind: "name", target: nameOf("one.rollcall.") }),
    at("one.rollcall.", TYPE.A, { kind: "address", address: "192.0.2.1" }),
    at("api.rollcall.", TYPE.A, { kind: "address", address: "10.0.0.1" }),
    at("api.rollcall.", TYPE.A, { kind: "address", address: "192.0.2.2" }),
    at("api.rollcall.", TYPE.MX, { kind: "exchange", preference: 1, target: nameOf("one.rollcall.") }),
    at("my-app.rollcall.", TYPE.CNAME, { kind: "name", target: nameOf("api.rollcall.") }),
  ];
  const owners = new Map<string, Resource[]>();
  for (const record of records) owners.set(keyOf(record.name), [...(owners.get(keyOf(record.name)) ?? []), record]);
  return { origin: nameOf("rollcall."), authority, owners, between: new Set() };
}

for (const whenNoneHealthy of ["nothing", "held"] as const)
  for (const files of [[], [fileOf()]])
    test(`a zone holds what is answered (${whenNoneHealthy}, ${files.length} files)`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
          const names = await openNames({ settings: { whenNoneHealthy }, files });
          try {
            for (const each of steps) await take(names, each);
            checkZone(names, "rollcall.");
            checkZone(names, "shop.rollcall.");
          } finally {
            names.close();
          }
        }),
        { numRuns: 40 },
      );
    });

test("a zone is the sum of what its services have", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const names = await openNames();
      try {
        for (const each of steps) await take(names, each);
        names.read((world) => {
          const zone = world.zoneOf(nameOf("rollcall."));
          assert.ok(zone?.kind === "account");
          const parts = SERVICES.flatMap((service) => [...serviceRecords(world, zone, service)]).map(showFull);
          const all = [...zoneRecords(world, zone)].map(showFull);
          const bare = all.filter((line) => !parts.includes(line));
          assert.ok(bare.length <= 14, `without a service: ${bare.join("\n")}`);
          assert.deepEqual(
            parts.filter((line) => !all.includes(line)),
            [],
          );
        });
      } finally {
        names.close();
      }
    }),
    { numRuns: 40 },
  );
});

const QUESTIONS: readonly (readonly [Name, keyof typeof TYPE])[] = [
  ...SERVICES.flatMap((service): Name[] => {
    const label = Buffer.from(service).toString("latin1").slice(0, 62);
    return [[label], ["blue", label], ["v1-2", label], ["1", "2", "version", label], [`_${label}`, "_tcp"]];
  }),
  ["my-app"],
  ["a1", "id", "api"],
  ["_admin-ui", "_tcp", "api"],
  ["_services", "_dns-sd", "_udp"],
  [],
].flatMap((left) => (["A", "SRV", "PTR", "SOA"] as const).map((type) => [[...left, "rollcall"], type] as const));

test("an answer that may be kept is the answer that would be given", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 12 }), async (steps) => {
      const names = await openNames();
      try {
        let kept = new Map<number, Reply>();
        for (const each of steps) {
          const before = names.changes.count;
          const zones = names.read((world) => world.zones().length);
          await take(names, each);
          // The server forgets all when the index tells, or when zones come or go.
          if (names.changes.count > before || zones !== names.read((world) => world.zones().length)) kept = new Map();
          names.read((world) => {
            for (const [i, [name, type]] of QUESTIONS.entries()) {
              const old = kept.get(i);
              const reply = resolve({ name, type: TYPE[type], class: CLASS.IN }, world);
              assert.ok(reply !== undefined);
              if (old !== undefined && isGood(old.dependencies, world.view))
                assert.deepEqual(told(old), told(reply), `${showName(name)} ${type} is stale`);
              kept.set(i, reply);
            }
          });
        }
      } finally {
        names.close();
      }
    }),
    { numRuns: 40 },
  );
});

/** All but the serial of a negative answer's SOA: see `negative`. */
function told({ rcode, answers, additional }: Reply): unknown {
  return { rcode, answers: answers.map(showFull), additional: additional.map(showFull) };
}

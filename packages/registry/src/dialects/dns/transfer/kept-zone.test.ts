/** At every serial, a secondary that took increments has the zone that a new secondary would get. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULTS, nameOf } from "../../../../../../test/dns/names-rig.ts";
import { accepted, instanceOf, openRig, type Rig } from "../../../../../../test/harness/registry.ts";
import { type Access, ALONE, type Instance, type Life } from "../../../core/index.ts";
import type { Desk } from "../desk.ts";
import type { Settings } from "../settings/model.ts";
import { TYPE } from "../wire/message.ts";
import { serialOf } from "../wire/serial.ts";
import { LabelIndex } from "../zone/label-index.ts";
import type { FileZone } from "../zone/model.ts";
import { OpenZones } from "../zone/open-zones.ts";
import { toGround, toWorld } from "../zone/world.ts";
import { type Journal, recordKey } from "./journal.ts";
import { applyIncrements } from "./journal-rig.ts";
import { KeptZone, type WholeZone } from "./kept-zone.ts";
import { zoneRecords } from "./zone-records.ts";

interface Primary {
  readonly desk: Desk;
  readonly rig: Rig;
  readonly zone: KeptZone;
  register(service: string, id: string, more?: Partial<Instance>, account?: string, life?: Life): Promise<void>;
  deregister(service: string, id: string, account?: string): Promise<void>;
  setFiles(files: readonly FileZone[]): void;
  /** The zone as it stands in the catalog now. */
  truth(): string[];
  close(): void;
}

async function openPrimary(more: Partial<Settings> = {}): Promise<Primary> {
  const rig = await openRig();
  const { registry } = rig;
  // Turns take real time; leases run out by the test's.
  const clock = { now: () => rig.clock.now(), monotonic: () => performance.now() };
  const settings: Settings = { ...DEFAULTS, ...more };
  const access = { listAccounts: () => [] } as unknown as Access;
  const index = new LabelIndex(registry, rig.clock, settings);
  const zones = new OpenZones({ registry, access, settings, names: [], log: { warn: () => {} } });
  const addresses = ["192.0.2.53"];
  const log = { debug: () => {} } as unknown as Desk["log"];
  const options = { settings, index, zones, addresses };
  const read: Desk["read"] = (use) => registry.read((view) => use(toWorld(view, options)));
  const ground = () => registry.read((view) => toGround(view, options));
  const otherShape = (): undefined => undefined;
  const desk: Desk = {
    registry,
    nodes: ALONE,
    access,
    clock,
    log,
    settings,
    zones,
    read,
    ground,
    node: "n1",
    otherShape,
    tellFiles: otherShape,
  };
  await new Promise(setImmediate);
  const found = (): WholeZone => read((world) => world.zoneOf(nameOf("rollcall.")) as never);
  const zone = new KeptZone(desk, found());
  zones.onChange(() => zone.touch());
  await new Promise(setImmediate);
  return {
    desk,
    rig,
    zone,
    async register(service, id, rest = {}, account = "default", life = "permanent") {
      accepted(await registry.propose(account, { kind: "register", instance: instanceOf(service, id, rest), life }));
    },
    async deregister(service, id, account = "default") {
      await registry.propose(account, { kind: "deregister", instance: { service, id } });
    },
    setFiles: (files) => zones.setFiles(files),
    truth: () => read((world) => keysOf(zoneRecords(world, found()))),
    close() {
      zone.close();
      zones.close();
      index.close();
    },
  };
}

/** All but the SOA, whose serial is looked at by itself. Names that differ in case alone are one (RFC 4343). */
function keysOf(records: Iterable<Parameters<typeof recordKey>[0]>): string[] {
  return [...records]
    .filter(({ type }) => type !== TYPE.SOA)
    .map(recordKey)
    .sort();
}

/** What a secondary has, at which serial; it takes steps where there are some. */
class Copy {
  serial = 0;
  steps = 0;
  keys: string[] = [];

  take(journal: Journal): void {
    const steps = journal.since(this.serial);
    if (steps === undefined) this.keys = keysOf(journal.whole());
    else {
      const zone = new Set(this.keys);
      applyIncrements(zone, steps, journal.authority);
      this.keys = [...zone].sort();
      this.steps += steps.length;
    }
    this.serial = serialOf(journal.authority);
  }
}

const at = (address: string): Partial<Instance> => ({ address });

test("an account that appears takes the service of its name out of the zone above, at another serial", async () => {
  const primary = await openPrimary();
  try {
    await primary.register("team", "t1", at("10.0.0.1"));
    await primary.register("Team", "t2", at("10.0.0.2"));
    await primary.register("api", "a1", at("team.rollcall"));
    const copy = new Copy();
    copy.take(await primary.zone.refresh());
    assert.ok(journalHas(await primary.zone.refresh(), "t1.id.team.rollcall", TYPE.A));
    const { serial, keys } = copy;
    await primary.register("x", "x", at("10.0.0.9"), "team");
    const journal = await primary.zone.refresh();
    copy.take(journal);
    assert.ok(copy.serial > serial, "secondaries hear of it");
    assert.ok(copy.steps > 0, "by an increment");
    assert.notDeepEqual(copy.keys, keys);
    assert.deepEqual(copy.keys, primary.truth());
    assert.deepEqual(keysOf(journal.whole()), primary.truth());
    assert.ok(!journalHas(journal, "team.rollcall", TYPE.A), "it is hidden");
    assert.ok(journalHas(journal, "team.rollcall", TYPE.NS), "and delegated");
  } finally {
    primary.close();
  }
});

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Notes the longest time without a turn for others, in processor time, as the machine may be busy. */
function watchStalls(): { end(): number } {
  let longestMs = 0;
  let lastMs = cpuMs();
  const look = (): void => {
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(look, 1);
  return {
    end() {
      look();
      clearInterval(timer);
      return longestMs;
    },
  };
}

function journalHas(journal: Journal, name: string, type: number): boolean {
  return [...journal.whole()].some((record) => record.name.join(".").toLowerCase() === name && record.type === type);
}

const words = (...texts: string[]): fc.Arbitrary<string> => fc.constantFrom(...texts);
const change = fc.record({
  account: words("default", "default", "default", "team", "api", "other_team.x"),
  service: words("api", "My Api", "my-api", "team", "TEAM", "other_team-x", "web"),
  id: words("a", "b", "x y", "x-y"),
  kind: words("register", "register", "register", "deregister", "pass", "file"),
  address: words("10.0.0.1", "10.0.0.2", "2001:db8::1", "host.example.com"),
  tag: words("blue", "green"),
  status: words("passing", "passing", "critical") as fc.Arbitrary<Instance["status"]>,
  life: words("permanent", "short"),
  look: fc.boolean(),
});

for (const whenNoneHealthy of ["nothing", "held"] as const)
  test(`whatever comes and goes, a serial stands for one content (${whenNoneHealthy})`, async () => {
    let steps = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 12 }), async (changes) => {
        const primary = await openPrimary({ whenNoneHealthy, heldMs: 3000 });
        try {
          const [copy, late] = [new Copy(), new Copy()];
          late.take(await primary.zone.refresh());
          const given = new Map<number, string[]>();
          for (const { account, service, id, kind, address, tag, status, life, look } of changes) {
            const lease: Life = life === "short" ? { ttlMs: 1000 } : "permanent";
            if (kind === "register")
              await primary.register(service, id, { address, tags: [tag], status }, account, lease);
            else if (kind === "deregister") await primary.deregister(service, id, account);
            else if (kind === "pass") await primary.rig.pass(2000);
            if (!look) continue;
            const journal = await primary.zone.refresh();
            const truth = primary.truth();
            assert.deepEqual(keysOf(journal.whole()), truth, "the whole zone");
            copy.take(journal);
            assert.deepEqual(copy.keys, truth, "by increments");
            assert.deepEqual(given.get(copy.serial) ?? truth, truth, `two contents of serial ${copy.serial}`);
            given.set(copy.serial, truth);
          }
          late.take(await primary.zone.refresh());
          assert.deepEqual(late.keys, primary.truth(), "by many increments at once");
          steps += copy.steps;
        } finally {
          primary.close();
        }
      }),
      { numRuns: 80 },
    );
    assert.ok(steps > 40, `${steps} steps`);
  });

test("instances that lapsed are held in answers, not in zones: nothing would tell of their end", async () => {
  const primary = await openPrimary({ whenNoneHealthy: "held", heldMs: 60_000 });
  try {
    await primary.register("api", "a1", at("10.0.0.1"), "default", { ttlMs: 1000 });
    await primary.register("web", "w1", { address: "10.0.0.2", status: "critical" });
    const lapsed = (): number => primary.desk.read((world) => world.index.lapsed("default", "api").length);
    assert.ok(journalHas(await primary.zone.refresh(), "api.rollcall", TYPE.A));
    await primary.rig.pass(5000);
    assert.equal(lapsed(), 1);
    const journal = await primary.zone.refresh();
    assert.ok(!journalHas(journal, "api.rollcall", TYPE.A));
    assert.ok(journalHas(journal, "web.rollcall", TYPE.A), "a critical one is held: a change of its would be told");
    const [serial, keys] = [serialOf(journal.authority), keysOf(journal.whole())];
    await primary.rig.pass(60_000);
    assert.equal(lapsed(), 0);
    const later = await primary.zone.refresh();
    assert.deepEqual([serialOf(later.authority), keysOf(later.whole())], [serial, keys]);
  } finally {
    primary.close();
  }
});

test("a zone that nobody asks for any more notes no more than is worth an increment", async () => {
  const primary = await openPrimary();
  try {
    const copy = new Copy();
    await primary.register("stays", "s1", at("10.0.0.1"));
    copy.take(await primary.zone.refresh());
    let notedMax = 0;
    for (let i = 0; i < 20_000; i += 500) {
      const names = Array.from({ length: 500 }, (_, j) => `job-${i + j}`);
      await Promise.all(names.map((name) => primary.register(name, "j", at("10.0.0.2"))));
      await Promise.all(names.map((name) => primary.deregister(name, "j")));
      notedMax = Math.max(notedMax, primary.zone.noted);
    }
    assert.ok(notedMax > 10_000 && notedMax <= 16_000, `${notedMax} noted`);
    await primary.register("comes", "c1", at("10.0.0.3"));
    copy.take(await primary.zone.refresh());
    assert.deepEqual(copy.keys, primary.truth());
    assert.ok(journalHas(await primary.zone.refresh(), "comes.rollcall", TYPE.A));
  } finally {
    primary.close();
  }
});

test("a service of 6000 instances is rendered by turns, while it changes, and is of one moment", async () => {
  const primary = await openPrimary();
  const put = (i: number, more: Partial<Instance> = {}): Promise<void> =>
    primary.register("big", `i${i}`, { address: `10.${i >> 8}.${i & 255}.1`, ...more });
  try {
    for (let i = 0; i < 6000; i += 500) await Promise.all(Array.from({ length: 500 }, (_, j) => put(i + j)));
    const copy = new Copy();
    let changes = 0;
    const writing = setInterval(() => void put(changes++ % 100, { version: `v${changes}` }), 20);
    const refresh = async (): Promise<Journal> => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const stalls = watchStalls();
      const journal = await primary.zone.refresh();
      longestMs.push(Math.round(stalls.end()));
      return journal;
    };
    const longestMs: number[] = [];
    copy.take(await refresh());
    assert.ok(changes > 3, "it changed meanwhile");
    const second = await refresh();
    assert.equal(second.since(copy.serial)?.length, 1, "an increment, though it never stood still");
    clearInterval(writing);
    copy.take(await refresh());
    assert.equal(copy.steps, 2);
    assert.deepEqual(copy.keys, primary.truth());
    assert.ok(Math.max(...longestMs) < 150, `held everybody up for ${longestMs} ms`);
  } finally {
    primary.close();
  }
});

/** Full answers and hashes follow the catalog, and what has changed is listed in steps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { accepted, instanceOf, openRig, type Rig } from "../../../../../../test/harness/registry.ts";
import type { Registry } from "../../../core/index.ts";
import { Shared } from "../../../net/answers/parts.ts";
import { Spellings } from "../instances/spellings.ts";
import { Deltas } from "./deltas.ts";
import { Fetch } from "./fetch.ts";

const JSON_FORM = { format: "json", gzip: false } as const;

async function openFetch({ registry, clock }: Rig): Promise<{ fetch: Fetch; close(): void }> {
  const spellings = new Spellings(registry);
  const source = { registry, clock, spellings, dataCenter: "MyOwn", deltaMs: 180_000 };
  const deltas = await Deltas.open(source as never);
  const fetch = new Fetch({ ...source, deltas } as never);
  return {
    fetch,
    close() {
      for (const one of [fetch, deltas, spellings]) one.close();
    },
  };
}

/** The hash, and by application its instances, sorted. */
async function read(fetch: Fetch): Promise<{ readonly hash: string; readonly ids: readonly string[] }> {
  const body = await fetch.all("default", JSON_FORM);
  const text =
    body instanceof Shared ? body.whole.toString() : Buffer.concat([...(body as Iterable<Buffer>)]).toString();
  const { applications } = JSON.parse(text);
  const ids: string[] = [];
  for (const { name, instance } of applications.application)
    for (const { instanceId, status } of instance) ids.push(`${name}/${instanceId} ${status}`);
  return { hash: applications.apps__hashcode, ids: ids.sort() };
}

async function put(registry: Registry, service: string): Promise<void> {
  accepted(
    await registry.propose("default", { kind: "register", instance: instanceOf(service, "1"), life: "permanent" }),
  );
}

function fill(registry: Registry, count: number): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, (_, nth) => put(registry, `s${nth}`)));
}

test("what is listed bit by bit is what is listed at once", async () => {
  const step = fc.record({
    there: fc.boolean(),
    asks: fc.boolean(),
    service: fc.constantFrom("a", "A", "b", "c"),
    id: fc.constantFrom("1", "2"),
    status: fc.constantFrom("passing" as const, "critical" as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const rig = await openRig();
      const { fetch, close } = await openFetch(rig);
      for (const { there, asks, service, id, status } of steps) {
        const instance = instanceOf(service, id, { status });
        await rig.registry.propose(
          "default",
          there ? { kind: "register", instance, life: "permanent" } : { kind: "deregister", instance: { service, id } },
        );
        if (asks) await read(fetch);
      }
      const other = await openFetch(rig);
      assert.deepEqual(await read(fetch), await read(other.fetch));
      close();
      other.close();
    }),
    { numRuns: 25 },
  );
});

test("many applications are listed in many turns, and with what comes meanwhile", async () => {
  const rig = await openRig();
  await fill(rig.registry, 3000);
  const { fetch, close } = await openFetch(rig);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const asked = read(fetch);
  await put(rig.registry, "late");
  const { hash, ids } = await asked;
  isOver = true;
  assert.ok(turns >= 5, `${turns} turns`);
  assert.equal(ids.length, 3001);
  assert.equal(hash, "UP_3001_");
  // From now on a change costs its own application, and no turn.
  accepted(await rig.registry.propose("default", { kind: "deregister", instance: { service: "late", id: "1" } }));
  assert.ok(!(fetch.all("default", JSON_FORM) instanceof Promise));
  assert.equal((await read(fetch)).hash, "UP_3000_");
  close();
});

test("a delta after thousands of changes is made in turns", async () => {
  const rig = await openRig();
  const { fetch, close } = await openFetch(rig);
  await fill(rig.registry, 3000);
  const body = fetch.delta("default", JSON_FORM);
  assert.ok(body instanceof Promise);
  assert.ok((await body) !== undefined);
  assert.ok(!(fetch.delta("default", JSON_FORM) instanceof Promise));
  close();
});

/** Watched services out of a catalog: of many only those that changed are looked at, and nothing known is lost between two. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig, register } from "../../../../../test/harness/registry.ts";
import type { Registry } from "../../core/index.ts";
import { Names } from "../../net/hosts/names.ts";
import type { WatchedService } from "../config.ts";
import { Once } from "../host/once.ts";
import { Watched } from "./watched.ts";

function serviceOf(name: string, more: Partial<WatchedService> = {}): WatchedService {
  return {
    ...{ name, service: name, defaults: [], keepsDefaults: false, keepsPrevious: true, portOverride: 0, portName: "" },
    ...{ labels: [], leads: false, haproxy: null, outputs: [] },
    ...more,
  };
}

const said: string[] = [];
const once = new Once({ info() {}, warn: (_, text) => said.push(text) });
const hosts: Record<string, string> = { "one.example": "10.0.0.1" };

function open(t: { after(end: () => void): void }) {
  let changes = 0;
  const lookup = async (host: string): Promise<readonly string[]> => {
    const address = hosts[host];
    if (address === undefined) throw new Error("ENOTFOUND");
    return [address];
  };
  const names = new Names({ monotonic: () => performance.now() }, lookup);
  const lookOut = () => ({ close() {} });
  const watched = new Watched({ names, once, lookOut, onChange: () => changes++ });
  t.after(() => watched.close());
  const addressesOf = (name: string) => watched.backendsOf(name)?.map(({ address }) => address) ?? null;
  return { watched, addressesOf, changes: () => changes };
}

/** What was read is told in a turn of its own. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

async function add(registry: Registry, service: string, id: string, address = "10.0.0.9"): Promise<void> {
  await registry.propose("default", register(service, id, "permanent", { address }));
  await turn();
}

test("services are read from the catalog, and again when they change; others tell nothing", async (t) => {
  const { registry } = await openRig();
  const { watched, addressesOf, changes } = open(t);
  watched.set([serviceOf("a"), serviceOf("also-a", { service: "a" }), serviceOf("fixed", { service: null })]);
  await turn();
  assert.deepEqual([addressesOf("a"), addressesOf("also-a")], [null, null], "nobody knows without a catalog");
  await add(registry, "a", "1");
  watched.follow(registry, "default");
  await turn();
  assert.deepEqual([addressesOf("a"), addressesOf("also-a")], [["10.0.0.9"], ["10.0.0.9"]]);
  const before = changes();
  const same = watched.backendsOf("a");
  await add(registry, "other", "1");
  assert.equal(changes(), before);
  await add(registry, "a", "2", "10.0.0.8");
  assert.equal(changes(), before + 1, "one change for both");
  assert.equal(watched.backendsOf("a")?.length, 2);
  const two = watched.backendsOf("a");
  assert.notEqual(two, same);
  watched.set([serviceOf("a")]);
  await turn();
  assert.equal(watched.backendsOf("a"), two, "what is the same stays the same");
  assert.equal(addressesOf("also-a"), null);
});

test("another catalog that is empty takes nobody away", async (t) => {
  const [one, other] = [await openRig(), await openRig()];
  const { watched, addressesOf } = open(t);
  watched.set([serviceOf("a")]);
  await add(one.registry, "a", "1");
  watched.follow(one.registry, "default");
  await turn();
  watched.follow(other.registry, "default");
  await turn();
  assert.deepEqual(addressesOf("a"), ["10.0.0.9"]);
  await add(one.registry, "a", "2");
  assert.deepEqual(addressesOf("a"), ["10.0.0.9"], "the one before is not followed any more");
  await add(other.registry, "a", "3", "10.0.0.3");
  assert.deepEqual(addressesOf("a"), ["10.0.0.3"]);
});

test("hosts by name have their addresses, and one that has none is left out and said", async (t) => {
  const { registry } = await openRig();
  const { watched, addressesOf } = open(t);
  await add(registry, "a", "1", "one.example");
  await add(registry, "a", "2", "lost.example");
  watched.set([serviceOf("a")]);
  watched.follow(registry, "default");
  await turn();
  await turn();
  assert.deepEqual(addressesOf("a"), ["10.0.0.1"]);
  assert.deepEqual(said, ["the host lost.example: has no address, and is left out"]);
});

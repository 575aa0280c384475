/** Which servers a service has: Synapse's rules. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordOf } from "../../../../../test/harness/registry.ts";
import type { InstanceRecord } from "../../core/index.ts";
import type { Backend, WatchedService } from "../config.ts";
import { backendsOf, hostsOf } from "./backends.ts";

const SERVICE: WatchedService = {
  ...{
    name: "web",
    service: "web",
    defaults: [],
    keepsDefaults: false,
    keepsPrevious: true,
    portOverride: 0,
    portName: "",
  },
  ...{ labels: [], leads: false, haproxy: null, outputs: [] },
};

const instance = (id: string, more: Partial<InstanceRecord> = {}): InstanceRecord =>
  recordOf("web", id, { address: "10.0.0.1", ports: { default: 80 }, weight: 5, ...more });

function backend(id: string, address = "10.0.0.9"): Backend {
  return { id, address, port: 1, weight: 1, isDraining: false, options: "", meta: {}, tags: [], zone: "" };
}

const known = (host: string): string | undefined =>
  host === "lost.example" ? undefined : host.replace("named", "10.0.0.7");

function idsOf(
  service: Partial<WatchedService>,
  instances: readonly InstanceRecord[],
  previous: readonly Backend[] | null = null,
) {
  return backendsOf({ ...SERVICE, ...service }, instances, previous, known)?.map(({ id }) => id) ?? null;
}

test("an instance is a server, with its port or the one that is said, draining or not", () => {
  const options = { haproxy_server_options: "backup" };
  const found = backendsOf(
    { ...SERVICE, portOverride: 9 },
    [instance("a", { meta: options, status: "draining" })],
    null,
    known,
  );
  assert.deepEqual(
    found?.map((one) => [one.id, one.address, one.port, one.weight, one.options, one.isDraining]),
    [["a", "10.0.0.1", 9, 5, "backup", true]],
  );
  const named = [instance("a", { ports: { default: 80, admin: 81 } }), instance("b")];
  const admins = backendsOf({ ...SERVICE, portName: "admin" }, named, null, known);
  assert.deepEqual(
    admins?.map(({ id, port }) => [id, port]),
    [["a", 81]],
  );
});

test("labels, the one that leads, and those that cannot be reached", () => {
  const three = [
    instance("a", { meta: { az: "1" }, createRevision: 3 }),
    instance("b", { meta: { az: "2" }, createRevision: 2 }),
    instance("c", { meta: { az: "1" }, createRevision: 4 }),
  ];
  assert.deepEqual(idsOf({ labels: [{ label: "az", value: "1", isEqual: true }] }, three), ["a", "c"]);
  assert.deepEqual(idsOf({ labels: [{ label: "az", value: "1", isEqual: false }] }, three), ["b"]);
  assert.deepEqual(idsOf({ leads: true }, three), ["b"]);
  assert.deepEqual(
    idsOf({}, [instance("x", { address: "lost.example" }), instance("y", { ports: {} }), instance("z")]),
    ["z"],
  );
  assert.deepEqual(
    hostsOf({ ...SERVICE, defaults: [backend("d", "named")] }, [instance("x", { address: "h" }), instance("z")]),
    ["h", "named"],
  );
});

test("an empty answer leaves what was there, else the defaults count", () => {
  const defaults = [backend("d", "named")];
  assert.deepEqual(idsOf({}, [], [backend("old")]), ["old"]);
  assert.deepEqual(idsOf({ defaults }, [], [backend("old")]), ["old"]);
  assert.equal(idsOf({}, []), null, "nobody knows what was there: it stays");
  assert.deepEqual(idsOf({ defaults }, []), ["d"]);
  assert.deepEqual(idsOf({ keepsPrevious: false }, [], [backend("old")]), []);
  assert.deepEqual(idsOf({ keepsPrevious: false, defaults }, [], [backend("old")]), ["d"]);
  assert.deepEqual(idsOf({ defaults }, [instance("a")]), ["a"]);
  assert.deepEqual(idsOf({ defaults, keepsDefaults: true }, [instance("a")]), ["a", "d"]);
});

/** Registrations by the paths of their entries, and by what little these say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceOf, LIMITS_OF_TESTS } from "../../../../test/harness/registry.ts";
import { Catalog } from "../core/catalog/state.ts";
import { decide } from "../core/decide/command.ts";
import { apply, type Command, type InstanceRecord, type Layout } from "../core/index.ts";
import { createPattern, refusePattern } from "./pattern.ts";

const STAMPS = { createRevision: 1, modRevision: 1, createdAtMs: 0, stampMs: 0, origin: "n1" };

function recordOf(more: Partial<InstanceRecord> = {}): InstanceRecord {
  return { ...instanceOf("web", "a"), lease: null, override: null, held: null, ...STAMPS, ...more };
}

test("patterns that say too little, too much or nothing known", () => {
  for (const good of [
    "<service>/<address>:<port>",
    "<service>/<version>/<zone>/<address>/<port>",
    "<service>/<id>/heartbeat",
    "nodes/<service>-<id>",
  ])
    assert.equal(refusePattern(good), undefined, good);
  for (const bad of ["", "<service>", "<id>", "<service>/<id>/<port>", "<service>/<name>", "<service>/<service>/<id>"])
    assert.ok(refusePattern(bad), bad);
  for (const bad of ["/<service>/<id>", "<service>//<id>", "<service>/<id>/"]) assert.ok(refusePattern(bad), bad);
});

test("a path that says it all", () => {
  const layout = createPattern("/s/", "<service>/<version>/<zone>/<address>/<port>", undefined);
  const instance = layout.toInstance("/s/web/1.2/east/10.0.0.1/8080", "1764500000", null);
  const { service, id, address, ports, version, zone, status, via } = instance ?? {};
  assert.deepEqual(
    [service, id, address, ports, version, zone, status, via],
    ["web", "1.2:east:10.0.0.1:8080", "10.0.0.1", { default: 8080 }, "1.2", "east", "passing", "pattern"],
  );
  const place = layout.placeOf({ service: "web", id: "1.2:east:10.0.0.1:8080" });
  assert.equal(place?.own, "/s/web/1.2/east/10.0.0.1/8080");
  assert.equal(layout.placeOf({ service: "web", id: "a1" }), null);
  const record = recordOf({ ...instance });
  assert.equal(layout.toValue(record, "1764500000"), "1764500000");
  assert.equal(layout.toValue({ ...record, address: "10.0.0.2" }, "1764500000"), null, "the path says otherwise");
  for (const key of ["/s/web", "/s/web/1/e/10.0.0.1", "/s/web/1/e/10.0.0.1/http", "/s/web/1/e/10.0.0.1/1/x"])
    assert.equal(layout.toInstance(key, "", null), null, key);
});

test("IPv6 and odd names come back as they went", () => {
  const layout = createPattern("/s/", "<service>/<address>:<port>", undefined);
  assert.equal(layout.toInstance("/s/web/::1:80", "", null)?.address, "::1");
  assert.equal(layout.placeOf({ service: "größe", id: "::1:80" })?.own, "/s/gr\xc3\xb6\xc3\x9fe/::1:80");
});

test("a path with an id, and what its bytes say of the rest", () => {
  const layout = createPattern("/s/", "<service>/<id>/heartbeat", undefined);
  const read = (value: string, known: InstanceRecord | null = null) =>
    layout.toInstance("/s/web/a/heartbeat", value, known);
  assert.deepEqual(read("10.0.0.1:80")?.ports, { default: 80 });
  assert.equal(read("[::1]:80")?.address, "::1");
  assert.equal(read("2026-11-30T12:05:00Z")?.address, "");
  const known = recordOf({ address: "10.9.9.9", ports: { default: 1, admin: 2 }, meta: { team: "blue" } });
  assert.equal(read("1764500000", known)?.address, "10.9.9.9", "a heartbeat says nothing of that");
  const object = read(JSON.stringify({ host: "10.0.0.2", port: "81", zone: "east", at: 5 }), known);
  assert.deepEqual(
    [object?.address, object?.ports, object?.zone, object?.meta],
    ["10.0.0.2", { default: 81, admin: 2 }, "east", { team: "blue" }],
  );
  const record = recordOf({ address: "10.1.1.1", ports: { default: 80 } });
  assert.equal(layout.toValue(record, null), "10.1.1.1:80");
  assert.equal(layout.toValue(record, "1764500000"), "1764500000");
  assert.equal(layout.toValue(record, "10.1.1.1:80"), "10.1.1.1:80");
  assert.equal(layout.toValue(record, "10.1.1.2:80"), "10.1.1.1:80");
  assert.equal(layout.toValue(record, '{"at":5,"host":"h","port":1}'), '{"at":5,"host":"10.1.1.1","port":80}');
});

test("what is written is a heartbeat, and both go when it stops", () => {
  const layouts: readonly Layout[] = [createPattern("/s/", "<service>/<address>:<port>", 30_000)];
  const catalog = new Catalog();
  const rules = { limits: () => LIMITS_OF_TESTS, layouts: () => layouts };
  const run = (command: Command) => {
    const stamp = { revision: catalog.revision + 1, atMs: 0, origin: "n1" };
    const decided = decide(catalog, "default", command, stamp, rules);
    assert.ok(decided.ok, JSON.stringify(decided));
    const { changes, heard = [] } = decided.value;
    const commit = { revision: stamp.revision, account: "default", atMs: 0, orderMs: 0, nth: 0, changes };
    if (changes.length > 0) apply(catalog, commit);
    return { kinds: changes.map(({ kind, cause }) => `${kind} ${cause}`), heard };
  };
  const key = "/s/web/10.0.0.1:80";
  const lease = "web/10.0.0.1:80";
  const put = (more: object = {}): Command => ({ kind: "put", key, value: "1", ...more });
  const entry = () => catalog.entry("default", key);

  assert.deepEqual(run(put()).kinds, ["lease granted", "instance registered", "key put"]);
  assert.equal(entry()?.lease, lease);
  assert.equal(entry()?.version, 1);
  for (const more of [{}, { keepLease: true }]) {
    const again = run(put(more));
    assert.deepEqual(again.kinds, ["key put"], "nothing new of the instance");
    assert.deepEqual(again.heard, [{ lease, ttlMs: 30_000 }]);
    assert.equal(entry()?.lease, lease);
  }
  assert.equal(entry()?.version, 3);
  // Through another dialect it gets another time, and keeps it.
  const instance = catalog.instance("default", "web", "10.0.0.1:80") as InstanceRecord;
  run({ kind: "register", instance, life: { ttlMs: 5000 } });
  assert.deepEqual(run(put()).heard, [{ lease, ttlMs: 5000 }]);
  run({ kind: "end", lease, cause: "expired" });
  assert.equal(entry(), undefined);
  assert.equal(catalog.instance("default", "web", "10.0.0.1:80"), undefined);
  // A lease of somebody's own goes before.
  run({ kind: "grant", lease: "mine", ttlMs: 9000, via: "test" });
  run(put({ lease: "mine" }));
  assert.equal(catalog.instance("default", "web", "10.0.0.1:80")?.lease, "mine");
  run({ kind: "delete", from: key });
  assert.equal(catalog.instance("default", "web", "10.0.0.1:80"), undefined);
});

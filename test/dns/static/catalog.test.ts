/** What zone files put into the catalog: in parts, over refusals and crashes, and out again. In this process. */
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { ALONE, type InstanceRecord, type Registry, refuse } from "../../../packages/registry/src/core/index.ts";
import { fromSrvWeight } from "../../../packages/registry/src/dialects/dns/labels/weight.ts";
import type { Settings } from "../../../packages/registry/src/dialects/dns/settings/model.ts";
import { openStatic, READ_OUTCOMES } from "../../../packages/registry/src/dialects/dns/static/files.ts";
import { SETTLE } from "../../../packages/registry/src/dialects/dns/static/settling.ts";
import { keyOf, parseName } from "../../../packages/registry/src/dialects/dns/wire/name.ts";
import { staticKey, staticRevision } from "../../../packages/registry/src/dialects/dns/zone/file.ts";
import type { FileZone } from "../../../packages/registry/src/dialects/dns/zone/model.ts";
import { accepted, openRig, register, replaceIn } from "../../harness/registry.ts";
import { temporaryDirectory, until } from "../../harness/scope.ts";

const HEAD = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n";
const EXAMPLE = parseName("example.")!;

interface Bench {
  readonly directory: string;
  readonly registry: Registry;
  readonly errors: string[];
  readonly tally: Float64Array;
  /** Origins as they were served last. */
  served: readonly string[];
  write(name: string, text: string): void;
  /** Opens the zone files of these settings until the next call or the end. */
  open(files?: readonly Partial<Settings["files"][number]>[], registry?: Registry): Promise<void>;
  close(): Promise<void>;
  instances(account?: string): InstanceRecord[];
}

async function openBench(t: TestContext, limits: { readonly instancesMax?: number } = {}): Promise<Bench> {
  const directory = join(temporaryDirectory(t, "catalog"), "zones");
  mkdirSync(directory);
  const { registry } = await openRig({ limits, plans: [SETTLE] });
  let running: { close(): Promise<void> } | undefined;
  const errors: string[] = [];
  const quiet = (): void => {};
  const note = (_fields: object, sentence: string): void => void errors.push(sentence);
  const log = { info: quiet, warn: quiet, error: note } as unknown as Parameters<typeof openStatic>[0]["log"];
  const bench: Bench = {
    directory,
    registry,
    errors,
    tally: new Float64Array(READ_OUTCOMES.length),
    served: [],
    write: (name, text) => {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    },
    async open(files = [{}], door = registry) {
      await running?.close();
      const entry = { path: directory, origin: undefined, account: "default", pollMs: 50 };
      const settings = { files: files.map((file) => ({ ...entry, ...file })) } as unknown as Settings;
      const setFiles = (zones: readonly FileZone[]): void => {
        bench.served = zones.map(({ origin }) => keyOf(origin)).sort();
      };
      const zones = { setFiles, list: () => [], onChange: () => quiet };
      running = await openStatic(
        { registry: door, nodes: ALONE, node: "n1", tellFiles: quiet, log, settings, zones },
        bench.tally,
      );
    },
    async close() {
      await running?.close();
    },
    instances: (account = "default") => registry.read((view) => [...(view.account(account)?.instances() ?? [])]),
  };
  t.after(() => bench.close());
  return bench;
}

function targets(count: number, address = "10.0.0.9"): string {
  return `${HEAD}web A ${address}\n$GENERATE 1-${count} _s$._tcp SRV "0 0 $ web"\n`;
}

test("more instances than one transaction holds", async (t) => {
  const bench = await openBench(t);
  bench.write("example.zone", targets(1800));
  await bench.open();
  assert.deepEqual(bench.served, ["example"]);
  await until(() => bench.instances().length === 1800);
  const revision = bench.registry.read((view) => view.revision);
  // The same file again makes no commit.
  await bench.open();
  await bench.close();
  assert.equal(
    bench.registry.read((view) => view.revision),
    revision,
  );
  bench.write("example.zone", targets(700, "10.0.0.10"));
  await bench.open();
  await until(() => bench.instances().length === 700 && bench.instances().every((one) => one.address === "10.0.0.10"));
  rmSync(join(bench.directory, "example.zone"));
  await until(() => bench.instances().length === 0 && bench.served.length === 0);
});

test("what a crash leaves half done is finished at the next start", async (t) => {
  const bench = await openBench(t);
  bench.write("example.zone", targets(1500));
  let left = 1;
  const failing = replaceIn(bench.registry, {
    propose: (account, command) =>
      left-- > 0
        ? bench.registry.propose(account, command)
        : Promise.resolve(refuse("unavailable", "the store is closed")),
  });
  await bench.open([{}], failing);
  await until(() => bench.errors.length === 1);
  assert.match(bench.errors[0] ?? "", /could not be registered: the store is closed/);
  assert.ok(bench.instances().length > 0 && bench.instances().length < 1500);
  // The file shrank before anything else could be done; nothing may stay of what it said first.
  bench.write("example.zone", targets(10));
  await bench.open();
  await until(() => bench.instances().length === 10);
});

test("a refusal is tried again until it is none", async (t) => {
  const bench = await openBench(t, { instancesMax: 5 });
  for (let i = 0; i < 3; i++)
    accepted(await bench.registry.propose("default", register("other", `o${i}`, "permanent")));
  bench.write("example.zone", targets(4));
  await bench.open();
  await until(() => bench.errors.length === 1);
  assert.match(bench.errors[0] ?? "", /may have 5 instances/);
  assert.deepEqual(bench.served, ["example"], "the zone is served all the same");
  await bench.registry.propose("default", { kind: "deregister", instance: { service: "other", id: "o0" } });
  await bench.registry.propose("default", { kind: "deregister", instance: { service: "other", id: "o1" } });
  await until(() => bench.instances().length === 5);
  assert.equal(bench.errors.length, 1, "it was said once");
});

test("ids that others hold are taken when they let go", async (t) => {
  const bench = await openBench(t);
  accepted(
    await bench.registry.propose("default", register("s1", "web.example:1", "permanent", { address: "192.0.2.1" })),
  );
  bench.write("example.zone", targets(1));
  await bench.open();
  await until(() => bench.errors.length === 1);
  assert.match(
    bench.errors[0] ?? "",
    /example\.zone:6: instance web\.example:1 of s1 is already registered through test/,
  );
  assert.deepEqual(
    bench.instances().map(({ address }) => address),
    ["192.0.2.1"],
  );
  const instance = { service: "s1", id: "web.example:1" };
  await bench.registry.propose("default", { kind: "deregister", instance });
  await until(() => bench.instances()[0]?.address === "10.0.0.9");
});

test("files of another account, of the same origin, with names that are none", async (t) => {
  const bench = await openBench(t);
  bench.write("a/example.zone", targets(1));
  bench.write("b/example.zone", targets(2));
  bench.write("b/a..b.zone", targets(1));
  bench.write("b/.hidden.zone", targets(1));
  const a = { path: join(bench.directory, "a"), account: "one" };
  const b = { path: join(bench.directory, "b"), account: "two" };
  await bench.open([a, b]);
  await until(() => bench.instances("one").length === 1);
  assert.deepEqual(bench.served, ["example"]);
  assert.equal(bench.instances("two").length, 0);
  assert.ok(
    bench.errors.some((sentence) =>
      /b\/example\.zone: the zone example\. already comes from .*a\/example/.test(sentence),
    ),
  );
  assert.ok(bench.errors.some((sentence) => /a\.\.b\.zone: the file's name is no origin/.test(sentence)));
  // When the first file goes, the other one is read.
  rmSync(join(bench.directory, "a/example.zone"));
  await until(() => bench.instances("two").length === 2 && bench.instances("one").length === 0);
  assert.deepEqual(bench.served, ["example"]);
  // The same file for another account; and with an origin of its own.
  await bench.open([
    { path: join(bench.directory, "b/example.zone"), account: "three", origin: parseName("x.test.")! },
  ]);
  await until(() => bench.instances("three").length === 2 && bench.instances("two").length === 0);
  assert.deepEqual(bench.served, ["x.test"]);
});

test("a directory that is not there at the start keeps its instances; out of the settings it loses them", async (t) => {
  const bench = await openBench(t);
  bench.write("example.zone", targets(3));
  await bench.open();
  await until(() => bench.instances().length === 3);
  renameSync(bench.directory, `${bench.directory}.away`);
  await bench.open();
  await until(() => bench.errors.some((sentence) => /there is no such file or directory/.test(sentence)));
  await bench.close();
  assert.equal(bench.instances().length, 3);
  await bench.open([]);
  await until(() => bench.instances().length === 0);
});

test("what others do to a file's instances is undone", async (t) => {
  const bench = await openBench(t);
  bench.write("example.zone", targets(3));
  // Nobody looks at the files again meanwhile.
  await bench.open([{ pollMs: 3_600_000 }]);
  await until(() => bench.instances().length === 3);
  const [one, two, three] = bench.instances();
  assert.ok(one && two && three);
  const account = "default";
  const drop = (record: InstanceRecord) =>
    bench.registry.propose(account, {
      kind: "deregister",
      instance: { service: record.service, id: record.id },
    });
  accepted(await drop(one));
  const changed = { address: two.address, ports: two.ports, via: "dns", meta: two.meta, zone: "elsewhere" };
  accepted(await bench.registry.propose("default", register(two.service, two.id, "permanent", changed)));
  assert.equal(bench.instances().length, 2);
  const isBack = (record: InstanceRecord): boolean =>
    bench.instances().some((found) => found.id === record.id && found.zone === record.zone);
  await until(() => isBack(one) && isBack(two), { timeoutMs: 4000 });
  // Each is put back once, also when it is removed several times in a second.
  accepted(await drop(one));
  accepted(await drop(three));
  const revision = bench.registry.read((view) => view.revision);
  await until(() => isBack(one) && isBack(three), { timeoutMs: 4000 });
  assert.equal(
    bench.registry.read((view) => view.revision),
    revision + 1,
    "in one commit",
  );
  // An instance that somebody else has registered since stays.
  accepted(
    await bench.registry.propose("default", register(one.service, one.id, "permanent", { address: "192.0.2.1" })),
  );
  await until(() => bench.errors.some((sentence) => /is already registered through test/.test(sentence)));
  assert.equal(bench.errors.length, 1);
  // Others of the file come back all the same.
  accepted(await drop(two));
  await until(() => isBack(two), { timeoutMs: 4000 });
});

test("the revision of what a file says only grows, also when the file is gone", async (t) => {
  const bench = await openBench(t);
  const at = () => bench.registry.read((view) => staticRevision(view, "default", EXAMPLE));
  assert.equal(at(), 0);
  bench.write("example.zone", `${HEAD}a A 10.0.0.1\n`);
  await bench.open();
  await until(() => at() > 0);
  const first = at();
  bench.write("example.zone", `${HEAD}a A 10.0.0.2\n`);
  await until(() => at() > first);
  const second = at();
  // Touched, but the same.
  bench.write("example.zone", `${HEAD}a A 10.0.0.2\n`);
  rmSync(join(bench.directory, "example.zone"));
  await until(() => bench.served.length === 0);
  assert.ok(at() > second);
  const entry = bench.registry.read((view) => view.entry("default", staticKey(EXAMPLE)));
  assert.equal(entry?.value, '{"file":"","hash":"","services":[]}');
  assert.equal(bench.tally[0], 2);
});

test("weights", () => {
  for (const [srv, weight] of [
    [0, 0],
    [1, 1],
    [10, 10],
    [255, 255],
    [256, 1],
    [512, 2],
    [25_600, 100],
    [65_280, 255],
    [65_535, 65_535],
  ] as const)
    assert.equal(fromSrvWeight(srv), weight);
});

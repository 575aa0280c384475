/** The npm package `consul` as it is: keys, watches, transactions, and its recipe for electing a leader. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import Client from "consul";
import { until } from "../harness/scope.ts";
import { startConsul } from "./rig.ts";

const consul = await startConsul({ after }, { settings: { sessionTtlMin: "1s" } });
const client = new Client({ host: "127.0.0.1", port: consul.port });

test("keys are set, read, listed and deleted", async () => {
  assert.equal(await client.kv.set({ key: "app/a b", value: "hello", flags: 42 } as never), true);
  assert.equal(await client.kv.set("app/c", "there"), true);
  const { Key, Value, Flags } = (await client.kv.get("app/a b")) as { Key: string; Value: string; Flags: number };
  assert.deepEqual({ Key, Value, Flags }, { Key: "app/a b", Value: "hello", Flags: 42 });
  assert.equal(String(await client.kv.get({ key: "app/c", raw: true })), "there");
  assert.deepEqual(await client.kv.keys("app"), ["app/a b", "app/c"]);
  const all = (await client.kv.get({ key: "app", recurse: true })) as unknown as { Value: string }[];
  assert.deepEqual(
    all.map(({ Value: value }) => value),
    ["hello", "there"],
  );
  assert.equal(await client.kv.get("app/none"), undefined);
  await client.kv.del({ key: "app", recurse: true });
  assert.equal(await client.kv.get({ key: "app", recurse: true }), undefined);
});

test("a transaction is all or nothing", async () => {
  const done = await client.transaction.create([{ KV: { Verb: "set", Key: "tx/a", Value: "eA==" } }] as never);
  assert.equal((done as { Results: unknown[] }).Results.length, 1);
  await assert.rejects(
    async () => client.transaction.create([{ KV: { Verb: "check-not-exists", Key: "tx/a" } }] as never),
    /conflict|409/i,
  );
});

test("a watch tells of what comes, changes and goes", async (t) => {
  const watch = client.watch({ method: client.kv.get, options: { key: "watched", wait: "30s" } as never });
  const values: unknown[] = [];
  const errors: unknown[] = [];
  watch.on("change", (data: { Value: string } | undefined) => values.push(data?.Value));
  watch.on("error", (error: unknown) => errors.push(error));
  t.after(() => watch.end());
  const seen = async (expected: readonly unknown[]): Promise<void> => {
    await until(() => values.length >= expected.length);
    assert.deepEqual([values, errors], [expected, []]);
  };
  await seen([undefined]);
  await client.kv.set("watched", "1");
  await seen([undefined, "1"]);
  await client.kv.set("watched", "2");
  await seen([undefined, "1", "2"]);
  await client.kv.del("watched");
  await seen([undefined, "1", "2", undefined]);
});

/** One of several that want to lead: the recipe of the package's page. */
class Candidate {
  readonly name: string;
  leads = false;
  #session = "";

  constructor(name: string) {
    this.name = name;
  }

  async run(): Promise<void> {
    const { ID } = (await client.session.create({ ttl: "1s", lockdelay: "0s" } as never)) as unknown as { ID: string };
    this.#session = ID;
    const watch = client.watch({ method: client.kv.get, options: { key: "leader", wait: "30s" } as never });
    after(() => watch.end());
    watch.on("change", (data: { Session?: string } | undefined) => {
      if (data?.Session === undefined && !this.leads) void this.#stand();
    });
  }

  async #stand(): Promise<void> {
    const won = await client.kv.set({ key: "leader", value: this.name, acquire: this.#session } as never);
    if (won === true) this.leads = true;
  }

  async renew(): Promise<void> {
    await client.session.renew(this.#session);
  }
}

test("of several candidates one leads, and when it falls silent another one does", async (t) => {
  const candidates = ["a", "b", "c"].map((name) => new Candidate(name));
  for (const candidate of candidates) await candidate.run();
  let dead: Candidate | undefined;
  const beat = setInterval(() => {
    for (const candidate of candidates) if (candidate !== dead) void candidate.renew().catch(() => {});
  }, 300);
  t.after(() => clearInterval(beat));
  const leaders = () => candidates.filter(({ leads }) => leads);
  await until(() => leaders().length > 0);
  const [first] = leaders();
  assert.equal(leaders().length, 1);
  dead = first as Candidate;
  await until(() => leaders().length > 1);
  assert.equal(leaders().length, 2);
  const now = (await client.kv.get("leader")) as unknown as { Value: string };
  assert.equal(now.Value, leaders().find((one) => one !== dead)?.name);
});

/** Requests made to take long: they are refused, or answered, without holding anybody up. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after }, { flags: ["--dialects", "http,dns", "--dns-port", "0"] });
const api = openApi(rollcall.url);

/** Processor time of the registry in ms: what else the machine does is no fault of it. */
function usedMs(): number {
  const fields = readFileSync(`/proc/${rollcall.pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function assertCheap(name: string, act: () => Promise<unknown>): Promise<void> {
  const before = usedMs();
  await act();
  const tookMs = usedMs() - before;
  assert.ok(tookMs < 600, `${name}: ${tookMs} ms of processor time`);
}

const MEGA = 1024 * 1024;

function many(count: number, of: (nth: number) => string): string {
  return Array.from({ length: count }, (_, i) => of(i)).join();
}

test("bodies of JSON are bounded in depth, values and names before they are parsed", async () => {
  const at = `/v2/${nextAccount()}`;
  const headers = { "content-type": "application/json" };
  const deep = "[".repeat(MEGA - 1);
  const objects = `[${many(340_000, () => "{}")}]`;
  const names = `{${many(90_000, (i) => `"k${i}":1`)}}`;
  const routes = [
    ["POST", `${at}/leases/renew`],
    ["POST", `${at}/transactions`],
    ["POST", `${at}/watch`],
    ["PUT", `${at}/services/a/instances/b`],
    ["POST", `${at}/register`],
  ] as const;
  for (const [method, path] of routes) {
    const refused = (type: string, status: number, body: string) =>
      assertCheap(path, async () => {
        const detail = await api.refused(status, type, method, path, body, { headers });
        assert.match(detail, /nested deeper|holds more than \d+ values|different names/);
      });
    await refused("invalid", 400, deep);
    await refused("too-large", 413, objects);
    await refused("too-large", 413, names);
  }
});

test("what history does not know is not searched for", async () => {
  const at = `/v2/${nextAccount()}`;
  for (let round = 0; round < 50; round++)
    await Promise.all(Array.from({ length: 80 }, (_, i) => api.ok("PUT", `${at}/config/k${i}`, `${round}`)));
  // Memory then holds half of this history.
  await rollcall.restart();
  await assertCheap("explain", async () => {
    for (let round = 0; round < 30; round++)
      await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          api.refused(404, "not-found", "GET", `${at}/services/web/instances/no${round}-${i}/explain`),
        ),
      );
  });
});

test("explain finds what is gone, and follows an instance back to where it came", async () => {
  const at = `/v2/${nextAccount()}/services/web/instances/w1`;
  for (const port of [1, 2, 3]) await api.ok("PUT", at, { address: "h", port });
  await api.ok("DELETE", at);
  for (const port of [4, 5]) await api.ok("PUT", at, { address: "h", port });
  const causes = async (): Promise<string[]> =>
    (await api.ok("GET", `${at}/explain`)).history.map(({ cause }: { cause: string }) => cause);
  assert.deepEqual(await causes(), ["updated", "registered"]);
  await api.ok("DELETE", at);
  assert.deepEqual(await causes(), ["deregistered", "updated", "registered"]);
  await rollcall.restart();
  assert.deepEqual(await causes(), ["deregistered", "updated", "registered"]);
});

test("ranges of a transaction do not go over what it deleted again and again", async () => {
  const at = `/v2/${nextAccount()}`;
  const puts = (round: number) =>
    Array.from({ length: 1000 }, (_, i) => ({ put: { key: `k${round}-${i}`, value: "" } }));
  for (let round = 0; round < 5; round++) await api.ok("POST", `${at}/transactions`, { then: puts(round) });
  const transact = (then: readonly object[]) => api.call("POST", `${at}/transactions`, { then });
  const gets = Array.from({ length: 900 }, () => ({ get: { prefix: "k" } }));
  await assertCheap("gets of what is deleted", async () => {
    const answer = await transact([{ delete: { prefix: "" } }, ...gets]);
    assert.equal(answer.status, 413);
    assert.match(answer.json().detail, /come by more than 20000 keys that it has deleted/);
  });
  await assertCheap("gets of what is put", async () => {
    const steps = Array.from({ length: 200 }, (_, i) => [
      { put: { key: `new${i}`, value: "" } },
      { get: { key: "new0" } },
    ]);
    const [first] = (await transact([{ delete: { prefix: "" } }, ...steps.flat()])).json().results;
    assert.deepEqual(first, { delete: { deleted: 5000 } });
  });
  assert.equal((await api.ok("GET", `${at}/config`)).keys.length, 200);
});

const TAGS = Array.from({ length: 64 }, (_, i) => `t${i}`);
const META = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, `v${i}`]));

/** A service of 2000 instances that are tagged and described as richly as may be. */
async function fillRich(account: string): Promise<void> {
  const body = { address: "10.0.0.1", port: 80, ttl: 0, tags: TAGS, meta: META };
  const put = (i: number) => api.ok("PUT", `/v2/${account}/services/rich/instances/i${i}`, body);
  for (let from = 0; from < 2000; from += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => put(from + i)));
}

test("filters that fit no instance cost little, however much they say", async () => {
  const account = nextAccount();
  await fillRich(account);
  const at = `/v2/${account}`;
  const last = TAGS.at(-1);
  const queries = [
    ["one tag hundreds of times", `${`tag=${last}&`.repeat(900)}tag=none`],
    [
      "all tags",
      `${TAGS.map((tag) => `tag=${tag}&`)
        .reverse()
        .join("")}zone=none`,
    ],
    ["more tags than one may have", Array.from({ length: 900 }, (_, i) => `tag=t${i}`).join("&")],
    [
      "all pairs",
      `${Object.entries(META)
        .map(([key, value]) => `meta.${key}=${value}&`)
        .join("")}meta.x=none`,
    ],
    ["one pair hundreds of times", `${"meta.k99=v99&".repeat(900)}meta.k99=none`],
  ] as const;
  for (const [what, query] of queries)
    await assertCheap(what, async () => {
      assert.deepEqual((await api.ok("GET", `${at}/services/rich?${query}`)).instances, []);
      assert.deepEqual((await api.ok("GET", `${at}/instances?${query}`)).instances, []);
      assert.deepEqual((await api.ok("GET", `${at}/services?${query}`)).services, []);
      assert.deepEqual(await api.ok("GET", `/sd/prometheus/${account}?${query}`), []);
    });
  await assertCheap("services", async () => {
    for (let i = 0; i < 30; i++) assert.equal((await api.ok("GET", `${at}/services`)).services[0].instances, 2000);
  });
  await assertCheap("a subscription", async () => {
    const subscribes = Array.from({ length: 1000 }, (_, i) => ({ provider: "rich", meta: { k1: `${i}` } }));
    await api.refused(413, "too-large", "POST", `${at}/subscribe`, { subscribes });
  });
});

test("a filter finds all that has what it asks for, also what is said twice", async () => {
  const account = nextAccount();
  const put = (id: string, more: object) =>
    api.ok("PUT", `/v2/${account}/services/s/instances/${id}`, { address: "h", ...more });
  await put("one", { tags: ["a", "b", "a"], meta: { k: "v", l: "w" } });
  await put("two", { tags: ["a", "a"], meta: { k: "v" } });
  const find = async (query: string) => {
    const { instances } = await api.ok("GET", `/v2/${account}/services/s?${query}`);
    return instances.map(({ id }: { id: string }) => id);
  };
  assert.deepEqual(await find("tag=a&tag=a"), ["one", "two"]);
  assert.deepEqual(await find("tag=a&tag=b"), ["one"]);
  assert.deepEqual(await find("meta.k=v&meta.k=v&tag=a"), ["one", "two"]);
  assert.deepEqual(await find("meta.k=v&meta.l=w"), ["one"]);
  for (const query of ["meta.k=v&meta.k=w", "meta.toString=", "meta.__proto__=", "meta.m="])
    assert.deepEqual(await find(query), [], query);
});

test("questions of DNS that nobody asked before cost little, however many", async () => {
  await fillRich("default");
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${rollcall.port("dns")}`]);
  const askAll = (count: number, nameOf: (nth: number) => string) =>
    Promise.all(Array.from({ length: count }, (_, i) => resolver.resolveTxt(nameOf(i)).catch(() => [])));
  // What the service's names are is found once.
  await askAll(1, () => "t0.rich.rollcall");
  await assertCheap("tags of Consul that nobody has", () => askAll(300, (i) => `none${i}.rich.service.consul`));
  await assertCheap("many texts", () => askAll(20, (i) => `${TAGS[i]}.rich.rollcall`));
  const turned = (by: number): string => [...TAGS.slice(by), ...TAGS.slice(0, by)].slice(0, 30).join(".");
  await assertCheap("all tags in any order", () => askAll(40, (i) => `${turned(i)}.rich.rollcall`));
});

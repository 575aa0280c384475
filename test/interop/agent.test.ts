/** An agent over long outages: of the registry for 30 s while everything beats, and of one that forgot everything. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { type Client, createClient } from "@rollcall/client";
import { idsOf, startAgent, startPair, untilStale } from "../agent/rig.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { type Scope, until } from "../harness/scope.ts";

const OUTAGE_MS = 30_000;
const STAYS = { address: "10.0.0.1", ttl: 0 } as const;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How many are shown by each of several protocols, asked again and again; where nobody answers just now nothing is noted. */
class Looks {
  readonly #seen = new Map<string, number[]>();
  readonly #ways: Readonly<Record<string, () => Promise<number>>>;
  readonly #resolver = new Resolver({ tries: 1, timeout: 2000 });
  #looking: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(scope: Scope, agent: Rollcall, local: Client) {
    this.#resolver.setServers([`127.0.0.1:${agent.port("dns")}`]);
    const lengthOf = async (dialect: string, path: string, list: (body: never) => readonly unknown[]) => {
      const headers = { accept: "application/json" };
      const answer = await request(`http://127.0.0.1:${agent.port(dialect)}${path}`, { headers });
      return answer.status === 404 ? 0 : list(answer.json()).length;
    };
    const key = Buffer.from("k/").toString("base64");
    const range = { key, range_end: Buffer.from("k0").toString("base64") };
    this.#ways = {
      http: async () => (await idsOf(local, "api")).length,
      keys: async () => (await local.config.list({ prefix: "k/" })).keys.length,
      consul: () => lengthOf("consul", "/v1/catalog/service/api", (body: unknown[]) => body),
      eureka: () =>
        lengthOf(
          "eureka",
          "/eureka/apps/API",
          (body: { application: { instance: unknown[] } }) => body.application.instance,
        ),
      etcd: async () => {
        const url = `http://127.0.0.1:${agent.port("etcd")}/v3/kv/range`;
        const answer = await request(url, { method: "POST", body: range });
        return Number(answer.json<{ count?: string }>().count ?? 0);
      },
      dns: () =>
        this.#resolver.resolveSrv("_api._tcp.rollcall").then(
          (found) => found.length,
          (error: { code: string }) => {
            if (error.code === "ENOTFOUND" || error.code === "ENODATA") return 0;
            throw error;
          },
        ),
    };
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.look());
    }, 500);
    scope.after(() => clearInterval(this.#timer));
  }

  async look(): Promise<void> {
    await Promise.all(
      Object.entries(this.#ways).map(async ([name, count]) => {
        const found = await count().catch(() => undefined);
        if (found !== undefined) this.#seen.set(name, [...(this.#seen.get(name) ?? []), found]);
      }),
    );
  }

  /** Each protocol answered again and again, and always with all. */
  async end(count: number): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    for (const name of Object.keys(this.#ways)) {
      const seen = this.#seen.get(name) ?? [];
      assert.ok(seen.length > 40, `${name} answered ${seen.length} times`);
      assert.deepEqual([...new Set(seen)], [count], name);
    }
  }
}

test("a registry that is killed and away for 30 s, and one that comes back empty, empty nothing in any protocol", async (t) => {
  const { registry, agent, local } = await startPair(t, "http,consul,dns,etcd,eureka");
  // Longer than what the registry's own start may take on a busy machine, shorter than the outage.
  const spec = (id: string) => ({ service: "api", id, address: "10.0.0.1", port: Number(id), ttl: "15s" });
  const kept = await Promise.all(["1", "2", "3"].map((id) => local.register(spec(id))));
  t.after(() => Promise.all(kept.map((one) => one.close().catch(() => {}))));
  for (const nth of [1, 2, 3]) await local.config.put(`k/${nth}`, "v");
  const looks = new Looks(t, agent, local);
  await looks.look();
  await registry.kill("SIGKILL");
  await untilStale(local, true);
  await wait(OUTAGE_MS / 2);
  // One that starts meanwhile, after it was killed, has its snapshot.
  await agent.kill("SIGKILL");
  await agent.restart();
  await wait(OUTAGE_MS / 2);
  await registry.restart();
  await untilStale(local, false);
  await until(() => kept.every(({ state }) => state === "registered"), { what: "the heartbeats to be heard again" });
  // Another ttl: nobody is let go afterwards.
  await wait(17_000);
  assert.deepEqual(await idsOf(createClient({ url: registry.url }), "api"), ["1", "2", "3"]);

  await registry.kill("SIGKILL");
  rmSync(registry.data, { recursive: true, force: true });
  await registry.restart();
  await until(async () => (await local.config.get("k/1").catch(() => null)) && agent.logs.some(isAnew), {
    what: "the agent to begin anew",
  });
  await wait(17_000);
  await looks.end(3);
});

function isAnew({ msg }: { readonly msg?: unknown }): boolean {
  return /^begins anew/.test(String(msg));
}

test("what is held is let go in time, but never while the registry is away", async (t) => {
  const registry = await startRollcall(t);
  const agent = await startAgent(t, registry, { flags: ["--upstream-hold-ms", "8s"] });
  const [origin, local] = [createClient({ url: registry.url }), createClient({ url: agent.url })];
  await origin.registerOnce({ ...STAYS, service: "api", id: "a", port: 80 });
  await until(async () => (await idsOf(local, "api")).length === 1);
  await registry.kill();
  rmSync(registry.data, { recursive: true, force: true });
  await registry.restart();
  await until(async () => (await local.instance("api", "a"))?.held);
  await registry.kill();
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  assert.deepEqual(await idsOf(local, "api"), ["a"]);
  await registry.restart();
  await until(async () => (await idsOf(local, "api")).length === 0);
});

/** Debian's Prometheus with `serverset_sd` and `nerve_sd`: what registers natively is what it finds, and what goes is gone. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { startPeer } from "../peers-rig.ts";
import { FLAGS } from "../zookeeper/codec.ts";
import { Client, startZookeeper } from "../zookeeper/rig.ts";

const prometheus = requirePackage("prometheus", "prometheus");

interface Target {
  readonly discoveredLabels: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

test("members of serversets and nodes of Nerve are targets", { skip: prometheus.skip, timeout: 120_000 }, async (t) => {
  const layouts = [
    { prefix: "/aurora", kind: "serverset" },
    { prefix: "/nerve", kind: "nerve" },
  ];
  const rollcall = await startZookeeper(t, { config: { layouts } });
  const instance = `${rollcall.url}/v2/default/services/web/instances/a`;
  const body = { address: "127.0.0.1", port: 9101, meta: { az: "b" }, ttl: "60s" };
  assert.ok((await request(instance, { method: "PUT", body })).status < 300);
  const servers = [`127.0.0.1:${rollcall.port("zookeeper")}`];
  const folder = temporaryDirectory(t, "prometheus");
  const jobs = [
    { job_name: "serverset", serverset_sd_configs: [{ servers, paths: ["/aurora"] }] },
    { job_name: "nerve", nerve_sd_configs: [{ servers, paths: ["/nerve"] }] },
  ];
  // JSON is YAML.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify({ scrape_configs: jobs }));
  const port = await freePort();
  const flags = [`--config.file=${join(folder, "prometheus.yml")}`, `--storage.tsdb.path=${join(folder, "data")}`];
  await startPeer(t, { path: prometheus.path, args: [...flags, `--web.listen-address=127.0.0.1:${port}`], port });
  const targets = async (): Promise<readonly string[]> => {
    const { json } = await request(`http://127.0.0.1:${port}/api/v1/targets?state=active`);
    return json()
      .data.activeTargets.map(({ labels }: Target) => `${labels.job} ${labels.instance}`)
      .sort();
  };
  const expect = (...all: readonly string[]) =>
    until(async () => (await targets()).join() === [...all].sort().join(), { what: `the targets ${all.join()}` });
  await expect("serverset 127.0.0.1:9101", "nerve 127.0.0.1:9101");
  const client = await Client.open(t, rollcall.port("zookeeper"));
  const member = { serviceEndpoint: { host: "127.0.0.1", port: 9102 }, additionalEndpoints: {}, status: "ALIVE" };
  await client.create("/aurora/web/member_", JSON.stringify(member), FLAGS.ephemeralSequential);
  await expect("serverset 127.0.0.1:9101", "nerve 127.0.0.1:9101", "serverset 127.0.0.1:9102", "nerve 127.0.0.1:9102");
  assert.equal((await request(`${rollcall.url}/v2/default/services/web`)).json().instances.length, 2);
  await client.ask("closeSession");
  await request(instance, { method: "DELETE" });
  await expect();
});

/** Curator 5.7.1 with its recipes and service discovery, and the plain Java client, through a restart: `java/curator-client`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { startZookeeper } from "../zookeeper/rig.ts";
import { buildProject } from "./maven-rig.ts";

const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const project = await buildProject("curator-client", packages);

test("Curator's latch, selector, mutex, caches, persistent node and service discovery work, and the plain client", {
  skip: project.skip,
  timeout: 180_000,
}, async (t) => {
  const rollcall = await startZookeeper(t, { config: { layouts: [{ prefix: "/services", kind: "curator" }] } });
  const shop = `${rollcall.url}/v2/default/services/shop`;
  const native = { address: "10.0.0.9", port: 9090, ttl: "60s" };
  assert.ok((await request(`${shop}/instances/n1`, { method: "PUT", body: native })).status < 300);
  const client = project.start(t, "rollcall.Main", { args: [`127.0.0.1:${rollcall.port("zookeeper")}`] });
  await until(() => client.gone !== undefined || client.lines.includes("ready"), {
    what: "Curator to be through",
    timeoutMs: 120_000,
  });
  const listed = (await request(shop)).json().instances as readonly { readonly id: string; readonly address: string }[];
  assert.deepEqual(listed.map(({ id, address }) => `${id} ${address}`).sort(), ["n1 10.0.0.9", "shop-1 10.0.0.5"]);
  await rollcall.restart();
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
  for (const found of ["shop-1 10.0.0.5 8080", "n1 10.0.0.9 9090"])
    assert.ok(client.lines.includes(`instance ${found}`));
});

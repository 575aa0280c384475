/** Consul's own Go client, hashicorp/consul/api 1.34.5, against the whole program: `go/consul-client`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startConsul } from "../consul/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { buildModule } from "./go-rig.ts";

const program = await buildModule("consul-client", requirePackage("golang-go", "go"));

test("keys, locks, semaphores, the agent, health and the catalog do for Consul's Go client what Consul does", {
  skip: program.skip,
  timeout: 120_000,
}, async (t) => {
  const consul = await startConsul(t);
  const client = program.start(t, [`127.0.0.1:${consul.port}`]);
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
});

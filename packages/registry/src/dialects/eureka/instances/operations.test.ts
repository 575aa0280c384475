/** A heartbeat that is not accepted asks for a registration only where the lease is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, register, replaceIn } from "../../../../../../test/harness/registry.ts";
import { type Refusal, refuse } from "../../../core/index.ts";
import { Operations } from "./operations.ts";

test("a heartbeat whose lease is not reached is not answered with 404", async () => {
  const { registry } = await openRig();
  accepted(await registry.propose("default", register("app", "i", { ttlMs: 30_000 })));
  const statusAt = async (refusal: Refusal): Promise<number> => {
    const operations = new Operations({
      registry: replaceIn(registry, { renew: async () => refuse(refusal, "why") }),
      dataCenter: "MyOwn",
      replication: () => assert.fail("nothing happened"),
    });
    return (await operations.heartbeat("APP", "i", {}, { account: "default", replicated: false })).statusCode;
  };
  assert.equal(await statusAt("not-found"), 404);
  assert.equal(await statusAt("unavailable"), 503);
});

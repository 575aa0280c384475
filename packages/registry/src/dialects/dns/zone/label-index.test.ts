/** Which instances an index of labels remembers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, register } from "../../../../../../test/harness/registry.ts";
import { BY_ADDRESS } from "./addresses.ts";
import { LabelIndex } from "./label-index.ts";

const DAY_MS = 86_400_000;

test("an instance that lapsed is remembered for its time, whatever the system's clock does", async (t) => {
  const rig = await openRig();
  const index = new LabelIndex(rig.registry, rig.clock, { whenNoneHealthy: "held", heldMs: 60_000 });
  t.after(() => index.close());
  accepted(await rig.registry.propose("default", register("api", "a", { ttlMs: 1000 })));
  rig.setClock(400 * DAY_MS);
  await rig.pass(2500);
  for (const byMs of [-800 * DAY_MS, 400 * DAY_MS, 400 * DAY_MS]) {
    rig.setClock(byMs);
    assert.equal(index.lapsed("default", "api").length, 1);
  }
  rig.pause(60_000);
  assert.equal(index.lapsed("default", "api").length, 0);
});

test("who is at an address is gathered in turns, and with what changes meanwhile", async (t) => {
  const rig = await openRig();
  const index = new LabelIndex(rig.registry, rig.clock, { whenNoneHealthy: "nothing", heldMs: 0 });
  t.after(() => index.close());
  const put = async (service: string, id: string, address: string) =>
    accepted(await rig.registry.propose("default", register(service, id, undefined, { address })));
  // Many services with instances of one id, and more ids than one step takes.
  for (let i = 0; i < 2500; i++) await put(`s${i % 50}`, i < 2400 ? `i${i}` : "same", "10.0.0.1");
  const gathered = rig.registry.group(BY_ADDRESS);
  assert.ok(gathered !== undefined);
  const [first, last] = ["i0", "same"];
  await put("s0", first, "10.0.0.2");
  await put("s0", last, "10.0.0.2");
  await put("new", "i", "10.0.0.2");
  await gathered;
  assert.equal(rig.registry.group(BY_ADDRESS), undefined);
  const found = (address: string) => index.at(address).map(({ record }) => `${record.service}/${record.id}`);
  assert.deepEqual(found("10.0.0.2").sort(), ["new/i", "s0/i0", "s0/same"]);
  const others = found("10.0.0.1");
  assert.equal(new Set(others).size, others.length);
  assert.equal(others.length, 2400 + 50 - 2);
});

test("an address that is asked for while instances are gathered is known", async (t) => {
  const rig = await openRig();
  const index = new LabelIndex(rig.registry, rig.clock, { whenNoneHealthy: "nothing", heldMs: 0 });
  t.after(() => index.close());
  for (let i = 0; i < 2100; i++) {
    const address = i === 2099 ? "10.0.0.9" : "10.0.0.1";
    accepted(
      await rig.registry.propose("default", register("api", `i${String(i).padStart(4, "0")}`, undefined, { address })),
    );
  }
  const gathered = rig.registry.group(BY_ADDRESS);
  assert.equal(index.at("10.0.0.9").length, 1);
  await gathered;
});

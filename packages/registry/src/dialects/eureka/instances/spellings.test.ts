/** Spellings of service names are known while somebody is there, and forgotten with the last instance. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, type Rig, register } from "../../../../../../test/harness/registry.ts";
import { findInstance } from "./registration.ts";
import { Spellings } from "./spellings.ts";

async function put({ registry }: Rig, service: string, id = "1"): Promise<void> {
  accepted(await registry.propose("default", register(service, id)));
}

async function remove({ registry }: Rig, service: string, id = "1"): Promise<void> {
  accepted(await registry.propose("default", { kind: "deregister", instance: { service, id } }));
}

test("a spelling is known while it has instances, and not a moment longer", async () => {
  const rig = await openRig();
  const spellings = new Spellings(rig.registry);
  await put(rig, "Api", "1");
  await put(rig, "Api", "2");
  await put(rig, "API", "1");
  assert.deepEqual(spellings.services("default", "API"), ["api", "Api", "API"]);
  await remove(rig, "Api", "1");
  assert.deepEqual(spellings.services("default", "API"), ["api", "Api", "API"]);
  await remove(rig, "Api", "2");
  assert.deepEqual(spellings.services("default", "API"), ["api", "API"]);
  // The empty service is still remembered by the catalog.
  assert.notEqual(
    rig.registry.read((view) => view.account("default")?.service("Api")),
    undefined,
  );
  await put(rig, "Api", "3");
  assert.deepEqual(spellings.services("default", "API"), ["api", "API", "Api"]);
  assert.equal(rig.registry.read((view) => findInstance(view, "default", "API", "3"))?.service, "Api");
  spellings.close();
});

test("a lease that ends takes the spelling along", async () => {
  const rig = await openRig();
  const spellings = new Spellings(rig.registry);
  await put(rig, "Lapsing");
  assert.deepEqual(spellings.services("default", "LAPSING"), ["lapsing", "Lapsing"]);
  await rig.pass(5000);
  assert.deepEqual(spellings.services("default", "LAPSING"), ["lapsing"]);
  spellings.close();
});

test("thousands of spellings that came and went leave lookups as they were", async () => {
  const rig = await openRig();
  const spellings = new Spellings(rig.registry);
  const spell = (nth: number): string =>
    Array.from("discovery-server", (letter, i) => ((nth >> i) & 1 ? letter.toUpperCase() : letter)).join("");
  for (let nth = 1; nth <= 2000; nth++) {
    await put(rig, spell(nth));
    await remove(rig, spell(nth));
  }
  assert.deepEqual(spellings.services("default", "DISCOVERY-SERVER"), ["discovery-server"]);
  spellings.close();
  const later = new Spellings(rig.registry);
  assert.deepEqual(later.services("default", "DISCOVERY-SERVER"), ["discovery-server"]);
  later.close();
});

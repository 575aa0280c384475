/** Answers of the native API over fat catalogs and keys, in 512 MB: bounded, whole, and nobody else waits for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, memoryOf, neverRead, notHeldUp, putKeys, registerFat, startBystander, startSmall } from "./rig.ts";

test("what a transaction reads is bounded", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  await putKeys(url, 40, 1_000_000);
  const bystander = await startBystander(t, registry);
  const transact = (then: readonly object[]) => ask(`${url}/v2/default/transactions`, "POST", { then });
  const all = { get: { prefix: "" } };
  const many = await transact(Array.from({ length: 1000 }, () => all));
  assert.equal(many.status, 413);
  assert.match(many.json().detail, /more than 4194304 bytes/);
  assert.equal((await transact([all])).status, 413, "one is as good as many");
  const few = await transact(Array.from({ length: 3 }, () => ({ get: { key: "fat/1" } })));
  assert.equal(few.json().results[2].get.keys[0].value.length, 1_000_000);
  const emptied = Array.from({ length: 40 }, (_, nth) => ({ put: { key: `fat/${nth}`, value: "" } }));
  assert.equal((await transact(emptied)).status, 413, "a commit keeps what was there before");
  const dropped = await ask(`${url}/v2/default/config?prefix=`, "DELETE");
  assert.equal(dropped.status, 413);
  assert.match(dropped.json().detail, /change fewer at once/);
  assert.equal((await ask(`${url}/v2/default/config?prefix=fat/1`, "DELETE")).json().deleted, 11);
  await notHeldUp(bystander);
});

test("pages of keys and instances end at some MB, and lead on", { timeout: 600_000 }, async (t) => {
  const { url } = await startSmall(t);
  await putKeys(url, 12, 1_000_000);
  assert.equal(await registerFat(url, "x", 200), 200);
  for (const [list, count] of [
    ["config?prefix=&limit=10000", 12],
    ["instances?limit=10000", 200],
  ] as const) {
    const seen = new Set<string>();
    let [from, pages] = ["", 0];
    do {
      const { bytes, json } = await ask(`${url}/v2/default/${list}&from=${encodeURIComponent(from)}`);
      assert.ok(bytes.length < 8_000_000, `${list}: ${bytes.length}`);
      const page = json();
      for (const one of page.keys ?? page.instances) seen.add(one.key ?? one.id);
      from = page.next;
      pages++;
    } while (from !== null);
    assert.equal(seen.size, count, list);
    assert.ok(pages >= 3, list);
  }
});

test("whole lists go out as clients take them", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  const count = await registerFat(url, "x", 350);
  const lists = ["/v2/default/services/x", "/v2/default/services/x?status=passing", "/sd/prometheus/default"];
  const bystander = await startBystander(t, registry);
  for (const list of lists) {
    const { status, json } = await ask(`${url}${list}`);
    assert.equal(status, 200, list);
    const found = json();
    assert.equal((found.instances ?? found).length, count, list);
  }
  const before = await memoryOf(url);
  for (const list of [...lists, "/v2/default/instances?limit=10000"])
    await neverRead(t, registry.port(), 100, `GET ${list} HTTP/1.1\r\nHost: a\r\n\r\n`);
  // It still serves, also such a list.
  assert.equal((await ask(`${url}/v2/default/services/x`)).json().instances.length, count);
  const after = await memoryOf(url);
  assert.ok(after.unreadMb <= 65, `${after.unreadMb} MB wait for one address`);
  assert.ok(after.rssMb < before.rssMb + 250, `${before.rssMb} MB, then ${after.rssMb} MB`);
  await notHeldUp(bystander);
});

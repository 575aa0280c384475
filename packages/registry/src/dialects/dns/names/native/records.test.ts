/** Priorities, the meta that TXT shows, and answers of services that have more instances than any answer holds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type NamesRig, nameOf, openNames, showShort } from "../../../../../../../test/dns/names-rig.ts";
import { readMessage } from "../../../../../../../test/dns/wire.ts";
import { encodeAnswer, toChance } from "../../wire/answer.ts";
import { BLANK, CLASS, type Message, type Resource, TYPE } from "../../wire/message.ts";
import { resolve } from "../resolve.ts";

test("TXT shows the meta that somebody gave, not what protocols note for themselves", async (t) => {
  const names = await openNames();
  t.after(names.close);
  const notes = { "dns.file": "x", "skydns.ttl": "30", "Eureka.vip": "v", "consul.node": "n", "rackspace.x": "1" };
  await names.register("api", "a1", { meta: { ...notes, "dns-x": "1", dns: "2", path: "/" } });
  await names.register("api", "a2", { meta: notes });
  assert.deepEqual(names.ask("api.rollcall.", "TXT").answers, ['TXT "dns=2" "dns-x=1" "path=/"', 'TXT ""']);
  assert.deepEqual(names.ask("a2._api._tcp.rollcall.", "TXT").answers, ['TXT ""']);
});

test("an SRV record's priority is the one in the meta, else 0", async (t) => {
  const names = await openNames();
  t.after(names.close);
  const priorities = { a: "10", b: "65535", c: "65536", d: "-1", e: "1.5", f: "", g: "007" };
  for (const [id, priority] of Object.entries(priorities))
    await names.register("api", id, { meta: { "dns.priority": priority } });
  const shown = (name: string): string[] =>
    names.ask(name, "SRV").answers.map((text) => `${text.split(" ").at(-1)?.slice(0, 1)} ${text.split(" ")[1]}`);
  const wanted = ["a 10", "b 65535", "c 0", "d 0", "e 0", "f 0", "g 7"];
  assert.deepEqual(shown("api.rollcall."), wanted);
  assert.deepEqual(shown("_api._tcp.rollcall."), wanted);
  assert.deepEqual(shown("a._api._tcp.rollcall."), ["a 10"]);
});

function find(names: NamesRig, name: string, type: keyof typeof TYPE, recordsMax?: number): readonly Resource[] {
  const question = { name: nameOf(name), type: TYPE[type], class: CLASS.IN };
  const more = recordsMax === undefined ? {} : { recordsMax };
  return names.read((world) => resolve(question, { ...world, ...more }))?.answers ?? [];
}

test("of very many instances some are rendered, the same ones when another is there", async (t) => {
  const names = await openNames();
  t.after(names.close);
  for (let i = 0; i < 400; i++)
    await names.register("api", `i${i}`, { address: `10.0.${i >> 8}.${i & 255}`, ports: i % 4 === 0 ? {} : { a: 80 } });
  for (const [name, type] of [
    ["api.rollcall.", "SRV"],
    ["_api._tcp.rollcall.", "SRV"],
    ["_a._tcp.api.rollcall.", "SRV"],
    ["_api._tcp.rollcall.", "PTR"],
  ] as const) {
    const all = find(names, name, type).map(showShort);
    assert.equal(all.length, 300, `${name} ${type}`);
    assert.deepEqual(find(names, name, type, 300).map(showShort), all);
    const some = find(names, name, type, 100).map(showShort);
    assert.equal(some.length, 100, `${name} ${type}`);
    assert.ok(some.every((text) => all.includes(text)));
  }
  const before = find(names, "api.rollcall.", "SRV", 100).map(showShort);
  for (const id of ["new", "newer", "newest"]) await names.register("api", id);
  const after = find(names, "api.rollcall.", "SRV", 100).map(showShort);
  assert.ok(before.filter((text) => !after.includes(text)).length <= 3);
});

test("where many instances are one record, none that fits is left out", async (t) => {
  const names = await openNames();
  t.after(names.close);
  for (let i = 0; i < 300; i++)
    await names.register("api", `i${i}`, { address: i % 2 === 0 ? "host.example.com" : `h${i % 40}.example.com` });
  assert.deepEqual(find(names, "api.rollcall.", "SRV", 50), find(names, "api.rollcall.", "SRV"));
  assert.equal(find(names, "api.rollcall.", "TXT", 50).length, 1);
});

test("what is left of a long answer are the records of the best priority", async (t) => {
  const names = await openNames();
  t.after(names.close);
  for (let i = 0; i < 200; i++)
    await names.register("api", `i${i}`, { meta: { "dns.priority": i % 10 === 0 ? "1" : "2" } });
  for (const recordsMax of [undefined, 60]) {
    const answers = find(names, "api.rollcall.", "SRV", recordsMax);
    const question = { name: nameOf("api.rollcall."), type: TYPE.SRV, class: CLASS.IN };
    const message: Message = { ...BLANK, questions: [question], answers };
    for (const share of [0, 1, 2]) {
      const reading = readMessage(encodeAnswer(message, 512, toChance(1), share));
      assert.ok(reading.tc && reading.answers.length > 5 && reading.answers.length <= 20);
      assert.ok(reading.answers.every(({ text }) => text.startsWith("1 ")));
    }
  }
});

test("a change of a service of 10 000 instances is soon answered", async (t) => {
  const names = await openNames();
  t.after(names.close);
  const put = (i: number, weight = 100): Promise<void> =>
    names.register("big", `i${i}`, { address: `10.${i >> 8}.${i & 255}.1`, weight });
  for (let i = 0; i < 10_000; i += 500) await Promise.all(Array.from({ length: 500 }, (_, j) => put(i + j)));
  const chance = toChance(1);
  const tookMs: number[] = [];
  for (let i = 0; i < 15; i++) {
    await put(i, i + 1);
    const { user: before } = process.cpuUsage();
    const answers = find(names, "_big._tcp.rollcall.", "SRV", 760);
    const question = { name: nameOf("_big._tcp.rollcall."), type: TYPE.SRV, class: CLASS.IN };
    const bytes = encodeAnswer({ ...BLANK, questions: [question], answers }, 1232, chance);
    tookMs.push((process.cpuUsage().user - before) / 1000);
    assert.ok(readMessage(bytes).answers.length > 15);
  }
  // About 5 ms; the first ones are not compiled yet.
  const [median = 0] = tookMs.sort((one, other) => one - other).slice(7);
  assert.ok(median < 30, `${tookMs}`);
});

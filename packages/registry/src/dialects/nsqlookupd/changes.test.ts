/** What registrations come to: channels of a producer, topics that are large, and what is ephemeral. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig } from "../../../../../test/harness/registry.ts";
import { byPlan } from "../../core/index.ts";
import { CREATE, DELETE, MARK, PLANS, REGISTER, TOMBSTONE, toIdentify, UNREGISTER } from "./changes.ts";
import { channelsIn, channelsOf, isOfKind, type Source, toSource } from "./producers.ts";

const ACCOUNT = "default";

async function open() {
  const rig = await openRig({ plans: PLANS });
  const propose = (command: Parameters<typeof rig.registry.propose>[1]) => rig.registry.propose(ACCOUNT, command);
  const identify = async (nth: number): Promise<Source> => {
    const peer = {
      ...{ remoteAddress: `10.0.0.1:${nth}`, hostname: `h${nth}`, broadcastAddress: `10.1.${nth >> 8}.${nth & 255}` },
      ...{ tcpPort: 4150, httpPort: 4151, version: "1.3.0", topologyZone: "", topologyRegion: "" },
    };
    const source = toSource(peer, `t${nth}`, `nsqlookupd:n1:t${nth}`);
    accepted(await propose(toIdentify(source, 30_000, {})));
    return source;
  };
  const register = (source: Source, topic: string, channel = "") =>
    propose(byPlan(REGISTER, { source: { ...source, peer: { ...source.peer } }, topic, channel }));
  const unregister = (source: Source, topic: string, channel = "") =>
    propose(byPlan(UNREGISTER, { source: { ...source, peer: { ...source.peer } }, topic, channel }));
  const carried = (topic: string) =>
    rig.registry.read((view) =>
      [...(view.account(ACCOUNT)?.service(topic)?.instances.values() ?? [])]
        .filter((record) => isOfKind(record, "topic"))
        .map((record) => channelsIn(record).join(" ")),
    );
  const known = (topic: string) => {
    const { from, to } = channelsOf(topic);
    return rig.registry.read((view) => [...view.entries(ACCOUNT, from, to)].map(({ key }) => key.slice(from.length)));
  };
  return { rig, propose, identify, register, unregister, carried, known };
}

test("a producer has the channels that it said, once each, until it says otherwise", async () => {
  const { identify, register, unregister, carried, known } = await open();
  const [one, two] = [await identify(1), await identify(2)];
  for (const channel of ["", "b", "a", "b", "c#ephemeral"]) accepted(await register(one, "t", channel));
  accepted(await register(two, "t", "c#ephemeral"));
  assert.deepEqual(carried("t"), ["b a c#ephemeral", "c#ephemeral"]);
  accepted(await unregister(one, "t", "c#ephemeral"));
  assert.deepEqual(known("t"), ["a", "b", "c#ephemeral"], "another one has it");
  accepted(await unregister(two, "t"));
  assert.deepEqual(known("t"), ["a", "b", "c#ephemeral"], "it goes by its own name only");
  accepted(await unregister(two, "t", "c#ephemeral"));
  assert.deepEqual([known("t"), carried("t")], [["a", "b"], ["b a"]]);
});

test("as many channels as fit are one text in parts; one more is refused, and costs none of them", async () => {
  const { identify, register, unregister, carried } = await open();
  const one = await identify(1);
  const names = Array.from({ length: 1000 }, (_, n) => `${"x".repeat(60)}${String(n).padStart(4, "0")}`);
  let last = 0;
  for (const name of names) {
    if (!(await register(one, "t", name)).ok) break;
    last++;
  }
  assert.ok(last > 850 && last < 1000, String(last));
  assert.deepEqual(carried("t"), [names.slice(0, last).join(" ")]);
  const refused = await register(one, "t", names[last]);
  assert.ok(!refused.ok && refused.refusal === "too-large");
  accepted(await unregister(one, "t", names[3]));
  accepted(await register(one, "t", names[last]));
  assert.equal(carried("t")[0]?.split(" ").length, last);
});

test("a topic of more producers than a transaction has steps is tombstoned and deleted at once", async () => {
  const { rig, propose, identify, register, carried, known } = await open();
  for (let nth = 0; nth < 1100; nth++) accepted(await register(await identify(nth), "t", "ch"));
  const before = rig.registry.read((view) => view.revision);
  accepted(await propose(byPlan(DELETE, { topic: "t", channel: "ch" })));
  assert.deepEqual([new Set(carried("t")), known("t")], [new Set([""]), []]);
  accepted(await propose(byPlan(DELETE, { topic: "t", channel: "" })));
  assert.deepEqual(carried("t"), []);
  assert.equal(
    rig.registry.read((view) => view.revision),
    before + 2,
  );
  const refused = await propose(byPlan(DELETE, { topic: "t", channel: "ch" }));
  assert.ok(!refused.ok && refused.refusal === "not-found");
  accepted(await propose(byPlan(CREATE, { topic: "t", channel: "ch" })));
  assert.deepEqual(known("t"), ["ch"]);
});

test("an nsqd of more topics than a transaction has steps is hidden and shown at once", async () => {
  const { rig, propose, identify, register } = await open();
  const one = await identify(1);
  for (let nth = 0; nth < 1100; nth++) accepted(await register(one, `t${nth}`));
  const statuses = () => rig.registry.read((view) => ({ ...view.account(ACCOUNT)?.statuses }));
  accepted(await propose(byPlan(MARK, { lease: one.lease, isActive: false })));
  assert.equal(statuses().critical, 1101);
  accepted(await propose(byPlan(MARK, { lease: one.lease, isActive: true })));
  assert.equal(statuses().passing, 1101);
  accepted(await propose(byPlan(TOMBSTONE, { topic: "t7", node: "10.1.0.1:4151" })));
  assert.equal(statuses().passing, 1101);
});

test("what is alike in many registrations is there once", async () => {
  const { rig, identify, register } = await open();
  const [one, two] = [await identify(1), await identify(2)];
  for (const source of [one, two]) for (const topic of ["a", "b"]) accepted(await register(source, topic, "ch"));
  const all = rig.registry.read((view) =>
    ["a", "b"].flatMap((topic) => [...(view.account(ACCOUNT)?.service(topic)?.instances.values() ?? [])]),
  );
  assert.equal(all.length, 4);
  assert.equal(new Set(all.map(({ ports }) => ports)).size, 1);
  assert.equal(new Set(all.map(({ meta }) => meta)).size, 1);
});

/** Long answers of DNS, in 512 MB: bounded, said to be in part, and nobody waits for those who don't read theirs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { askTcp, askUdp, readMessage, TcpTalk, toQuery } from "../dns/rig.ts";
import { until } from "../harness/scope.ts";
import { memoryOf, neverRead, notHeldUp, registerFat, startBystander, startSmall, TEXTS } from "./rig.ts";

const HOST = "127.0.0.1";
const MIB = 2 ** 20;

function framed(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [Buffer.from([message.length >> 8, message.length]), message]));
}

test("texts of many long instances: no more is made than a few messages hold", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  const tags = Array.from({ length: 60 }, (_, nth) => `t${nth}`);
  assert.equal(await registerFat(url, "x", 300, { more: (nth) => ({ meta: { ...TEXTS, nth: `${nth}` }, tags }) }), 300);
  const port = registry.port("dns");
  const bystander = await startBystander(t, registry);
  // Each of these answers is kept, with the records of its other orders.
  for (const tag of tags) {
    const name = `${tag}.x.rollcall.`;
    const byUdp = await askUdp(HOST, port, name, "TXT", { edns: { size: 1232 } });
    assert.deepEqual([byUdp.rcode, byUdp.tc, byUdp.answers.length], ["NOERROR", true, 0]);
    const byTcp = await askTcp(HOST, port, name, "TXT");
    assert.deepEqual([byTcp.rcode, byTcp.tc, byTcp.answers.length], ["NOERROR", true, 2]);
    const pointers = await askTcp(HOST, port, `_${tag}._sub._x._tcp.rollcall.`, "PTR");
    assert.deepEqual([pointers.tc, pointers.answers.length], [false, 300]);
  }
  const one = await askTcp(HOST, port, "i007.id.x.rollcall.", "TXT");
  assert.deepEqual([one.tc, one.answers.length], [false, 1]);
  await notHeldUp(bystander);
});

test("clients that don't read their answers by TCP are cut, and others served", { timeout: 600_000 }, async (t) => {
  const registry = await startSmall(t, { answers: { unreadBytesPerAddressMax: 4 * MIB } });
  const { url } = registry;
  await registerFat(url, "x", 3, { more: (nth) => ({ meta: { ...TEXTS, nth: `${nth}` } }) });
  const port = registry.port("dns");
  const bystander = await startBystander(t, registry);
  // 64 kB each, and more of them than the kernel takes.
  const questions = framed(...Array.from({ length: 200 }, (_, id) => toQuery("x.rollcall.", "TXT", { id })));
  const open = await neverRead(t, port, 40, questions);
  await until(async () => (await memoryOf(url)).cuts > 20, { what: "the slow ones to be cut" });
  const { unreadMb } = await memoryOf(url);
  assert.ok(unreadMb > 1 && unreadMb <= 4, `${unreadMb} MB wait`);
  const talk = await TcpTalk.open(HOST, port);
  for (let id = 0; id < 50; id++) {
    talk.send(toQuery("x.rollcall.", "TXT", { id }));
    assert.equal(readMessage(await talk.next()).answers.length, 2);
  }
  talk.close();
  for (const socket of open) socket.destroy();
  await until(async () => (await memoryOf(url)).unreadMb === 0, { what: "nothing to wait any more" });
  await notHeldUp(bystander);
});

test("long zones are transferred, also while others don't read theirs", { timeout: 600_000 }, async (t) => {
  const settings = { dns: { allowTransfer: ["127.0.0.1", "127.0.0.2"] } };
  const registry = await startSmall(t, { dialectSettings: settings, answers: { unreadBytesPerAddressMax: 2 * MIB } });
  const { url } = registry;
  const tags = Array.from({ length: 60 }, (_, nth) => `t${nth}`);
  assert.equal(await registerFat(url, "x", 300, { more: (nth) => ({ meta: { ...TEXTS, nth: `${nth}` }, tags }) }), 300);
  const port = registry.port("dns");
  const bystander = await startBystander(t, registry);
  const question = toQuery("rollcall.", "AXFR");
  await neverRead(t, port, 40, framed(question));
  await until(async () => (await memoryOf(url)).cuts > 0, { what: "the slow ones to be cut" });
  const talk = await TcpTalk.open(HOST, port, "127.0.0.2");
  talk.send(question);
  let [texts, ends] = [0, 0];
  while (ends < 2) {
    const { rcode, answers } = readMessage(await talk.next());
    assert.equal(rcode, "NOERROR");
    for (const { type } of answers) {
      if (type === "TXT") texts++;
      else if (type === "SOA") ends++;
    }
  }
  talk.close();
  // By its id and for browsers, and some of those under each tag.
  assert.ok(texts > 2 * 300 && texts < 7 * 300, `${texts} texts`);
  await notHeldUp(bystander);
});

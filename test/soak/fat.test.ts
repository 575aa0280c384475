/** Long answers of every dialect, in 512 MB: lists of 3 000 instances of 65 kB, clients that never read, a fat history. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { ask, memoryOf, neverRead, putKeys, registerFat, startBystander, startSmall, TEXTS } from "../answers/rig.ts";
import { askTcp, toQuery } from "../dns/rig.ts";
import { until } from "../harness/scope.ts";
import { logIn } from "../rackspace/rig.ts";

const COUNT = 3000;
/** How long others are looked at while clients don't read. */
const WATCHED_MS = 5000;
const OPTIONS = { timeout: 3600_000 };

/** Somebody else's requests, the whole time: almost all are answered within 100 ms of the registry's own time. */
async function wellServed(
  t: TestContext,
  what: string,
  bystander: Awaited<ReturnType<typeof startBystander>>,
): Promise<void> {
  const waits = await bystander.stop();
  t.diagnostic(`${what}: ${JSON.stringify(waits)}`);
  assert.ok(waits.busyP99 <= 100, `${what}: ${JSON.stringify(waits)}`);
}

test(`lists of ${COUNT} instances of 65 kB, and 400 clients that never read them`, OPTIONS, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  const { token } = (await logIn(url, "default")).json().access;
  assert.equal(await registerFat(url, "x", COUNT), COUNT);
  const rackspace = { "x-auth-token": token.id };
  const at = (port: number): string => `http://127.0.0.1:${port}`;
  const lists: readonly (readonly [path: string, dialect: string, headers: Readonly<Record<string, string>>])[] = [
    [`/v2/default/services/x`, "http", {}],
    [`/v2/default/services/x?status=passing`, "http", {}],
    [`/sd/prometheus/default`, "http", {}],
    [`/v1.0/${token.tenant.id}/services?limit=1000`, "http", rackspace],
    [`/v1.0/${token.tenant.id}/events?limit=1000`, "http", rackspace],
    ["/eureka/apps", "eureka", {}],
    ["/eureka/apps/delta", "eureka", { accept: "application/xml" }],
    ["/skydns/services/", "skydns", {}],
  ];
  for (const [path, dialect, headers] of lists) {
    const bystander = await startBystander(t, registry);
    const { status, bytes } = await ask(`${at(registry.port(dialect))}${path}`, "GET", undefined, headers);
    assert.ok(status === 200 && bytes.length > 500_000, `${path}: ${status}, ${bytes.length} bytes`);
    t.diagnostic(`${path}: ${status}, ${bytes.length} bytes, ${(await memoryOf(url)).rssMb.toFixed()} MB`);
    await wellServed(t, path, bystander);
  }
  const bystander = await startBystander(t, registry);
  for (const [path, dialect, headers] of lists) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const asked = `GET ${path} HTTP/1.1\r\nHost: a\r\n${lines.join("")}\r\n`;
    await neverRead(t, registry.port(dialect), 400 / lists.length, asked);
  }
  const isUnread = async (): Promise<boolean> => (await memoryOf(url)).unreadMb > 10;
  await until(isUnread, { what: "answers to wait for their clients", timeoutMs: 300_000 });
  await wellServed(t, "400 clients that never read", bystander);
  const { rssMb, unreadMb } = await memoryOf(url);
  t.diagnostic(`${rssMb.toFixed()} MB, ${unreadMb.toFixed()} MB unread`);
  assert.ok(unreadMb <= 65);
  await registry.restart();
  assert.equal((await ask(`${url}/v2/default/services/x`)).json().instances.length, COUNT);
});

test(`texts of ${COUNT} instances in DNS`, OPTIONS, async (t) => {
  const registry = await startSmall(t);
  const tags = Array.from({ length: 20 }, (_, nth) => `t${nth}`);
  const more = (nth: number): object => ({ meta: { ...TEXTS, nth: `${nth}` }, tags });
  assert.equal(await registerFat(registry.url, "x", COUNT, { more }), COUNT);
  const port = registry.port("dns");
  const bystander = await startBystander(t, registry);
  for (let round = 0; round < 20; round++)
    for (const tag of tags) {
      const answer = await askTcp("127.0.0.1", port, `${tag}.x.rollcall.`, "TXT");
      assert.deepEqual([answer.rcode, answer.tc], ["NOERROR", true]);
    }
  const question = toQuery("x.rollcall.", "TXT");
  const framed = Buffer.concat([Buffer.from([0, question.length]), question]);
  await neverRead(t, port, 200, Buffer.concat(Array.from({ length: 200 }, () => framed)));
  await setTimeout(WATCHED_MS);
  await wellServed(t, "DNS", bystander);
});

test("a history of 700 changes of 1 MB", OPTIONS, async (t) => {
  const registry = await startSmall(t);
  const { url } = registry;
  await putKeys(url, 700, 1_000_000, 50);
  const bystander = await startBystander(t, registry);
  let seen = 0;
  for (let after = 0; seen < 700; ) {
    const { revision, commits } = (await ask(`${url}/v2/default/watch?after=${after}&wait=1s`)).json();
    assert.ok(revision > after, "the position moves on");
    seen += commits.length;
    after = revision;
  }
  for (const path of ["watch?after=0&wait=1s", "events?after=0&limit=1000"])
    await neverRead(t, registry.port(), 100, `GET /v2/default/${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await setTimeout(WATCHED_MS);
  await wellServed(t, "a fat history", bystander);
  t.diagnostic(JSON.stringify(await memoryOf(url)));
  await registry.restart();
  assert.equal((await ask(`${url}/v2/default/config/fat/1?raw`)).bytes.length, 1_000_000);
});

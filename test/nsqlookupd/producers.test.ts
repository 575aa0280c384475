/** Producers of nsqlookupd over the shared catalog: connections, restarts, silence, tombstones, bad input. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { startRegistry } from "../../packages/registry/src/bin/embed.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { identify, Line, lookUp, openNsqd, startLookupd } from "./rig.ts";

const lookupd = await startLookupd({ after });

test("an nsqd is an instance of nsqd and of each topic, while it is connected", async (t) => {
  const nsqd = await openNsqd(t, lookupd.tcp, { address: "10.1.0.1", topics: ["orders", "mail ch", "nsqd"] });
  const idsOf = async (service: string): Promise<string[]> =>
    (await lookupd.native(`/services/${service}`)).json().instances?.map((one: { id: string }) => one.id) ?? [];
  const [order] = await idsOf("orders");
  assert.match(order ?? "", /^10\.1\.0\.1:4150-/);
  const seen = (await lookupd.native(`/services/orders/instances/${encodeURIComponent(order ?? "")}`)).json();
  assert.deepEqual(
    [seen.address, seen.ports, seen.version, seen.via],
    ["10.1.0.1", { default: 4150, http: 4151 }, "1.3.0", "nsqlookupd"],
  );
  assert.equal((await idsOf("nsqd")).length, 2);
  assert.deepEqual(await lookUp(lookupd, "nsqd"), ["10.1.0.1:4150"]);
  // Instances of others are no producers.
  await lookupd.native("/services/orders/instances/web", { method: "PUT", body: { address: "10.9.9.9", port: 1 } });
  assert.deepEqual(await lookUp(lookupd, "orders"), ["10.1.0.1:4150"]);
  nsqd.socket.destroy();
  await until(async () => (await lookUp(lookupd, "orders")).length === 0);
  assert.deepEqual([await idsOf("nsqd"), await idsOf("orders")], [[], ["web"]]);
  // Topics and channels stay.
  assert.deepEqual((await lookupd.web("GET /channels?topic=mail")).json(), { channels: ["ch"] });
});

test("one nsqd on two connections is two producers, each with its own", async (t) => {
  const spec = { address: "10.2.0.1", topics: ["twice ch"] };
  const [one, two] = [await openNsqd(t, lookupd.tcp, spec), await openNsqd(t, lookupd.tcp, spec)];
  assert.deepEqual(await lookUp(lookupd, "twice"), ["10.2.0.1:4150", "10.2.0.1:4150"]);
  one.socket.destroy();
  await until(async () => (await lookUp(lookupd, "twice")).length === 1);
  assert.deepEqual(await two.say("UNREGISTER twice\n"), ["OK"]);
  assert.deepEqual(await lookUp(lookupd, "twice"), []);
});

test("who is silent is shown to nobody until it is heard of again; a tombstone has its time", async (t) => {
  const quick = await startLookupd(t, { lookupd: { inactiveMs: 400, tombstoneMs: 400 } });
  const nsqd = await openNsqd(t, quick.tcp, { topics: ["t"] });
  await until(async () => (await lookUp(quick, "t")).length === 0);
  assert.deepEqual((await quick.web("GET /nodes")).json(), { producers: [] });
  assert.equal((await quick.native("/services/t")).json().instances[0].status, "critical");
  assert.equal(Object.keys((await quick.web("GET /debug")).json()).length, 2);
  assert.deepEqual(await nsqd.say("PING\n"), ["OK"]);
  assert.deepEqual(await lookUp(quick, "t"), ["10.0.0.1:4150"]);
  const beat = setInterval(() => nsqd.socket.write("PING\n"), 50);
  t.after(() => clearInterval(beat));
  await quick.web("POST /topic/tombstone?topic=t&node=10.0.0.1:4151");
  assert.deepEqual(await lookUp(quick, "t"), []);
  await until(async () => (await lookUp(quick, "t")).length === 1);
});

test("producers outlive a restart in order as long as they take to come again, and are there once", async (t) => {
  const ports = { nsqlookupd: await freePort(), "nsqlookupd-http": await freePort() };
  const settings = { data: temporaryDirectory(t, "nsq"), ports, name: "n1" };
  const first = await startLookupd(t, settings);
  await openNsqd(t, first.tcp, { address: "10.3.0.1", topics: ["kept"] });
  await openNsqd(t, first.tcp, { address: "10.3.0.2", topics: ["kept"] });
  await first.rollcall.close();
  const again = await startLookupd(t, settings);
  assert.deepEqual(await lookUp(again, "kept"), ["10.3.0.1:4150", "10.3.0.2:4150"]);
  await openNsqd(t, again.tcp, { address: "10.3.0.1", topics: ["kept"] });
  await until(async () => (await lookUp(again, "kept")).join() === "10.3.0.1:4150,10.3.0.2:4150");
  const leases = (await again.native("/leases")).json().leases as { id: string; ttlMs: number }[];
  assert.equal(leases.length, 2);
  // Nobody renews the lease of the one that did not come.
  assert.ok(
    leases.every(({ ttlMs }) => ttlMs === 30_000),
    JSON.stringify(leases),
  );
});

test("what one says in one go is stored in one go, and holds up nobody else", async (t) => {
  const [greedy, modest] = [await openNsqd(t, lookupd.tcp), await openNsqd(t, lookupd.tcp)];
  const groups = async (): Promise<number> => {
    const { text } = await request(`${lookupd.rollcall.url}/metrics`);
    return Number(/^rollcall_group_size_commits_count (\d+)/m.exec(text)?.[1]);
  };
  const before = await groups();
  const many = 2000;
  const said = Array.from({ length: many }, (_, n) => `REGISTER g${n % 50} ch${n}\n`).join("");
  const all = greedy.say(said, many);
  await until(() => greedy.answers.length > 0);
  assert.deepEqual(await modest.say("REGISTER m ch\n"), ["OK"]);
  assert.ok(greedy.answers.length < many, "it was answered in between");
  assert.deepEqual(await all, Array(many).fill("OK"));
  const made = (await groups()) - before;
  assert.ok(made <= 100, `${many} registrations took ${made} writes to the disk`);
  assert.deepEqual(
    await greedy.say("PING\nREGISTER g0\nPING\nUNREGISTER g0 ch0\nREGISTER g0 ch0\nPING\n", 6),
    Array(6).fill("OK"),
  );
});

test("a lease that is ended elsewhere ends the connection, so that nsqd says all anew", async (t) => {
  const quick = await startLookupd(t, { lookupd: { inactiveMs: 1000 } });
  const nsqd = await openNsqd(t, quick.tcp, { topics: ["t"] });
  const [lease] = (await quick.native("/leases")).json().leases;
  const ended = await quick.native(`/leases/${encodeURIComponent(lease.lease)}`, { method: "DELETE" });
  assert.ok(ended.status < 300, ended.text);
  const answers = await nsqd.say("REGISTER u\n");
  if (answers.length > 0) assert.deepEqual(answers, ["E_INVALID the connection's lease has ended"]);
  await until(() => nsqd.closed);
});

test("what is no protocol gets its error and the end, and costs nobody else anything", async (t) => {
  const sane = await openNsqd(t, lookupd.tcp, { address: "10.4.0.1", topics: ["sane"] });
  const length = (value: number): Buffer => {
    const bytes = Buffer.from("  V1IDENTIFY\n    ");
    bytes.writeInt32BE(value, bytes.length - 4);
    return bytes;
  };
  const wrong: readonly [Buffer | string, RegExp][] = [
    [length(-1), /^E_BAD_BODY/],
    [length(2 ** 31 - 1), /^E_BAD_BODY/],
    [length(65_537), /^E_BAD_BODY/],
    [`  V1${"x".repeat(5000)}`, /^E_INVALID a command is longer/],
    [Buffer.from([0, 1, 2, 3, 4]), /^E_BAD_PROTOCOL$/],
    [Buffer.concat([Buffer.from("  V1"), identify("{".repeat(1000))]), /^E_BAD_BODY IDENTIFY failed to decode/],
    [
      Buffer.concat([
        Buffer.from("  V1"),
        identify({ broadcast_address: "a\nb", tcp_port: 1, http_port: 1, version: "1" }),
      ]),
      /^E_BAD_BODY/,
    ],
    [
      Buffer.concat([
        Buffer.from("  V1"),
        identify({ broadcast_address: "a", tcp_port: 70_000, http_port: 1, version: "1" }),
      ]),
      /^E_BAD_BODY/,
    ],
    ["  V1\xff\xfe\n", /^E_INVALID invalid command/],
  ];
  for (const [bytes, error] of wrong) {
    const line = new Line(t, lookupd.tcp);
    const [answer = ""] = await line.say(bytes);
    assert.match(answer, error);
    await until(() => line.closed);
  }
  // Half a line, and a client that never reads.
  const half = new Line(t, lookupd.tcp);
  half.socket.write("  V1PIN");
  half.socket.end();
  await until(() => half.closed);
  assert.deepEqual(half.answers, []);
  const deaf = new Line(t, lookupd.tcp);
  deaf.socket.pause();
  deaf.socket.write("  V1");
  const pings = Buffer.from("PING\n".repeat(20_000));
  await until(() => {
    if (!deaf.closed && deaf.socket.writableLength < 4 * pings.length) deaf.socket.write(pings);
    return deaf.closed || deaf.socket.destroyed || deaf.socket.writableLength > 3 * pings.length;
  });
  deaf.socket.destroy();
  assert.deepEqual(await sane.say("PING\n"), ["OK"]);
  assert.deepEqual(await lookUp(lookupd, "sane"), ["10.4.0.1:4150"]);
});

test("clients of 0.3 get wrapped answers on their own paths", async () => {
  const old = async (what: string) => {
    const { status, headers, text } = await lookupd.web(what);
    return [status, headers["x-nsq-content-type"], JSON.parse(text)];
  };
  const ok = [200, undefined, { status_code: 200, status_txt: "OK", data: null }];
  assert.deepEqual(await old("GET /create_topic?topic=old"), ok);
  assert.deepEqual(await old("POST /create_channel?topic=old&channel=c"), ok);
  assert.deepEqual((await lookupd.web("GET /lookup?topic=old")).json(), { channels: ["c"], producers: [] });
  assert.deepEqual(await old("GET /create_topic"), [
    500,
    undefined,
    { status_code: 500, status_txt: "MISSING_ARG_TOPIC", data: null },
  ]);
  assert.deepEqual(await old("GET /tombstone_topic_producer?topic=old&node=x:1"), ok);
  assert.deepEqual(await old("GET /delete_channel?topic=old&channel=c"), ok);
  assert.deepEqual((await old("GET /delete_channel?topic=old&channel=c"))[0], 404);
  assert.deepEqual(await old("GET /delete_topic?topic=old"), ok);
  assert.equal((await lookupd.web("GET /lookup?topic=old")).status, 404);
});

test("with accounts only those who are trusted, or bring a token, are let in", async (t) => {
  const sha256 = createHash("sha256").update("secret").digest("hex");
  const accounts = { acme: { tokens: [{ name: "w", role: "writer", sha256 }] } };
  const closed = await startLookupd(t, { accounts, lookupd: { account: "acme" } });
  await assert.rejects(openNsqd(t, closed.tcp), /E_INVALID this address is not trusted/);
  assert.equal((await closed.web("GET /topics")).status, 401);
  assert.equal((await closed.web("GET /ping")).text, "OK");
  const headers = { authorization: "Bearer secret" };
  assert.equal((await closed.web("POST /topic/create?topic=a", { headers })).status, 200);
  assert.deepEqual((await closed.web("GET /topics", { headers })).json(), { topics: ["a"] });
  const open = await startLookupd(t, { accounts, lookupd: { account: "acme", trusted: ["127.0.0.0/8"] } });
  await openNsqd(t, open.tcp, { topics: ["b"] });
  assert.deepEqual((await open.web("GET /topics")).json(), { topics: ["b"] });
});

test("settings that mean nothing are refused at the start", async () => {
  const wrong: readonly [Readonly<Record<string, unknown>>, RegExp][] = [
    [{ inactive: 3 }, /nsqlookupd knows no setting inactive/],
    [{ inactiveMs: 3 }, /nsqlookupd\.inactiveMs must be/],
    [{ tombstoneMs: "3" }, /nsqlookupd\.tombstoneMs must be/],
    [{ account: "a b" }, /nsqlookupd\.account must be/],
    [{ broadcastAddress: "a b" }, /nsqlookupd\.broadcastAddress must be/],
    [{ trusted: "10.0.0.0/8" }, /nsqlookupd\.trusted must be a list/],
    [{ trusted: ["10.0.0.0/33"] }, /is no address or network/],
  ];
  for (const [nsqlookupd, reason] of wrong)
    await assert.rejects(startRegistry({ dialects: ["http", "nsqlookupd"], dialectSettings: { nsqlookupd } }), reason);
});

/** Zone transfers asked for by dig and kdig: forms, permissions and signatures. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  type Secret,
  signTsig,
  TSIG_ERROR,
  verifyTsig,
} from "../../../packages/registry/src/dialects/dns/signing/tsig.ts";
import { RCODE } from "../../../packages/registry/src/dialects/dns/wire/message.ts";
import { parseName } from "../../../packages/registry/src/dialects/dns/wire/name.ts";
import { decodeMessage } from "../../../packages/registry/src/dialects/dns/wire/packet.ts";
import { temporaryDirectory, until } from "../../harness/scope.ts";
import { readMessage, TcpTalk, toQuery } from "../rig.ts";
import { DIG, dig, digZone, KDIG, KEYS, type Key, run, showKey, startKeyed, toLines } from "../transfer-rig.ts";

const SIGNED = ["-y", showKey(KEYS.transfer)];
const withDig = { skip: DIG.skip };

const ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"];
const KEYS_OF_ALL = ALGORITHMS.map((algorithm) => ({ ...KEYS.transfer, name: `${algorithm}.key`, algorithm }));

const zones = join(temporaryDirectory({ after }, "zones"), "zones");
mkdirSync(zones);
const writeZone = (serial: number, last: number): void =>
  writeFileSync(
    join(zones, "site.example.zone"),
    `$TTL 60\n@ SOA ns hostmaster ${serial} 60 10 600 1\n@ NS ns\nns A 127.0.0.1\nhost A 10.0.0.${last}\n` +
      Array.from({ length: 10 }, (_, i) => `more${i} A 10.0.1.${i}\n`).join(""),
  );
writeZone(1, 1);

const [rig, open] = await Promise.all([
  startKeyed({ after }, { allowTransfer: ["10.0.0.0/8"] }),
  startKeyed(
    { after },
    {
      keys: [...KEYS_OF_ALL, KEYS.transfer],
      allowTransfer: ["127.0.0.0/8"],
      files: [{ path: zones, pollMs: 100 }],
    },
  ),
]);
await open.register("api", "a1", { address: "10.0.0.1", port: 80 });
await rig.register("api", "a1", { address: "10.0.0.1", port: 80, tags: ["blue"], meta: { k: "v" } });
await rig.register("api", "a2", { address: "10.0.0.2", port: 80, version: "1.2", zone: "z1" });
await rig.register("api", "not here", { address: "10.0.0.3", port: 80, status: "critical" });
for (let i = 0; i < 10; i++) await rig.register("bulk", `b${i}`, { address: `10.0.1.${i}`, port: 80 });

function serialOf(line: string | undefined): number {
  return Number(line?.split(" ")[6]);
}

async function failure(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(DIG.path, ["@127.0.0.1", "-p", String(rig.port), "+tries=1", "+time=30", ...args]);
  return stdout;
}

test("a whole zone: its SOA around every name that is answered", withDig, async () => {
  const lines = await dig(rig.port, ...SIGNED, "rollcall", "AXFR");
  assert.match(lines[0] ?? "", / IN SOA /);
  assert.equal(lines.at(-1), lines[0]);
  const inside = lines.slice(1, -1);
  assert.equal(new Set(inside).size, inside.length, "each record once");
  for (const [name, type] of [
    ["api.rollcall", "A"],
    ["blue.api.rollcall", "A"],
    ["z1.zone.api.rollcall", "A"],
    ["1.2.version.api.rollcall", "A"],
    ["a1.id.api.rollcall", "A"],
    ["_api._tcp.rollcall", "SRV"],
    ["_api._tcp.rollcall", "PTR"],
    ["_services._dns-sd._udp.rollcall", "PTR"],
    ["a1._api._tcp.rollcall", "TXT"],
    ["rollcall", "NS"],
    ["ns.rollcall", "A"],
  ] as const) {
    const answered = await dig(rig.port, name, type);
    assert.ok(answered.length > 0, `${name} ${type} is answered`);
    for (const line of answered) assert.ok(inside.includes(line), `${line} is in the zone`);
  }
  assert.ok(!lines.some((line) => line.includes("10.0.0.3")), "only what is found");
});

test(
  "increments, step by step; nothing for who is there or ahead; all for who is too far behind",
  withDig,
  async () => {
    const ixfr = (serial: number): Promise<string[]> => dig(rig.port, ...SIGNED, "rollcall", `IXFR=${serial}`);
    const first = serialOf((await dig(rig.port, ...SIGNED, "rollcall", "AXFR"))[0]);
    await rig.register("api", "a1", { address: "10.0.0.9", port: 80, tags: ["blue"], meta: { k: "v" } });
    const one = await ixfr(first);
    const second = serialOf(one[0]);
    assert.ok(second > first);
    const soas = one.flatMap((line) => (/ SOA /.test(line) ? [serialOf(line)] : []));
    assert.deepEqual(soas, [second, first, second, second]);
    const turn = one.findIndex((line, i) => i > 1 && / SOA /.test(line));
    assert.ok(one.slice(2, turn).includes("api.rollcall. 5 IN A 10.0.0.1"), "deleted");
    assert.ok(one.slice(turn + 1, -1).includes("api.rollcall. 5 IN A 10.0.0.9"), "added");
    assert.ok(!one.some((line) => line.includes("10.0.0.2")), "what stays is not mentioned");

    await rig.deregister("bulk", "b9");
    const two = await ixfr(first);
    const third = serialOf(two[0]);
    assert.deepEqual(
      two.flatMap((line) => (/ SOA /.test(line) ? [serialOf(line)] : [])),
      [third, first, second, second, third, third],
    );
    assert.equal((await ixfr(second)).filter((line) => / SOA /.test(line)).length, 4);
    assert.equal((await ixfr(third)).length, 1, "up to date");
    assert.equal((await ixfr(third + 5)).length, 1, "ahead of us (RFC 1995 §2)");
    const whole = await dig(rig.port, ...SIGNED, "rollcall", "AXFR");
    assert.deepEqual((await ixfr(1)).sort(), whole.sort(), "a serial that nobody was given");
  },
);

test("IXFR over UDP: what fits, else the SOA alone", withDig, async () => {
  const ixfr = (serial: number): Promise<string[]> => dig(rig.port, ...SIGNED, "+notcp", "rollcall", `IXFR=${serial}`);
  const before = serialOf((await dig(rig.port, ...SIGNED, "rollcall", "AXFR"))[0]);
  await rig.register("tiny", "t", { address: "10.0.2.1" });
  const lines = await ixfr(before);
  assert.ok(lines.includes("tiny.rollcall. 5 IN A 10.0.2.1"), lines.join("\n"));
  assert.equal(lines.filter((line) => / SOA /.test(line)).length, 4);
  for (let i = 0; i < 4; i++)
    await rig.register("wide", `w${i}`, { address: `10.0.3.${i}`, meta: { x: "y".repeat(200) } });
  assert.equal((await ixfr(before)).length, 1);
  const bare = readMessage(await askUdp(toQuery("rollcall.", "AXFR")));
  assert.equal(bare.rcode, "REFUSED");
});

async function askUdp(packet: Buffer): Promise<Buffer> {
  const answer = await rig.sendUdp(packet);
  assert.ok(answer !== undefined);
  return answer;
}

test("who may not has nothing: networks, keys, accounts, zones", withDig, async () => {
  await rig.register("x", "x", { address: "10.4.0.1" }, "shop");
  assert.match(await failure("rollcall", "AXFR"), /Transfer failed/);
  assert.match(await failure("-y", showKey(KEYS.shop), "rollcall", "AXFR"), /Transfer failed/);
  assert.equal((await digZone(rig.port, "shop.rollcall", "-y", showKey(KEYS.shop))).length > 3, true);
  assert.match(await failure(...SIGNED, "shop.rollcall", "AXFR"), /Transfer failed/);
  assert.match(await failure(...SIGNED, "api.rollcall", "AXFR"), /Transfer failed/);
  assert.match(await failure("-y", showKey(KEYS.admin), "example", "AXFR"), /Transfer failed/);
  // Whoever has the parent learns where the child is.
  assert.ok((await digZone(rig.port, "rollcall", ...SIGNED)).includes("shop.rollcall. 5 IN NS ns.shop.rollcall."));
  assert.ok((await dig(open.port, "rollcall", "AXFR")).length > 2);
  assert.equal((await rig.askTcp("rollcall.", "AXFR")).rcode, "REFUSED");
  assert.equal((await open.ask("rollcall.", "AXFR")).rcode, "FORMERR", "not over UDP (RFC 5936 §4.2)");
  assert.equal((await open.askTcp("api.rollcall.", "AXFR")).rcode, "NOTAUTH");
  assert.equal((await open.askTcp("10.in-addr.arpa.", "AXFR")).rcode, "NOTAUTH");
  assert.equal((await open.askTcp("in-addr.arpa.", "AXFR")).rcode, "REFUSED");
  assert.equal((await open.askTcp("rollcall.", "IXFR")).rcode, "FORMERR", "without a serial");
});

test("every algorithm, by dig and by kdig", { skip: DIG.skip || KDIG.skip }, async () => {
  for (const key of KEYS_OF_ALL) {
    const lines = await dig(open.port, "-y", showKey(key), "rollcall", "AXFR");
    assert.ok(lines.length > 10, key.algorithm);
    const args = ["@127.0.0.1", "-p", String(open.port), "-y", showKey(key), "rollcall", "AXFR", "+noall", "+answer"];
    const { code, stdout, stderr } = await run(KDIG.path, args);
    assert.equal(code, 0, `${key.algorithm}: ${stdout}${stderr}`);
    assert.doesNotMatch(stdout + stderr, /WARNING|ERROR/);
    assert.deepEqual(toLines(stdout).sort(), lines.sort());
  }
  const other = { ...KEYS_OF_ALL[0], algorithm: "hmac-sha256" } as Key;
  const { stdout } = await run(DIG.path, [
    "@127.0.0.1",
    "-p",
    String(open.port),
    "-y",
    showKey(other),
    "rollcall",
    "SOA",
  ]);
  assert.match(stdout, /status: NOTAUTH/);
  assert.match(stdout, /BADKEY/);
});

test("signatures that do not hold are told apart (RFC 8945 §5.2)", withDig, async () => {
  assert.match(
    await failure("-y", showKey({ ...KEYS.transfer, name: "no.key" }), "rollcall", "SOA"),
    /NOTAUTH[\s\S]*BADKEY/,
  );
  const forged = { ...KEYS.transfer, secret: KEYS.admin.secret };
  assert.match(await failure("-y", showKey(forged), "rollcall", "SOA"), /NOTAUTH[\s\S]*BADSIG/);
  assert.match(await failure("-y", showKey(forged), "rollcall", "AXFR"), /Transfer failed|BADSIG/);

  const key: Secret = {
    name: parseName(KEYS.transfer.name) ?? [],
    algorithm: "hmac-sha256",
    secret: Buffer.from(KEYS.transfer.secret, "base64"),
  };
  const nowS = Math.floor(Date.now() / 1000);
  for (const offsetS of [-1000, 1000]) {
    const late = signTsig(toQuery("rollcall.", "SOA"), key, nowS + offsetS);
    const answer = await askUdp(late.packet);
    const decoded = decodeMessage(answer);
    assert.ok(decoded.ok && decoded.value.tsig !== undefined);
    const { tsig, rcode, answers } = decoded.value;
    assert.deepEqual([rcode, tsig.error, answers.length], [RCODE.NOTAUTH, TSIG_ERROR.BADTIME, 0]);
    assert.ok(Math.abs(Buffer.from(tsig.other, "latin1").readUIntBE(0, 6) - nowS) < 60, "it says what time it is");
    // §5.2.3: signed with the client's own time, so that it knows the answer for a new one.
    const verdict = verifyTsig(answer, tsig, key, nowS + offsetS, { requestMac: late.mac });
    assert.ok(verdict.ok, "and is signed");
  }
  const { answers, tsig } = readMessage(await askUdp(signTsig(toQuery("rollcall.", "SOA"), key, nowS).packet));
  assert.deepEqual([answers.length, tsig], [1, true]);
});

test("EXPIRE is told where it was asked for (RFC 7314)", withDig, async () => {
  const { stdout } = await run(DIG.path, ["@127.0.0.1", "-p", String(rig.port), "+expire", "rollcall", "SOA"]);
  assert.match(stdout, /EXPIRE: 604800/);
  const transfer = await run(DIG.path, [
    "@127.0.0.1",
    "-p",
    String(rig.port),
    ...SIGNED,
    "+edns=0",
    "+expire",
    "+multi",
    "rollcall",
    "AXFR",
  ]);
  assert.equal(transfer.code, 0);
});

test("zone files are transferred, and their changes are increments", withDig, async () => {
  const first = await until(async () => {
    const lines = await dig(open.port, ...SIGNED, "site.example", "AXFR");
    return lines.length > 0 && lines;
  });
  assert.ok(first.includes("host.site.example. 60 IN A 10.0.0.1"));
  assert.equal(serialOf(first[0]), 1);
  writeZone(2, 2);
  await until(async () => serialOf((await dig(open.port, "site.example", "SOA"))[0]) === 2);
  const lines = await dig(open.port, ...SIGNED, "site.example", "IXFR=1");
  assert.deepEqual(
    lines.map((line) => (/ SOA /.test(line) ? serialOf(line) : line)),
    [2, 1, "host.site.example. 60 IN A 10.0.0.1", 2, "host.site.example. 60 IN A 10.0.0.2", 2],
  );
});

test("after a restart the zone is whole, and goes on from the same serial", withDig, async () => {
  const before = await dig(open.port, ...SIGNED, "rollcall", "AXFR");
  await open.rollcall.restart();
  assert.deepEqual(await dig(open.port, ...SIGNED, "rollcall", `IXFR=${serialOf(before[0])}`), [before[0]]);
  await open.register("api", "a2", { address: "10.0.0.2", port: 80 });
  const lines = await dig(open.port, ...SIGNED, "rollcall", `IXFR=${serialOf(before[0]) - 1}`);
  assert.deepEqual(lines, await dig(open.port, ...SIGNED, "rollcall", "AXFR"));
});

test("after a restart with other settings the zone has another serial, and comes whole", withDig, async () => {
  const before = await dig(open.port, ...SIGNED, "rollcall", "AXFR");
  const serial = serialOf(before[0]);
  const file = join(open.directory, "rollcall.yaml");
  const config = JSON.parse(readFileSync(file, "utf8")) as { dialectSettings: { dns: Record<string, unknown> } };
  config.dialectSettings.dns.ttlS = 7;
  config.dialectSettings.dns.nameServers = ["ns1.example.net"];
  writeFileSync(file, JSON.stringify(config));
  await open.rollcall.restart();
  const after = await dig(open.port, ...SIGNED, "rollcall", `IXFR=${serial}`);
  assert.ok(serialOf(after[0]) > serial, "or a secondary would keep the old zone for good");
  assert.deepEqual(after, await dig(open.port, ...SIGNED, "rollcall", "AXFR"));
  assert.ok(after.includes("rollcall. 7 IN NS ns1.example.net."));
  assert.ok(before.includes("api.rollcall. 5 IN A 10.0.0.1") && after.includes("api.rollcall. 7 IN A 10.0.0.1"));
  // With the same settings it goes on.
  await open.rollcall.restart();
  assert.deepEqual(await dig(open.port, ...SIGNED, "rollcall", `IXFR=${serialOf(after[0])}`), [after[0]]);
});

test("a large zone comes in many messages, each signed, and keeps nobody waiting", withDig, async () => {
  const put = (i: number): Promise<number> =>
    open.register("many", `instance-${i}`, { address: `10.${i >> 8}.${i & 255}.1`, port: 80 });
  for (let i = 0; i < 1000; i += 100) await Promise.all(Array.from({ length: 100 }, (_, j) => put(i + j)));
  const whole = dig(open.port, ...SIGNED, "rollcall", "AXFR");
  const others = await Promise.all([whole, whole, dig(open.port, ...SIGNED, "rollcall", "AXFR")]);
  const [lines = []] = others;
  assert.ok(lines.length > 8000, `${lines.length} records`);
  assert.deepEqual(lines, others[2]);
  // A client that takes nothing of it holds up nobody.
  const talk = await TcpTalk.open("127.0.0.1", open.port);
  talk.socket.pause();
  talk.send(toQuery("rollcall.", "AXFR"));
  assert.equal((await open.ask("many.rollcall.", "A", { edns: { size: 1232 } })).rcode, "NOERROR");
  talk.close();
});

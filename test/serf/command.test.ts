/** Debian's `serf` command against the catalog: members, events, queries, and what a registry answers for an agent. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";
import { follow, put, Raw, remove, run, serf, startSerf } from "./rig.ts";

const { skip } = serf;
const rollcall = await startSerf({ after });
const port = rollcall.port("serf");
const instance = (id: string, more: object = {}) =>
  put(rollcall, `services/api/instances/${id}`, { address: "10.0.0.1", port: 80, ...more });
const column = async (...args: string[]) =>
  (await run(port, "members", ...args)).out
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/).slice(0, 3).join(" "));

test("instances are members, with status and tags, found by filters", { skip }, async () => {
  await instance("a1", { meta: { env: "prod" }, tags: ["fast", "v=2"], version: "1.0" });
  await instance("a2", { status: "critical" });
  await instance("a3", { status: "draining", address: "2001:db8::7" });
  assert.deepEqual((await column()).sort(), [
    "a1.api 10.0.0.1:80 alive",
    "a2.api 10.0.0.1:80 failed",
    "a3.api [2001:db8::7]:80 leaving",
  ]);
  const { out } = await run(port, "members", "-format", "json", "-name", "a1.*", "-status", "alive|left");
  const [member] = JSON.parse(out).members;
  const { env, fast, v, id, service, role, version } = member.tags;
  assert.deepEqual([env, fast, v, id, service, role, version], ["prod", "true", "2", "a1", "api", "api", "1.0"]);
  assert.deepEqual(await column("-tag", "env=p.*"), ["a1.api 10.0.0.1:80 alive"]);
  assert.deepEqual(await column("-tag", "env="), ["a2.api 10.0.0.1:80 failed", "a3.api [2001:db8::7]:80 leaving"]);
  assert.deepEqual(await column("-status", "failed"), ["a2.api 10.0.0.1:80 failed"]);
  assert.match((await run(port, "members", "-name", "(")).out, /regex/);
});

test("what fails, leaves and is given up", { skip }, async () => {
  await instance("gone");
  await remove(rollcall, "services/api/instances/gone");
  assert.deepEqual(await column("-name", "gone.*"), ["gone.api 10.0.0.1:80 left"]);
  await instance("brief", { ttl: "1s" });
  await until(async () => (await column("-name", "brief.*")).join() === "brief.api 10.0.0.1:80 failed");
  for (const name of ["brief.api", "a2.api", "a1.api", "nobody"])
    assert.equal((await run(port, "force-leave", name)).code, 0);
  assert.deepEqual(await column("-name", "brief.*"), ["brief.api 10.0.0.1:80 left"]);
  assert.deepEqual(await column("-name", "a2.*"), ["a2.api 10.0.0.1:80 left"]);
  assert.deepEqual(await column("-name", "a1.*"), ["a1.api 10.0.0.1:80 alive"]);
  assert.equal((await run(port, "force-leave", "-prune", "brief.api")).code, 0);
  assert.deepEqual(await column("-name", "brief.*"), []);
  assert.equal((await run(port, "leave")).code, 0);
  assert.equal((await column("-name", "a1.*")).length, 1, "the registry stays");
});

test("events go to all who follow, members' and users'", { skip }, async (t) => {
  const told = follow(t, port, "monitor", "-log-level", "debug");
  await until(() => told().includes("rollcall"));
  await instance("e1");
  await put(rollcall, "services/api/instances/e1", { address: "10.0.0.1", port: 80, meta: { a: "b" } });
  await remove(rollcall, "services/api/instances/e1");
  assert.match((await run(port, "event", "deploy", "v1.2")).out, /dispatched/);
  await until(() => told().includes("EventUser: deploy"), { what: "the event" });
  for (const word of ["EventMemberJoin: e1.api", "EventMemberUpdate: e1.api", "EventMemberLeave: e1.api", "EventUser"])
    assert.ok(told().includes(word), `${word} in ${told()}`);
  assert.match((await run(port, "event", "long", "x".repeat(10_000))).out, /exceeds sane limit of 9216 bytes/);
});

test("a query is asked of all who follow, and answered by those who will", { skip }, async (t) => {
  const client = await Raw.open(t, port);
  await client.say(`${SHAKE}${header("stream", 2)}81a454797065aa71756572793a6c6f6164`, `${OK(1)}${OK(2)}`);
  const asked = run(port, "query", "-timeout", "2s", "load", "now");
  await until(() => client.hex.includes(Buffer.from("query").toString("hex")) && /a24944(..)/.test(client.hex));
  const id = /a24944(..)/.exec(client.hex)?.[1];
  client.socket.write(Buffer.from(`${header("respond", 3)}82a24944${id}a75061796c6f6164c4023432`, "hex"));
  const { out } = await asked;
  assert.match(out, /Ack from 'n1'/);
  assert.match(out, /Response from 'n1-\d+': 42\n/);
  assert.match(out, /Total Acks: 1\nTotal Responses: 1/);
  const late = `${header("respond", 4)}82a24944${id}a75061796c6f6164c0`;
  client.socket.write(Buffer.from(late, "hex"));
  await until(() => client.bytes.includes("No pending queries matching ID"));
});

test("what an agent has besides", { skip }, async () => {
  assert.match((await run(port, "info")).out, /name = n1\n/);
  const { out, code } = await run(port, "reachability");
  assert.match(out, /Successfully contacted all live nodes/);
  assert.equal(code, 0);
  assert.match((await run(port, "keys", "-list")).out, /Keyring is empty/);
  assert.match((await run(port, "join", "10.0.0.1")).out, /this registry joins no cluster/);
  assert.match((await run(port, "tags", "-set", "a=b")).out, /no member/);
  assert.match((await run(port, "rtt", "a1.api", "a1.api")).out, /Could not find a coordinate/);
});

test("the key is a token, and says whose members they are and what may be done", { skip }, async (t) => {
  const sha256 = (token: string) => createHash("sha256").update(token).digest("hex");
  const tokens = [
    { name: "w", role: "writer", sha256: sha256("write") },
    { name: "r", role: "reader", sha256: sha256("read") },
  ];
  const closed = await startSerf(t, {}, { accounts: { default: { tokens } } });
  const at = closed.port("serf");
  await put(closed, "services/api/instances/a1", { address: "10.0.0.1" }, { authorization: "Bearer write" });
  assert.match((await run(at, "members")).out, /Authentication required/);
  assert.match((await run(at, "members", "-rpc-auth=wrong")).out, /Invalid authentication token/);
  assert.match((await run(at, "members", "-rpc-auth=read")).out, /a1\.api/);
  assert.match((await run(at, "event", "-rpc-auth=read", "x")).out, /Permission denied/);
  assert.match((await run(at, "event", "-rpc-auth=write", "x")).out, /dispatched/);
});

interface Session {
  readonly command: string;
  /** In hexadecimal, `>` what the command said, `<` what the agent answered. */
  readonly talk: readonly string[];
}

test("what the command said to a real agent is understood, and answered in the same bytes where nothing differs", async (t) => {
  const file = join(ROOT, "packages/registry/src/dialects/serf/vectors/serf.json");
  const sessions = JSON.parse(readFileSync(file, "utf8")) as readonly Session[];
  const same = /^(event|force-leave|leave|query -no-ack|members -name)/;
  for (const { command, talk } of sessions) {
    const client = await Raw.open(t, port);
    for (let at = 0; at < talk.length; at += 2) {
      const [said, answer] = [talk[at] ?? "", talk[at + 1] ?? ""];
      client.socket.write(Buffer.from(said.slice(1), "hex"));
      const from = client.hex.length;
      // The first bytes of an answer are its header: its number is the one of the command.
      await until(() => client.hex.length > from, { what: `an answer to ${command}` });
      if (!same.test(command) || command.includes("xxx")) continue;
      await until(() => client.hex.length - from >= answer.length - 1, { what: `all of the answer to ${command}` });
      assert.equal(client.hex.slice(from), answer.slice(1), command);
    }
  }
});

test("bad input is answered or closed, and the others notice nothing", async (t) => {
  const good = await Raw.open(t, port);
  await good.say(SHAKE, OK(1));
  const noises = [
    "474554202f20485454502f312e310d0a0d0a",
    "c1",
    "93010203",
    "ff",
    // A map of four billion entries, an array that deep, a text of two gigabytes.
    "dfffffffff",
    `${"91".repeat(40)}90`,
    "81a3666f6fdb7fffffff",
  ];
  for (const noise of noises) {
    const bad = await Raw.open(t, port);
    bad.socket.write(Buffer.from(noise, "hex"));
    await bad.closed();
  }
  const early = await Raw.open(t, port);
  early.socket.write(Buffer.from(header("members", 1), "hex"));
  await early.closed();
  assert.ok(early.bytes.includes("Handshake required"));
  const odd = await Raw.open(t, port);
  odd.socket.write(Buffer.from(`${SHAKE}${header("nonsense", 2)}`, "hex"));
  await odd.closed();
  assert.ok(odd.bytes.includes("Unsupported command"));
  const slow = await Raw.open(t, port);
  for (const byte of Buffer.from(SHAKE, "hex")) slow.socket.write(Buffer.from([byte]));
  await until(() => slow.hex === OK(1));
  await good.say(`${header("stop", 9)}81a453746f7005`, OK(9));
});

/** Written out: tests do not share the dialect's codec. */
function header(command: string, seq: number): string {
  const name = Buffer.from(command);
  return `82a7436f6d6d616e64${(0xa0 + name.length).toString(16)}${name.toString("hex")}a3536571${toHex(seq)}`;
}

function OK(seq: number): string {
  return `82a54572726f72a0a3536571${toHex(seq)}`;
}

function toHex(small: number): string {
  return small.toString(16).padStart(2, "0");
}

/** As the command says it. */
const SHAKE = "82a7436f6d6d616e64a968616e647368616b65a35365710181a756657273696f6e01";

/** DNS UPDATE by messages of our own: leases, what nsupdate never sends, and random updates against a model. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { verifyTsig } from "../../packages/registry/src/dialects/dns/signing/tsig.ts";
import {
  CLASS,
  type Edns,
  type Message,
  OPCODE,
  RCODE,
  type Resource,
  TYPE,
} from "../../packages/registry/src/dialects/dns/wire/message.ts";
import { decodeMessage, encodeMessage } from "../../packages/registry/src/dialects/dns/wire/packet.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { type DnsRig, openUdp, TcpTalk } from "./rig.ts";
import { KEYS, NSUPDATE, nsupdate, run, showKey, startKeyed } from "./transfer-rig.ts";
import { name, sign, toAddress, toClearance, toService, toUpdate, writer } from "./update-rig.ts";

/** Deletes this one record (RFC 2136 §2.5.4). */
function toDeletion(record: Resource): Resource {
  return { ...record, class: CLASS.NONE, ttlS: 0 };
}

/** Sends a signed update over TCP, proves the answer's signature, and answers it. */
async function send(rig: DnsRig, message: Message): Promise<Message> {
  const nowS = Math.floor(Date.now() / 1000);
  const signed = sign(message, nowS);
  const talk = await TcpTalk.open("127.0.0.1", rig.port);
  try {
    talk.send(signed.packet);
    const answer = await talk.next();
    const decoded = decodeMessage(answer);
    assert.ok(decoded.ok && decoded.value.tsig !== undefined, "a signed answer");
    const verdict = verifyTsig(answer, decoded.value.tsig, writer, nowS, { requestMac: signed.mac });
    assert.ok(verdict.ok, "its signature holds");
    assert.deepEqual([decoded.value.id, decoded.value.opcode], [message.id, OPCODE.UPDATE]);
    return decoded.value;
  } finally {
    talk.close();
  }
}

async function update(rig: DnsRig, updates: readonly Resource[], edns?: Edns): Promise<Message> {
  const answer = await send(rig, toUpdate(updates, edns === undefined ? {} : { edns }));
  assert.equal(answer.rcode, RCODE.NOERROR, JSON.stringify(updates));
  return answer;
}

async function instances(rig: DnsRig, service: string): Promise<{ id: string }[]> {
  const answer = await request(`${rig.rollcall.url}/v2/default/services/${service}`);
  return answer.status === 404 ? [] : answer.json().instances;
}

const directory = temporaryDirectory({ after }, "zones");
writeFileSync(
  join(directory, "rollcall.zone"),
  `$TTL 60
@ SOA ns hostmaster 1 60 10 600 1
@ NS ns
ns A 127.0.0.1
_fixed._tcp SRV 0 256 80 fixed-host
fixed-host A 10.0.0.9
`,
);
const [rig, leased] = await Promise.all([
  startKeyed({ after }),
  startKeyed({ after }, { updateLease: "ttl", files: [{ path: directory, account: "default" }] }),
]);
const EDNS = { version: 0, udpSize: 1232, dnssecOk: false };

describe("what takes its time", { concurrency: true }, () => {
  test("a lease is granted, renewed by the same update again, and ends by silence", async () => {
    const updates = [toService("_beat._tcp.rollcall.", 80, "h.rollcall."), toAddress("h.rollcall.", "10.0.0.1")];
    const first = await update(rig, updates, { ...EDNS, leaseS: 1 });
    assert.equal(first.edns?.leaseS, 1);
    const startMs = performance.now();
    while (performance.now() - startMs < 2500) {
      await update(rig, updates, { ...EDNS, leaseS: 1 });
      assert.equal((await instances(rig, "beat")).length, 1, "a renewal keeps it");
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    const silentMs = performance.now();
    await until(async () => (await instances(rig, "beat")).length === 0, { timeoutMs: 4000 });
    const tookMs = performance.now() - silentMs;
    assert.ok(tookMs < 2600, `gone after ${tookMs} ms`);
  });

  test("where the settings say so the TTL is the lease", { skip: NSUPDATE.skip }, async () => {
    const { code } = await nsupdate(leased.port, KEYS.writer, ["add brief.rollcall. 1 A 10.0.0.1"]);
    assert.equal(code, 0);
    assert.equal((await instances(leased, "brief")).length, 1);
    await until(async () => (await instances(leased, "brief")).length === 0, { timeoutMs: 4000 });
  });

  test("instances of a zone file are the file's alone", { skip: NSUPDATE.skip }, async () => {
    await until(async () => (await instances(leased, "fixed")).length === 1);
    for (const line of [
      "delete _fixed._tcp.rollcall. SRV",
      "delete _fixed._tcp.rollcall. SRV 0 256 80 fixed-host.rollcall.",
      "delete fixed.rollcall.",
      "delete fixed-host.rollcall. A",
      "delete fixed-host.rollcall.",
    ]) {
      const { code, stderr } = await nsupdate(leased.port, KEYS.writer, ["zone rollcall.", line]);
      assert.match(stderr, /REFUSED/, line);
      assert.equal(code, 2, line);
    }
    assert.equal((await instances(leased, "fixed")).length, 1);
    // Other instances of the service may be added.
    const { code } = await nsupdate(leased.port, KEYS.writer, [
      "add _fixed._tcp.rollcall. 60 SRV 0 256 80 more.rollcall.",
      "add more.rollcall. 60 A 10.0.0.10",
    ]);
    assert.equal(code, 0);
    const { answers } = await leased.ask("_fixed._tcp.rollcall", "SRV");
    assert.equal(answers.length, 2);
  });
});

test("a lease is at most as long as the registry grants, and the answer says so", async () => {
  const answer = await update(rig, [toAddress("long.rollcall.", "10.0.0.1")], { ...EDNS, leaseS: 4_000_000_000 });
  assert.equal(answer.edns?.leaseS, 7 * 24 * 3600);
});

test("without one a registration is for good, and so is an update of a leased one", async () => {
  await update(rig, [toAddress("good.rollcall.", "10.0.0.1")], { ...EDNS, leaseS: 1 });
  const answer = await update(rig, [toAddress("good.rollcall.", "10.0.0.1")], EDNS);
  assert.deepEqual([answer.edns?.leaseS, answer.edns?.version], [undefined, 0]);
  const { leases } = (await request(`${rig.rollcall.url}/v2/default/leases`)).json() as { leases: { lease: string }[] };
  assert.ok(leases.length > 0 && !leases.some(({ lease }) => lease.startsWith("good/")), JSON.stringify(leases));
});

test("messages of a wrong form are refused as RFC 2136 says, and nothing is done", async () => {
  const good = toAddress("form.rollcall.", "10.0.0.1");
  const zone = { name: name("rollcall."), type: TYPE.SOA, class: CLASS.IN };
  const cases: readonly (readonly [string, Message, number])[] = [
    ["a zone that is no SOA", toUpdate([good], { questions: [{ ...zone, type: TYPE.A }] }), RCODE.FORMERR],
    ["two zones", toUpdate([good], { questions: [zone, zone] }), RCODE.FORMERR],
    ["no zone", toUpdate([good], { questions: [] }), RCODE.FORMERR],
    ["a class that we have not", toUpdate([good], { questions: [{ ...zone, class: CLASS.CH }] }), RCODE.NOTAUTH],
    ["a zone that we have not", toUpdate([good], { questions: [{ ...zone, name: name("example.") }] }), RCODE.NOTAUTH],
    ["a deletion with a TTL", toUpdate([good, { ...toClearance("a.rollcall.", TYPE.A), ttlS: 1 }]), RCODE.FORMERR],
    [
      "a type that only asks",
      toUpdate([good, { ...good, type: TYPE.AXFR, data: { kind: "raw", bytes: "x" } }]),
      RCODE.FORMERR,
    ],
    ["a class of questions", toUpdate([good, { ...good, class: CLASS.CH }]), RCODE.FORMERR],
    ["a condition with a TTL", toUpdate([good], { answers: [good] }), RCODE.FORMERR],
    ["a condition elsewhere", toUpdate([good], { answers: [{ ...toClearance("a.b.", TYPE.A) }] }), RCODE.NOTZONE],
    ["too many", toUpdate(Array.from({ length: 1025 }, () => good)), RCODE.REFUSED],
  ];
  for (const [what, message, rcode] of cases) assert.equal((await send(rig, message)).rcode, rcode, what);
  assert.deepEqual(await instances(rig, "form"), []);
});

test("an update over TCP by nsupdate, and one that is too large for UDP", { skip: NSUPDATE.skip }, async () => {
  const lines = Array.from({ length: 300 }, (_, i) => `add big.rollcall. 60 A 10.1.${i >> 8}.${i & 255}`);
  const script = [`server 127.0.0.1 ${rig.port}`, ...lines, "send", ""].join("\n");
  const { code, stderr } = await run(NSUPDATE.path, ["-v", "-y", showKey(KEYS.writer)], script);
  assert.equal(code, 0, stderr);
  assert.equal((await instances(rig, "big")).length, 300);
});

const OWNERS = ["one.rollcall.", "two.rollcall."];
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("add" as const), owner: fc.nat(1), last: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), owner: fc.nat(1), last: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clear" as const), owner: fc.nat(1), last: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), owner: fc.nat(1), last: fc.constant(0) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

test("address records come and go as in any zone", async () => {
  const model = OWNERS.map(() => new Set<string>());
  const carry = ({ do: what, owner, last }: Operation): Resource => {
    const text = OWNERS[owner] as string;
    const record = toAddress(text, `10.9.0.${last}`);
    const there = model[owner] as Set<string>;
    if (what === "add") there.add(`10.9.0.${last}`);
    else if (what === "delete") there.delete(`10.9.0.${last}`);
    else there.clear();
    if (what === "add") return record;
    if (what === "delete") return toDeletion(record);
    return toClearance(text, what === "clear" ? TYPE.A : TYPE.ANY);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 6 }), async (operations) => {
      await update(rig, operations.map(carry));
      for (const [i, owner] of OWNERS.entries()) {
        const { answers } = await rig.ask(owner, "A");
        assert.deepEqual(answers.map(({ text }) => text).sort(), [...(model[i] as Set<string>)].sort());
      }
    }),
    { numRuns: 60 },
  );
});

test("SRV records come and go as in any zone", async () => {
  const owner = "_prop._tcp.rollcall.";
  const model = new Set<string>();
  const carry = ({ do: what, owner: host, last }: Operation): Resource[] => {
    const record = toService(owner, 80 + last, `h${host}.rollcall.`);
    const address = toAddress(`h${host}.rollcall.`, `10.8.0.${host + 1}`);
    const key = `${80 + last} 10.8.0.${host + 1}`;
    if (what === "add") model.add(key);
    else if (what === "delete") model.delete(key);
    else model.clear();
    if (what === "add") return [record, address];
    if (what === "delete") return [toDeletion(record)];
    return [toClearance(owner, what === "clear" ? TYPE.SRV : TYPE.ANY)];
  };
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 6 }), async (operations) => {
      await update(rig, operations.flatMap(carry));
      const { answers, additional } = await rig.ask(owner, "SRV");
      const shown = answers.map(({ text }) => {
        const [, , port, target] = text.split(" ");
        return `${port} ${additional.find((record) => record.name === target)?.text}`;
      });
      assert.deepEqual(shown.sort(), [...model].sort());
    }),
    { numRuns: 60 },
  );
});

test("whatever an update says, there is an answer, and the server goes on", async () => {
  const label = fc.constantFrom(
    "_tcp",
    "_udp",
    "api",
    "_api",
    "id",
    "a1",
    "addr",
    "0a000001",
    "*",
    "ns",
    "_dns-sd",
    "X y",
  );
  const owner = fc.array(label, { maxLength: 4 }).map((labels) => [...labels, "rollcall"]);
  const data = fc.oneof(
    fc.constant({ kind: "raw", bytes: "" } as const),
    fc.record({
      kind: fc.constant("text" as const),
      strings: fc.array(fc.string({ maxLength: 20 }), { minLength: 1 }),
    }),
    fc.record({ kind: fc.constant("name" as const), target: owner }),
    fc.constant({ kind: "address", address: "10.0.0.1" } as const),
    owner.map((target) => ({ kind: "service", priority: 1, weight: 2, port: 3, target }) as const),
  );
  const TYPE_OF = { raw: TYPE.A, text: TYPE.TXT, name: TYPE.PTR, address: TYPE.A, service: TYPE.SRV } as const;
  const record = fc
    .record({ name: owner, class: fc.constantFrom(CLASS.IN, CLASS.ANY, CLASS.NONE), data, any: fc.boolean() })
    .map(({ any, ...rest }): Resource => {
      const strings = rest.data.kind === "text" ? rest.data.strings.map((text) => text.replace(/[^ -~]/g, "?")) : [];
      const plain = rest.data.kind === "text" ? { ...rest.data, strings } : rest.data;
      const type = any && rest.class === CLASS.ANY ? TYPE.ANY : TYPE_OF[rest.data.kind];
      return {
        ...rest,
        type,
        data: rest.class === CLASS.ANY ? { kind: "raw", bytes: "" } : plain,
        ttlS: rest.class === CLASS.IN ? 5 : 0,
      };
    })
    // Records of class IN and NONE have data.
    .filter(({ class: klass, data: { kind } }) => klass === CLASS.ANY || kind !== "raw");
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { maxLength: 5 }),
      fc.array(record, { maxLength: 2 }),
      async (updates, conditions) => {
        const answers = conditions.map((condition) => ({ ...condition, ttlS: 0 }));
        const { rcode } = await send(rig, toUpdate(updates, { answers }));
        assert.notEqual(rcode, RCODE.SERVFAIL);
      },
    ),
    { numRuns: 300 },
  );
});

test("beside changes through another protocol each update is whole", async () => {
  const updates = Array.from({ length: 40 }, (_, i) => {
    const added = [1, 2, 3].map((last) => toAddress("busy.rollcall.", `10.7.${i % 4}.${last}`));
    const gone = [1, 2, 3].map((last) => toDeletion(toAddress("busy.rollcall.", `10.7.${(i + 1) % 4}.${last}`)));
    return send(rig, toUpdate([...added, ...gone]));
  });
  const puts = Array.from({ length: 40 }, (_, i) =>
    rig.register("busy", `10.7.${i % 4}.${1 + (i % 3)}`, { address: `10.7.${i % 4}.${1 + (i % 3)}`, weight: i }),
  );
  const codes = (await Promise.all(updates)).map(({ rcode }) => rcode);
  await Promise.all(puts);
  const wrong = codes.filter((rcode) => rcode !== RCODE.NOERROR && rcode !== RCODE.SERVFAIL);
  assert.deepEqual(wrong, []);
  assert.ok(codes.filter((rcode) => rcode === RCODE.NOERROR).length > 30, codes.join());
});

test("what an account may have holds for updates too", async () => {
  const url = `${rig.rollcall.url}/v2/_/accounts/small`;
  assert.equal((await request(url, { method: "PUT", body: { instancesMax: 1 } })).status < 300, true);
  await rig.register("x", "x", { address: "10.0.0.1" }, "small");
  await until(async () => (await rig.ask("small.rollcall.", "SOA")).answers.length === 1);
  const { code, stderr } = await nsupdate(rig.port, KEYS.admin, [
    "zone small.rollcall.",
    "add y.small.rollcall. 60 A 10.0.0.2",
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /REFUSED/);
});

test("an unsigned update is refused over UDP as well", async () => {
  const socket = await openUdp("udp4");
  after(() => socket.close());
  const answer = once(socket, "message");
  socket.send(encodeMessage(toUpdate([toAddress("open.rollcall.", "10.0.0.1")]), 512) ?? "", rig.port, "127.0.0.1");
  const [bytes] = (await answer) as [Buffer];
  const decoded = decodeMessage(bytes);
  assert.ok(decoded.ok && decoded.value.rcode === RCODE.REFUSED && decoded.value.tsig === undefined);
});

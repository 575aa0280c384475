/** Random changes of the catalog: what a strict secondary makes of the increments is the zone, record by record. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { CLASS, type Message, TYPE } from "../../../packages/registry/src/dialects/dns/wire/message.ts";
import { encodeMessage } from "../../../packages/registry/src/dialects/dns/wire/packet.ts";
import { BLANK } from "../captures-rig.ts";
import { readMessage, startDns, TcpTalk, type WireRecord } from "../rig.ts";

const rig = await startDns({ after }, { settings: { allowTransfer: "loopback" } });
const ZONE = ["rollcall"];

function toQuestion(type: number, serial: number): Buffer {
  const numbers = { serial, refreshS: 0, retryS: 0, expireS: 0, minimumS: 0 };
  const data = { kind: "authority", primary: [], mailbox: [], ...numbers } as const;
  const authority = type === TYPE.IXFR ? [{ name: ZONE, type: TYPE.SOA, class: CLASS.IN, ttlS: 0, data }] : [];
  const message: Message = {
    ...BLANK,
    id: 1,
    questions: [{ name: ZONE, type, class: CLASS.IN }],
    authority,
  };
  return encodeMessage(message, 512) as Buffer;
}

const serialOf = (record: WireRecord | undefined): number => Number(record?.text.split(" ")[2]);
/** Names that differ in case alone are one (RFC 4343): no increment says that `X-Y` is `x-y` now. */
const keyOf = ({ name, type, ttl, text }: WireRecord): string =>
  `${name.toLowerCase()} ${ttl} ${type} ${type === "TXT" ? text : text.toLowerCase()}`;

/** All records of the answer, whose end is known by its SOA records (RFC 5936 §2.2, RFC 1995 §4). */
async function transfer(type: number, serial = 0): Promise<readonly WireRecord[]> {
  const talk = await TcpTalk.open("127.0.0.1", rig.port);
  const records: WireRecord[] = [];
  try {
    talk.send(toQuestion(type, serial));
    for (;;) {
      const message = readMessage(await talk.next());
      assert.equal(message.rcode, "NOERROR");
      assert.ok(message.aa);
      records.push(...message.answers);
      const latest = serialOf(records[0]);
      const last = records.at(-1);
      if (type === TYPE.IXFR && records.length === 1 && latest === serial) return records;
      const isIncrement = records[1]?.type === "SOA" && records.length > 1;
      const ends = records.filter((record) => record.type === "SOA" && serialOf(record) === latest).length;
      if (records.length > 1 && last?.type === "SOA" && serialOf(last) === latest && ends >= (isIncrement ? 3 : 2))
        return records;
    }
  } finally {
    talk.close();
  }
}

/** What a secondary has. */
class Copy {
  serial = 0;
  readonly records = new Set<string>();
  increments = 0;

  take(answer: readonly WireRecord[]): void {
    const latest = serialOf(answer[0]);
    if (answer.length === 1) {
      assert.equal(latest, this.serial);
      return;
    }
    if (answer[1]?.type === "SOA") this.#step(answer);
    else {
      this.records.clear();
      for (const record of answer.slice(1, -1)) {
        assert.ok(!this.records.has(keyOf(record)), `${keyOf(record)} comes twice`);
        this.records.add(keyOf(record));
      }
    }
    this.serial = latest;
  }

  #step(answer: readonly WireRecord[]): void {
    this.increments++;
    let at = 1;
    while (at < answer.length - 1) {
      assert.equal(serialOf(answer[at]), this.serial, "a step begins where the one before ended");
      for (at++; answer[at]?.type !== "SOA"; at++) {
        const key = keyOf(answer[at] as WireRecord);
        assert.ok(this.records.delete(key), `${key} is deleted, but was not there`);
      }
      this.serial = serialOf(answer[at]);
      for (at++; answer[at]?.type !== "SOA"; at++) {
        const key = keyOf(answer[at] as WireRecord);
        assert.ok(!this.records.has(key), `${key} is added, but was there`);
        this.records.add(key);
      }
    }
  }
}

const change = fc.record({
  // Services that share a label, instances that share an address, ids that are no labels.
  service: fc.constantFrom("api", "My Api", "my-api", "MY API"),
  id: fc.constantFrom("a", "b", "x y", "X-Y", "x-y"),
  gone: fc.boolean(),
  address: fc.constantFrom("10.0.0.1", "10.0.0.2", "2001:db8::1", "host.example.com"),
  port: fc.constantFrom(80, 81),
  tag: fc.constantFrom("blue", "green"),
  version: fc.constantFrom("", "1.2"),
  status: fc.constantFrom("passing", "passing", "critical"),
  weight: fc.constantFrom(100, 300),
});

test("a strict secondary has the zone after every change", async () => {
  // Bulk, so that increments are worth it.
  for (let i = 0; i < 8; i++) await rig.register("bulk", `b${i}`, { address: `10.1.0.${i}`, port: 80, ttl: 0 });
  const copy = new Copy();
  const late = new Copy();
  let rounds = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      for (const { service, id, gone, tag, ...rest } of changes) {
        if (gone) await rig.deregister(service, id);
        else await rig.register(service, id, { ...rest, tags: [tag], ttl: 0 });
      }
      copy.take(await transfer(TYPE.IXFR, copy.serial));
      // Another one that comes now and then makes several steps at once.
      if (++rounds % 4 === 0) late.take(await transfer(TYPE.IXFR, late.serial));
      const whole = (await transfer(TYPE.AXFR)).slice(1, -1).map(keyOf);
      assert.equal(new Set(whole).size, whole.length, "each record once");
      assert.deepEqual([...copy.records].sort(), whole.sort());
      if (rounds % 4 === 0) assert.deepEqual([...late.records].sort(), whole);
    }),
    { numRuns: 80 },
  );
  assert.ok(copy.increments > 40, `${copy.increments} increments in ${rounds} rounds`);
});

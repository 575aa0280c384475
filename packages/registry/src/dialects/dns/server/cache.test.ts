/** Parts of the DNS server by themselves: answers that are cut, and answers that are kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readMessage, toQuery } from "../../../../../../test/dns/rig.ts";
import type { Registry, View } from "../../../core/index.ts";
import { encodeAnswer, toChance } from "../wire/answer.ts";
import { CLASS, type Message, type Resource, TYPE } from "../wire/message.ts";
import { decodeMessage } from "../wire/packet.ts";
import { emptyScan, scanQuestion, toQuestionKey } from "../wire/plain-question.ts";
import { AnswerCache, Entry } from "./cache.ts";

const NAME = ["_api", "_tcp", "rollcall"];

function toMessage(targets: readonly string[], texts: readonly string[] = []): Message {
  const record = { class: CLASS.IN, ttlS: 5 };
  const answers: Resource[] = targets.map((label, i) => ({
    ...record,
    name: NAME,
    type: TYPE.SRV,
    data: { kind: "service", priority: 0, weight: 256, port: i + 1, target: [label, "rollcall"] },
  }));
  for (const text of texts)
    answers.push({ ...record, name: NAME, type: TYPE.TXT, data: { kind: "text", strings: [text] } });
  const additional = targets.flatMap((label, i): Resource[] => [
    {
      ...record,
      name: [label, "rollcall"],
      type: TYPE.A,
      data: { kind: "address", address: `10.0.${i >> 8}.${i & 255}` },
    },
    { ...record, name: [label, "rollcall"], type: TYPE.AAAA, data: { kind: "address", address: `2001:db8::${i + 1}` } },
  ]);
  return {
    id: 1,
    response: true,
    opcode: 0,
    authoritative: true,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    checkingDisabled: false,
    rcode: 0,
    questions: [{ name: NAME, type: TYPE.SRV, class: CLASS.IN }],
    answers,
    authority: [],
    additional,
    edns: { version: 0, udpSize: 1232, dnssecOk: false },
  };
}

test("whatever there is to say, it fits, and is as much as there can be", () => {
  const targets = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,40}$/), { maxLength: 60 });
  fc.assert(
    fc.property(
      targets,
      fc.integer({ min: 512, max: 4096 }),
      fc.integer(),
      fc.nat({ max: 255 }),
      (labels, max, seed, share) => {
        const message = toMessage(labels);
        const bytes = encodeAnswer(message, max, toChance(seed), share);
        assert.ok(bytes.length <= max);
        const answer = readMessage(bytes);
        const said = new Set(
          message.answers.map(({ data }) => (data.kind === "service" ? `${data.target.join(".")}.` : "")),
        );
        const shown = answer.answers.map((record) => record.text.split(" ")[3] ?? "");
        assert.equal(new Set(shown).size, shown.length, "none twice");
        assert.ok(shown.every((target) => said.has(target)));
        assert.equal(answer.tc, shown.length < labels.length, "TC is set when the answer is not whole");
        if (answer.tc) {
          assert.ok(shown.length > 0, "never empty when one fits");
          assert.ok(bytes.length > max - 120, "room is used");
        }
        // Addresses of a name are both there, or neither.
        const owners = new Map<string, number>();
        for (const record of answer.additional) owners.set(record.name, (owners.get(record.name) ?? 0) + 1);
        for (const [owner, count] of owners) assert.equal(count, 2, owner);
      },
    ),
  );
});

test("a record that is too long by itself does not keep others out", () => {
  for (let seed = 0; seed < 20; seed++) {
    const long = Array.from({ length: 4 }, (_, i) => "x".repeat(250 + i));
    const message = toMessage([], [...long, "short"]);
    const strings = message.answers.map((record, i) =>
      i < 4 && record.data.kind === "text"
        ? { ...record, data: { ...record.data, strings: [...record.data.strings, ...long] } }
        : record,
    );
    const answer = readMessage(encodeAnswer({ ...message, answers: strings }, 512, toChance(seed), seed));
    assert.deepEqual([answer.tc, answer.answers.map((record) => record.text)], [true, ['"short"']]);
  }
});

/** A registry that is at this revision, where services are of no account. */
function toRegistry(state: { revision: number; services: Record<string, number> }): Registry {
  const view = {
    get revision() {
      return state.revision;
    },
    account: () => ({
      service: (name: string) => {
        const revision = state.services[name];
        return revision === undefined ? undefined : { revision };
      },
    }),
  };
  return { read: (query: (view: View) => unknown) => query(view as unknown as View) } as unknown as Registry;
}

const entry = (revision: number, service: string, ofService: number, bytes = 100): Entry =>
  new Entry({
    revision,
    dependencies: [{ on: "service", account: "default", service, revision: ofService }],
    recordsToMix: 0,
    rcode: 0,
    encode: () => Buffer.alloc(bytes),
  });

test("an answer is good while what it rests on is what it was", () => {
  const state = { revision: 5, services: { api: 4 } as Record<string, number> };
  const cache = new AnswerCache(toRegistry(state));
  const kept = entry(5, "api", 4);
  const none = entry(5, "none", 0);
  cache.keep("api", kept);
  cache.keep("none", none);
  assert.equal(cache.find("api"), kept);
  state.revision = 6;
  assert.equal(cache.find("api"), kept, "something else moved");
  assert.equal(cache.find("none"), none);
  state.revision = 7;
  state.services = { api: 7, none: 7 };
  assert.equal(cache.find("api"), undefined);
  assert.equal(cache.find("none"), undefined);
  cache.keep("api", entry(7, "api", 7));
  cache.clear();
  assert.equal(cache.find("api"), undefined);
});

test("the cache forgets what nobody asks for, and keeps what is asked for", () => {
  const cache = new AnswerCache(toRegistry({ revision: 1, services: {} }));
  const hot = entry(1, "hot", 0);
  cache.keep("hot", hot);
  for (let i = 0; i < 60_000; i++) {
    cache.keep(`cold ${i}`, entry(1, "cold", 0));
    if (i % 1000 === 0) assert.equal(cache.find("hot"), hot);
  }
  assert.equal(cache.find("cold 0"), undefined);
  assert.ok(cache.find("cold 59999") !== undefined);
  cache.keep("huge", entry(1, "huge", 0, 64 * 1024 * 1024));
  assert.equal(cache.find("huge"), undefined, "one answer does not push out all others");
});

test("an answer that is made again and again takes no more room than once", () => {
  const cache = new AnswerCache(toRegistry({ revision: 1, services: {} }));
  const quiet = entry(1, "quiet", 0);
  cache.keep("quiet", quiet);
  for (let i = 0; i < 5000; i++) cache.keep("busy", entry(1, "busy", 0, 64 * 1024));
  assert.equal(cache.find("quiet"), quiet);
});

test("bytes that are still on their way are not written to", () => {
  const kept = entry(1, "api", 0);
  const first = kept.next(0);
  first[0] = 7;
  assert.equal(kept.next(0), first, "the same bytes go out again");
  kept.replaceLast();
  const second = kept.next(0);
  second[0] = 8;
  assert.notEqual(second, first);
  assert.equal(first[0], 7);
});

test("questions that are read the short way are those that the codec reads, and mean the same", () => {
  const scan = emptyScan();
  const label = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
  const edns = fc.option(fc.record({ size: fc.nat({ max: 65_535 }), dnssecOk: fc.boolean() }), { nil: undefined });
  const edit = fc.option(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(label, { maxLength: 5 }),
      fc.constantFrom("A", "SRV", "ANY"),
      edns,
      edit,
      (labels, type, opt, byte) => {
        const packet = toQuery(labels.join("."), type, opt === undefined ? {} : { edns: opt });
        if (byte !== undefined && byte[0] < packet.length) packet[byte[0]] = byte[1];
        if (!scanQuestion(packet, scan)) {
          assert.ok(byte !== undefined, "a plain question is not taken for one");
          return;
        }
        const decoded = decodeMessage(packet);
        assert.ok(decoded.ok);
        const { message } = decoded;
        assert.deepEqual([message.opcode, message.questions.length, message.response], [0, 1, false]);
        assert.equal(message.edns?.udpSize ?? 0, scan.udpSize);
        assert.equal(message.edns?.dnssecOk ?? false, scan.dnssecOk);
        const lower = Buffer.from(packet);
        for (let i = 12; i < scan.nameEnd; i++) {
          const code = lower[i] as number;
          if (code >= 0x41 && code <= 0x5a) lower[i] = code + 32;
        }
        const key = toQuestionKey(packet, scan, 512);
        assert.ok(scanQuestion(lower, scan));
        assert.ok(scan.isLower);
        assert.equal(toQuestionKey(lower, scan, 512), key);
      },
    ),
    { numRuns: 2000 },
  );
});

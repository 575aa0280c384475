/** Answers that are truncated. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readMessage } from "../../../../../../test/dns/wire.ts";
import { encodeAnswer, toChance } from "./answer.ts";
import { BLANK, CLASS, type Message, type Resource, TYPE } from "./message.ts";

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
    ...BLANK,
    id: 1,
    recursionDesired: true,
    questions: [{ name: NAME, type: TYPE.SRV, class: CLASS.IN }],
    answers,
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

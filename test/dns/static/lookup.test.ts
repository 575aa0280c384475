/** Lookups in a zone file: question by question the same as BIND gives from the same file. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toNotes } from "../../../packages/registry/src/dialects/dns/labels/meta.ts";
import { resolveFile } from "../../../packages/registry/src/dialects/dns/names/file.ts";
import { readZone } from "../../../packages/registry/src/dialects/dns/static/reader.ts";
import type { Message } from "../../../packages/registry/src/dialects/dns/wire/message.ts";
import { parseName } from "../../../packages/registry/src/dialects/dns/wire/name.ts";
import { encodeMessage } from "../../../packages/registry/src/dialects/dns/wire/packet.ts";
import { fileHas, fileRecords } from "../../../packages/registry/src/dialects/dns/zone/file.ts";
import type { FileZone } from "../../../packages/registry/src/dialects/dns/zone/model.ts";
import { requirePackage } from "../../harness/packages.ts";
import { freePort } from "../../harness/ports.ts";
import { startProcess } from "../../harness/process.ts";
import { temporaryDirectory, until } from "../../harness/scope.ts";
import { askTcp, type Reading, readMessage, TYPES, type WireRecord } from "../rig.ts";

const NAMED = requirePackage("bind9", "named");

const ZONE = `$TTL 300
@ 600 IN SOA ns1 host 7 3600 600 86400 60
@ NS ns1
@ NS ns.elsewhere.test.
@ MX 10 mail
@ MX 20 ns1
ns1 A 10.0.0.1
ns1 AAAA 2001:db8::1
mail A 10.0.0.2
_http._tcp SRV 0 5 80 www1
_http._tcp SRV 0 5 80 www2
_http._tcp SRV 1 5 81 far.elsewhere.test.
_http._tcp.site1 SRV 0 0 8080 www1
www1 A 10.0.1.1
www1 AAAA 2001:db8::11
www2 A 10.0.1.2
alias CNAME www1
alias2 CNAME alias
out CNAME www.elsewhere.test.
nowhere CNAME missing
intosub CNAME host.sub
loop1 CNAME loop2
loop2 CNAME loop1
MiXed A 10.0.0.7
a.b.c.deep TXT "deep"
*.wild A 10.0.2.1
*.wild TXT "wild"
real.wild TXT "real"
x.ent.wild TXT "below"
*.wcname CNAME www1
*.star.*.odd TXT "odd"
sub NS ns.sub
sub NS ns1
ns.sub A 10.0.3.1
hidden.sub TXT "occluded"
`;

const NAMES = [
  ...["", "ns1", "mail", "_http._tcp", "_tcp", "_http._tcp.site1", "_tcp.site1", "site1", "www1", "www2", "alias"],
  ...[
    "alias2",
    "out",
    "nowhere",
    "intosub",
    "mixed",
    "MIXED",
    "deep",
    "c.deep",
    "b.c.deep",
    "a.b.c.deep",
    "x.b.c.deep",
  ],
  ...[
    "wild",
    "any.wild",
    "two.any.wild",
    "real.wild",
    "below.real.wild",
    "ent.wild",
    "y.ent.wild",
    "x.ent.wild",
    "*.wild",
  ],
  ...[
    "q.wcname",
    "odd",
    "*.odd",
    "x.odd",
    "star.*.odd",
    "y.star.*.odd",
    "sub",
    "ns.sub",
    "hidden.sub",
    "x.y.sub",
    "missing",
  ],
];
const QUESTION_TYPES = ["A", "AAAA", "TXT", "SRV", "MX", "NS", "SOA", "CNAME"];

async function loadZone(scope: { after(end: () => void): void }): Promise<{ zone: FileZone; file: string }> {
  const file = join(temporaryDirectory(scope, "zone"), "example.zone");
  writeFileSync(file, ZONE);
  const { result } = await readZone(file, parseName("example.")!, toNotes(["dns"]));
  if (!result.ok) throw new Error(String(result));
  return { zone: result.value.zone, file };
}

/** Our answer as it would be read from the wire. */
function answerOf(zone: FileZone, name: string, type: string): Reading {
  const question = { name: parseName(name)!, type: TYPES[type] ?? 0, class: 1 };
  const { rcode, authoritative, answers, authority, additional, dependencies } = resolveFile(question, zone);
  assert.deepEqual(dependencies, []);
  const message: Message = {
    id: 1,
    response: true,
    opcode: 0,
    authoritative,
    truncated: false,
    recursionDesired: false,
    recursionAvailable: false,
    checkingDisabled: false,
    rcode,
    questions: [question],
    answers,
    authority,
    additional,
  };
  const packet = encodeMessage(message, 65_535);
  assert.ok(packet !== undefined);
  return readMessage(packet);
}

function show(records: readonly WireRecord[]): string[] {
  return records.map(({ name, ttl, type, text }) => `${name} ${ttl} ${type} ${text}`.toLowerCase()).sort();
}

function compare({ rcode, aa, answers, authority, additional }: Reading): object {
  return { rcode, aa, answers: show(answers), authority: show(authority), additional: show(additional) };
}

test("every answer is BIND's", { skip: NAMED.skip }, async (t) => {
  const { zone, file } = await loadZone(t);
  const folder = temporaryDirectory(t, "named");
  const port = await freePort();
  const config = join(folder, "named.conf");
  writeFileSync(
    config,
    `options {
      directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
      pid-file none; session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no;
      minimal-responses no-auth; zero-no-soa-ttl no; tcp-clients 200;
    };
    controls { };
    zone "example" { type primary; file "${file}"; check-integrity no; check-names ignore; };\n`,
  );
  startProcess(t, NAMED.path, ["-g", "-n", "1", "-c", config]);
  await until(() => askTcp("127.0.0.1", port, "example.", "SOA"), { what: "BIND answers" });
  let compared = 0;
  for (const label of NAMES) {
    const name = label === "" ? "example." : `${label}.example.`;
    await Promise.all(
      QUESTION_TYPES.map(async (type) => {
        const theirs = await askTcp("127.0.0.1", port, name, type, { flags: 0 });
        assert.deepEqual(compare(answerOf(zone, name, type)), compare(theirs), `${name} ${type}`);
        compared++;
      }),
    );
  }
  assert.equal(compared, NAMES.length * QUESTION_TYPES.length);
});

test("a loop of aliases ends", async (t) => {
  const { zone } = await loadZone(t);
  const { rcode, answers } = answerOf(zone, "loop1.example.", "A");
  assert.equal(rcode, "NOERROR");
  assert.ok(answers.length >= 2 && answers.length <= 17);
});

test("names and records of the file by themselves", async (t) => {
  const { zone } = await loadZone(t);
  const has = (name: string) => fileHas(zone, parseName(name)!);
  for (const name of ["example.", "NS1.Example.", "_tcp.example.", "b.c.deep.example.", "*.wild.example."])
    assert.ok(has(name), name);
  for (const name of ["any.wild.example.", "missing.example.", "test.", "."]) assert.ok(!has(name), name);
  assert.equal(fileRecords(zone, parseName("www1.example.")!, 28).length, 1);
  assert.equal(fileRecords(zone, parseName("any.wild.example.")!, 1).length, 0);
  assert.equal(zone.between.has("ns1.example"), false);
});

test("a negative answer is good for no longer than the SOA's minimum; ANY gets one set", async (t) => {
  const { zone } = await loadZone(t);
  assert.deepEqual(
    answerOf(zone, "missing.example.", "A").authority.map(({ type, ttl }) => [type, ttl]),
    [["SOA", 60]],
  );
  assert.deepEqual(new Set(answerOf(zone, "www1.example.", "ANY").answers.map(({ type }) => type)).size, 1);
});

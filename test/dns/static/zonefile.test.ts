/** Zone files: the same verdict, and the same records, as BIND's named-checkzone gives. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { refuse } from "../../../packages/registry/src/core/index.ts";
import { toNotes } from "../../../packages/registry/src/dialects/dns/labels/meta.ts";
import { readZone } from "../../../packages/registry/src/dialects/dns/static/reader.ts";
import { parseZoneFile } from "../../../packages/registry/src/dialects/dns/static/zonefile/parser.ts";
import { parseTimeS } from "../../../packages/registry/src/dialects/dns/static/zonefile/words.ts";
import type { Resource } from "../../../packages/registry/src/dialects/dns/wire/message.ts";
import { keyOf, parseName, showName } from "../../../packages/registry/src/dialects/dns/wire/name.ts";
import { canonicalData, showRecord } from "../../../packages/registry/src/dialects/dns/wire/record.ts";
import { requirePackage } from "../../harness/packages.ts";
import { type Scope, temporaryDirectory } from "../../harness/scope.ts";
import { BAD, GOOD, HEAD } from "./zonefile-samples.ts";

const CHECKZONE = requirePackage("bind9-utils", "named-checkzone");
const ORIGIN = parseName("example.")!;
const NOTES = toNotes(["dns"]);

function textOf(lines: string): string {
  return lines.startsWith("/") ? lines.slice(1) : `${HEAD}${lines}${lines === "" || lines.endsWith("\n") ? "" : "\n"}`;
}

interface Verdict {
  readonly good: boolean;
  readonly said: string;
}

/** What BIND says, and the zone as it understood it in `dump`. */
function bindVerdict(file: string, dump: string): Promise<Verdict> {
  const args = ["-D", "-o", dump, "-w", dirname(file), "example.", file];
  return new Promise((resolve) => {
    execFile(CHECKZONE.path, args, (error, stdout, stderr) => resolve({ good: error === null, said: stdout + stderr }));
  });
}

function recordsOf(text: string): Resource[] {
  const steps = parseZoneFile(text, "dump", ORIGIN);
  for (;;) {
    const step = steps.next();
    if (step.done !== true) continue;
    if (!step.value.ok) throw new Error(step.value.toString());
    return [...step.value.value.records];
  }
}

/** Records in a form that can be compared: BIND writes some types in forms of its own. */
function comparable(records: Iterable<Resource>): string[] {
  const lines = new Set<string>();
  for (const { name, type, ttlS, data } of records)
    lines.add(`${keyOf(name)} ${ttlS} ${type} ${Buffer.from(canonicalData(type, data), "latin1").toString("hex")}`);
  return [...lines].sort();
}

async function inPairs<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += 4)
    await Promise.all(items.slice(at, at + 4).map((item, i) => work(item, at + i)));
}

test("good zone files: BIND takes them too and understands the same", { skip: CHECKZONE.skip }, async (t) => {
  const directory = temporaryDirectory(t, "zonefile");
  await inPairs(GOOD, async (lines, index) => {
    const file = join(directory, `${index}.zone`);
    writeFileSync(file, textOf(lines));
    const bind = await bindVerdict(file, `${file}.dump`);
    assert.ok(bind.good, `BIND refuses ${lines}: ${bind.said}`);
    const { result } = await readZone(file, ORIGIN, NOTES);
    assert.ok(result.ok, `we refuse ${lines}: ${result}`);
    const ours = comparable([...result.value.zone.owners.values()].flat());
    assert.deepEqual(ours, comparable(recordsOf(readFileSync(`${file}.dump`, "latin1"))), lines);
  });
});

test("bad zone files: BIND refuses them too; we name the line", { skip: CHECKZONE.skip }, async (t) => {
  const directory = temporaryDirectory(t, "zonefile");
  await inPairs(BAD, async ([lines, line, what], index) => {
    const file = join(directory, `${index}.zone`);
    writeFileSync(file, textOf(lines));
    const bind = await bindVerdict(file, `${file}.dump`);
    assert.ok(!bind.good, `BIND takes ${lines}`);
    const { result } = await readZone(file, ORIGIN, NOTES);
    assert.ok(!result.ok, `we take ${lines}`);
    assert.match(result.what, what, lines);
    assert.deepEqual([result.file, result.line], [file, line], lines);
    assert.ok(result.toString().startsWith(line === 0 ? `${file}: ` : `${file}:${line}: `));
  });
});

/** Writes files below a directory and reads the zone of the first. */
async function readFiles(
  scope: Scope,
  files: Readonly<Record<string, string>>,
): Promise<{
  readonly directory: string;
  readonly result: Awaited<ReturnType<typeof readZone>>["result"];
}> {
  const directory = temporaryDirectory(scope, "zonefile");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const [first = ""] = Object.keys(files);
  return { directory, result: (await readZone(join(directory, first), ORIGIN, NOTES)).result };
}

test("$INCLUDE: origins and owners end with the file, a $TTL stays", { skip: CHECKZONE.skip }, async (t) => {
  const { directory, result } = await readFiles(t, {
    // BIND takes paths from its working directory, we from the including file; without folders that is the same.
    "main.zone": `${HEAD}own TXT main\n$INCLUDE one.inc\n 3600 TXT still-own\n$INCLUDE two.inc sub\nlast TXT end\n`,
    "one.inc": " 3600 TXT inherited\n$ORIGIN deep\n$TTL 77\nx TXT one\n",
    "two.inc": "@ TXT two\n$INCLUDE three.inc\n",
    "three.inc": "y TXT three\n",
  });
  assert.ok(result.ok, String(result));
  const ours = comparable([...result.value.zone.owners.values()].flat());
  const dump = join(directory, "dump");
  const bind = await bindVerdict(join(directory, "main.zone"), dump);
  assert.ok(bind.good, bind.said);
  assert.deepEqual(ours, comparable(recordsOf(readFileSync(dump, "latin1"))));
  const shown = [...result.value.zone.owners.values()].flat().map(showRecord);
  for (const line of [
    'x.deep.example. 77 IN TXT "one"',
    'y.sub.example. 77 IN TXT "three"',
    'own.example. 3600 IN TXT "inherited"',
  ])
    assert.ok(shown.includes(line), `${line} is not in ${shown.join("\n")}`);
});

test("$INCLUDE is bounded: folders, loops, depth, and no way out of the directory", async (t) => {
  const below = await readFiles(t, {
    "main.zone": `${HEAD}$INCLUDE parts/a.inc\n`,
    "parts/a.inc": "$INCLUDE b.inc\n$INCLUDE ../c.inc\n",
    "parts/b.inc": "b A 10.0.0.1\n",
    "c.inc": "c A 10.0.0.1\n",
  });
  assert.ok(below.result.ok, String(below.result));
  const refusals: [Record<string, string>, string, RegExp][] = [
    [{ "main.zone": `${HEAD}$INCLUDE main.zone\n` }, "main.zone:5", /includes itself/],
    [
      { "main.zone": `${HEAD}$INCLUDE a.inc\n`, "a.inc": "\n$INCLUDE b.inc\n", "b.inc": "$INCLUDE a.inc\n" },
      "b.inc:1",
      /includes itself/,
    ],
    [{ "main.zone": `${HEAD}$INCLUDE /etc/hostname\n` }, "main.zone:5", /outside/],
    [{ "zones/main.zone": `${HEAD}$INCLUDE ../x.inc\n`, "x.inc": "x A 10.0.0.1\n" }, "zones/main.zone:5", /outside/],
    [{ "main.zone": `${HEAD}$INCLUDE a.inc\n`, "a.inc": "x A 10.0.0.1\n\n\ny A nonsense\n" }, "a.inc:4", /no IPv4/],
    [{ "main.zone": `${HEAD}$INCLUDE .\n` }, "main.zone:5", /outside|regular/],
    [
      Object.fromEntries([
        ["main.zone", `${HEAD}$INCLUDE 0.inc\n`],
        ...Array.from({ length: 12 }, (_, i) => [`${i}.inc`, `$INCLUDE ${i + 1}.inc\n`]),
      ]),
      "9.inc:1",
      /nested more than 10/,
    ],
  ];
  for (const [files, place, what] of refusals) {
    const { directory, result } = await readFiles(t, files);
    assert.ok(!result.ok, place);
    assert.match(result.what, what, place);
    assert.equal(`${result.file}:${result.line}`, join(directory, place));
  }
});

test("$INCLUDE follows links only within the directory", async (t) => {
  const outside = temporaryDirectory(t, "outside");
  writeFileSync(join(outside, "x.inc"), "x A 10.0.0.1\n");
  const { directory } = await readFiles(t, {
    "main.zone": `${HEAD}$INCLUDE link.inc\n`,
    "..data/y.inc": "y A 10.0.0.1\n",
  });
  const main = join(directory, "main.zone");
  symlinkSync(join(outside, "x.inc"), join(directory, "link.inc"));
  const refused = (await readZone(main, ORIGIN, NOTES)).result;
  assert.ok(!refused.ok && /outside/.test(refused.what), String(refused));
  // As Kubernetes mounts configuration: links to a folder whose name begins with two dots.
  symlinkSync("..data/y.inc", join(directory, "y.inc"));
  writeFileSync(main, `${HEAD}$INCLUDE y.inc\n`);
  const taken = (await readZone(main, ORIGIN, NOTES)).result;
  assert.ok(taken.ok, String(taken));
});

test("what we refuse although BIND does not is said in words", async (t) => {
  const refusals: [string, RegExp][] = [
    ["d DNAME e.example.", /DNAME records are not served/],
    ["a RRSIG A 8 2 60 20300101000000 20200101000000 1 example. AAAA", /signed zones are not served/],
    ["a TYPE47 \\# 1 00", /signed zones are not served/],
    ["a LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", /unknown record type "LOC".*TYPE123/],
    [`a TXT ${"x ".repeat(40_000)}`, /too many words|65535/],
    [`; ${"x".repeat(300_000)}`, /longer than 262144 bytes/],
    [`a TXT "${"x".repeat(300_000)}"`, /longer than/],
    ["a TXT x\0y", /NUL/],
    ["$GENERATE 1-1000001 a$ A 10.0.0.1", /more than 1000000 records/],
    ["$GENERATE 1-2147483647 a$ A 10.0.0.1", /more than 1000000 records/],
  ];
  for (const [line, what] of refusals) {
    const { directory, result } = await readFiles(t, { "main.zone": `${HEAD}${line}\n` });
    assert.ok(!result.ok, line.slice(0, 80));
    assert.match(result.toString(), what);
    assert.ok(result.toString().startsWith(join(directory, "main.zone:5: ")), result.toString());
  }
  const folder = temporaryDirectory(t, "zonefile");
  const { result } = await readZone(folder, ORIGIN, NOTES);
  assert.ok(!result.ok && /no regular file/.test(result.what));
});

test("warnings name the line and do not stop the zone", async (t) => {
  const { directory, result } = await readFiles(t, {
    "main.zone": `${HEAD}x 60 A 10.0.0.1\nx 70 A 10.0.0.2\n_a._tcp SRV 0 0 1 nope\n@ MX 5 c\nc CNAME ns\nfar.test. A 10.0.0.1\n`,
  });
  assert.ok(result.ok, String(result));
  const file = join(directory, "main.zone");
  assert.deepEqual([...result.value.warnings].sort(), [
    `${file}:10: far.test. is outside example. and left out`,
    `${file}:6: TTL 70 becomes 60, that of the first A record of the name`,
    `${file}:7: _a._tcp.example. SRV nope.example.: the target has no address`,
    `${file}:8: example. MX c.example.: the target is a CNAME`,
  ]);
});

test("any text gives a zone or a fault with its line, and ends", () => {
  const words = fc.constantFrom(
    ...[
      "@",
      "$TTL",
      "$ORIGIN",
      "$GENERATE",
      "$INCLUDE",
      "1-3",
      "IN",
      "60",
      "1h",
      "A",
      "SRV",
      "TXT",
      "SOA",
      "NS",
      "\\#",
      "(",
    ],
    ...[
      ")",
      '"',
      ";",
      "\n",
      "\n ",
      "\\",
      "\\0",
      "10.0.0.1",
      "a.b.",
      `\${1,2,x}`,
      "$",
      "TYPE1",
      "4",
      "0a000001",
      "*",
      "\t",
      "\r",
    ],
  );
  const text = fc
    .array(fc.oneof(words, fc.string({ maxLength: 4 })), { maxLength: 60 })
    .map((parts) => parts.join(" "));
  fc.assert(
    fc.property(text, (lines) => {
      const steps = parseZoneFile(Buffer.from(lines).toString("latin1"), "fuzz", ORIGIN);
      let step = steps.next();
      while (step.done !== true) step = steps.next(refuse("not-found", "there is none"));
      const { value } = step;
      if (!value.ok) assert.ok(value.line >= 1 && value.line <= lines.split("\n").length, value.toString());
    }),
    { numRuns: 2000 },
  );
});

test("records as we write them are read back", () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
  const string = fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
  const name = fc.array(label, { maxLength: 5 });
  const data = fc.oneof(
    fc
      .record({ strings: fc.array(string, { minLength: 1, maxLength: 4 }) })
      .map(({ strings }) => ({ kind: "text" as const, strings, type: 16 })),
    fc.record({ target: name }).map(({ target }) => ({ kind: "name" as const, target, type: 5 })),
    string.map((bytes) => ({ kind: "raw" as const, bytes, type: 65_280 })),
  );
  fc.assert(
    fc.property(name, data, fc.nat(0x7fffffff), (owner, { type, ...said }, ttlS) => {
      const record: Resource = { name: owner, type, class: 1, ttlS, data: said };
      const [back] = recordsOf(`${showRecord(record)}\n`);
      assert.deepEqual({ ...back, name: showName(back!.name) }, { ...record, name: showName(owner) });
    }),
    { numRuns: 500 },
  );
});

test("times in units", () => {
  const times: [string, number | undefined][] = [
    ["0", 0],
    ["3600", 3600],
    ["1h30m", 5400],
    ["1W2D3H4M5S", 788_645],
    ["4294967295", 4_294_967_295],
    ["4294967296", undefined],
    ["1h30", undefined],
    ["h", undefined],
    ["", undefined],
    ["-1", undefined],
    ["1.5h", undefined],
  ];
  for (const [text, seconds] of times) assert.equal(parseTimeS(text), seconds, text);
});

test("a large file is read in turns", async (t) => {
  const count = 60_000;
  const lines = Array.from({ length: count }, (_, i) => `h${i} A 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}\n`);
  const directory = temporaryDirectory(t, "zonefile");
  const file = join(directory, "large.zone");
  writeFileSync(file, `${HEAD}${lines.join("")}$GENERATE 1-20000 g$ A 10.0.0.1\n`);
  let turns = 0;
  let reading = true;
  const count1 = (): void => {
    turns++;
    if (reading) setImmediate(count1);
  };
  setImmediate(count1);
  const { result } = await readZone(file, ORIGIN, NOTES);
  reading = false;
  assert.ok(result.ok, String(result));
  assert.equal(result.value.zone.owners.size, count + 20_000 + 2);
  assert.ok(turns > 200, `others had ${turns} turns`);
});

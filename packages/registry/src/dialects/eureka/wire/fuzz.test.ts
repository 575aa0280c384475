/** Any instance survives both formats, and no bytes make the readers throw or take long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ok } from "../../../core/index.ts";
import { readBatch, readBatchAnswer, writeBatch, writeBatchAnswer } from "./batch.ts";
import {
  FRAMES,
  openApplication,
  openApplications,
  readApplications,
  readInstance,
  writeInstance,
  writeInstances,
} from "./bodies.ts";
import { scanJson } from "./json-scan.ts";
import type { Format, InstanceInfo, PeerTask } from "./messages.ts";
import type { Tree } from "./tree.ts";

/** Plain objects: the readers make no others. */
function record<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const FORMATS: readonly Format[] = ["json", "xml"];

/** Everything that XML has characters for. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are left out.
const ILLEGAL = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }).map((raw) => raw.replace(ILLEGAL, "")),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom("", " ", "\r\n", "]]>", "&amp;", "<a/>", "\\", '"', "\u2028", "x".repeat(300)),
);
const name = fc.string({ minLength: 1, maxLength: 12 });
const key = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 }),
    fc.constantFrom("a_b", "$", "_.0041", "xml", "@x", "constructor", "__proto__"),
  )
  .filter((word) => word !== "@class");
const status = fc.constantFrom(
  "UP" as const,
  "DOWN" as const,
  "STARTING" as const,
  "OUT_OF_SERVICE" as const,
  "UNKNOWN" as const,
);
const port = record({ port: fc.nat(65_535), enabled: fc.boolean() });
const timeMs = fc.nat(4_000_000_000_000);
const maybe = fc.option(text, { nil: undefined });
const texts = fc.dictionary(key, text, { maxKeys: 6, noNullPrototype: true });

const info: fc.Arbitrary<InstanceInfo> = record({
  instanceId: name,
  hostName: name,
  app: fc.constantFrom("API", "MY-APP", "A_B.C"),
  ipAddr: text,
  sid: fc.option(fc.constantFrom("s1", "x"), { nil: undefined }),
  status,
  overriddenStatus: status,
  port,
  securePort: port,
  countryId: fc.nat(0x7fffffff),
  dataCenterInfo: fc.oneof(
    fc.constantFrom("MyOwn", "Netflix").map((dataCenter) => ({ name: dataCenter, metadata: {} })),
    texts.map((metadata) => ({ name: "Amazon", metadata })),
    fc.constant(undefined),
  ),
  leaseInfo: record({
    renewalIntervalInSecs: fc.integer({ min: 1, max: 0x7fffffff }),
    durationInSecs: fc.integer({ min: 1, max: 0x7fffffff }),
    registrationTimestamp: timeMs,
    lastRenewalTimestamp: timeMs,
    evictionTimestamp: timeMs,
    serviceUpTimestamp: timeMs,
  }),
  metadata: texts,
  appGroupName: fc.option(fc.constantFrom("GROUP", ""), { nil: undefined }),
  homePageUrl: maybe,
  statusPageUrl: maybe,
  healthCheckUrl: maybe,
  secureHealthCheckUrl: maybe,
  vipAddress: maybe,
  secureVipAddress: maybe,
  isCoordinatingDiscoveryServer: fc.boolean(),
  lastUpdatedTimestamp: timeMs,
  lastDirtyTimestamp: fc.option(fc.integer({ min: 1, max: 4_000_000_000_000 }), { nil: undefined }),
  actionType: fc.constantFrom("ADDED" as const, "MODIFIED" as const, "DELETED" as const),
  asgName: maybe,
});

test("every instance comes back from both formats", () => {
  fc.assert(
    fc.property(info, fc.constantFrom(...FORMATS), (before, format) => {
      assert.deepEqual(readInstance(format, Buffer.from(writeInstance(format, before))), ok(before));
    }),
    { numRuns: 500 },
  );
});

test("every registry comes back from both formats", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(info, { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
      fc.constantFrom(...FORMATS),
      (groups, format) => {
        const applications = groups.map((instances, index) => ({ name: `APP-${index}`, instances }));
        const { separator, closeApplication, closeApplications } = FRAMES[format];
        const inside = applications
          .map(
            ({ name, instances }) =>
              openApplication(format, name) + writeInstances(format, instances) + closeApplication,
          )
          .join(separator);
        const body = openApplications(format, "3", "UP_1_") + inside + closeApplications;
        const read = readApplications(format, Buffer.from(body));
        assert.deepEqual(read, ok({ versionsDelta: "3", hashcode: "UP_1_", applications, skipped: 0 }));
      },
    ),
    { numRuns: 60 },
  );
});

test("every batch comes back", () => {
  const task: fc.Arbitrary<PeerTask> = record({
    action: fc.constantFrom(
      "Heartbeat" as const,
      "Cancel" as const,
      "StatusUpdate" as const,
      "DeleteStatusOverride" as const,
    ),
    appName: fc.constantFrom("API", "MY-APP"),
    id: name,
    lastDirtyTimestamp: fc.option(timeMs, { nil: undefined }),
    overriddenStatus: fc.option(status, { nil: undefined }),
    status: fc.option(status, { nil: undefined }),
    instanceInfo: fc.option(info, { nil: undefined }),
  });
  const result = record({
    statusCode: fc.integer({ min: 100, max: 599 }),
    responseEntity: fc.option(info, { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(task, { maxLength: 5 }), fc.array(result, { maxLength: 5 }), (tasks, results) => {
      assert.deepEqual(readBatch(Buffer.from(writeBatch(tasks))), ok(tasks));
      assert.deepEqual(readBatchAnswer(Buffer.from(writeBatchAnswer(results))), ok(results));
    }),
    { numRuns: 100 },
  );
});

/** As JSON.parse gives it, with texts for numbers and words. */
function worded(value: unknown): unknown {
  if (value === null || typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(worded);
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([member, inner]) => [member, worded(inner)]));
  return Object.is(value, -0) ? 0 : value;
}

/** A tree as the same thing: its numbers are compared as numbers. */
function unworded(tree: Tree, like: unknown): unknown {
  if (tree instanceof Map) {
    const twin = like as Record<string, unknown>;
    return Object.fromEntries([...tree].map(([member, inner]) => [member, unworded(inner, twin?.[member])]));
  }
  if (Array.isArray(tree)) return tree.map((inner, index) => unworded(inner, (like as unknown[])?.[index]));
  if (typeof like === "number") return Number(tree) + 0;
  if (typeof like === "boolean") return tree === "true";
  return tree;
}

test("JSON is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(
      fc.json({ stringUnit: "grapheme", maxDepth: 5 }),
      fc.constantFrom("", " ", "\n", "\t\r\n"),
      (json, space) => {
        const spaced = space === "" ? json : JSON.stringify(JSON.parse(json), null, space === " " ? 1 : "\t") + space;
        const scanned = scanJson(Buffer.from(spaced), 10_000);
        assert.ok(scanned.ok, spaced);
        const expected: unknown = JSON.parse(spaced);
        assert.deepEqual(unworded(scanned.value, expected), worded(expected));
      },
    ),
    { numRuns: 500 },
  );
});

const WORDS = [
  ...[
    '{"instance":{',
    '"metadata":{',
    '"port":',
    '"$":',
    '"@enabled":',
    '"a"',
    ":",
    ",",
    "{",
    "}",
    "[",
    "]",
    "1",
    "-",
    "e",
    "null",
  ],
  ...[
    "<instance>",
    "</instance>",
    "<metadata>",
    "</metadata>",
    "<a",
    "/>",
    ">",
    "</a>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
  ],
  ...[
    "&lt;",
    "&#",
    "x1;",
    "&",
    ";",
    "=",
    "'",
    '"',
    "\\",
    "\\u00",
    "<!DOCTYPE x>",
    " ",
    "\n",
    "\u0000",
    "\ud800",
    "é",
    "__",
    "_.",
  ],
];

test("no bytes make a reader throw, and what is no JSON is no JSON here", () => {
  const readers = [
    ...FORMATS.flatMap((format) => [
      (body: Buffer) => readInstance(format, body),
      (body: Buffer) => readApplications(format, body),
    ]),
    readBatch,
    readBatchAnswer,
  ];
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array)),
    fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).map((words) => Buffer.from(words.join(""))),
  );
  fc.assert(
    fc.property(bytes, (body) => {
      for (const read of readers) {
        const result = read(body);
        if (!result.ok) assert.ok(result.detail.length > 0 && result.detail.length < 120);
      }
      if (scanJson(body, 1000).ok) JSON.parse(body.toString());
    }),
    { numRuns: 3000 },
  );
});

test("an instance with a scratch is read or refused, never worse", () => {
  fc.assert(
    fc.property(
      info,
      fc.constantFrom(...FORMATS),
      fc.nat(),
      fc.nat(),
      fc.constantFrom(...WORDS),
      (whole, format, from, length, word) => {
        const body = writeInstance(format, whole);
        const at = from % body.length;
        const scratched = body.slice(0, at) + word + body.slice(at + (length % 5));
        const result = readInstance(format, Buffer.from(scratched));
        if (result.ok) readInstance("json", Buffer.from(writeInstance("json", result.value)));
      },
    ),
    { numRuns: 1000 },
  );
});

test("bodies made to take long do not", () => {
  const size = 1_000_000;
  const fill = (unit: string) => unit.repeat(Math.ceil(size / unit.length));
  const bodies: readonly [format: Format | "batch", body: string][] = [
    ["json", `{"instance":{"a":"${fill("\\\\")}`],
    ["json", `{"instance":{"a":"${fill('\\"')}`],
    ["json", fill(" ")],
    ["json", fill("9")],
    ["json", `{"instance":{"port":{"$":"${fill("9")}"}}}`],
    ["json", `{"instance":{"hostName":"${fill("é")}"}}`],
    ["json", `{"instance":{${fill('"a":1,')}"b":1}}`],
    ["json", fill("[")],
    ["xml", fill(" ")],
    ["xml", fill("<")],
    ["xml", fill("&")],
    ["xml", fill("<!--")],
    ["xml", fill("<?x?>")],
    ["xml", `<instance>${fill("<!---->")}</instance>`],
    ["xml", `<instance>${fill("<![CDATA[]]>")}</instance>`],
    ["xml", `<instance>${fill("&lt;")}</instance>`],
    ["xml", `<instance>${fill("&lt")}</instance>`],
    ["xml", `<instance>${fill("&#x41;<!---->")}</instance>`],
    ["xml", `<instance${fill(" ")}/>`],
    ["xml", `<instance a="${fill("&gt;")}"/>`],
    ["xml", `<${fill("a")}/>`],
    ["xml", `<${fill("_")}/>`],
    ["xml", `<instance>${fill("\r")}</instance>`],
    ["xml", `<?xml ${fill(" encoding")}`],
    ["xml", fill("<a>")],
    ["xml", fill("</a>")],
    ["xml", `<instance><hostName>${fill("&")}</hostName></instance>`],
    ["batch", `{"replicationList":[${fill("{},")}{}]}`],
    ["batch", `{"replicationList":[${Array.from({ length: 249_000 }, (_, i) => `{"k${i}":1}`).join()}]}`],
  ];
  for (const [format, body] of bodies) {
    const buffer = Buffer.from(body);
    // Processor time: what else the machine does is no fault of the reader.
    const before = process.cpuUsage();
    if (format === "batch") readBatch(buffer);
    else readInstance(format, buffer);
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1000;
    assert.ok(tookMs < 1500, `${Math.round(tookMs)} ms: ${body.slice(0, 40)}`);
  }
});

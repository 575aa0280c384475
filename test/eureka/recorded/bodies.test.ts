/**
 * Eureka's texts against the originals: what clients send is understood, and what the original's own codecs write is
 * written here byte for byte. The vectors say where they come from.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toHashcode } from "../../../packages/registry/src/dialects/eureka/fetch/counts.ts";
import {
  readBatch,
  readBatchAnswer,
  writeBatch,
  writeBatchAnswer,
} from "../../../packages/registry/src/dialects/eureka/wire/batch.ts";
import {
  FRAMES,
  openApplication,
  openApplications,
  readApplications,
  readInstance,
  writeInstance,
  writeInstances,
} from "../../../packages/registry/src/dialects/eureka/wire/bodies.ts";
import type {
  Application,
  Applications,
  Format,
  InstanceInfo,
} from "../../../packages/registry/src/dialects/eureka/wire/messages.ts";
import { ROOT } from "../../harness/root.ts";

interface Exchange {
  readonly request: readonly string[];
  readonly body?: string;
  readonly status: number;
  /** What the body means. */
  readonly info?: object;
}

interface Text {
  readonly kind: "applications" | "application" | "instance" | "batch" | "batch-answer";
  readonly codec: string;
  readonly text: string;
}

const FOLDER = join(ROOT, "packages/registry/src/dialects/eureka/vectors");

function load(file: string): { readonly exchanges?: readonly Exchange[]; readonly texts?: readonly Text[] } {
  return JSON.parse(readFileSync(join(FOLDER, file), "utf8"));
}

const TEXTS = load("netflix-codecs-1.10.18.json").texts ?? [];

function textsOf(kind: Text["kind"], codec: string): string[] {
  return TEXTS.filter((text) => text.kind === kind && text.codec === codec).map(({ text }) => text);
}

/** As it is in a vector: nothing for what is undefined. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function readText(format: Format, text: string): InstanceInfo {
  const read = readInstance(format, Buffer.from(text));
  assert.ok(read.ok, read.ok ? "" : `${read.detail}: ${text}`);
  return read.value;
}

function registryOf(read: ReturnType<typeof readApplications>): Applications {
  assert.ok(read.ok, read.ok ? "" : read.detail);
  assert.equal(read.value.skipped, 0);
  return read.value;
}

function rewriteOne(format: Format, { name, instances }: Application): string {
  return openApplication(format, name) + writeInstances(format, instances) + FRAMES[format].closeApplication;
}

function rewrite(format: Format, { versionsDelta, hashcode, applications }: Applications): string {
  const { separator, closeApplications } = FRAMES[format];
  const inside = applications.map((application) => rewriteOne(format, application)).join(separator);
  return openApplications(format, versionsDelta, hashcode) + inside + closeApplications;
}

const withoutLayout = (xml: string): string => xml.replace(/>\n\s*</g, "><");

const CODECS = [
  ["json", "LegacyJacksonJson"],
  ["xml", "XStreamXml"],
] as const;

test("what clients register is understood", () => {
  let count = 0;
  for (const file of readdirSync(FOLDER)) {
    for (const { request, body, info } of load(file).exchanges ?? []) {
      // A client of Jersey 3 sends an empty object with its heartbeats.
      if (body === undefined || !request[0]?.startsWith("POST ")) continue;
      count++;
      const format = request.some((line) => /^content-type: application\/xml/i.test(line)) ? "xml" : "json";
      assert.deepEqual(plain(readText(format, body)), info, `${file}: ${request[0]}`);
    }
  }
  assert.ok(count >= 11, `${count} registrations`);
});

for (const [format, codec] of CODECS) {
  const given = (kind: Text["kind"]) =>
    textsOf(kind, codec).map((text) => (format === "xml" ? withoutLayout(text) : text));

  test(`instances are written as ${codec} writes them`, () => {
    const texts = given("instance");
    assert.equal(texts.length, 2);
    for (const text of texts) assert.equal(writeInstance(format, readText(format, text)), text);
  });

  test(`whole registries are written as ${codec} writes them`, () => {
    const texts = given("applications");
    assert.equal(texts.length, 2);
    for (const text of texts) {
      const registry = registryOf(readApplications(format, Buffer.from(text)));
      assert.equal(rewrite(format, registry), text);
    }
  });

  test(`one application is written as ${codec} writes it`, () => {
    const [text] = given("application");
    const [registry] = given("applications").map((all) => registryOf(readApplications(format, Buffer.from(all))));
    const application = registry?.applications[1];
    assert.ok(application);
    const { openRoot, closeRoot } = FRAMES[format];
    assert.equal(openRoot + rewriteOne(format, application) + closeRoot, text);
  });

  test(`the layout of ${codec} makes no difference`, () => {
    const all = textsOf("applications", codec).map((text) => registryOf(readApplications(format, Buffer.from(text))));
    const [json] = textsOf("applications", "LegacyJacksonJson");
    assert.deepEqual(all[0], registryOf(readApplications("json", Buffer.from(json ?? ""))));
  });
}

test("a registry in the other shapes of JSON is understood", () => {
  const expected = registryOf(
    readApplications("json", Buffer.from(textsOf("applications", "LegacyJacksonJson")[0] ?? "")),
  );
  const jackson = registryOf(readApplications("json", Buffer.from(textsOf("applications", "JacksonJson")[0] ?? "")));
  assert.deepEqual(jackson, expected);
  // One instance stands without a list, ports are texts, and the names of metadata are escaped as in XML.
  const text = textsOf("applications", "XStreamJson")[0] ?? "";
  assert.match(text, /"instance":\{"instanceId":"gone"/);
  const unescaped = text.replace('"my__key"', '"my_key"').replace('"_-money"', '"$money"');
  const xstream = registryOf(
    readApplications(
      "json",
      Buffer.from(unescaped.replace('"a_.0020b_.002fc"', '"a b/c"').replace('"_.0031st"', '"1st"')),
    ),
  );
  assert.deepEqual(xstream, expected);
});

test("an instance that cannot be read is left out of a registry, the others stay", () => {
  const read = readApplications(
    "json",
    Buffer.from('{"applications":{"application":{"name":"a","instance":[{"app":"a","port":{"$":[]}},{"app":"a"},7]}}}'),
  );
  assert.ok(read.ok);
  assert.equal(read.value.skipped, 2);
  assert.deepEqual(
    read.value.applications.map(({ name, instances }) => [name, instances.length]),
    [["A", 1]],
  );
});

test("batches are written as the original writes them", () => {
  const [batch = ""] = textsOf("batch", "LegacyJacksonJson");
  const read = readBatch(Buffer.from(batch));
  assert.ok(read.ok);
  const tasks = read.value.filter((task) => task !== undefined);
  assert.equal(tasks.length, 5);
  assert.equal(writeBatch(tasks), batch);
  const [answer = ""] = textsOf("batch-answer", "LegacyJacksonJson");
  const answered = readBatchAnswer(Buffer.from(answer));
  assert.ok(answered.ok);
  assert.equal(writeBatchAnswer(answered.value), answer);
});

test("a line of a batch that cannot be read keeps its place", () => {
  const lines = [
    '{"appName":"a","id":"1","action":"Cancel"}',
    '{"appName":"a","id":"1","action":"Explode"}',
    '{"appName":"a","id":"1","action":"Register"}',
    '{"appName":"a","id":"1","action":"Register","instanceInfo":{"port":{"$":"x"}}}',
    '{"id":"1","action":"Heartbeat"}',
    '"Heartbeat"',
    '{"appName":"a","id":"1","action":"Heartbeat","lastDirtyTimestamp":"12","status":null}',
  ];
  const read = readBatch(Buffer.from(`{"replicationList":[${lines.join(",")}]}`));
  assert.ok(read.ok);
  assert.deepEqual(
    read.value.map((task) => task?.action),
    ["Cancel", undefined, undefined, undefined, undefined, undefined, "Heartbeat"],
  );
  assert.equal(read.value[6]?.lastDirtyTimestamp, 12);
  assert.equal(read.value[6]?.status, undefined);
  const answer = readBatchAnswer(Buffer.from('{"responseList":[{"statusCode":"404"},{"responseEntity":5},null]}'));
  assert.ok(answer.ok);
  assert.deepEqual(
    answer.value.map(({ statusCode }) => statusCode),
    [404, 500, 500],
  );
  for (const body of ["[]", "{}", '{"replicationList":{}}', "x"]) assert.ok(!readBatch(Buffer.from(body)).ok, body);
});

test("the hash names every status that somebody has, by letter", () => {
  assert.equal(toHashcode({}), "");
  assert.equal(toHashcode({ UP: 10, DOWN: 1, OUT_OF_SERVICE: 2, STARTING: 0 }), "DOWN_1_OUT_OF_SERVICE_2_UP_10_");
  assert.equal(toHashcode({ UP: 1, UNKNOWN: 1, STARTING: 1 }), "STARTING_1_UNKNOWN_1_UP_1_");
});

test("nothing is written that strict clients refuse", () => {
  const info = readText("json", '{"instance":{"hostName":"h","app":"a","dataCenterInfo":{"name":"MyOwn"}}}');
  const odd: InstanceInfo = {
    ...info,
    // Java's numbers end here.
    countryId: 2 ** 40,
    port: { port: 2 ** 40, enabled: true },
    dataCenterInfo: { name: "elsewhere", metadata: { a: "b" } },
    metadata: { "": "no name", "a:b": "half \ud800 pair", c: "\u0001\ufffe end" },
  };
  const json = writeInstance("json", odd);
  assert.match(json, /"countryId":2147483647,/);
  assert.match(json, /"port":\{"\$":2147483647,"@enabled":"true"\}/);
  assert.match(
    json,
    /"dataCenterInfo":\{"@class":"com.netflix.appinfo.InstanceInfo\$DefaultDataCenterInfo","name":"MyOwn"\}/,
  );
  assert.match(json, /"a:b":"half \ufffd pair"/);
  const xml = writeInstance("xml", odd);
  assert.match(xml, /<countryId>2147483647<\/countryId>/);
  assert.match(xml, /<metadata><a_\.003ab>half {2}pair<\/a_\.003ab><c> end<\/c><\/metadata>/);
  assert.match(
    writeInstance("json", { ...odd, metadata: {} }),
    /"metadata":\{"@class":"java.util.Collections\$EmptyMap"\}/,
  );
  assert.match(
    writeInstance("xml", { ...odd, metadata: { "": "x" } }),
    /<metadata class="java.util.Collections\$EmptyMap"\/>/,
  );
});

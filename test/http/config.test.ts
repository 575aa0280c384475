/** Configuration over the native API: keys of any bytes, compare-and-set, prefixes, transactions, polls. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

test("values are bytes, whatever they are", async () => {
  const at = `/v2/${nextAccount()}/config`;
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const put = await api.call("PUT", `${at}/blob`, bytes);
  assert.equal(put.status, 201);
  assert.match(String(put.headers.etag), new RegExp(`^"${put.json().revision}~[0-9a-f]{12}"$`));
  const raw = await api.call("GET", `${at}/blob?raw`);
  assert.deepEqual(raw.bytes, bytes);
  assert.equal(raw.headers["content-type"], "application/octet-stream");
  const read = await api.ok("GET", `${at}/blob`);
  assert.equal(read.value, null);
  assert.deepEqual(Buffer.from(read.valueBase64, "base64"), bytes);
  await api.ok("PUT", `${at}/text`, "grüß", { headers: { "content-type": "application/x-anything" } });
  assert.equal((await api.ok("GET", `${at}/text`)).value, "grüß");
  await api.ok("PUT", `${at}/empty`, "");
  assert.equal((await api.ok("GET", `${at}/empty`)).value, "");
  await api.ok("PUT", `${at}/large`, Buffer.alloc(1520 * 1024, 7));
  await api.refused(413, "too-large", "PUT", `${at}/large`, Buffer.alloc(1520 * 1024 + 1));
});

test("keys hold slashes and any byte, percent-decoded once", async () => {
  const at = `/v2/${nextAccount()}/config`;
  for (const path of [
    "a//b/",
    "/lead",
    "%2F%2e%2e/x",
    "p%20q%25",
    "gr%C3%BC%C3%9F",
    "%FF%FE",
    "a?".replace("?", "%3F"),
  ]) {
    await api.ok("PUT", `${at}/${path}`, path);
    const read = await api.ok("GET", `${at}/${path}`);
    assert.equal(read.value, path);
  }
  assert.equal((await api.ok("GET", `${at}/p%20q%25`)).key, "p q%");
  assert.equal((await api.ok("GET", `${at}//lead`)).key, "/lead");
  assert.equal(Buffer.from((await api.ok("GET", `${at}/%FF%FE`)).keyBase64, "base64").toString("hex"), "fffe");
  await api.refused(400, "invalid", "GET", `${at}/a%z`);
  await api.refused(400, "invalid", "PUT", `${at}/%`, "x");
  await api.refused(400, "invalid", "PUT", `${at}/`, "x");
  await api.refused(403, "forbidden", "PUT", `${at}/%00x`, "x");
  await api.refused(403, "forbidden", "DELETE", `${at}/%00x`);
  await api.refused(413, "too-large", "PUT", `${at}/${"k".repeat(4097)}`, "x");
  assert.equal((await api.call("PUT", `${at}/${"k".repeat(4096)}`, "x")).status, 201);
});

test("a key is written only as it was seen", async () => {
  const at = `/v2/${nextAccount()}/config/k`;
  const one = await api.ok("PUT", at, "1", { headers: { "if-none-match": "*" } });
  assert.equal(
    await api.refused(412, "exists", "PUT", at, "x", { headers: { "if-none-match": "*" } }),
    "the key already exists",
  );
  const two = await api.ok("PUT", at, "2", { headers: { "if-match": `"${one.revision}"` } });
  assert.equal(two.version, 2);
  await api.refused(412, "conflict", "PUT", at, "x", { headers: { "if-match": `"${one.revision}"` } });
  await api.refused(412, "conflict", "DELETE", at, undefined, { headers: { "if-match": `"${one.revision}"` } });
  await api.ok("PUT", at, "3", { headers: { "if-match": "*" } });
  await api.refused(400, "invalid", "PUT", at, "x", { headers: { "if-match": "7" } });
  const { modRevision } = await api.ok("GET", at);
  assert.equal((await api.ok("DELETE", at, undefined, { headers: { "if-match": `"${modRevision}"` } })).deleted, 1);
  await api.refused(412, "conflict", "PUT", at, "x", { headers: { "if-match": "*" } });
  assert.equal((await api.ok("DELETE", at)).deleted, 0);
  const racers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => api.call("PUT", at, `${i}`, { headers: { "if-none-match": "*" } })),
  );
  assert.equal(racers.filter((answer) => answer.status === 201).length, 1, "one of many at once");
});

test("the same entry is answered by 304", async () => {
  const account = nextAccount();
  const at = `/v2/${account}/config/k`;
  const { revision } = await api.ok("PUT", at, "1");
  const seen = { headers: { "if-none-match": `"${revision}"` } };
  assert.equal((await api.call("GET", at, undefined, seen)).status, 304);
  assert.equal((await api.call("GET", `${at}?raw`, undefined, seen)).status, 304);
  const list = await api.call("GET", `/v2/${account}/config?prefix=k`);
  const tag = { headers: { "if-none-match": list.headers.etag } };
  assert.equal((await api.call("GET", `/v2/${account}/config?prefix=k`, undefined, tag)).status, 304);
  await api.ok("PUT", at, "2");
  assert.equal((await api.call("GET", at, undefined, seen)).status, 200);
  assert.equal((await api.call("GET", `/v2/${account}/config?prefix=k`, undefined, tag)).status, 200);
});

test("a list under a prefix keeps its tag while keys of other directories change, not when one is deleted", async () => {
  const at = `/v2/${nextAccount()}/config`;
  for (const key of ["a/1", "a/2", "b/1"]) await api.ok("PUT", `${at}/${key}`, "1");
  const { etag } = (await api.call("GET", `${at}?prefix=a/`)).headers;
  const again = async () =>
    (await api.call("GET", `${at}?prefix=a/`, undefined, { headers: { "if-none-match": etag } })).status;
  await api.ok("PUT", `${at}/b/1`, "2");
  await api.ok("DELETE", `${at}/b/1`);
  assert.equal(await again(), 304);
  await api.ok("DELETE", `${at}/a/1`);
  assert.equal(await again(), 200);
});

test("keys are listed and deleted by prefix, page by page", async () => {
  const at = `/v2/${nextAccount()}/config`;
  const keys = ["a/1", "a/2", "a/\u00ff", "b/1", "base64:x", "%80"];
  for (const key of keys) await api.ok("PUT", `${at}/${key === "%80" ? key : encodeURIComponent(key)}`, key);
  const seen: string[] = [];
  let from: string | null = "";
  while (from !== null) {
    const page: { keys: { value: string }[]; next: string | null } = await api.ok(
      "GET",
      `${at}?prefix=&limit=1&from=${encodeURIComponent(from)}`,
    );
    seen.push(...page.keys.map((one: { value: string }) => one.value));
    from = page.next;
  }
  assert.deepEqual(seen, ["a/1", "a/2", "a/\u00ff", "b/1", "base64:x", "%80"]);
  assert.equal((await api.ok("GET", `${at}?prefix=a/`)).keys.length, 3);
  assert.equal((await api.ok("DELETE", `${at}?prefix=a/`)).deleted, 3);
  assert.equal((await api.ok("GET", `${at}`)).keys.length, 3);
  await api.refused(400, "invalid", "DELETE", at);
  await api.refused(403, "forbidden", "GET", `${at}?prefix=%00`);
  await api.refused(403, "forbidden", "DELETE", `${at}?prefix=%00`);
  assert.equal((await api.ok("DELETE", `${at}?prefix=`)).deleted, 3);
});

test("a transaction is carried out as a whole or not at all", async () => {
  const account = nextAccount();
  const at = `/v2/${account}/transactions`;
  const put = (key: string, value: string) => ({ put: { key, value } });
  const first = await api.ok("POST", at, {
    guards: [{ key: "a", exists: false }],
    then: [put("a", "1"), put("b", "2"), { get: { prefix: "" } }],
  });
  assert.equal(first.succeeded, true);
  assert.equal(first.results[2].get.keys.length, 2, "a step sees the ones before it");
  assert.equal(first.results[2].get.keys[0].modRevision, first.revision, "all in one revision");
  const second = await api.ok("POST", at, {
    guards: [
      { key: "a", revision: first.revision, value: "1", version: 1 },
      { key: "b", value: "other" },
    ],
    then: [put("a", "no")],
    otherwise: [{ delete: { key: "b" } }, { put: { key: "bin", valueBase64: "AP8=" } }, { get: { key: "a" } }],
  });
  assert.equal(second.succeeded, false);
  assert.deepEqual(second.results[0], { delete: { deleted: 1 } });
  assert.deepEqual(second.results[1], { put: { key: "bin", version: 1 } });
  assert.equal(second.results[2].get.keys[0].value, "1");
  assert.equal((await api.ok("GET", `/v2/${account}/config/bin`)).valueBase64, "AP8=");
  await api.refused(404, "not-found", "POST", at, {
    then: [put("c", "1"), { put: { key: "d", value: "", lease: "no" } }],
  });
  await api.refused(404, "not-found", "GET", `/v2/${account}/config/c`);
});

test("a transaction that is no transaction is refused with the place", async () => {
  const at = `/v2/${nextAccount()}/transactions`;
  const cases: [object, RegExp, number?][] = [
    [{ guards: [{ key: "a" }] }, /guards\[0\]\.revision, version, value or exists/],
    [{ guards: [{ key: "a", revision: "1" }] }, /guards\[0\]\.revision must be an integer/],
    [{ guards: [{ exists: true }] }, /guards\[0\]\.key is missing/],
    [{ otherwise: [{}] }, /otherwise\[0\] must have one of/],
    [{ otherwise: [{ put: { key: "a" } }] }, /value or .*valueBase64/],
    [{ otherwise: [{ put: { key: "a", valueBase64: "#" } }] }, /base64/],
    [{ otherwise: [{ get: { key: "a", prefix: "b" } }] }, /one of them/],
    [{ otherwise: [{ put: { key: "\u0000a", value: "" } }] }, /reserved/, 403],
    [{ otherwise: [{ delete: { prefix: "\u0000" } }] }, /reserved/, 403],
    [{ otherwise: Array.from({ length: 1025 }, () => ({ get: { key: "a" } })) }, /more than 1024/, 413],
  ];
  for (const [body, reason, status = 400] of cases) {
    const type = status === 400 ? "invalid" : status === 403 ? "forbidden" : "too-large";
    assert.match(await api.refused(status, type, "POST", at, body), reason);
  }
});

test("a poll waits for a key, its deletion, or a prefix", async () => {
  const at = `/v2/${nextAccount()}/config`;
  const { revision } = await api.ok("PUT", `${at}/a/k`, "1");
  assert.equal((await api.ok("GET", `${at}/a/k?after=${revision - 1}&wait=20s`)).value, "1", "at once when behind");
  const changed = api.ok("GET", `${at}/a/k?after=${revision}&wait=20s`);
  const listed = api.ok("GET", `${at}?prefix=a/&after=${revision}&wait=20s`);
  const two = await api.ok("PUT", `${at}/a/k`, "2");
  assert.equal((await changed).value, "2");
  assert.equal((await listed).keys[0].value, "2");
  const gone = api.call("GET", `${at}/a/k?after=${two.revision}&wait=20s`);
  const { revision: third } = await api.ok("DELETE", `${at}/a/k`);
  assert.equal((await gone).status, 404);
  assert.equal((await api.call("GET", `${at}/a/k?after=${two.revision}&wait=20s`)).status, 404, "also from behind");
  assert.equal((await api.ok("GET", `${at}?prefix=a/&after=${third - 1}&wait=20s`)).keys.length, 0);
  const startMs = performance.now();
  assert.equal((await api.call("GET", `${at}/a/k?after=${third}&wait=200ms`)).status, 404);
  assert.ok(performance.now() - startMs >= 190);
});

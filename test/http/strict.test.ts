/** What the native API refuses although it could be read somehow: control characters, repetition, codings. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

test("blanks and control characters are refused where one line is expected, by the field's name", async () => {
  const at = `/v2/${nextAccount()}/services/s/instances/i`;
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ address: "a b" }, /field address must not hold blanks/],
    [{ address: " h" }, /field address must not hold blanks/],
    [{ address: "h\u00a0" }, /field address must not hold blanks/],
    [{ address: "h\n" }, /field address must not hold control/],
    [{ address: "h\0" }, /field address must not hold control/],
    [{ address: "h", tags: ["ok", "a\tb"] }, /field tags\[1\] must not hold control/],
    [{ address: "h", zone: "a\u0085" }, /field zone /],
    [{ address: "h", version: "\x1b[31m" }, /field version /],
    [{ address: "h", protocol: "http\r" }, /field protocol /],
    [{ address: "h", meta: { "a\nb": "x" } }, /field meta must not have keys/],
    [{ address: "h", meta: { a: "x\x1b" } }, /field meta\.a must not hold control/],
  ];
  for (const [body, reason] of bad) assert.match(await api.refused(400, "invalid", "PUT", at, body), reason);
  await api.ok("PUT", at, { address: "h", meta: { a: "one\n\ttwo\r\n" }, zone: "Zürich 1" });
  assert.match(await api.refused(400, "invalid", "PATCH", at, { zone: "\0" }), /field zone /);
  assert.equal((await api.ok("GET", at)).meta.a, "one\n\ttwo\r\n");
});

test("white space of headers is spaces and tabs: what only looks like it is part of the value", async () => {
  const at = `/v2/${nextAccount()}/services/s/instances/i`;
  const instance = JSON.stringify({ address: "h" });
  const put = (headers: Record<string, string>) =>
    request(`${rollcall.url}${at}`, { method: "PUT", body: instance, headers });
  for (const type of ["application/json\xa0", "\xa0application/json", "application/json; charset=utf-8\xa0"])
    assert.equal((await put({ "content-type": type })).status, 415, type);
  const json = { "content-type": "application/json \t; charset=utf-8 \t" };
  assert.equal((await put(json)).status, 201);
  for (const [name, value] of Object.entries({ "if-match": "*\xa0", "if-none-match": "\xa0*" }))
    assert.equal((await put({ ...json, [name]: value })).status, 400, name);
  assert.equal((await put({ ...json, "content-encoding": "identity\xa0" })).status, 415);
  const wrong = { "last-event-id": "\xa05", accept: "text/event-stream" };
  assert.equal((await request(`${rollcall.url}${at.replace(/services.*/, "watch")}`, { headers: wrong })).status, 400);
});

test("endpoints are held to the same", async () => {
  const at = `/v2/${nextAccount()}/register`;
  const endpoint = { application: "a", protocol: "http", addr: "h:1", meta: {} };
  assert.match(await api.refused(400, "invalid", "POST", at, { ...endpoint, addr: "h\x01:1" }), /field addr /);
  assert.match(await api.refused(400, "invalid", "POST", at, { ...endpoint, addr: "h h:1" }), /field addr /);
  assert.match(await api.refused(400, "invalid", "POST", at, { ...endpoint, protocol: "x\x7f" }), /field protocol /);
  assert.match(await api.refused(400, "invalid", "POST", at, { ...endpoint, meta: { a: "\0" } }), /field meta\.a /);
});

test("a query parameter with one value is refused when it is there twice", async () => {
  const at = `/v2/${nextAccount()}`;
  const twice: readonly (readonly [string, string])[] = [
    ["services", "zone"],
    ["services", "from"],
    ["services", "limit"],
    ["services/s", "version"],
    ["services/s", "wait"],
    ["instances", "protocol"],
    ["instances", "after"],
    ["config", "prefix"],
    ["events", "limit"],
    ["watch", "after"],
  ];
  for (const [path, name] of twice) {
    const detail = await api.refused(400, "invalid", "GET", `${at}/${path}?${name}=1&${name}=2`);
    assert.equal(detail, `query parameter ${name} is there more than once`);
  }
  await api.refused(400, "invalid", "DELETE", `${at}/config?prefix=a&prefix=b`);
  await api.ok("GET", `${at}/services?tag=a&tag=b&status=passing&status=warning&meta.a=1`);
  await api.ok("GET", `${at}/events?type=instance.*&type=lease.*`);
  await api.ok("GET", `${at}/watch?service=a&service=b&key=a&key=b&prefix=c&prefix=d&wait=1ms`);
});

test("a body in a content coding is refused, whatever the route", async () => {
  const at = `/v2/${nextAccount()}`;
  const packed = gzipSync("{}");
  for (const coding of ["gzip", "br", "identity, gzip", "GZIP"]) {
    const headers = { "content-type": "application/json", "content-encoding": coding };
    const detail = await api.refused(415, "unsupported-type", "POST", `${at}/leases`, packed, { headers });
    assert.match(detail, /without Content-Encoding/);
    await api.refused(415, "unsupported-type", "PUT", `${at}/config/k`, packed, { headers });
    await api.refused(415, "unsupported-type", "PUT", `${at}/services/s/instances/i`, packed, { headers });
  }
  await api.ok("PUT", `${at}/config/k`, "x", { headers: { "content-encoding": "identity" } });
  await api.ok("GET", `${at}/config/k`, undefined, { headers: { "content-encoding": "gzip" } });
});

test("JSON in another character set is refused", async () => {
  const at = `/v2/${nextAccount()}`;
  const put = (type: string) => ["PUT", `${at}/services/s/instances/i`, '{"address":"h"}', type] as const;
  for (const type of ["application/json; charset=latin1", 'application/json;charset="UTF-16"']) {
    const [method, path, body] = put(type);
    const detail = await api.refused(415, "unsupported-type", method, path, body, {
      headers: { "content-type": type },
    });
    assert.match(detail, /JSON in UTF-8/);
    await api.ok("PUT", `${at}/config/k`, "x", { headers: { "content-type": type } });
  }
  for (const type of ["application/json; charset=utf-8", 'application/json; charset="UTF-8"', "application/json;"]) {
    const [method, path, body] = put(type);
    await api.ok(method, path, body, { headers: { "content-type": type } });
  }
});

/** What was: net differences, and histories of status. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

type Named = { what: string; service?: string; id?: string; key?: string; fields?: string[] };
const named = ({ what, service, id, key, fields }: Named): string =>
  `${what} ${key ?? `${service}/${id}`}${fields === undefined || fields.length === 0 ? "" : ` ${fields.join(",")}`}`;

test("a difference is net, in the order of first changes, with who did it and counts at both ends", async () => {
  const account = nextAccount();
  const at = `/v2/${account}`;
  const put = (id: string, body: object = {}) =>
    api.ok("PUT", `${at}/services/web/instances/${id}`, { address: "h", ttl: 0, ...body });
  await put("stays");
  await put("leaves", { status: "critical" });
  await put("same");
  const { revision } = await api.ok("PUT", `${at}/config/k`, "1");
  await put("came", { status: "warning" });
  await put("brief");
  await api.ok("PUT", `${at}/config/k`, "2");
  await put("stays", { version: "2", status: "critical" });
  await put("same", { version: "9" });
  await put("same");
  await api.ok("DELETE", `${at}/services/web/instances/brief`);
  await api.ok("DELETE", `${at}/services/web/instances/leaves`);
  await api.ok("PUT", `${at}/services/web/instances/stays/override`, { status: "draining" });
  const body = await api.ok("GET", `${at}/changes?from=${revision}`);
  assert.deepEqual(body.changes.map(named), [
    "came web/came",
    "changed k",
    "changed web/stays version,status,declaredStatus,override",
    "left web/leaves",
  ]);
  const { came, left, changed, keys, commits, counts, next } = body;
  assert.deepEqual(
    { came, left, changed, keys, commits, next },
    { came: 1, left: 1, changed: 1, keys: 1, commits: 9, next: null },
  );
  const zero = { passing: 0, warning: 0, critical: 0, starting: 0, draining: 0, unknown: 0, held: 0 };
  assert.deepEqual(counts.from, { ...zero, passing: 2, critical: 1 });
  assert.deepEqual(counts.to, { ...zero, passing: 1, warning: 1, draining: 1 });
  const stays = body.changes[2];
  assert.equal(stays.times, 2);
  assert.equal(stays.cause, "overridden");
  assert.deepEqual(stays.by, { token: null, dialect: "http", address: "127.0.0.1" });
  assert.deepEqual([stays.before.version, stays.after.version], ["", "2"]);
  assert.ok(stays.firstRevision < stays.revision);
  assert.equal(body.from.revision, revision);
  // In pages, and up to an earlier moment.
  const page = await api.ok("GET", `${at}/changes?from=${revision}&to=${body.to.revision}&limit=3`);
  assert.deepEqual([page.changes.length, page.next], [3, 3]);
  const rest = await api.ok("GET", `${at}/changes?from=${revision}&to=${body.to.revision}&limit=3&start=3`);
  assert.deepEqual([...page.changes, ...rest.changes], body.changes);
  const part = await api.ok("GET", `${at}/changes?from=${revision}&to=${revision + 2}`);
  assert.deepEqual(part.changes.map(named), ["came web/came", "came web/brief"]);
  assert.deepEqual(part.counts.to, { ...zero, passing: 3, warning: 1, critical: 1 });
  // Back to the beginning, by time.
  const whole = await api.ok("GET", `${at}/changes?from=-1h`);
  assert.deepEqual(whole.changes.map(named), ["came web/stays", "came web/same", "came k", "came web/came"]);
  assert.deepEqual(whole.counts.from, zero);
});

test("the numbers of the last hour and day are series of points", async () => {
  await api.ok("PUT", `/v2/${nextAccount()}/services/web/instances/1`, { address: "h", ttl: 0 });
  const body = await api.ok("GET", "/v2/_/metrics/history");
  const names = new Set(body.series.map(({ name }: { name: string }) => name));
  for (const name of ["rollcall_instances", "rollcall_keys", "process_resident_memory_bytes"])
    assert.ok(names.has(name), name);
  const statuses = body.series.filter(({ name }: { name: string }) => name === "rollcall_instances");
  assert.equal(statuses.map(({ labels }: { labels: { status: string } }) => labels.status).includes("passing"), true);
  const day = await api.ok("GET", "/v2/_/metrics/history?step=60s&series=rollcall_keys&series=rollcall_services");
  assert.equal(day.stepMs, 60_000);
  assert.equal(day.series.length, 2);
  assert.deepEqual((await api.ok("GET", "/v2/_/metrics/history?from=2100-01-01")).series[0].points, []);
  for (const bad of ["step=1s", "from=x"]) await api.refused(400, "invalid", "GET", `/v2/_/metrics/history?${bad}`);
});

type Version = { version: number; value: string | null; cause: string; deleted: boolean };
const versioned = ({ version, value, cause }: Version): string => `${version} ${value} ${cause}`;

test("a key has all its versions, those before it was deleted too, page by page", async () => {
  const at = `/v2/${nextAccount()}`;
  const put = (value: string, key = "a%2Fk") => api.ok("PUT", `${at}/config/${key}`, value);
  await put("1");
  await put("2");
  await api.ok("DELETE", `${at}/config/a/k`);
  await put("other", "b");
  await put("3");
  const guards = [{ key: "a/k", exists: true }];
  const then = [{ put: { key: "b", value: "x" } }, { put: { key: "a/k", valueBase64: "/w==" } }];
  await api.ok("POST", `${at}/transactions`, { guards, then });
  await put("5");
  const whole = await api.ok("GET", `${at}/config-history/a/k`);
  const all = ["3 5 put", "2 null put", "1 3 put", "0 null deleted", "2 2 put", "1 1 put"];
  assert.deepEqual(whole.versions.map(versioned), all);
  assert.equal(whole.next, null);
  assert.equal(whole.versions[0].by.dialect, "http");
  assert.deepEqual([whole.versions[1].valueBase64, whole.versions[1].size], ["/w==", 1]);
  assert.deepEqual(
    whole.versions.map(({ deleted }: Version) => deleted),
    [false, false, false, true, false, false],
  );
  const paged: Version[] = [];
  for (let next: string | null = ""; next !== null; ) {
    const query: string = next === "" ? "" : `&before=${encodeURIComponent(next)}`;
    const page = await api.ok("GET", `${at}/config-history/a/k?limit=2${query}`);
    assert.ok(page.versions.length <= 2);
    paged.push(...page.versions);
    next = page.next;
  }
  assert.deepEqual(paged.map(versioned), all);
  await api.ok("DELETE", `${at}/config/a/k`);
  const gone = await api.ok("GET", `${at}/config-history/a/k?limit=2`);
  assert.deepEqual(gone.versions.map(versioned), ["0 null deleted", "3 5 put"]);
  assert.deepEqual((await api.ok("GET", `${at}/config-history/none`)).versions, []);
  for (const bad of ["before=x", "limit=0"]) await api.refused(400, "invalid", "GET", `${at}/config-history/k?${bad}`);
  await api.refused(403, "forbidden", "GET", `${at}/config-history/%00k`);
});

test("what went is told with its last record, unless it is back", async () => {
  const at = `/v2/${nextAccount()}`;
  const put = (service: string, id: string, body: object = {}) =>
    api.ok("PUT", `${at}/services/${service}/instances/${id}`, { address: "h", ttl: 0, ...body });
  for (const id of ["1", "2", "3"]) await put("web", id, { version: id });
  await put("db", "1");
  await api.ok("DELETE", `${at}/services/db/instances/1`);
  for (const id of ["1", "2", "3"]) await api.ok("DELETE", `${at}/services/web/instances/${id}`);
  await put("web", "2");
  const { gone, next } = await api.ok("GET", `${at}/services/web/gone`);
  type Gone = { id: string; cause: string; last: { version: string } };
  assert.deepEqual(
    gone.map(({ id, cause, last }: Gone) => [id, cause, last.version]),
    [
      ["3", "deregistered", "3"],
      ["1", "deregistered", "1"],
    ],
  );
  assert.equal(gone[0].by.dialect, "http");
  assert.equal(next, null);
  const first = await api.ok("GET", `${at}/services/web/gone?limit=1`);
  assert.equal(first.gone.length, 1);
  const later = await api.ok("GET", `${at}/services/web/gone?limit=2&before=${encodeURIComponent(first.next)}`);
  assert.deepEqual(
    later.gone.map(({ id }: Gone) => id),
    ["1"],
  );
  assert.deepEqual((await api.ok("GET", `${at}/services/web/gone?since=2100-01-01`)).gone, []);
  for (const bad of ["since=x", "before=x"]) await api.refused(400, "invalid", "GET", `${at}/services/web/gone?${bad}`);
});

test("events are counted over time, a time has a revision, and names are found", async () => {
  const at = `/v2/${nextAccount()}`;
  const { revision } = await api.ok("PUT", `${at}/services/Payments/instances/pay-7`, {
    ...{ address: "10.1.2.3", port: 8080, ttl: 0 },
  });
  await api.ok("PUT", `${at}/config/pay/limit`, "1");
  await api.ok("PUT", `${at}/config/pay/limit`, "2");
  const sum = async (query: string): Promise<Record<string, number>> => {
    const body = await api.ok("GET", `${at}/events/histogram?${query}`);
    const counts: Record<string, number> = {};
    for (const bucket of body.buckets)
      for (const [type, count] of Object.entries<number>(bucket.counts)) counts[type] = (counts[type] ?? 0) + count;
    assert.equal(
      body.events,
      Object.values(counts).reduce((a, b) => a + b, 0),
    );
    return counts;
  };
  assert.deepEqual(await sum("from=-1h&to=2100-01-01"), { "instance.registered": 1, "key.put": 2 });
  assert.deepEqual(await sum("from=-1h&to=2100-01-01&buckets=1&type=key.*"), { "key.put": 2 });
  assert.deepEqual(await sum("from=-2h&to=-1h"), {});
  for (const bad of ["from=x", "from=-1m&to=-2m", "buckets=0", "buckets=2000", "type=x"])
    await api.refused(400, "invalid", "GET", `${at}/events/histogram?${bad}`);
  const moment = await api.ok("GET", `${at}/revisions?at=${revision}`);
  assert.equal(moment.revision, revision);
  assert.ok((await api.ok("GET", `${at}/revisions?at=${moment.at}`)).revision >= revision);
  for (const bad of ["", "?at=x", "?at=99999999"]) await api.refused(400, "invalid", "GET", `${at}/revisions${bad}`);
  const found = async (q: string) => {
    const { services, instances, keys } = await api.ok("GET", `${at}/search?q=${encodeURIComponent(q)}`);
    return [services.length, instances.length, keys.length];
  };
  assert.deepEqual(await found("pay"), [1, 1, 1]);
  assert.deepEqual(await found("MENTS"), [1, 0, 0]);
  assert.deepEqual(await found("2.3:80"), [0, 1, 0]);
  assert.deepEqual(await found("y/l"), [0, 0, 1]);
  assert.equal((await api.ok("GET", `${at}/search?q=pay&limit=1`)).complete, true);
  await api.ok("PUT", `${at}/config/repay`, "1");
  assert.deepEqual(await found("pay"), [1, 1, 2]);
  assert.equal((await api.ok("GET", `${at}/search?q=pay&limit=1`)).complete, false);
  for (const bad of ["", "?q=", "?q=a&limit=101"]) await api.refused(400, "invalid", "GET", `${at}/search${bad}`);
});

test("moments that cannot be are refused", async () => {
  const at = `/v2/${nextAccount()}/changes`;
  for (const query of ["", "?from=yesterday", "?from=999999", "?from=0&to=x", "?from=0&start=x", "?from=0&limit=0"])
    await api.refused(400, "invalid", "GET", at + query);
  await api.refused(400, "invalid", "GET", `${at}?from=2&to=1`);
  const other = await startRollcall({ after });
  const forgetful = openApi(other.url);
  for (const value of ["1", "2", "3"]) await forgetful.ok("PUT", "/v2/default/config/k", value);
  await forgetful.ok("POST", "/v2/_/compact", { revision: 2 });
  for (const from of ["1", "-1h", "2000-01-01"])
    await forgetful.refused(410, "compacted", "GET", `/v2/default/changes?from=${from}`);
  assert.equal((await forgetful.ok("GET", "/v2/default/changes?from=2")).changes.length, 1);
});

test("an instance has a history of statuses, also when it is gone; a service has counts", async () => {
  const account = nextAccount();
  const at = `/v2/${account}/services/web`;
  const started = new Date().toISOString();
  await api.ok("PUT", `${at}/instances/1`, { address: "h", ttl: 0 });
  await api.ok("PUT", `${at}/instances/2`, { address: "h", ttl: 0, status: "starting" });
  await api.ok("PUT", `${at}/instances/2/override`, { status: "critical" });
  await api.ok("PUT", `${at}/instances/1`, { address: "h", ttl: 0, version: "2" });
  await api.ok("DELETE", `${at}/instances/1`);
  const { spans, since } = await api.ok("GET", `${at}/instances/1/history`);
  const shown = (all: { status: string; cause: string }[]) => all.map(({ status, cause }) => `${status} ${cause}`);
  assert.deepEqual(shown(spans), ["gone null", "passing registered", "gone deregistered"]);
  assert.ok(since <= started);
  assert.equal(spans[0].to, spans[1].from);
  assert.equal(spans[2].to, null);
  const { histories } = await api.ok("POST", `/v2/${account}/histories`, {
    instances: [1, 2, 3].map((id) => ({ service: "web", id: String(id) })),
    from: started,
  });
  assert.deepEqual(
    histories.map((one: { spans: { status: string }[] }) => one.spans.at(-1)?.status),
    ["gone", "critical", "gone"],
  );
  assert.deepEqual(shown(histories[1].spans).slice(1), ["starting registered", "critical overridden"]);
  const { steps } = await api.ok("GET", `${at}/history?from=${started}`);
  assert.deepEqual(steps[0].counts, {});
  assert.deepEqual(steps.at(-1).counts, { critical: 1 });
  const thin = await api.ok("GET", `${at}/history?from=-1m&buckets=60`);
  assert.equal(thin.steps.length, 60);
  assert.deepEqual(thin.steps[0].counts, {});
  for (const bad of ["from=x", "buckets=1441", "buckets=-1", "from=-1m&to=-2m"])
    await api.refused(400, "invalid", "GET", `${at}/history?${bad}`);
  await api.refused(400, "invalid", "POST", `/v2/${account}/histories`, { instances: [{ service: 1 }] });
  // They are there again after a start: history tells them.
  await rollcall.restart();
  const again = await api.ok("GET", `${at}/instances/1/history`);
  assert.deepEqual(again.spans.slice(1), spans.slice(1));
});

/** Events and prepared queries, and answers that are compressed. The texts are those of Consul 1.14.11. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { beginSession, indexOf, startConsul, waitAt } from "./rig.ts";

const consul = await startConsul({ after }, { settings: { node: "here" } });

async function refused(body: object, status: number, words: string | RegExp, path = "/query"): Promise<void> {
  const answer = await consul.call(path === "/query" ? "POST" : "PUT", path, body);
  assert.equal(answer.status, status, answer.text);
  if (typeof words === "string") assert.equal(answer.text, words);
  else assert.match(answer.text, words);
}

async function create(body: object): Promise<string> {
  const answer = await consul.call("POST", "/query", body);
  assert.equal(answer.status, 200, answer.text);
  return answer.json().ID;
}

test("events are told to those that wait, and the newest 256 are kept", async () => {
  const fire = async (path: string, body?: string) => (await consul.put(`/event/fire/${path}`, body)).json();
  assert.deepEqual([(await consul.get("/event/list")).text, indexOf(await consul.get("/event/list"))], ["[]", 1]);
  const waiting = await waitAt(consul, "/event/list?name=deploy", "index=1");
  const { ID } = await fire("other");
  assert.equal(waiting.done, false);
  const fired = await fire("deploy", "hello");
  const { ID: _, ...shown } = fired;
  const filters = { NodeFilter: "", ServiceFilter: "", TagFilter: "" };
  assert.deepEqual(shown, { Name: "deploy", Payload: "aGVsbG8=", ...filters, Version: 1, LTime: 0 });
  const listed = await waiting.answer;
  assert.deepEqual(listed.json(), [{ ...fired, LTime: 2 }]);
  const [low, high] = [fired.ID.replaceAll("-", "").slice(0, 16), fired.ID.replaceAll("-", "").slice(16)];
  assert.equal(listed.headers["x-consul-index"], String(BigInt(`0x${low}`) ^ BigInt(`0x${high}`)));
  assert.equal((await consul.get("/event/list")).json()[0].ID, ID);
  await consul.put("/agent/service/register", { Name: "web", Tags: ["v1"] });
  // Only what is meant for this agent is kept.
  for (const query of ["node=elsewhere", "service=db", "service=web&tag=v2"]) await fire(`missed?${query}`);
  for (const query of ["node=^he", "service=w.b", "service=web&tag=v[0-9]"]) await fire(`meant?${query}`);
  assert.equal((await consul.get("/event/list?name=missed")).text, "[]");
  assert.equal((await consul.get("/event/list?name=meant")).json().length, 3);
  await refused({}, 500, "Cannot provide tag filter without service filter", "/event/fire/x?tag=v1");
  await refused({}, 500, /^Invalid node filter: error parsing regexp: /, "/event/fire/x?node=(");
  await refused({}, 400, "Missing name", "/event/fire/");
  for (let nth = 0; nth < 256; nth++) await fire(`many/${nth}`);
  const all = (await consul.get("/event/list")).json();
  assert.deepEqual([all.length, all[0].Name], [256, "many/0"]);
});

test("a prepared query is created, shown, changed, carried out and removed", async () => {
  const id = await create({ Name: "Find", Service: { Service: "api", Tags: ["v1", "!old"] } });
  const [shown] = (await consul.get(`/query/${id}`)).json();
  assert.deepEqual([shown.Name, shown.Service.Tags, shown.Service.OnlyPassing], ["Find", ["v1", "!old"], false]);
  const node = { Node: "far", Address: "10.0.0.9", NodeMeta: { zone: "b" } };
  const add = (ID: string, Tags: string[], Status: string, more: object = {}) =>
    consul.put("/catalog/register", {
      ...node,
      Service: { ID, Service: "api", Tags, ...more },
      Check: { CheckID: `c-${ID}`, Name: "c", Status, ServiceID: ID },
    });
  await add("a1", ["V1"], "passing");
  await add("a2", ["v1"], "warning", { Meta: { tier: "1" } });
  await add("a3", ["v1"], "critical");
  await add("a4", ["v1", "OLD"], "passing");
  await consul.put("/agent/service/register", { Name: "api", ID: "near", Tags: ["v1"] });
  const found = async (query = "", name = "find"): Promise<string[]> => {
    const answer = (await consul.get(`/query/${name}/execute${query}`)).json();
    assert.deepEqual([answer.Service, answer.Datacenter, answer.Failovers], ["api", "dc1", 0]);
    return answer.Nodes.map(({ Service }: { Service: { ID: string } }) => Service.ID);
  };
  assert.deepEqual((await found()).sort(), ["a1", "a2", "near"]);
  assert.equal((await found("?limit=2")).length, 2);
  assert.equal((await found("?near=_agent"))[0], "near");
  const change = async (Service: object): Promise<void> => {
    assert.equal(
      (await consul.put(`/query/${id}`, { Name: "find", Service: { Service: "api", ...Service } })).status,
      200,
    );
  };
  await change({ OnlyPassing: true, Near: "far" });
  assert.deepEqual([(await found()).length, (await found())[2]], [3, "near"]);
  await change({ IgnoreCheckIDs: ["c-a3"], NodeMeta: { zone: "b" } });
  assert.deepEqual((await found()).sort(), ["a1", "a2", "a3", "a4"]);
  await change({ ServiceMeta: { tier: "1" } });
  assert.deepEqual(await found("", id), ["a2"]);
  const waiting = await waitAt(consul, "/query", `index=${indexOf(await consul.get("/query"))}`);
  assert.equal((await consul.call("DELETE", `/query/${id}`)).status, 200);
  assert.deepEqual((await waiting.answer).json(), []);
  for (const path of [`/query/${id}`, "/query/find/execute", "/query/find/explain"])
    assert.deepEqual([(await consul.get(path)).status, (await consul.get(path)).text], [404, "Query not found"]);
  await refused(
    { Name: "find", Service: { Service: "api" } },
    500,
    /^Cannot modify non-existent prepared query/,
    `/query/${id}`,
  );
});

test("a template is one query for all names that begin alike", async () => {
  const Template = { Type: "name_prefix_match", Regexp: "^geo-(.*?)-(.*)$", RemoveEmptyTags: true };
  const Tags = [`\${match(2)}`, `\${match(9)}`, `\${name.suffix}`, `$\${x}`];
  const id = await create({ Name: "geo-", Template, Service: { Service: `\${match(1)}`, Tags } });
  const explained = async (name: string) => (await consul.get(`/query/${name}/explain`)).json().Query.Service;
  const { Service, Tags: tags } = await explained("geo-web-v1");
  assert.deepEqual([Service, tags], ["web", ["v1", "web-v1", `\${x}`]]);
  await create({ Name: "geo-db", Template: { Type: "name_prefix_match" }, Service: { Service: `\${name.full}` } });
  assert.equal((await explained("geo-db-v1")).Service, "geo-db-v1");
  assert.equal((await consul.get(`/query/${id}/execute`)).status, 500);
  const compiling = "raft apply failed: failed compiling template:";
  const odd = { Name: "odd", Service: { Service: "x" } };
  await refused({ ...odd, Template: { Type: "other" } }, 500, `${compiling} Bad Template.Type 'other'`);
  await refused({ ...odd, Template: { ...Template, Regexp: "(" } }, 500, /Bad Regexp: error parsing regexp/);
  await refused({ Name: "odd", Template, Service: { Service: `\${none}` } }, 500, /unknown variable accessed: none/);
  await refused({ Name: "odd", Template, Service: { Service: `\${name.full` } }, 500, /Bad format/);
});

test("what is no query is refused, and one that is bound to a session goes with it", async () => {
  const Service = { Service: "api" };
  const invalid = "Invalid prepared query:";
  await create({ Name: "taken", Service });
  await refused({ Name: "TAKEN", Service }, 500, "raft apply failed: name 'TAKEN' aliases an existing query name");
  await refused({ Service }, 500, `${invalid} Must be bound to a session`);
  await refused({ Name: "x" }, 500, `${invalid} Must provide a Service name to query`);
  await refused({ Name: "x", Service, DNS: { TTL: "soon" } }, 500, /Bad DNS TTL 'soon'/);
  await refused({ Name: "x", Service: { ...Service, Failover: { NearestN: -1 } } }, 500, /Bad NearestN '-1'/);
  await refused({ Name: "x", Session: "none", Service }, 500, 'raft apply failed: invalid session "none"');
  await refused({ Name: 5 }, 400, /^Request decode failed: Name must be a text/);
  await refused({ ID: "x", Name: "x", Service }, 500, "ID must be empty when creating a new prepared query");
  const session = await beginSession(consul);
  const id = await create({ Session: session, Service });
  assert.equal((await consul.get(`/query/${id}`)).json()[0].Session, session);
  await consul.put(`/session/destroy/${session}`);
  assert.equal((await consul.get(`/query/${id}`)).status, 404);
});

test("long answers are compressed for those that take it", async () => {
  const ask = (path: string, encoding = "gzip") =>
    consul.call("GET", path, undefined, { headers: { "Accept-Encoding": encoding } });
  const zipped = await ask("/event/list");
  assert.equal(zipped.headers["content-encoding"], "gzip");
  assert.equal(gunzipSync(zipped.bytes).toString(), (await consul.get("/event/list")).text);
  assert.equal((await ask("/event/list", "gzip;q=0")).headers["content-encoding"], undefined);
  assert.equal((await ask("/status/leader")).headers["content-encoding"], undefined);
  for (let nth = 0; nth < 12; nth++) await consul.put("/agent/service/register", { Name: "wide", ID: `wide-${nth}` });
  // Twice: what is kept is compressed once.
  for (let turn = 0; turn < 2; turn++)
    assert.equal(JSON.parse(gunzipSync((await ask("/health/service/wide?passing")).bytes).toString()).length, 12);
});

/** Accounts, tokens, TLS and limits of connections on the whole program. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { type Answer, openStream, type RequestSpec, request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { eventually, openSocket } from "../net/rig.ts";

const TIMEOUT = { timeout: 60_000 };
const REGISTER = { address: "127.0.0.1", port: 80, ttl: "30s" };

interface Login {
  readonly token: string;
  readonly tenant: string;
}

async function login(url: string, username: string, apiKey: string): Promise<Login | number> {
  const body = { auth: { "RAX-KSKEY:apiKeyCredentials": { username, apiKey } } };
  const answer = await request(`${url}/v2.0/tokens`, { body });
  if (answer.status !== 200) return answer.status;
  const { token } = answer.json().access;
  return { token: token.id, tenant: token.tenant.id };
}

function as(token: string, spec: RequestSpec = {}): RequestSpec {
  return { ...spec, headers: { ...spec.headers, Authorization: `Bearer ${token}` } };
}

const put = (body: unknown): RequestSpec => ({ method: "PUT", body });

async function createToken(url: string, spec: object, token?: string): Promise<Answer> {
  const request_ = { method: "POST", body: spec };
  return request(`${url}/v2/_/tokens`, token === undefined ? request_ : as(token, request_));
}

test(
  "open mode: a login is confined to its tenant and survives kill -9; without a token all is allowed",
  TIMEOUT,
  async (t) => {
    const registry = await startRollcall(t, { dialects: "http,rackspace" });
    const joe = await login(registry.url, "joe", "any");
    const ann = await login(registry.url, "ann", "any");
    assert.ok(typeof joe === "object" && typeof ann === "object");
    assert.match(joe.tenant, /^[1-9][0-9]{5,9}$/);
    const instance = (account: string): string => `${registry.url}/v2/${account}/services/api/instances/a`;
    assert.equal((await request(instance("joe"), as(joe.token, put(REGISTER)))).status, 201);
    assert.equal((await request(instance(joe.tenant), as(joe.token))).json().address, "127.0.0.1");
    assert.equal((await request(instance("joe"), as(ann.token))).status, 403);
    assert.equal((await request(instance(joe.tenant), as(ann.token))).status, 403);
    assert.equal((await request(instance("joe"))).status, 200);
    assert.equal((await request(instance("joe"), as("unknown"))).status, 401);
    await registry.restart();
    assert.deepEqual(await login(registry.url, "joe", "any"), joe);
    assert.equal((await request(instance(ann.tenant), as(ann.token, put(REGISTER)))).status, 201);
    assert.equal((await request(instance("ann"))).status, 200);
  },
);

test("the first token closes the registry; roles, accounts and limits hold and survive kill -9", TIMEOUT, async (t) => {
  const registry = await startRollcall(t, { dialects: "http,rackspace" });
  const { url } = registry;
  assert.equal((await createToken(url, { name: "w", account: "shop", role: "writer" })).status, 400);
  const root = (await createToken(url, { name: "root", account: null, role: "admin" })).json().token;
  const list = `${url}/v2/shop/services`;
  const instance = (id: string): string => `${list}/api/instances/${id}`;
  assert.equal((await request(list)).status, 401);
  const writer = (await createToken(url, { name: "w", account: "shop", role: "writer" }, root)).json();
  const reader = (await createToken(url, { name: "r", account: "shop", role: "reader" }, root)).json().token;
  assert.equal((await createToken(url, { name: "x", account: null, role: "admin" }, writer.token)).status, 403);
  assert.equal((await request(instance("a"), as(reader, put(REGISTER)))).status, 403);
  assert.equal((await request(instance("a"), as(writer.token, put(REGISTER)))).status, 201);
  assert.equal((await request(list, as(reader))).status, 200);
  assert.equal((await request(`${url}/v2/other/services`, as(reader))).status, 403);
  assert.equal(await login(url, "shop", "wrong"), 401);
  const session = await login(url, "shop", writer.token);
  assert.ok(typeof session === "object");
  assert.equal((await request(instance("a"), as(session.token))).status, 200);

  const limits = await request(`${url}/v2/_/accounts/shop`, as(root, put({ instancesMax: 1 })));
  assert.equal(limits.json().limits.instancesMax, 1);
  await registry.restart();
  assert.equal((await request(list)).status, 401);
  const refused = await request(instance("b"), as(writer.token, put(REGISTER)));
  assert.ok(refused.status >= 400 && refused.status < 500, refused.text);
  assert.equal(refused.json().type, "https://rollcall.dev/problems/limit");

  const removed = await request(`${url}/v2/_/tokens/${writer.id}`, as(root, { method: "DELETE" }));
  assert.equal(removed.status, 200);
  for (const token of [writer.token, session.token]) assert.equal((await request(list, as(token))).status, 401);
});

test("an account's request rate is limited, the others' is not", TIMEOUT, async (t) => {
  const { url } = await startRollcall(t, { dialects: "http,rackspace" });
  await request(`${url}/v2/_/accounts/shop`, put({ requestsPerSecondMax: 5 }));
  const statuses = async (account: string): Promise<number[]> => {
    const answers = Array.from({ length: 30 }, () => request(`${url}/v2/${account}/services`));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  const shop = await statuses("shop");
  assert.ok(shop.includes(200));
  assert.ok(shop.includes(429));
  assert.ok((await statuses("other")).every((status) => status === 200));
});

test(
  "accounts of the configuration file, TLS with client certificates and limits of connections",
  TIMEOUT,
  async (t) => {
    const directory = temporaryDirectory(t);
    const at = (file: string): string => join(directory, file);
    const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const subject = ["-subj", "/CN=rollcall", "-addext", "subjectAltName=IP:127.0.0.1"];
    openssl("req", "-x509", ...newKey, "-keyout", at("key.pem"), "-out", at("cert.pem"), ...subject);
    const sha256 = createHash("sha256").update("the-secret").digest("hex");
    const config = {
      accounts: { shop: { tokens: [{ name: "ci", role: "writer", sha256 }] } },
      tls: { cert: at("cert.pem"), key: at("key.pem"), ca: at("cert.pem"), clientCertificates: "require" },
      http: { connectionsMax: 20 },
    };
    writeFileSync(at("rollcall.yaml"), JSON.stringify(config));
    const registry = await startRollcall(t, { dialects: "http,rackspace", flags: ["--config", at("rollcall.yaml")] });
    assert.match(registry.url, /^https:/);
    const [ca, key] = [readFileSync(at("cert.pem")), readFileSync(at("key.pem"))];
    const trusted = { connection: { ca, cert: ca, key } };
    const list = `${registry.url}/v2/shop/services`;
    assert.equal((await request(list, as("the-secret", trusted))).status, 200);
    assert.equal((await request(list, trusted)).status, 401);
    await assert.rejects(request(list, as("the-secret", { connection: { ca } })));
    const crowd = Array.from({ length: 60 }, () => openSocket(t, registry.port()));
    await eventually(() => crowd.filter(({ socket }) => socket.destroyed).length >= 40);
    for (const { socket } of crowd) socket.destroy();
    // There is room again once the server has seen them go, which is a moment after we have.
    await until(async () => (await request(list, as("the-secret", trusted))).status === 200);
  },
);

test("SIGTERM ends streams and answers what is under way", TIMEOUT, async (t) => {
  const registry = await startRollcall(t, { dialects: "http,rackspace" });
  const stream = await openStream(t, `${registry.url}/v2/default/watch`);
  assert.equal(stream.status, 200);
  const idle = openSocket(t, registry.port());
  idle.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  await idle.until(/200 OK/);
  const poll = request(`${registry.url}/v2/default/watch?after=1000000&wait=50s`);
  const silent = openSocket(t, registry.port());
  // The long poll has arrived when it is counted beside the stream.
  await until(async () =>
    /^rollcall_watchers\{dialect="http"\} 2$/m.test((await request(`${registry.url}/metrics`)).text),
  );
  const startMs = performance.now();
  const [exit, answer] = await Promise.all([registry.stop(), poll, idle.closed, silent.closed]);
  assert.equal(exit.code, 0);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.connection, "close");
  assert.equal(stream.events.at(-1)?.event, "bye");
  assert.ok(performance.now() - startMs < 5000);
});

/** The parts of peering by themselves: which changes are news, what waits, who is who, and requests that have an end. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Change, InstanceRecord, LeaseRecord } from "../../../packages/registry/src/core/index.ts";
import { toInfo } from "../../../packages/registry/src/dialects/eureka/instances/info.ts";
import { Gone } from "../../../packages/registry/src/dialects/eureka/peers/gone.ts";
import { showUrl, toBehalfMs, toNews, toPauseMs } from "../../../packages/registry/src/dialects/eureka/peers/news.ts";
import { Queue } from "../../../packages/registry/src/dialects/eureka/peers/queue.ts";
import { isSelf } from "../../../packages/registry/src/dialects/eureka/peers/self.ts";
import type { InstanceInfo } from "../../../packages/registry/src/dialects/eureka/wire/messages.ts";
import { HostClient, Unreached } from "../../../packages/registry/src/net/hosts/client.ts";
import { temporaryDirectory } from "../../harness/scope.ts";

interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const FOLDER = temporaryDirectory({ after }, "peers-tls");

function makeCertificate(name: string): Certificate {
  const [key, cert] = [join(FOLDER, `${name}.key`), join(FOLDER, `${name}.pem`)];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...made, "-keyout", key, "-out", cert, ...names], { stdio: "pipe" });
  return { key, cert };
}

/** What the system trusts is read once, with the first peer that has TLS. */
const TRUSTED = makeCertificate("trusted");
process.env.SSL_CERT_FILE = TRUSTED.cert;

const RECORD: InstanceRecord = {
  service: "api",
  id: "a",
  address: "10.0.0.1",
  ports: { default: 80 },
  protocol: "http",
  tags: [],
  meta: { "eureka.lastDirtyTimestamp": "500" },
  version: "",
  zone: "",
  weight: 100,
  status: "passing",
  checks: [],
  via: "eureka",
  lease: "api/a",
  override: null,
  held: null,
  createRevision: 1,
  modRevision: 1,
  createdAtMs: 100,
  stampMs: 1000,
  origin: "here",
};

function newsOf(before: Partial<InstanceRecord> | null, after: Partial<InstanceRecord> | null, cause = "updated") {
  const full = (part: Partial<InstanceRecord> | null) => (part === null ? null : { ...RECORD, ...part });
  const change = { kind: "instance", cause, before: full(before), after: full(after) } as Change;
  return toNews(change).map(({ kind, id }) => `${kind} ${id}`);
}

test("a change is news where another server sees a difference, or cannot know", () => {
  assert.deepEqual(newsOf(null, {}, "registered"), ["register a"]);
  assert.deepEqual(newsOf({}, null, "deregistered"), ["cancel a"]);
  assert.deepEqual(newsOf({}, null, "closed"), ["cancel a"]);
  assert.deepEqual(newsOf({}, null, "expired"), []);
  assert.deepEqual(newsOf({}, { held: { sinceMs: 1, reason: "" }, modRevision: 2, stampMs: 2000 }), []);
  assert.deepEqual(newsOf({}, { tags: ["x"], weight: 1 }), [], "Eureka shows neither");
  assert.deepEqual(newsOf({}, { meta: { "eureka.lastDirtyTimestamp": "600" } }), ["register a"]);
  assert.deepEqual(newsOf({}, { status: "starting" }), ["register a"]);
  assert.deepEqual(newsOf({}, { override: "draining" }), ["override a"]);
  assert.deepEqual(newsOf({ override: "draining" }, { status: "unknown" }), ["override a"]);
  const up = { ...RECORD.meta, "eureka.overriddenStatus": "UP" };
  assert.deepEqual(newsOf({ status: "draining" }, { meta: up }), ["override a"]);
  assert.deepEqual(newsOf({}, { override: "draining", zone: "z", meta: { zone: "z" } }), ["register a", "override a"]);
  assert.deepEqual(newsOf({}, { id: "b" }), ["cancel a", "register b"]);
  const native = { via: "http", meta: {} };
  assert.deepEqual(newsOf(native, { ...native, stampMs: 9000 }), [], "a check said the same again");
  assert.deepEqual(newsOf(native, { ...native, zone: "z" }), ["register a"]);
});

test("another time to live is news, its end is not", () => {
  const lease: LeaseRecord = {
    id: "api/a",
    ttlMs: 90_000,
    via: "eureka",
    own: true,
    meta: {},
    held: null,
    createRevision: 1,
    modRevision: 1,
    grantedAtMs: 0,
    origin: "here",
  };
  const of = (after: LeaseRecord | null) =>
    toNews({ kind: "lease", cause: "updated", before: lease, after, silence: null } as Change);
  assert.deepEqual(of({ ...lease, ttlMs: 30_000 }), [{ kind: "register", service: "api", id: "a" }]);
  assert.deepEqual(of({ ...lease, held: { sinceMs: 1, reason: "" } }), []);
  assert.deepEqual(of(null), []);
});

test("heartbeats are passed on often enough for the lease, and not much more often than the client's interval", () => {
  assert.equal(toPauseMs(RECORD, 90_000), 24_000);
  assert.equal(toPauseMs({ ...RECORD, meta: { "eureka.renewalIntervalInSecs": "5" } }, 90_000), 4000);
  assert.equal(toPauseMs(RECORD, 9000), 2400);
  assert.equal(toPauseMs(RECORD, 1000), 400);
  assert.equal(toBehalfMs(undefined), 30_000);
  assert.equal(toBehalfMs(3_600_000), 30_000);
  assert.equal(toBehalfMs(9000), 3000);
});

const VITALS = { ttlMs: 90_000, lastBeatMs: 0 };
const show = (service: string, id: string): InstanceInfo | undefined =>
  id.startsWith("gone") ? undefined : toInfo({ ...RECORD, service, id }, VITALS, "ADDED", "MyOwn");
const linesOf = (queue: Queue, nowMs = 0) =>
  queue.take(show, nowMs)?.sent.map(({ task }) => `${task.action} ${task.appName}/${task.id}`);

test("what waits is one word for each instance, and true when it goes out", () => {
  const queue = new Queue();
  const about = (id: string) => ({ service: "api", id });
  for (let i = 0; i < 5; i++) queue.add({ kind: "register", ...about("a") });
  queue.beat("api", "a", 100);
  queue.beat("api", "b", 100);
  queue.beat("api", "late", 5);
  queue.add({ kind: "override", ...about("b") });
  queue.add({ kind: "cancel", ...about("gone"), dirtyMs: 1 });
  queue.beat("api", "gone", 100);
  queue.add({ kind: "register", ...about("gone2") });
  queue.add({ kind: "cancel", ...about("back"), dirtyMs: 400 });
  queue.add({ kind: "cancel", ...about("again"), dirtyMs: 600 });
  queue.add({ kind: "register", ...about("again") });
  assert.deepEqual(linesOf(queue, 10), [
    "Register API/a",
    "DeleteStatusOverride API/b",
    "Heartbeat API/b",
    "Cancel API/gone",
    "Cancel API/again",
    "Register API/again",
  ]);
  assert.equal(queue.size, 0);
  assert.equal(queue.take(show, 0), undefined);
});

test("a batch that did not arrive is put back beside what came meanwhile", () => {
  const queue = new Queue();
  queue.add({ kind: "register", service: "api", id: "a" });
  queue.beat("api", "b", 100);
  const batch = queue.take(show, 0);
  queue.add({ kind: "override", service: "api", id: "a" });
  batch?.giveBack();
  assert.deepEqual(linesOf(queue, 0), ["Register API/a", "DeleteStatusOverride API/a", "Heartbeat API/b"]);
});

test("batches and what waits for them are bounded", () => {
  const queue = new Queue();
  let refused = 0;
  for (let i = 0; i < 60_000; i++) if (!queue.beat("api", String(i), 1)) refused++;
  assert.deepEqual([queue.size, refused], [50_000, 10_000]);
  assert.ok(queue.beat("api", "7", 2), "what waits already can wait on");
  const first = linesOf(queue)?.length ?? 0;
  assert.ok(first > 240 && first <= 250, String(first));
  const large = new Queue();
  for (let i = 0; i < 100; i++) large.add({ kind: "register", service: "api", id: String(i) });
  const heavy = { ...(show("api", "x") as InstanceInfo), metadata: { text: "x".repeat(60_000) } };
  assert.equal(large.take(() => heavy, 0)?.sent.length, 18);
});

test("what was taken out is known for a while, in that copy and older ones", () => {
  const gone = new Gone();
  gone.add("api", "a", 500, 1000);
  assert.ok(gone.has("API", "a", 500, 1000));
  assert.ok(gone.has("API", "a", undefined, 1000));
  assert.equal(gone.has("API", "a", 501, 1000), false);
  assert.equal(gone.has("API", "b", 500, 1000), false);
  gone.add("api", "a", 600, 2000);
  assert.ok(gone.has("API", "a", 600, 11_999));
  assert.equal(gone.has("API", "a", 600, 12_000), false);
  gone.add("api", "b", 1, 12_000);
  assert.equal(gone.size, 1);
  for (let index = 0; index < 60_000; index++) gone.add("api", `i${index}`, 1, 12_000);
  assert.equal(gone.size, 50_000);
  assert.ok(gone.has("API", "i59999", 1, 12_000));
  assert.equal(gone.has("API", "i0", 1, 12_000), false);
});

test("a server knows itself in a list of peers", async () => {
  const listener = { host: "127.0.0.1", port: 8761 };
  const yes = [
    "localhost:8761",
    "127.0.0.1:8761",
    "127.1.2.3:8761",
    "[::1]:8761",
    `${hostname()}:8761`,
    "me:p@localhost:8761",
  ];
  for (const host of yes) assert.equal(await isSelf(`http://${host}/eureka/`, listener), true, host);
  for (const host of ["localhost:8762", "192.0.2.1:8761", "localhost", "unknown.invalid:8761"])
    assert.equal(await isSelf(`http://${host}/eureka/`, listener), false, host);
  assert.equal(await isSelf("http://10.1.1.1:8761/eureka/", { host: "10.1.1.1", port: 8761 }), true);
  assert.equal(await isSelf("https://localhost/eureka/", { host: "::", port: 443 }), true);
  assert.equal(showUrl("http://me:secret@host:8761/eureka/"), "http://host:8761/eureka/");
});

/** Of a client whose peer answers. */
const PATIENT = { connect: 30_000, read: 30_000, whole: 60_000 };
const GET = { method: "GET", path: "apps/", answerBytesMax: 1000, signal: new AbortController().signal } as const;

async function listen(t: TestContext, server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function clientOf(t: TestContext, listener: RequestListener, waits = PATIENT): Promise<HostClient> {
  return openClient(t, `http://127.0.0.1:${await listen(t, createServer(listener))}/eureka/`, waits);
}

function openClient(t: TestContext, url: string, waits = PATIENT): HostClient {
  const client = new HostClient({ url, waits });
  t.after(() => client.close());
  return client;
}

const rejectsAs = (isLate: boolean, message: RegExp) => (error: unknown) =>
  error instanceof Unreached && error.isLate === isLate && message.test(error.message);

test("a request to a peer ends, whatever the peer does", async (t) => {
  const silent = await clientOf(t, () => undefined, { ...PATIENT, read: 300 });
  await assert.rejects(silent.ask(GET), rejectsAs(true, /in time/));
  const trickling = await clientOf(
    t,
    (_, response) => {
      const timer = setInterval(() => response.write("x"), 50);
      response.on("close", () => clearInterval(timer));
    },
    { ...PATIENT, whole: 600 },
  );
  await assert.rejects(trickling.ask(GET), Unreached);
  const long = await clientOf(t, (_, response) => void response.end("x".repeat(1001)));
  await assert.rejects(long.ask(GET), rejectsAs(true, /longer than 1000/));
  const bomb = await clientOf(t, (_, response) => {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync("x".repeat(100_000)));
  });
  await assert.rejects(bomb.ask(GET), rejectsAs(true, /cannot be read/));
  const closed = createTcpServer();
  const port = await listen(t, closed);
  await new Promise((resolve) => closed.close(resolve));
  await assert.rejects(openClient(t, `http://127.0.0.1:${port}/`).ask(GET), rejectsAs(false, /ECONNREFUSED/));
  const deaf = await listen(
    t,
    createTcpServer(() => undefined),
  );
  await assert.rejects(
    openClient(t, `https://127.0.0.1:${deaf}/`, { ...PATIENT, connect: 300 }).ask(GET),
    rejectsAs(false, /take connections/),
  );
});

test("redirects are not followed, and a kept connection that was closed costs nothing", async (t) => {
  let asked = 0;
  const moved = await clientOf(t, (_, response) => {
    asked++;
    response.writeHead(307, { location: "/elsewhere" }).end();
  });
  assert.equal((await moved.ask(GET)).status, 307);
  assert.equal(asked, 1);
  const hasty = createServer((_, response) => void response.end("ok"));
  const port = await listen(t, hasty);
  const client = openClient(t, `http://127.0.0.1:${port}/eureka/`);
  assert.equal((await client.ask(GET)).status, 200);
  hasty.closeIdleConnections();
  assert.equal((await client.ask(GET)).body.toString(), "ok");
});

test("a peer with TLS is trusted when the system trusts it", async (t) => {
  const serve = ({ key, cert }: Certificate) => {
    const credentials = { key: readFileSync(key), cert: readFileSync(cert) };
    return listen(
      t,
      createSecureServer(credentials, (_, response) => void response.end("ok")),
    );
  };
  const known = openClient(t, `https://127.0.0.1:${await serve(TRUSTED)}/eureka/`);
  assert.equal((await known.ask(GET)).body.toString(), "ok");
  const stranger = openClient(t, `https://127.0.0.1:${await serve(makeCertificate("stranger"))}/eureka/`);
  await assert.rejects(stranger.ask(GET), rejectsAs(false, /SELF_SIGNED/));
});

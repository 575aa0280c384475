/** The walk of examples/README.md with real processes: found, used, killed, gone in time, explained, back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freePort } from "../harness/ports.ts";
import { type Program, startProcess } from "../harness/process.ts";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { until } from "../harness/scope.ts";
import { commandsOf, openShell } from "../harness/shell.ts";

const TTL_MS = 2000;

interface Example {
  readonly program: Program;
  readonly id: string;
  readonly url: string;
}

async function startExample(t: TestContext, service: string, registry: Rollcall, ttlMs = TTL_MS): Promise<Example> {
  const args = [join(ROOT, "examples", `${service}.mjs`), "--url", registry.url, "--ttl", String(ttlMs / 1000)];
  const program = startProcess(t, process.execPath, args);
  const url = await until(() => program.lines.map((line) => /listening on (\S+),/.exec(line)?.[1]).find(Boolean), {
    what: `${service} to listen`,
  });
  return { program, url, id: `${service}-${new URL(url).port}` };
}

async function idsOf(registry: Rollcall, service: string): Promise<string[]> {
  const answer = await request(`${registry.url}/v2/default/services/${service}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json().instances.map(({ id }: { id: string }) => id);
}

function isListed(registry: Rollcall, example: Example, service: string): Promise<true> {
  const what = `${example.id} to be listed`;
  return until(async () => (await idsOf(registry, service)).includes(example.id), { what }) as Promise<true>;
}

/** Waits until the API reaches this store. */
async function reaches(api: Example, store: Example): Promise<void> {
  await until(
    async () => {
      const answer = await request(`${api.url}/notes/probe`, { method: "PUT", body: "x" });
      return answer.status === 200 && answer.json().from === store.id;
    },
    { what: `the API to reach ${store.id}` },
  );
}

test("the walk: two services find each other, one dies, and the registry says why", async (t) => {
  const registry = await startRollcall(t);
  const store = await startExample(t, "store", registry);
  const api = await startExample(t, "api", registry);
  await isListed(registry, store, "store");
  await isListed(registry, api, "api");
  await reaches(api, store);
  await request(`${api.url}/notes/first`, { method: "PUT", body: "buy milk" });
  const note = await request(`${api.url}/notes/first`);
  assert.deepEqual(note.json(), { name: "first", note: "buy milk", from: store.id });

  // The last heartbeat was at most a third of the ttl ago.
  await store.program.kill("SIGKILL");
  const killedMs = performance.now();
  await until(async () => (await idsOf(registry, "store")).length === 0, { what: "the store to be gone" });
  const goneAfterMs = performance.now() - killedMs;
  t.diagnostic(`gone ${Math.round(goneAfterMs)} ms after SIGKILL`);
  // A second of it is the registry's; the rest is for a busy machine to start a request.
  assert.ok(goneAfterMs <= TTL_MS + 3000, `gone only after ${goneAfterMs} ms`);
  assert.ok(goneAfterMs >= TTL_MS / 2, `gone already after ${goneAfterMs} ms, before its ttl`);

  const { events } = (await request(`${registry.url}/v2/default/events?type=instance.expired`)).json();
  assert.equal(events.length, 1);
  assert.equal(events[0].type, "instance.expired");
  assert.equal(events[0].service, "store");
  assert.equal(events[0].instance, store.id);
  assert.match(events[0].reason, /no (heartbeat|renewal)|silent|not renewed|lapsed/i);
  const story = (await request(`${registry.url}/v2/default/services/store/instances/${store.id}/explain`)).json();
  assert.equal(story.present, false);
  assert.equal(story.gone.cause, "expired");

  await until(async () => (await request(`${api.url}/notes/first`)).status === 503, { what: "the API to be told" });
  const next = await startExample(t, "store", registry);
  await reaches(api, next);
  assert.equal((await request(`${api.url}/notes/first`)).status, 404);
});

test("a service that is told to stop deregisters first", async (t) => {
  const registry = await startRollcall(t);
  // The ttl is so long that it cannot be what ends the instance.
  const store = await startExample(t, "store", registry, 60_000);
  await isListed(registry, store, "store");
  assert.deepEqual(await store.program.kill("SIGTERM"), { code: 0, signal: null });
  assert.deepEqual(await idsOf(registry, "store"), []);
  const { events } = (await request(`${registry.url}/v2/default/events?type=instance.deregistered`)).json();
  assert.deepEqual(
    events.map(({ instance }: { instance: string }) => instance),
    [store.id],
  );
});

test("services outlive a killed registry, and register again with one that lost its data", async (t) => {
  const registry = await startRollcall(t);
  const store = await startExample(t, "store", registry);
  const api = await startExample(t, "api", registry);
  await reaches(api, store);

  await registry.kill();
  const meanwhile = await request(`${api.url}/notes/first`, { method: "PUT", body: "still here" });
  assert.equal(meanwhile.status, 200, "the API goes on with what it knew");
  await registry.restart();
  assert.deepEqual(await idsOf(registry, "store"), [store.id], "the registration survived");
  const before = store.program.lines.filter((line) => line.includes("registered as")).length;
  assert.equal(before, 1);

  await registry.kill();
  const empty = await startRollcall(t, { flags: ["--http-port", String(registry.port())] });
  await isListed(empty, store, "store");
  await isListed(empty, api, "api");
  await reaches(api, store);
});

test("the README's commands, pasted one after the other, show what it says", async (t) => {
  const registry = await startRollcall(t);
  const [apiPort, storePort] = [await freePort(), await freePort()];
  const blocks = commandsOf("examples/README.md").slice(1);
  assert.equal(blocks.length, 10, "the README has other blocks than this test knows");
  const [start, see, use, kill, gone, why, again, empty, leave, left] = blocks.map((block) =>
    block
      .replaceAll("7070", String(registry.port()))
      .replaceAll("9000", `${apiPort}`)
      .replaceAll("9001", `${storePort}`),
  ) as [string, string, string, string, string, string, string, string, string, string];
  const shell = openShell(t, { ROLLCALL_URL: registry.url });
  const store = `store-${storePort}`;

  await shell.run(start);
  await until(async () => (await idsOf(registry, "store")).includes(store));
  await until(async () => (await request(`http://127.0.0.1:${apiPort}/notes/none`)).status === 404, {
    what: "the API",
  });
  const seen = await shell.run(see);
  assert.ok(seen.includes(`"id":"${store}"`) && seen.includes('"status":"passing"'), seen);
  assert.match(await shell.run(use), new RegExp(`{"name":"first","note":"buy milk","from":"${store}"}`));
  await shell.run(kill);
  await until(async () => (await idsOf(registry, "store")).length === 0, { timeoutMs: 6000, what: "ttl and 1 s" });
  await until(async () => (await request(`http://127.0.0.1:${apiPort}/notes/first`)).status === 503);
  assert.match(await shell.run(gone), /"instances":\[\][\s\S]*no store is registered/);
  assert.match(await shell.run(why), /instance\.expired[\s\S]*"present":false/);
  await shell.run(again);
  await until(async () => (await request(`http://127.0.0.1:${apiPort}/notes/first`)).status === 404);
  assert.match(await shell.run(empty), /no note first/);
  await shell.run(leave);
  await until(async () => (await idsOf(registry, "api")).length === 0, { what: "the API to have left" });
  assert.match(await shell.run(left), new RegExp(`api-${apiPort}`));
});

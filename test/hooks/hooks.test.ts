/** Hooks with real receivers: in order, signed, over failures, hangs, restarts and kills; bounded; and only where they may go. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "@rollcall/client";
import { startRollcall } from "../harness/program.ts";
import { request, revisionIn } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { nextAccount, openApi } from "../http/rig.ts";
import { signatureOf, startReceiver } from "./receiver.ts";

const scope = { after };
const rollcall = await startRollcall(scope, { flags: ["--data", temporaryDirectory(scope)] });
const api = openApi(rollcall.url);

/** An account with a client of its own, and what its feed has of keys. */
function enter() {
  const account = nextAccount();
  const client = createClient({ url: rollcall.url, account });
  const put = async (count: number, from = 0): Promise<void> => {
    for (let nth = from; nth < from + count; nth++) await client.config.put(`k${nth}`, "v");
  };
  const ids = async (): Promise<readonly string[]> =>
    (await client.eventsPage({ after: "0-0", types: ["key.*"], limit: 1000 })).events.map(({ id }) => id);
  return { account, client, put, ids, at: `/v2/${account}` };
}

/** Each once, in order: what is told again at once is left out. */
const once = (ids: readonly string[]): readonly string[] => [...new Set(ids)];

test("each matching event is posted in order, signed, from the hook's beginning on", async () => {
  const { account, client, put, ids } = enter();
  const receiver = await startReceiver(scope);
  await put(3);
  const before = await ids();
  const { secret, ...said } = await client.hooks.put("pager", { url: receiver.url, types: ["key.*"] });
  assert.match(String(secret), /^whsec_/);
  assert.deepEqual(await client.hooks.get("pager"), said);
  await client.registerOnce({ service: "api", id: "1", address: "h", ttl: 0 });
  await put(120, 3);
  const wanted = (await ids()).slice(before.length);
  await until(() => receiver.taken().length >= wanted.length, { what: "all events" });
  assert.deepEqual(receiver.taken(), wanted);
  for (const post of receiver.posts) {
    assert.equal(post.path, "/told");
    assert.equal(post.headers["webhook-signature"], signatureOf(String(secret), post));
    assert.ok(Math.abs(Number(post.headers["webhook-timestamp"]) - Date.now() / 1000) < 60);
    const { account: of, hook, cursor, events } = post.body;
    assert.deepEqual([of, hook, cursor], [account, "pager", post.headers["webhook-id"]]);
    assert.ok(events.length <= 100);
  }
  const last = revisionIn(String(receiver.posts.at(-1)?.body.cursor));
  await until(async () => revisionIn(String((await client.hooks.get("pager"))?.told)) >= last);
  assert.equal((await client.hooks.put("pager", { url: receiver.url })).secret, undefined, "told once");
  assert.equal((await ids()).length, 123, "its own keys are no events");
  assert.match(
    (await request(`${rollcall.url}/metrics`)).text,
    /^rollcall_http_hook_posts_total\{result="taken"\} [1-9]/m,
  );
  await client.hooks.remove("pager");
  assert.equal(await client.hooks.get("pager"), null);
  await put(1, 300);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(receiver.taken().length, wanted.length);
});

test("services choose, and so do types", async () => {
  const { client } = enter();
  const receiver = await startReceiver(scope);
  await client.hooks.put("api", { url: receiver.url, types: ["instance.registered"], services: ["api"] });
  for (const service of ["web", "api", "db"]) await client.registerOnce({ service, id: "1", address: "h", ttl: "1m" });
  await client.deregister("api", "1");
  await client.registerOnce({ service: "api", id: "2", address: "h", ttl: 0 });
  await until(() => receiver.taken().length >= 2);
  const events = receiver.posts.flatMap(({ body }) => body.events);
  assert.deepEqual(
    events.map(({ type, service, instance }) => `${type} ${service} ${instance}`),
    ["instance.registered api 1", "instance.registered api 2"],
  );
});

test("a receiver that refuses, hangs or is gone is told all of it when it is back, and the hook says what is wrong", async () => {
  const { client, put, ids } = enter();
  const receiver = await startReceiver(scope);
  await client.hooks.put("h", { url: receiver.url, types: ["key.*"] });
  const isFailing = async () => (await client.hooks.get("h"))?.failing ?? null;
  receiver.behave(500);
  await put(5);
  const failing = await until(isFailing);
  assert.match(failing.reason, /500/);
  const numbers = async (): Promise<readonly number[]> => {
    const { text } = await request(`${rollcall.url}/metrics`);
    return ["hooks_failing", "hooks_behind_seconds"].map((name) =>
      Number(new RegExp(`^rollcall_http_${name} (\\S+)$`, "m").exec(text)?.[1]),
    );
  };
  await until(async () => (await numbers()).every((number) => number > 0), { what: "a hook that is behind" });
  receiver.behave(204);
  await until(async () => (await isFailing()) === null);
  await until(async () => (await numbers()).every((number) => number === 0), { what: "no hook that is behind" });
  assert.deepEqual(once(receiver.taken()), await ids());
  const tries = receiver.posts.filter(({ body }) => body.events[0]?.id === receiver.taken()[0]);
  assert.equal(new Set(tries.map(({ headers }) => headers["webhook-id"])).size, 1, "the same post has the same id");
  await receiver.close();
  await put(5, 5);
  await until(isFailing);
  await receiver.open();
  await until(async () => receiver.taken().length >= (await ids()).length);
  receiver.behave("hang");
  await put(1, 10);
  await until(isFailing);
  receiver.behave(204);
  await until(async () => (await isFailing()) === null);
  assert.deepEqual(once(receiver.taken()), await ids());
});

test("nothing is lost over a restart or a kill, also what happened while nobody could be told", async () => {
  const { client, put, ids } = enter();
  const receiver = await startReceiver(scope);
  await client.hooks.put("h", { url: receiver.url, types: ["key.*"] });
  await put(10);
  await until(() => receiver.taken().length >= 10);
  await rollcall.stop();
  const told = receiver.taken().length;
  await rollcall.restart();
  await put(10, 10);
  await until(() => once(receiver.taken()).length >= 20);
  assert.equal(receiver.taken().length - told, 10, "a stop notes what was taken: nothing is told twice");
  receiver.behave(503);
  await put(10, 20);
  await rollcall.kill("SIGKILL");
  receiver.behave(204);
  await rollcall.restart();
  await put(10, 30);
  await until(() => once(receiver.taken()).length >= 40);
  assert.deepEqual(once(receiver.taken()), await ids());
});

test("receivers that hang hold up neither other hooks nor the registry", async () => {
  const { client, put, ids } = enter();
  const hanging = await startReceiver(scope);
  hanging.behave("hang");
  for (let nth = 0; nth < 6; nth++) await client.hooks.put(`h${nth}`, { url: hanging.url, types: ["key.*"] });
  await put(1);
  // One account has four places at one target.
  await until(() => hanging.posts.length >= 4);
  const receiver = await startReceiver(scope);
  await client.hooks.put("well", { url: receiver.url, types: ["key.*"] });
  await put(20, 1);
  await until(() => receiver.taken().length >= 20);
  assert.deepEqual(receiver.taken(), (await ids()).slice(1));
});

test("what a hook may be is bounded, and where it may go", async () => {
  const { at, client } = enter();
  const url = "http://127.0.0.1:9/";
  const bad: [object, number, string][] = [
    [{}, 400, "invalid"],
    [{ url: "ftp://127.0.0.1/" }, 400, "invalid"],
    [{ url: "http://u:p@127.0.0.1/" }, 400, "invalid"],
    [{ url: "no url" }, 400, "invalid"],
    [{ url, types: ["nonsense"] }, 400, "invalid"],
    [{ url, secret: "short" }, 400, "invalid"],
    [{ url, more: 1 }, 400, "invalid"],
    [{ url: "http://10.1.2.3/" }, 403, "forbidden"],
    [{ url: "http://169.254.169.254/latest" }, 403, "forbidden"],
    [{ url: "http://[::ffff:169.254.169.254]/" }, 403, "forbidden"],
  ];
  for (const [body, status, word] of bad) await api.refused(status, word, "PUT", `${at}/hooks/h`, body);
  await api.refused(404, "not-found", "GET", `${at}/hooks/none`);
  await api.refused(404, "not-found", "DELETE", `${at}/hooks/none`);
  const answer = await api.call("PUT", `${at}/hooks/h0`, { url });
  assert.equal(answer.status, 201);
  for (let nth = 1; nth < 16; nth++) await client.hooks.put(`h${nth}`, { url });
  await assert.rejects(client.hooks.put("one-more", { url }), { code: "limit" });
  assert.equal((await api.call("PUT", `${at}/hooks/h0`, { url })).status, 200, "one that is there may change");
  const { hooks } = await client.hooks.list();
  assert.equal(hooks.length, 16);
  assert.ok(!JSON.stringify(hooks).includes("whsec_"), "secrets are shown nowhere");
});

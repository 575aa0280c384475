/** Moving from Consul 1.14.11 itself: the page as it is written, and a Consul that dies and comes back empty meanwhile. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startConsul } from "../consul/rig.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { commandsOf, openShell } from "../harness/shell.ts";
import { original, startOriginal } from "./consul-original-rig.ts";

const options = { skip: original.skip, timeout: 120_000 };

const web = { Name: "web", ID: "web-1", Address: "127.0.0.1", Port: 8080, Check: { TTL: "1h", Status: "passing" } };
const external = { Node: "ext", Address: "10.9.0.1", Service: { ID: "db-1", Service: "db", Port: 5432 } };

/** A Consul with an agent's service, an external one, and keys of which a session holds one. */
async function startFull(t: TestContext) {
  const { port, program } = await startOriginal(t);
  const put = async (path: string, body: unknown) => {
    const answer = await request(`http://127.0.0.1:${port}/v1${path}`, { method: "PUT", body });
    assert.equal(answer.status, 200, answer.text);
    return answer;
  };
  await put("/agent/service/register", web);
  await put("/catalog/register", external);
  await put("/kv/app/a?flags=18446744073709551615", "one");
  await put("/kv/app/b", "");
  const { ID } = (await put("/session/create", {})).json();
  await put(`/kv/app/leader?acquire=${ID}`, "me");
  return { port, program, put };
}

/** What each block must show. */
const SHOWN: readonly (readonly RegExp[])[] = [
  [/"ready":true/, /"web":\[\]/],
  [/^keys: 2 to copy, 0 there already, 1 held/m, /^keys: 2 copied/m, /^external services: .*[01] there already/m],
  [/"Node":"c0".*"ID":"web-1"/],
  [],
  [/^keys: 0 copied, 2 there already/m],
  [/"ready":true/, /"db":\[\],"web":\[\]/],
];

test("the page's blocks move everything, as it says", options, async (t) => {
  const { port } = await startFull(t);
  const [http, consul, dns] = [await freePort(), await freePort(), await freePort()];
  const env = {
    ROLLCALL_HTTP_PORT: String(http),
    ROLLCALL_DNS_PORT: String(dns),
    ROLLCALL_URL: `http://127.0.0.1:${http}`,
  };
  const shell = openShell(t, env);
  await shell.run(`cd ${temporaryDirectory(t, "page")}; export PATH=${join(ROOT, "node_modules/.bin")}:$PATH`);
  const blocks = commandsOf("packages/registry/src/dialects/consul/README.md", "Moving from Consul");
  assert.equal(blocks.length, SHOWN.length, "the page has other blocks than this test knows");
  for (const [nth, block] of blocks.entries()) {
    const commands = block
      .replaceAll("8501", String(consul))
      .replaceAll("8500", String(port))
      .replaceAll("7070", String(http));
    const output = await shell.run(commands, 60_000);
    for (const shown of SHOWN[nth] ?? []) assert.match(output, shown, `${block}printed\n${output}`);
  }
  const get = (path: string) => request(`http://127.0.0.1:${consul}/v1${path}`);
  assert.deepEqual(
    (await get("/health/service/web")).json().map((one: { Node: { Node: string } }) => one.Node.Node),
    ["rollcall"],
  );
  assert.match((await get("/kv/app/a")).text, /"Flags":18446744073709551615,"Value":"b25l"/);
  assert.equal((await get("/kv/app/leader")).status, 404);
});

test("a Consul that is killed and comes back empty takes nothing away", options, async (t) => {
  const { port, program } = await startFull(t);
  const mirror = { url: `http://127.0.0.1:${port}` };
  const here = await startConsul(t, { settings: { mirror } });
  const names = async () => Object.keys((await here.get("/catalog/services")).json()).sort();
  const are = (...wanted: string[]) =>
    until(async () => (await names()).join() === wanted.join(), { what: `${wanted}` });
  await are("consul", "db", "web");
  await program.kill("SIGKILL");
  await until(() => here.rollcall.logs.some(({ msg }) => /is not reached/.test(String(msg))));
  await startOriginal(t, port);
  await until(() => here.rollcall.logs.some(({ msg }) => /has lost most/.test(String(msg))));
  await are("consul", "db", "web");
  const [found] = (await here.get("/health/service/web")).json();
  assert.deepEqual([found.Node.Node, found.Checks[0].Status], ["c0", "passing"]);
  // One service is there again: it is a Consul, and what it has is believed.
  await request(`http://127.0.0.1:${port}/v1/agent/service/register`, { method: "PUT", body: web });
  await are("consul", "web");
});

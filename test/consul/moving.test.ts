/** Moving here: another registry's keys and external services are copied, and its services mirrored meanwhile. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { commandLine } from "../cli/rig.ts";
import { until } from "../harness/scope.ts";
import { startConsul } from "./rig.ts";

const scope = { after };
const from = await startConsul(scope, { settings: { node: "old" } });
const to = await startConsul(scope, { settings: { mirror: { url: `http://127.0.0.1:${from.port}` } } });

interface Copied {
  readonly copied: number;
  readonly same: number;
  readonly differs: readonly string[];
  readonly held: readonly string[];
}

test("keys and external services are copied once, with their flags", async () => {
  const flags = 2n ** 63n + 5n;
  await from.put(`/kv/app/a?flags=${flags}`, "one");
  await from.put("/kv/app/%C3%BC%20b%2Fc", "two");
  await from.put("/kv/app/empty", "");
  await from.put("/kv/else", "z".repeat(500_000));
  const odd = { KV: { Verb: "set", Key: "/app//./x", Value: "b2Rk", Flags: 7 } };
  await from.put("/txn", JSON.stringify([odd]));
  const { ID } = (await from.put("/session/create", {})).json();
  await from.put(`/kv/app/leader?acquire=${ID}`, "me");
  const service = { ID: "db-1", Service: "db", Port: 5432, Tags: ["a"], Meta: { m: "1" } };
  const check = { CheckID: "c1", Name: "c", Status: "warning", ServiceID: "db-1", Output: "slow" };
  const external = { Node: "ext", Address: "10.9.0.1", NodeMeta: { external: "1" }, Service: service, Checks: [check] };
  assert.equal((await from.put("/catalog/register", external)).text, "true");

  const { cli, json } = commandLine(to.rollcall.url);
  const args = ["import", "consul", "--from", `http://127.0.0.1:${from.port}`];
  const read = (more: readonly string[] = []) =>
    json<{ keys: Copied; services: Copied }>([...args, ...more]).then(({ keys, services }) => [
      [keys.copied, keys.same, keys.differs.length],
      [services.copied, services.same, services.differs.length],
      keys.held,
    ]);
  const held = ["app/leader"];
  assert.deepEqual((await read(["--dry-run"]))[0], [5, 0, 0]);
  assert.equal((await to.get("/kv/app/a")).status, 404);
  const { stdout } = await cli(args);
  assert.match(stdout, /^keys: 5 copied, 0 there already, 1 held by a session are left out\n {2}held: app\/leader\n/);
  // The mirror may have been first.
  assert.match(stdout, /^external services: (1 copied, 0|0 copied, 1) there already$/m);
  for (const key of ["app/a", "app/%C3%BC%20b%2Fc", "app/empty", "else"]) {
    const [one, other] = [await from.get(`/kv/${key}`), await to.get(`/kv/${key}`)];
    const pick = ({ text }: { text: string }) => text.replace(/,"CreateIndex".*/, "");
    assert.equal(pick(other), pick(one));
  }
  assert.match((await to.get("/kv/app/a")).text, new RegExp(`"Flags":${flags},`));
  const get = [{ KV: { Verb: "get", Key: "/app//./x" } }];
  assert.match((await to.put("/txn", JSON.stringify(get))).text, /"Flags":7,"Value":"b2Rk"/);
  const [found] = (await to.get("/health/service/db")).json();
  assert.deepEqual(
    [found.Node.Address, found.Node.Meta, found.Service.Port, found.Checks[0].Output],
    ["10.9.0.1", { external: "1" }, 5432, "slow"],
  );

  // Again: what is here already stays, whatever it is.
  await to.put("/kv/app/a", "mine");
  assert.deepEqual(await read(), [[0, 4, 1], [0, 1, 0], held]);
  assert.equal((await to.get("/kv/app/a?raw")).text, "mine");
  assert.deepEqual(await read(["--prefix", "app/", "--overwrite"]), [[1, 2, 0], [0, 0, 0], held]);
  assert.equal((await to.get("/kv/app/a?raw")).text, "one");
  const nobody = await cli(["import", "consul", "--from", "http://127.0.0.1:1"], 3);
  assert.match(nobody.stderr, /the Consul at http:\/\/127\.0\.0\.1:1\/ is out of reach/);
});

test("services are mirrored until the mirror is switched off", async () => {
  const register = { Name: "web", ID: "web-1", Port: 80, Address: "10.1.0.1", Check: { TTL: "1h", Status: "passing" } };
  await from.put("/agent/service/register", register);
  const passing = async () =>
    (await to.get("/health/service/web?passing"))
      .json()
      .map((one: { Node: { Node: string }; Service: { ID: string } }) => `${one.Node.Node}/${one.Service.ID}`);
  const are = (...wanted: string[]) => until(async () => (await passing()).join() === wanted.join());
  await are("old/web-1");
  await from.put("/agent/check/fail/service:web-1");
  await are();
  await from.put("/agent/check/pass/service:web-1");
  await are("old/web-1");
  // It registers here itself: it is not there twice.
  await to.put("/agent/service/register", register);
  await from.put("/agent/check/warn/service:web-1");
  await are("rollcall/web-1");
  await from.put("/agent/service/register", { ...register, ID: "web-2", Port: 81 });
  await are("old/web-2", "rollcall/web-1");
  await from.rollcall.kill("SIGKILL");
  await until(() => to.rollcall.logs.some(({ msg }) => /a Consul is not reached/.test(String(msg))));
  assert.deepEqual(await passing(), ["old/web-2", "rollcall/web-1"]);
  await to.rollcall.restart({ flags: ["--dialects", "http,consul"] });
  assert.deepEqual(await passing(), ["rollcall/web-1"]);
  assert.deepEqual((await to.get("/catalog/node/old")).json(), null);
  assert.equal((await to.get("/health/service/db")).json().length, 1, "what was imported stays");
});

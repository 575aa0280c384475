/** The dialect's page: what it has to paste works when it is pasted. HAProxy, resolvers and others have tests of their own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { requirePackage } from "../../harness/packages.ts";
import { freePort } from "../../harness/ports.ts";
import { startRollcall } from "../../harness/program.ts";
import { request } from "../../harness/requests.ts";
import { temporaryDirectory, until } from "../../harness/scope.ts";
import { commandsOf } from "../../harness/shell.ts";
import { readExample, startNamed, startPeer, writeConfig } from "../../peers-rig.ts";
import { dataOf, lookUp } from "./lookup.ts";

const PAGE = "packages/registry/src/dialects/dns/README.md";
const curl = requirePackage("curl", "curl");
const dig = requirePackage("bind9-dnsutils", "dig");
const knot = requirePackage("knot", "knotd");
const named = requirePackage("bind9", "named");
const nsupdate = requirePackage("bind9-dnsutils", "nsupdate");

/** Knot DNS as the page has it, as a secondary of the server on this port. */
async function startKnot(t: TestContext, primary: number, port: number): Promise<void> {
  const folder = temporaryDirectory(t, "knot-data");
  const own = `server:
  rundir: "${folder}"
  listen: 127.0.0.1@${port}
database:
  storage: "${folder}"
template:
  - id: default
    storage: "${folder}"
`;
  const { file } = writeConfig(
    t,
    "knot",
    own + readExample("Knot DNS as a secondary", { "127.0.0.1@8600": `127.0.0.1@${primary}` }),
  );
  await startPeer(t, { path: knot.path, args: ["-c", file], port });
}

test("its settings, its zone file, its update and its secondaries work together", {
  skip: dig.skip || knot.skip || named.skip || nsupdate.skip,
}, async (t: TestContext) => {
  const folder = temporaryDirectory(t, "page");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/corp.example.zone"), readExample("A zone file"));
  writeFileSync(join(folder, "site.db"), readExample("A zone file"));
  mkdirSync(join(folder, "keys"));
  writeFileSync(join(folder, "keys/backup.key"), randomBytes(32).toString("base64"), { mode: 0o600 });
  const [secondaryPort, knotPort] = [await freePort(), await freePort()];
  const notify = {
    "192.0.2.53:53": `127.0.0.1:${secondaryPort}`,
    "address: 192.0.2.54, port: 53": `address: 127.0.0.1, port: ${knotPort}`,
  };
  writeFileSync(join(folder, "rollcall.yaml"), readExample("All settings", notify));
  const flags = ["--config", join(folder, "rollcall.yaml"), "--dialects", "http,dns", "--dns-port", "0"];
  const rollcall = await startRollcall(t, { flags });
  const port = rollcall.port("dns");
  const ask = (...args: readonly string[]) => lookUp(dig.path, port, ...args);

  for (const zone of ["corp.example", "site.example"])
    assert.deepEqual(dataOf((await ask(`_db._tcp.${zone}`, "SRV")).answers), [`0 5 5432 db1.${zone}.`]);
  assert.deepEqual(dataOf((await ask("rollcall", "NS")).answers), ["ns1.example.net.", "ns2.example.net."]);

  // BIND by itself takes no more than 100 records of a type at one name.
  const many = Array.from({ length: 150 }, async (_, i) => {
    const url = `${rollcall.url}/v2/default/services/many/instances/m${i}`;
    const { status } = await request(url, { method: "PUT", body: { address: `10.2.0.${i}`, port: 80 } });
    assert.equal(status, 201);
  });
  await Promise.all(many);
  const bind = readExample("BIND as a secondary", { "port 8600": `port ${port}` });
  const secondary = await startNamed(t, named.path, bind, { port: secondaryPort });
  await startKnot(t, port, knotPort);
  const update = readExample("nsupdate", { "127.0.0.1 8600": `127.0.0.1 ${port}` });
  const { file } = writeConfig(t, "nsupdate", update);
  const ran = spawnSync(nsupdate.path, [file], { encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stderr);
  assert.deepEqual(dataOf((await ask("_web._tcp.rollcall", "SRV")).answers), ["0 2560 8080 w1.id.web.rollcall."]);
  assert.deepEqual(dataOf((await ask("w1.id.web.rollcall", "A")).answers), ["10.0.0.77"]);
  for (const at of [secondaryPort, knotPort])
    await until(
      async () => {
        const found = await lookUp(dig.path, at, "_web._tcp.rollcall", "SRV");
        return dataOf(found.answers).join() === "0 2560 8080 w1.id.web.rollcall.";
      },
      { what: "the secondary to have the update", timeoutMs: 8000, intervalMs: 100 },
    );
  const found = await lookUp(dig.path, secondary.port, "_many._tcp.rollcall", "SRV", "+tcp");
  assert.equal(found.answers.length, 150, "also of a service with many instances");
});

test("its first example says what it gets", { skip: dig.skip || curl.skip }, async (t: TestContext) => {
  const rollcall = await startRollcall(t, { flags: ["--dialects", "http,dns", "--dns-port", "0"] });
  const [example = ""] = commandsOf(PAGE, "Example");
  const pasted = example
    .replaceAll("curl", "curl -sS --fail -o /dev/null")
    .replaceAll("http://127.0.0.1:7070", rollcall.url)
    .replaceAll("-p 8600", `-p ${rollcall.port("dns")} +short`);
  const ran = spawnSync("bash", ["-e", "-c", pasted], { encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stderr);
  assert.deepEqual(ran.stdout.trim().split("\n"), [
    "0 25600 8080 a1.id.api.rollcall.",
    "10.0.0.1",
    "10.0.0.1",
    "a1.id.api.rollcall.",
  ]);
});

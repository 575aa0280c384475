/** The unit and the image are sound as far as that can be told without an engine that runs them. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadServeConfig, type ServeConfig } from "../../packages/registry/src/bin/config/load.ts";
import { requirePackage } from "../harness/packages.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";

/** Of the program that is tested: the repository itself needs none. */
const { parse } = createRequire(join(ROOT, "packages/registry/package.json"))("yaml");
const unit = readFileSync(join(ROOT, "deploy/rollcall.service"), "utf8");
const agent = readFileSync(join(ROOT, "deploy/rollcall-agent.service"), "utf8");
const image = readFileSync(join(ROOT, "deploy/Dockerfile"), "utf8");
const systemd = requirePackage("systemd", "systemd-analyze");

test("systemd accepts the units, and notices a broken one", { skip: systemd.skip }, (t) => {
  const folder = temporaryDirectory(t);
  const verify = (text: string) => {
    const path = join(folder, "rollcall.service");
    writeFileSync(path, text);
    const { status, stdout, stderr } = spawnSync(systemd.path, ["verify", path], { encoding: "utf8" });
    return { status, output: stdout + stderr };
  };
  for (const one of [unit, agent]) assert.deepEqual(verify(one), { status: 0, output: "" });
  assert.match(verify(unit.replace("StateDirectory=", "StateDirektory=")).output, /StateDirektory/);
});

test("systemd accepts the unit with what its page adds to it", { skip: systemd.skip }, (t) => {
  const page = readFileSync(join(ROOT, "deploy/README.md"), "utf8");
  const additions = [...page.matchAll(/^```ini\n(.*?)^```/gms)].map((match) => match[1] ?? "");
  assert.equal(additions.length, 2);
  for (const addition of additions) {
    const path = join(temporaryDirectory(t), "rollcall.service");
    writeFileSync(path, unit.replace("[Install]", `${addition}\n[Install]`));
    const { status, stdout, stderr } = spawnSync(systemd.path, ["verify", path], { encoding: "utf8" });
    assert.deepEqual({ status, output: stdout + stderr }, { status: 0, output: "" });
  }
});

test("the unit lets the program ask for the machine's addresses", () => {
  assert.match(unit, /^RestrictAddressFamilies=.*\bAF_NETLINK\b/m);
});

test("the units start the built program with its data in the state directory", () => {
  const program = "/opt/rollcall/packages/registry/dist/bin/rollcall.js";
  for (const [text, command, folder] of [
    [unit, "serve", "rollcall"],
    [agent, "agent", "rollcall-agent"],
  ] as const) {
    assert.match(text, new RegExp(`^ExecStart=.* ${program} ${command} --data /var/lib/${folder}/data `, "m"));
    assert.match(text, new RegExp(`^StateDirectory=${folder}$`, "m"));
    assert.match(text, /^DynamicUser=yes$/m);
  }
});

test("the image copies only what .dockerignore lets through, and runs without privileges", (t) => {
  const folder = temporaryDirectory(t);
  execFileSync("git", ["init", "-q", folder]);
  // The same pattern language, as far as it is used here: git says what is ignored.
  cpSync(join(ROOT, ".dockerignore"), join(folder, ".gitignore"));
  const sources = [...image.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => (match[1] ?? "").split(" "));
  assert.ok(sources.length > 5);
  for (const source of sources) {
    assert.ok(existsSync(join(ROOT, source)), `${source} is not in the repository`);
    const top = source.split("/")[0] ?? source;
    const { status } = spawnSync("git", ["check-ignore", "-q", "--no-index", top], { cwd: folder });
    assert.equal(status, 1, `.dockerignore hides ${source}`);
  }
  assert.match(image, /^USER node$/m);
  assert.match(image, /^VOLUME \/data$/m);
  assert.match(image, /^HEALTHCHECK /m);
});

test("systemd accepts the unit of a node beside etcd, with its key as a credential", { skip: systemd.skip }, (t) => {
  const folder = temporaryDirectory(t);
  const drop = join(folder, "rollcall.service.d");
  mkdirSync(drop);
  writeFileSync(join(folder, "rollcall.service"), unit);
  const verify = (text: string) => {
    writeFileSync(join(drop, "nodes.conf"), text);
    const path = join(folder, "rollcall.service");
    const { status, stdout, stderr } = spawnSync(systemd.path, ["verify", path], { encoding: "utf8" });
    return { status, output: stdout + stderr };
  };
  const conf = readFileSync(join(ROOT, "deploy/nodes/nodes.conf"), "utf8");
  assert.deepEqual(verify(conf), { status: 0, output: "" });
  assert.match(verify(conf.replace("LoadCredential=", "LoadKredential=")).output, /LoadKredential/);
});

test("the settings of several nodes are settings, in the container's file and in the unit's", (t) => {
  const key = join(temporaryDirectory(t), "link.key");
  writeFileSync(key, "0123456789abcdef".repeat(4));
  const read = (env: Record<string, string>): ServeConfig => {
    const config = loadServeConfig({ flags: {}, env, cwd: tmpdir() });
    assert.ok(config.ok, JSON.stringify(config));
    return config.value;
  };
  const lines = readFileSync(join(ROOT, "deploy/nodes/rollcall.env"), "utf8").match(/^\w+=.*$/gm) ?? [];
  const given = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  const inUnit = read({ ...given, ROLLCALL_LINK_KEY: key });
  assert.deepEqual([inUnit.name, inUnit.replicator, inUnit.etcd.endpoints.length], ["n1", "etcd", 3]);

  const { services, volumes } = parse(readFileSync(join(ROOT, "deploy/nodes/compose.yaml"), "utf8"), { merge: true });
  assert.deepEqual(Object.keys(volumes), Object.keys(services));
  for (const name of ["n1", "n2", "n3"]) {
    const {
      environment,
      ports,
      volumes: [volume],
    } = services[name];
    const { name: called, etcd, link } = read({ ...environment, ROLLCALL_LINK_KEY: key });
    assert.deepEqual([called, link.address?.host, volume], [name, name, `${name}:/data`]);
    assert.deepEqual(ports, [`127.0.0.1:${name.slice(1)}7070:7070`]);
    for (const endpoint of etcd.endpoints) assert.ok(new URL(endpoint).hostname in services, endpoint);
  }
});

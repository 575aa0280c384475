/** Both packages as they are packed, in an empty folder: their files, their program, what they export. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { freePort } from "../harness/ports.ts";
import { cleanEnvironment, startProcess } from "../harness/process.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";

const folder = temporaryDirectory({ after }, "packed");
const installed = (path: string) => join(folder, "node_modules", path);
const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));

/** Unpacked where npm would put them, beside the packages that they name and no others. */
for (const name of ["client", "registry"]) {
  const args = ["pack", "--silent", "--pack-destination", folder, "-w", `@rollcall/${name}`];
  const file = execFileSync("npm", args, { cwd: ROOT, encoding: "utf8", env: cleanEnvironment() }).trim();
  mkdirSync(installed(`@rollcall/${name}`), { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, file), "--strip-components=1", "-C", installed(`@rollcall/${name}`)]);
}
for (const name of [
  ...Object.keys(readJson(installed("@rollcall/registry/package.json")).dependencies),
  "@types/node",
]) {
  if (existsSync(installed(name))) continue;
  mkdirSync(dirname(installed(name)), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), installed(name));
}

function run(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    env: cleanEnvironment(),
    timeout: 60_000,
  });
  assert.equal(status, 0, `${args.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

for (const name of ["client", "registry"])
  test(`@rollcall/${name} says what it is, and has no file that leads nowhere`, () => {
    const root = installed(`@rollcall/${name}`);
    const { license, repository, keywords, description } = readJson(join(root, "package.json"));
    assert.equal(license, "Apache-2.0");
    assert.equal(repository.directory, `packages/${name}`);
    assert.ok(keywords.length > 3 && description.length > 0);
    assert.equal(readFileSync(join(root, "LICENSE"), "utf8"), readFileSync(join(ROOT, "LICENSE"), "utf8"));
    assert.match(readFileSync(join(root, "README.md"), "utf8"), /^## Install$/m);
    const files = readdirSync(root, { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      files.filter((file) => /tsbuildinfo|\.test\.|-rig\./.test(file)),
      [],
    );
    for (const file of files.filter((one) => one.endsWith(".map")))
      for (const source of readJson(join(root, file)).sources)
        assert.ok(existsSync(join(root, dirname(file), source)), `${file} is of ${source}, which is not there`);
  });

test("both are imported, and their types are whole", () => {
  writeFileSync(
    join(folder, "app.mts"),
    `import { createClient, type InstanceBody, RollcallError } from "@rollcall/client";
import { type RegistrySettings, type StartedRegistry, startRegistry } from "@rollcall/registry";
const settings: RegistrySettings = { dialects: ["http", "eureka"], protection: { enabled: false } };
const registry: StartedRegistry = await startRegistry(settings);
const rollcall = createClient({ url: registry.url });
await rollcall.registerOnce({ service: "api", id: "api-1", address: "127.0.0.1", port: 8080 });
const instances: readonly InstanceBody[] = (await rollcall.service("api")).instances;
const eureka: number = registry.port("eureka");
const apps = await fetch(\`http://127.0.0.1:\${eureka}/eureka/apps/API\`);
console.log(instances.length, apps.status, RollcallError.name);
await registry.close();
`,
  );
  const base = ["--strict", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2023"];
  const tsc = (...more: readonly string[]) => run(join(ROOT, "node_modules/.bin/tsc"), "app.mts", ...base, ...more);
  tsc("--lib", "es2023", "--types", "node");
  tsc("--lib", "es2023,dom,dom.iterable", "--types", "");
  assert.equal(run("app.mjs"), "1 200 RollcallError\n");
});

test("the README's registries start, and nothing is left of them when they are closed", async () => {
  const page = readFileSync(installed("@rollcall/registry/README.md"), "utf8");
  const [first = "", second = ""] = [...page.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1]);
  writeFileSync(join(folder, "first.mjs"), first);
  assert.match(run("first.mjs"), /id: 'api-1'/);
  const start = 'import { startRegistry } from "@rollcall/registry";\n';
  writeFileSync(join(folder, "second.mjs"), start + second.replace("7070", String(await freePort())));
  for (const what of ["made", "opened again"])
    assert.match(run("second.mjs"), /http:\/\/127\.0\.0\.1:\d+ \d+ \[/, what);
});

test("a registry in another program refuses wrong settings and reads nothing from around it", () => {
  writeFileSync(join(folder, "rollcall.yaml"), "nonsense: 1\n");
  writeFileSync(
    join(folder, "refused.mjs"),
    `import { startRegistry } from "@rollcall/registry";
process.env.ROLLCALL_HOST = "nowhere";
const registry = await startRegistry();
const { port } = registry.endpoints[0];
const wrong = [{ nonsense: 1 }, { ports: { http: port } }, { host: "0.0.0.0" }, { dialects: ["nonsense"] }];
for (const settings of wrong) await startRegistry(settings).catch((error) => console.log(error.message));
await Promise.all([registry.close(), registry.close()]);
`,
  );
  const lines = run("refused.mjs").trim().split("\n");
  for (const [index, word] of [/settings: nonsense/, /in use|taken|has it/i, /0\.0\.0\.0/, /dialects/].entries())
    assert.match(lines[index] ?? "", word);
  assert.equal(lines.length, 4);
});

test("the installed program serves, and its commands reach it", async () => {
  const program = installed("@rollcall/registry/bin/rollcall.mjs");
  assert.match(run(program, "--version"), /0\.1\.0/);
  const flags = ["--replicator", "memory", "--http-port", "0", "--dialects", "http"];
  const server = startProcess({ after }, process.execPath, [program, "serve", ...flags], { env: cleanEnvironment() });
  const url = await until(() => /^http +(\S+)$/m.exec(server.lines.join("\n"))?.[1]);
  run(program, "register", "api", "api-1", "--port", "8080", "--url", url);
  assert.match(run(program, "instances", "--url", url), /api-1/);
  assert.equal((await server.kill("SIGTERM")).code, 0);
});

test("the installed program says which Node it needs", () => {
  const old = join(folder, "old.cjs");
  writeFileSync(
    old,
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.1" } });',
  );
  const args = ["--require", old, installed("@rollcall/registry/bin/rollcall.mjs"), "--version"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env: cleanEnvironment() });
  assert.deepEqual([status, stdout], [1, ""]);
  assert.equal(stderr, "Rollcall needs Node 20.19 or newer; this is 20.18.1.\n");
});

test("what the program says of a wrong configuration leads to files that are installed", () => {
  const program = installed("@rollcall/registry/bin/rollcall.mjs");
  writeFileSync(join(folder, "wrong.yaml"), "dialectSettings:\n  dns:\n    nonsense: 1\n");
  for (const flags of [
    ["--http-port", "x"],
    ["--config", "wrong.yaml", "--replicator", "memory", "--dns-port", "0"],
  ]) {
    const options = { cwd: folder, encoding: "utf8", env: cleanEnvironment() } as const;
    const { status, stderr } = spawnSync(process.execPath, [program, "serve", "--http-port", "0", ...flags], options);
    assert.equal(status, 2, stderr);
    for (const [path] of stderr.matchAll(/\S+\/\S*\.md\b/g))
      assert.ok(existsSync(join(installed("@rollcall/registry"), path.replace("<dialect>", "dns"))), stderr);
  }
});

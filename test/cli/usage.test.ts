/** What the command line says when it is used wrongly, and what it offers: no registry is needed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";

import { completionScript, SHELLS } from "../../packages/registry/src/bin/commands/help/completions.ts";
import { DIALECTS, PORTS } from "../../packages/registry/src/bin/dialects.ts";
import { buildProgram } from "../../packages/registry/src/bin/program.ts";
import { VERSION } from "../../packages/registry/src/bin/version.ts";
import { freePort } from "../harness/ports.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { run } from "./rig.ts";

const scope = { after };

test("version is printed by command and by flag", async () => {
  for (const args of [["version"], ["--version"], ["-V"]]) {
    const { code, stdout } = await run(args);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^rollcall ${VERSION.replaceAll(".", "\\.")} \\(node `));
  }
});

test("help names every command and every exit code", async () => {
  const { code, stdout } = await run(["--help"]);
  assert.equal(code, 0);
  for (const command of buildProgram().commands)
    if (command.name() !== "reference") assert.match(stdout, new RegExp(`^  ${command.name()}\\b`, "m"));
  for (const exit of [0, 1, 2, 3, 4, 5, 6]) assert.match(stdout, new RegExp(`^  ${exit}  \\w`, "m"));
  assert.doesNotMatch(stdout, /reference/);
});

test("help fits a terminal of 80 columns, of every command", () => {
  for (const [path, command] of allCommands(buildProgram(), "rollcall"))
    for (const line of command
      .configureOutput({ getOutHelpWidth: () => 80 })
      .helpInformation()
      .split("\n"))
      assert.ok(line.length <= 80, `${path}: ${line}`);
});

const WRONG: readonly (readonly [string[], RegExp])[] = [
  [["servces"], /unknown command 'servces'\n\(Did you mean services\?\)\nUsage: rollcall <command>/],
  [["config", "gte", "x"], /unknown command 'gte'\n\(Did you mean get\?\)\nUsage: rollcall config /],
  [["services", "--zoen", "x"], /unknown option '--zoen'\n\(Did you mean --zone\?\)\nUsage: rollcall services /],
  [["register"], /missing required argument 'service'\nUsage: rollcall register \[options\] <service> \[id\]/],
  [["deregister", "a", "b", "c"], /too many arguments[\s\S]*Usage: rollcall deregister /],
  [["services", "-o", "yaml"], /'yaml' is invalid\. Allowed choices are table, json/],
  [["register", "a", "--status", "fine"], /Allowed choices are passing/],
  [["register", "a", "--port", "99999"], /--port takes a whole number from 0 to 65535, not "99999"/],
  [["register", "a", "--meta", "novalue"], /--meta takes key=value, not "novalue"/],
  [
    ["services", "--status", "foo"],
    /'--status <status>' argument 'foo' is invalid\. Allowed choices are healthy, passing/,
  ],
  [["instances", "--status", "passing", "--status", "foo"], /'foo' is invalid\. Allowed choices are healthy, passing/],
  [["register", "a", "--ttl", "foo"], /--ttl takes 0 \(for ever\) or a duration from 1s to 168h, .* not "foo"/],
  [["register", "a", "--ttl", "999ms"], /--ttl takes .* not "999ms"/],
  [["register", "a", "--ttl", "169h"], /--ttl takes .* not "169h"/],
  [
    ["events", "--type", "foo"],
    /'--type <type>' argument 'foo' is invalid\. It must be <kind>\.<cause> or \*\. Kinds are instance, /,
  ],
  [["events", "--type", "instance.foo"], /'instance\.foo' is invalid\. .* causes are registered, .* or \*\./],
  [["completions", "tcsh"], /Allowed choices are bash, zsh, fish/],
  [["services", "--url", "ftp://x"], /"ftp:\/\/x" is no URL of a registry/],
  [["config", "get", ".."], /cannot be part of a path/],
  [["config", "set", "k", "v", "--file", "x"], /not both/],
  [["watch", "--after", "soon"], /--after takes a whole number/],
  [["override", "a", "b"], /give a status, or --clear/],
  [["override", "a", "b", "passing", "--clear"], /give a status, or --clear/],
  [["override", "a", "b", "fine"], /Allowed choices are passing/],
  [["report", "a", "b", "c"], /missing required argument 'status'\nUsage: rollcall report /],
  [["lease", "grant", "--ttl", "0"], /--ttl takes a duration from 1s to 168h, .* not "0"/],
  [["transaction", "/no/such/file"], /\/no\/such\/file cannot be read: ENOENT/],
  [["restore", "file"], /restore needs --data, or --replicator etcd and --etcd/],
  [["restore", "file", "--replicator", "etcd"], /replicator etcd needs etcd\.endpoints \(--etcd\)/],
];

test("a wrong command, flag or value is exit code 2, with a suggestion and the usage", async () => {
  await Promise.all(
    WRONG.map(async ([args, expected]) => {
      const { code, stdout, stderr } = await run(args);
      assert.equal(code, 2, `rollcall ${args.join(" ")}\n${stderr}`);
      assert.match(stderr, expected);
      assert.doesNotMatch(stderr, /\n\s+at /);
      assert.equal(stdout, "");
    }),
  );
});

test("a registry out of reach is exit code 3 and says what to do", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const cwd = temporaryDirectory(scope);
  for (const args of [
    ["services"],
    ["status"],
    ["watch"],
    ["events", "--follow"],
    ["register", "a", "--keep"],
    ["backup", "x"],
  ]) {
    const { code, stderr } = await run([...args, "--url", url], { cwd });
    assert.equal(code, 3, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, /is out of reach: connection refused\nIs it running\?/);
  }
});

test("serve refuses a wrong configuration with every fault, its place and the nearest key", async () => {
  const cwd = temporaryDirectory(scope);
  writeFileSync(join(cwd, "rollcall.yaml"), "log:\n  formt: json\n");
  const { code, stderr } = await run(["serve", "--http-port", "x", "--dialects", "http,rakspace"], {
    cwd,
    env: { ROLLCALL_EVENT_KEEP_MS: "1d" },
  });
  assert.equal(code, 2);
  assert.match(stderr, /rollcall\.yaml line 2: log\.formt: no such setting \(did you mean log\.format\?\)/);
  assert.match(stderr, /ROLLCALL_EVENT_KEEP_MS: no such setting \(did you mean ROLLCALL_EVENTS_KEEP_MS\?\)/);
  assert.match(stderr, /flag --http-port: ports\.http must be a port/);
  assert.match(
    stderr,
    /flag --dialects: dialects must be one of [a-z, ]+, not "rakspace" \(did you mean "rackspace"\?\)/,
  );
  const flag = await run(["serve", "--htp-port", "1"]);
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /unknown option '--htp-port'\n\(Did you mean --http-port\?\)/);
});

test("serve --check tries the whole configuration and opens nothing", async () => {
  const cwd = temporaryDirectory(scope);
  const data = join(cwd, "data");
  const right = await run(["serve", "--check", "--data", data, "--host", "0.0.0.0"], { cwd });
  assert.deepEqual(right, { code: 0, stdout: "the configuration is right; it opens all dialects\n", stderr: "" });
  assert.equal(existsSync(data), false);
  writeFileSync(join(cwd, "zone"), "$ORIGIN example.\n@ IN SOA nonsense\n");
  for (const [settings, expected] of [
    ["  eureka: { colour: blue }\n", /eureka knows no setting colour/],
    ["  dns: { forward: { servers: [nonsense] } }\n", /dns/],
  ] as const) {
    writeFileSync(join(cwd, "rollcall.yaml"), `dialectSettings:\n${settings}`);
    const wrong = await run(["serve", "--check"], { cwd });
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.match(wrong.stderr, expected);
  }
  writeFileSync(join(cwd, "rollcall.yaml"), "tls: { cert: none.pem, key: none.key }\n");
  const tls = await run(["serve", "--check"], { cwd });
  assert.notEqual(tls.code, 0);
  assert.match(tls.stderr, /the certificate .*none\.pem cannot be read/);
});

test("the doctor finds what would keep a registry from running, and exits with 1", async () => {
  const cwd = temporaryDirectory(scope);
  const port = await freePort();
  const ports = PORTS.map(({ name }) => `  ${name}: ${name === "http" ? port : 0}`).join("\n");
  writeFileSync(join(cwd, "rollcall.yaml"), `data: ./data\nports:\n${ports}\n`);
  const url = ["--url", `http://127.0.0.1:${port}`];
  const healthy = await run(["doctor", ...url], { cwd });
  assert.equal(healthy.code, 0, healthy.stdout + healthy.stderr);
  assert.match(healthy.stdout, /^registry +note +http:\/\/\S+ is out of reach/m);
  assert.match(healthy.stdout, /^data +good +\S+ is not there yet and can be made; a flush takes /m);
  assert.match(healthy.stdout, new RegExp(`^port http +good +${port} is free$`, "m"));

  const taken = createServer().listen(port, "127.0.0.1");
  after(() => taken.close());
  await once(taken, "listening");
  writeFileSync(join(cwd, "data"), "a file");
  writeFileSync(
    join(cwd, "rollcall.yaml"),
    `data: ./data\nports:\n${ports}\ntls: { cert: rollcall.yaml, key: rollcall.yaml }\n`,
  );
  const sick = await run(["doctor", "--url", `http://127.0.0.1:${await freePort()}`, "-o", "json"], { cwd });
  assert.equal(sick.code, 1);
  const { findings } = JSON.parse(sick.stdout) as { findings: { name: string; verdict: string; detail: string }[] };
  const bad = findings.filter(({ verdict }) => verdict === "bad").map(({ name, detail }) => `${name}: ${detail}`);
  assert.equal(bad.length, 3, bad.join("\n"));
  assert.match(bad[0] as string, /^port http: \d+: another program has it; choose another with --http-port/);
  assert.match(bad[1] as string, /^data: .* is a file, not a directory$/);
  assert.match(bad[2] as string, /^certificate: .* cannot be used: /);
});

type Command = ReturnType<typeof buildProgram>;

/** Every visible command with its path. */
function allCommands(command: Command, path: string): [string, Command][] {
  const children = command.createHelp().visibleCommands(command);
  const below = children.filter((child) => child.name() !== "help");
  return [[path, command], ...below.flatMap((child) => allCommands(child, `${path} ${child.name()}`.trim()))];
}

test("completions of every shell hold every command and every flag", () => {
  const program = buildProgram();
  for (const shell of SHELLS) {
    const script = completionScript(program, shell);
    for (const [path, command] of allCommands(program, "")) {
      assert.ok(path === "" || script.includes(path.split(" ").at(-1) as string), `${shell} lacks ${path}`);
      for (const option of command.options) {
        const flag = shell === "fish" ? `-l ${option.long?.slice(2)}` : (option.long as string);
        assert.ok(script.includes(flag), `${shell} lacks ${flag} of ${path}`);
      }
    }
  }
});

/** What bash would offer for the last word. */
function completeInBash(script: string, words: readonly string[]): string[] {
  const program = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rollcall; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync("bash", ["-c", program, "bash", script, ...words], { encoding: "utf8" });
  return output.split("\n").filter(Boolean);
}

test("bash completes commands, their subcommands, flags and values", async () => {
  const { code, stdout } = await run(["completions", "bash"]);
  assert.equal(code, 0);
  const script = join(temporaryDirectory(scope), "completion.bash");
  writeFileSync(script, stdout);
  assert.deepEqual(completeInBash(script, ["rollcall", "serv"]), ["serve", "services"]);
  assert.deepEqual(completeInBash(script, ["rollcall", "config", ""]).slice(0, 5), [
    "get",
    "set",
    "delete",
    "list",
    "watch",
  ]);
  assert.deepEqual(completeInBash(script, ["rollcall", "--account", "x", "config", "set", "--if-"]), [
    "--if-revision",
    "--if-absent",
  ]);
  assert.deepEqual(completeInBash(script, ["rollcall", "services", "-o", ""]), ["table", "json"]);
  assert.deepEqual(completeInBash(script, ["rollcall", "token", "create", "x", "--role", "w"]), ["writer"]);
  assert.deepEqual(completeInBash(script, ["rollcall", "completions", "f"]), ["fish"]);
});

test("a wrong setting of a dialect is a wrong configuration as well", async () => {
  // The native API has no settings.
  for (const { name: dialect } of DIALECTS.slice(1)) {
    const cwd = temporaryDirectory(scope);
    writeFileSync(join(cwd, "rollcall.yaml"), `dialectSettings:\n  ${dialect}: { colour: blue }\n`);
    const ports = PORTS.flatMap(({ name }) => [`--${name}-port`, "0"]);
    const { code, stderr } = await run(["serve", ...ports], { cwd });
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      new RegExp(
        `^rollcall: the configuration is not right\\n  dialectSettings: ${dialect} knows no setting colour\\n`,
      ),
    );
  }
});

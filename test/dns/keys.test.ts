/** Secrets of TSIG keys in files of their own. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readKeyFile } from "../../packages/registry/src/dialects/dns/settings/key-file.ts";
import type { TsigKey } from "../../packages/registry/src/dialects/dns/settings/model.ts";
import { readSettings } from "../../packages/registry/src/dialects/dns/settings/reader.ts";
import { freePort } from "../harness/ports.ts";
import { startRollcall } from "../harness/program.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { SURROUNDINGS } from "./names-rig.ts";
import { startDns } from "./rig.ts";
import { DIG, dig, NAMED, startNamedSecondary } from "./transfer-rig.ts";

/** Of the same package as named. */
const KEYGEN = join(dirname(NAMED.path), "tsig-keygen");

const SECRET = Buffer.alloc(32, "s").toString("base64");
const statement = (name = "k", algorithm = "hmac-sha512", secret = SECRET): string =>
  `key "${name}" {\n\talgorithm ${algorithm};\n\tsecret "${secret}";\n};\n`;

/** A key with its secret in a file that holds this text: the key, or what is wrong. */
function readKey(text: string | undefined, more: object = {}): TsigKey | string {
  const readSecret = (path: string): string => {
    assert.equal(path, "/etc/rollcall/keys/k.key");
    if (text === undefined) throw new Error("ENOENT");
    return text;
  };
  const keys = [{ name: "k", secretFile: "keys/k.key", ...more }];
  const settings = readSettings({ keys }, { ...SURROUNDINGS, directory: "/etc/rollcall", readSecret });
  return settings.ok ? settings.value.keys[0]! : settings.detail;
}

test("a file holds base64, or a statement of BIND", () => {
  const cases: readonly [string, object, TsigKey["algorithm"]][] = [
    [SECRET, {}, "hmac-sha256"],
    [`\n \t${SECRET}\r\n\n`, { algorithm: "hmac-sha1" }, "hmac-sha1"],
    [statement(), {}, "hmac-sha512"],
    [statement("K.", "HMAC-SHA384"), { algorithm: "hmac-sha384" }, "hmac-sha384"],
    [`key k{secret ${SECRET};algorithm "hmac-sha224" ; } ;`, {}, "hmac-sha224"],
  ];
  for (const [text, more, algorithm] of cases) {
    const key = readKey(text, more);
    assert.ok(typeof key !== "string", String(key));
    assert.deepEqual([key.secret.toString("base64"), key.algorithm, key.role], [SECRET, algorithm, "reader"], text);
  }
});

test("what is wrong with a file is said with its name, and never what it holds", () => {
  const at = "dns.keys[0].secretFile: /etc/rollcall/keys/k.key";
  const neither = `${at} must hold a secret in base64, or one statement key of BIND`;
  const cases: readonly [string | undefined, string, object?][] = [
    [undefined, `${at} cannot be read: ENOENT`],
    ["", neither],
    [" \n", neither],
    [`${SECRET}\n${SECRET}\n`, neither],
    [`# ours\n${statement()}`, neither],
    [statement() + statement("other"), neither],
    [statement().replace("secret", "sekret"), neither],
    [statement().replace(/secret.*/, ""), neither],
    [statement().replace("};", "algorithm hmac-md5; };"), neither],
    ["kein Base64: äöü", neither],
    ["äöü", `${at}: the secret must be base64`],
    [SECRET.slice(0, 12), `${at}: the secret must be at least 16 bytes in base64`],
    [statement("k", "hmac-sha256", "c2hvcnQ="), `${at}: the secret must be at least 16 bytes in base64`],
    [statement("other"), `${at} has another key than k.`],
    [
      statement("k", "hmac-md5"),
      `${at}: the algorithm must be one of hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512`,
    ],
    [statement(), `${at} has the algorithm hmac-sha512, the settings have hmac-sha1`, { algorithm: "hmac-sha1" }],
    [SECRET, "dns.keys[0] has a secret and a secretFile; give one", { secret: SECRET }],
    [SECRET, "dns.keys[0].secretFile must be a text", { secretFile: 7 }],
    [SECRET, "dns.keys[0].secret is missing; or give a secretFile", { secretFile: undefined }],
  ];
  for (const [text, sentence, more] of cases) assert.equal(readKey(text, more), sentence, text);
});

test("what tsig-keygen writes is read", { skip: NAMED.skip }, () => {
  for (const algorithm of ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]) {
    const text = execFileSync(KEYGEN, ["-a", algorithm, "our.key"], { encoding: "utf8" });
    const file = readKeyFile(text);
    assert.deepEqual([file?.name, file?.algorithm], ["our.key", algorithm]);
    assert.ok(text.includes(`"${file?.secret}"`));
  }
});

test("one file is the key of BIND and ours", { skip: NAMED.skip || DIG.skip }, async (t) => {
  const directory = temporaryDirectory(t, "keys");
  const keyFile = join(directory, "secondaries.key");
  const [name, algorithm] = ["secondaries", "hmac-sha384"];
  const text = execFileSync(KEYGEN, ["-a", algorithm, name], { encoding: "utf8" });
  writeFileSync(keyFile, text, { mode: 0o600 });
  const secret = readKeyFile(text)!.secret;
  const port = await freePort();
  const settings = {
    keys: [{ name, secretFile: "secondaries.key" }],
    notify: [{ address: "127.0.0.1", port, key: name }],
  };
  const rig = await startDns(t, { directory, settings, flags: ["--log-level", "trace", "--host", "::1"] });
  await rig.register("api", "a1", { address: "10.0.0.1", port: 80 });
  const key = { name, algorithm, secret };
  await startNamedSecondary(t, rig.port, { port, key, keyFile, notifyKey: true, host: "::1" });
  const isThere = (address: string) => async () =>
    (await dig(port, "api.rollcall", "A")).some((line) => line.endsWith(address));
  await until(isThere("10.0.0.1"));
  await rig.register("api", "a1", { address: "10.0.0.2", port: 80 });
  await until(isThere("10.0.0.2"), { timeoutMs: 5000 });
  assert.deepEqual(warnings(rig.rollcall.logs), []);
  for (const said of [rig.rollcall.stderr(), JSON.stringify(rig.rollcall.logs)]) assert.ok(!said.includes(secret));
});

function warnings(logs: readonly Record<string, unknown>[]): unknown[] {
  return logs.filter(({ msg }) => String(msg).includes("may read the secret")).map(({ file, mode }) => [file, mode]);
}

test("each file that others may read is warned of once", async (t) => {
  const directory = temporaryDirectory(t, "keys");
  for (const [file, mode] of [
    ["own", 0o600],
    ["group", 0o640],
    ["all", 0o604],
  ] as const) {
    writeFileSync(join(directory, file), SECRET);
    chmodSync(join(directory, file), mode);
  }
  symlinkSync("own", join(directory, "link"));
  const files = ["own", "group", "all", "all", "link"];
  const keys = files.map((secretFile, i) => ({ name: `key${i}`, secretFile }));
  const rig = await startDns(t, { directory, settings: { keys } });
  assert.deepEqual(warnings(rig.rollcall.logs), [
    [join(directory, "group"), "0640"],
    [join(directory, "all"), "0604"],
  ]);
});

test("a start with a file that will not do ends, and says which", async (t) => {
  const directory = temporaryDirectory(t, "keys");
  mkdirSync(join(directory, "folder"));
  writeFileSync(join(directory, "long"), SECRET.padEnd(5000, "A"));
  execFileSync("bash", ["-c", `mkfifo "$0"`, join(directory, "pipe")]);
  for (const [file, sentence] of [
    ["none", /secretFile: \S+\/none cannot be read: there is no such file or directory \(ENOENT\)/],
    ["folder", /secretFile: \S+\/folder cannot be read: it is no file/],
    ["pipe", /secretFile: \S+\/pipe cannot be read: it is no file/],
    ["long", /secretFile: \S+\/long cannot be read: it is longer than 4096 bytes/],
  ] as const)
    await assert.rejects(start(t, directory, [{ name: "k", secretFile: file }]), sentence);
});

function start(scope: Scope, directory: string, keys: readonly object[]): Promise<unknown> {
  const file = join(directory, "rollcall.yaml");
  writeFileSync(file, JSON.stringify({ dialectSettings: { dns: { keys } } }));
  return startRollcall(scope, { flags: ["--config", file, "--dialects", "http,dns", "--dns-port", "0"] });
}

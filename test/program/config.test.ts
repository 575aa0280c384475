/** The configuration of `rollcall serve`: precedence, types, and messages that name key, place and the nearest key. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { LIMITS_DEFAULT } from "../../packages/registry/src/around/accounts/limits.ts";
import { referenceTexts, replaceGenerated } from "../../packages/registry/src/bin/commands/help/reference.ts";
import { parseConfigText } from "../../packages/registry/src/bin/config/file.ts";
import { loadServeConfig, type ServeConfig } from "../../packages/registry/src/bin/config/load.ts";
import { flagOf, SETTINGS, type Setting, variableOf } from "../../packages/registry/src/bin/config/settings.ts";
import { inUnits, readValue } from "../../packages/registry/src/bin/config/values.ts";
import { buildProgram } from "../../packages/registry/src/bin/program.ts";
import { HTTP_LIMITS } from "../../packages/registry/src/net/http/listener.ts";
import { ROOT } from "../harness/root.ts";
import { temporaryDirectory } from "../harness/scope.ts";

const scope = { after };

interface Given {
  readonly flags?: Record<string, unknown>;
  readonly env?: Record<string, string>;
  readonly yaml?: string;
}

function load({ flags = {}, env = {}, yaml }: Given): {
  readonly loaded: ReturnType<typeof loadServeConfig>;
  readonly cwd: string;
} {
  const cwd = temporaryDirectory(scope);
  if (yaml !== undefined) writeFileSync(join(cwd, "rollcall.yaml"), yaml);
  return { loaded: loadServeConfig({ flags, env, cwd }), cwd };
}

function good(given: Given): ServeConfig {
  const { loaded } = load(given);
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.problems.join("\n"));
  return loaded.value;
}

function problems(given: Given): readonly string[] {
  const { loaded } = load(given);
  assert.ok(!loaded.ok, "the configuration should have been refused");
  return loaded.problems;
}

test("defaults are those of the design", () => {
  const { loaded, cwd } = load({});
  assert.ok(loaded.ok);
  const { value: config } = loaded;
  assert.equal(config.data, join(cwd, "data"));
  assert.equal(config.host, "127.0.0.1");
  assert.deepEqual(config.ports, {
    http: 7070,
    dns: 8600,
    skydns: 8080,
    eureka: 8761,
    consul: 8500,
    nsqlookupd: 4160,
    "nsqlookupd-http": 4161,
    hera: 3222,
    serf: 7373,
    doozer: 8046,
    zookeeper: 2181,
    "zookeeper-admin": 2182,
    etcd: 2379,
    grpc: 7071,
  });
  assert.equal(config.dialects, "all");
  assert.equal(config.portsNamed.size, 0);
  assert.deepEqual(config.protection, {
    enabled: true,
    windowMs: 15_000,
    leasesMin: 10,
    shareMin: 0.5,
    holdMs: 600_000,
  });
  assert.equal(config.events.keepMs, 30 * 86_400_000);
  assert.equal(config.tls, undefined);
  assert.deepEqual(config.limits, LIMITS_DEFAULT);
  assert.deepEqual(config.http, HTTP_LIMITS);
  assert.notEqual(config.name, "");
});

test("flags beat the environment, the environment beats the file, the file beats the default", () => {
  const yaml = "ports: { http: 1001 }\nhost: file\nname: file\n";
  const env = { ROLLCALL_HTTP_PORT: "1002", ROLLCALL_HOST: "variable" };
  const config = good({ yaml, env, flags: { "http-port": "1003" } });
  assert.equal(config.ports.http, 1003);
  assert.equal(config.host, "variable");
  assert.equal(config.name, "file");
  assert.equal(config.replicator, "embedded");
});

/** A file of hera's. */
const HERA = join(temporaryDirectory({ after }, "config"), "hera.yml");
writeFileSync(HERA, "liveness: 9\n");

const TEXTS: Readonly<Record<string, string>> = {
  "etcd.endpoints": "http://a:2379",
  "etcd.user": "name:password",
  "gossip.peers": "n1.example.com:7073,10.0.0.2",
  "link.key": "a key that is no file, and long enough",
  "link.address": "n1.example.com:7072",
  "upstream.urls": "http://a:7070",
  "upstream.account": "other",
  hera: HERA,
};

/** A legal value that is not the default. */
function otherValue(setting: Setting): string {
  const text = TEXTS[setting.key];
  if (text !== undefined) return text;
  switch (setting.kind) {
    case "flag":
      return setting.default === true ? "off" : "on";
    case "choice":
      return setting.choices?.find((choice) => choice !== setting.default) as string;
    case "list":
      return "http";
    case "origins":
      return "https://app.example";
    case "share":
      return "0.25";
    case "path":
    case "text":
      return setting.key === "checks.allow" ? "10.0.0.0/8" : "/x";
    default:
      return String((setting.min ?? 0) + 3);
  }
}

test("every setting can be given as flag, variable and key, and each way means the same", () => {
  // Parts of TLS need each other, and etcd its members.
  const needed: Readonly<Record<string, Record<string, unknown>>> = {
    tls: { "tls-cert": "/c", "tls-key": "/k", "tls-ca": "/a" },
    etcd: { "etcd-cert": "/c", "etcd-key": "/k" },
    upstream: { "upstream-cert": "/c", "upstream-key": "/k" },
    replicator: { etcd: "http://b:2379" },
  };
  const shown = (config: ServeConfig) =>
    JSON.stringify({ ...config, directory: "", portsNamed: [...config.portsNamed] });
  for (const setting of SETTINGS) {
    const flag = flagOf(setting);
    const raw = otherValue(setting);
    const [above, name] = setting.key.split(".") as [string, string | undefined];
    const all = needed[above] ?? {};
    const { [flag]: _own, ...beside } = all;
    // The data directory of a run is in its own temporary place.
    const always = setting.key === "data" ? beside : { data: "/data", ...beside };
    const yaml = name === undefined ? `${above}: ${raw}\n` : `${above}:\n  ${name}: ${raw}\n`;
    const byFlag = shown(good({ flags: { ...always, [flag]: raw } }));
    assert.equal(shown(good({ flags: always, env: { [variableOf(setting)]: raw } })), byFlag, setting.key);
    assert.equal(shown(good({ flags: always, yaml })), byFlag, setting.key);
    const others = setting.key === "data" ? all : { data: "/data", ...all };
    assert.notEqual(byFlag, shown(good({ flags: others })), setting.key);
  }
});

test("a wrong key names its line and the nearest legal key", () => {
  const found = problems({ yaml: "host: 127.0.0.1\nprotecton:\n  windowMs: 5s\nports:\n  htpp: 1\n" });
  assert.equal(found.length, 2);
  assert.match(
    found[0] as string,
    /rollcall\.yaml line 3: protecton\.windowMs: no such setting \(did you mean protection\.windowMs\?\)/,
  );
  assert.match(
    found[1] as string,
    /rollcall\.yaml line 5: ports\.htpp: no such setting \(did you mean ports\.http\?\)/,
  );
});

test("a wrong value names its key, its place and the rule", () => {
  const found = problems({
    flags: { "http-port": "70000" },
    env: { ROLLCALL_LOG_FORMAT: "jsn", ROLLCALL_INSECURE: "perhaps" },
    yaml: "protection:\n  windowMs: soon\n  shareMin: 2\ndata: 5\n",
  });
  const text = found.join("\n");
  assert.match(text, /flag --http-port: ports\.http must be at most 65535, not "70000"/);
  assert.match(
    text,
    /environment variable ROLLCALL_LOG_FORMAT: log\.format must be one of text, json, not "jsn" \(did you mean "json"\?\)/,
  );
  assert.match(text, /environment variable ROLLCALL_INSECURE: insecure must be true or false, not "perhaps"/);
  assert.match(text, /rollcall\.yaml line 2: protection\.windowMs must be a duration/);
  assert.match(text, /rollcall\.yaml line 3: protection\.shareMin must be at most 1, not 2/);
  assert.match(text, /rollcall\.yaml line 4: data must be a path, not 5/);
  assert.equal(found.length, 6);
});

test("an unknown variable is refused, the command line's own and Kubernetes' are not", () => {
  assert.match(
    problems({ env: { ROLLCALL_HTP_PORT: "1" } })[0] as string,
    /ROLLCALL_HTP_PORT: no such setting \(did you mean ROLLCALL_HTTP_PORT\?\)/,
  );
  const kubernetes = {
    ROLLCALL_SERVICE_HOST: "10.0.0.1",
    ROLLCALL_SERVICE_PORT_HTTP: "80",
    ROLLCALL_PORT: "tcp://10.0.0.1:80",
    ROLLCALL_PORT_80_TCP_ADDR: "10.0.0.1",
    ROLLCALL_HTTP_PORT: "tcp://10.0.0.1:80",
  };
  const config = good({ env: { ...kubernetes, ROLLCALL_URL: "http://x", ROLLCALL_TOKEN: "t", ROLLCALL_NAME: "" } });
  assert.equal(config.ports.http, 7070);
});

test("named dialects and ports are remembered as named", () => {
  assert.deepEqual([...good({ env: { ROLLCALL_HTTP_PORT: "0" } }).portsNamed], ["http"]);
  const config = good({ yaml: "dialects: [http, rackspace]\n" });
  assert.deepEqual(config.dialects, ["http", "rackspace"]);
  assert.deepEqual([...config.portsNamed], ["http", "rackspace"]);
});

test("paths in the file begin at the file, others at the working directory", () => {
  const other = temporaryDirectory(scope);
  writeFileSync(join(other, "r.yaml"), "data: store\ntls: { cert: c.pem, key: /k.pem }\n");
  const { loaded, cwd } = load({ flags: { config: join(other, "r.yaml"), "tls-ca": "ca.pem" } });
  assert.ok(loaded.ok);
  assert.equal(loaded.value.data, join(other, "store"));
  assert.deepEqual(loaded.value.tls, {
    certFile: join(other, "c.pem"),
    keyFile: "/k.pem",
    caFile: join(cwd, "ca.pem"),
    clientCertificates: "require",
  });
});

test("half of TLS is refused", () => {
  assert.match(problems({ flags: { "tls-cert": "c" } }).join(), /tls\.cert needs tls\.key/);
  assert.match(problems({ flags: { "tls-key": "k" } }).join(), /tls\.key needs tls\.cert/);
  assert.match(problems({ flags: { "tls-ca": "k" } }).join(), /need tls\.cert and tls\.key/);
  assert.match(
    problems({ flags: { "tls-cert": "c", "tls-key": "k", "tls-client-certificates": "require" } }).join(),
    /needs tls\.ca/,
  );
});

const ACCOUNT = `accounts:
  acme:
    limits: { instancesMax: 10, bytesMax: 64KiB }
    tokens:
      - { name: ci, role: writer, sha256: ${"AB".repeat(32)} }
  empty:
`;

test("accounts come from the file, with limits and tokens", () => {
  assert.deepEqual(good({ yaml: ACCOUNT }).accounts, {
    acme: {
      limits: { instancesMax: 10, bytesMax: 65536 },
      tokens: [{ name: "ci", role: "writer", sha256: "ab".repeat(32) }],
    },
    empty: {},
  });
});

test("wrong accounts name what is wrong", () => {
  const yaml = `accounts:
  "a b": {}
  acme:
    limit: {}
    limits: { instanceMax: 1, keysMax: many, bytesMax: 1 lot }
    tokens: [{ name: x, role: owner, sha256: 12 }, { name: y, role: admin, sha256: 12 }, 5]
`;
  const text = problems({ yaml }).join("\n");
  assert.match(text, /accounts\.a b: not a legal account name/);
  assert.match(text, /accounts\.acme\.limit: no such setting \(did you mean limits\?\)/);
  assert.match(text, /accounts\.acme\.limits\.instanceMax: no such setting \(did you mean instancesMax\?\)/);
  assert.match(text, /accounts\.acme\.limits\.keysMax: must be a whole number, not "many"/);
  assert.match(text, /accounts\.acme\.limits\.bytesMax: must be a size such as/);
  assert.match(text, /tokens\[0\]\.role: must be one of reader, writer, admin, not "owner"/);
  assert.match(text, /tokens\[1\]\.sha256: must be the SHA-256/);
  assert.match(text, /tokens\[2\]: must be a map with name, role, sha256/);
});

test("a file that is missing, broken or of another kind is refused in words", () => {
  assert.match(problems({ flags: { config: "nowhere.yaml" } })[0] as string, /nowhere\.yaml: there is no such file/);
  assert.match(problems({ yaml: "a: [1\nb: 2" })[0] as string, /rollcall\.yaml line \d: /);
  assert.match(problems({ yaml: "- 1\n" })[0] as string, /must be a map of settings/);
  assert.deepEqual(good({ yaml: "# nothing\ntls:\n" }).tls, undefined);
});

test("what is wrong with the file's form is said without its text, which may hold secrets", () => {
  const above = "dialectSettings:\n  dns:\n    keys:\n      - name: a\n        secret: ";
  for (const [rest, line] of [
    ["abc\n]c2VjcmV0\n", 6],
    [">c2VjcmV0\n", 5],
    ['"abc" "c2VjcmV0"\n', 5],
    ["abc\n       c2VjcmV0: x\n", 6],
  ] as const) {
    const found = parseConfigText(`${above}${rest}`, "f").problems;
    assert.match(found[0] ?? "", new RegExp(`^f line ${line}: \\w`));
    assert.ok(!found.join().includes("c2VjcmV0"), found.join());
  }
});

test("any text as a file gives settings or problems, never an exception", () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void parseConfigText(text, "f")));
  const bomb = `a: &a [${"x,".repeat(9)}x]\nb: &b [${"*a,".repeat(9)}*a]\nc: &c [${"*b,".repeat(9)}*b]\nd: [${"*c,".repeat(9)}*c]\n`;
  assert.equal(parseConfigText(bomb, "f").problems.length, 1);
});

test("any value gives a value or a problem, and numbers in units read back as themselves", () => {
  const whatever = fc.anything({ withBigInt: false });
  fc.assert(fc.property(fc.constantFrom(...SETTINGS), whatever, (setting, raw) => void readValue(setting, raw)));
  const numeric = SETTINGS.filter((setting) => setting.kind === "ms" || setting.kind === "bytes");
  fc.assert(
    fc.property(fc.constantFrom(...numeric), fc.nat({ max: 10 ** 9 }), (setting, extra) => {
      const value = Math.min(setting.max ?? Number.MAX_SAFE_INTEGER, (setting.min ?? 0) + extra);
      assert.deepEqual(readValue(setting, inUnits(setting, value)), { ok: true, value });
    }),
  );
});

test("the reference in docs/ is what the code says", () => {
  for (const [file, text] of Object.entries(referenceTexts(buildProgram()))) {
    const page = readFileSync(join(ROOT, "docs", file), "utf8");
    assert.equal(page, replaceGenerated(page, text), `docs/${file} is out of date: rollcall reference docs`);
  }
});

test("the link between nodes takes a key or a file of keys, and an address with or without a port", (t) => {
  const file = join(temporaryDirectory(t), "link.key");
  writeFileSync(file, `${"a".repeat(32)}\n\n  ${"b".repeat(40)}\n`);
  const linkOf = (flags: Record<string, unknown>) => good({ flags }).link;
  assert.deepEqual(linkOf({}), { host: "", port: 7072, keys: [] });
  assert.deepEqual(linkOf({ "link-key": file }).keys, ["a".repeat(32), "b".repeat(40)]);
  assert.deepEqual(linkOf({ "link-key": "c".repeat(32) }).keys, ["c".repeat(32)]);
  assert.deepEqual(linkOf({ "link-address": "n1:1" }).address, { host: "n1", port: 1 });
  assert.deepEqual(linkOf({ "link-address": "[::1]:1" }).address, { host: "::1", port: 1 });
  assert.deepEqual(linkOf({ "link-address": "::1" }).address, { host: "::1" });
  for (const [flag, given, why] of [
    ["link-key", "secret", /32 characters/],
    ["link-key", "/none/of/these/files/is/there.key", /link\.key: the file cannot be read/],
    ["link-address", "a:b", /no host with or without a port/],
    ["link-address", "a:70000", /no host with or without a port/],
  ] as const) {
    const found = problems({ flags: { [flag]: given } });
    assert.match(found.join("\n"), why);
    assert.ok(!found.join("\n").includes("secret"), "a key is not shown");
  }
});

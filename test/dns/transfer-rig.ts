/** What tests of transfers and updates share: keys, real secondaries, and the programs that ask them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { requirePackage } from "../harness/packages.ts";
import type { Program } from "../harness/process.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
import { type PeerScope, startPeer, unboundServer, writeConfig } from "../peers-rig.ts";
import { type DnsRig, startDns } from "./rig.ts";

export const NAMED = requirePackage("bind9", "named");
export const UNBOUND = requirePackage("unbound", "unbound");
export const NSD = requirePackage("nsd", "nsd");
export const KNOT = requirePackage("knot", "knotd");
export const PDNS = requirePackage("pdns-server", "pdns_server");
export const PDNSUTIL = requirePackage("pdns-server", "pdnsutil");
export const DIG = requirePackage("bind9-dnsutils", "dig");
export const KDIG = requirePackage("knot-dnsutils", "kdig");
export const NSUPDATE = requirePackage("bind9-dnsutils", "nsupdate");

/** A key as the settings have it. */
export interface Key {
  readonly name: string;
  readonly algorithm: string;
  readonly secret: string;
  readonly account?: string;
  readonly role?: string;
}

function toKey(name: string, more: Partial<Key> = {}): Key {
  // Anything of 32 bytes, another one for each name.
  const secret = Buffer.from(name.padEnd(32, "~")).toString("base64");
  return { name, algorithm: "hmac-sha256", secret, ...more };
}

export const KEYS = {
  transfer: toKey("transfer.key", { account: "default", role: "reader" }),
  strong: toKey("strong.key", { account: "default", role: "reader", algorithm: "hmac-sha512" }),
  writer: toKey("writer.key", { account: "default", role: "writer" }),
  admin: toKey("admin.key", { role: "admin" }),
  shop: toKey("shop.key", { account: "shop", role: "writer" }),
};

/** `algorithm:name:secret`, as `-y` of dig and nsupdate take it. */
export function showKey({ algorithm, name, secret }: Key): string {
  return `${algorithm}:${name}:${secret}`;
}

export function startKeyed(
  scope: Scope,
  settings: Readonly<Record<string, unknown>> = {},
  flags: readonly string[] = [],
): Promise<DnsRig> {
  return startDns(scope, { settings: { keys: Object.values(KEYS), ...settings }, flags });
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, feeding it this input. */
export function run(path: string, args: readonly string[], input = ""): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(path, args, { timeout: 20_000, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
    // It may have ended before it was fed.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** The records that dig gets, one a line, blanks made one. */
export async function dig(port: number, ...args: readonly string[]): Promise<string[]> {
  const common = ["@127.0.0.1", "-p", String(port), "+time=30", "+tries=2", "+noall", "+answer"];
  const { code, stdout, stderr } = await run(DIG.path, [...common, ...args]);
  assert.equal(code, 0, `dig ${args.join(" ")}: ${stdout} ${stderr}`);
  return toLines(stdout);
}

/** The same without SOA records and sorted: zones compare by it. */
export async function digZone(port: number, zone: string, ...args: readonly string[]): Promise<string[]> {
  const lines = await dig(port, zone, "AXFR", ...args);
  return lines.filter((line) => !/ IN SOA /.test(line)).sort();
}

export function toLines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim().replace(/\s+/g, " "))
    .filter((line) => line !== "" && !line.startsWith(";"));
}

/** One update by nsupdate: its exit code, and what it says of a refusal. */
export async function nsupdate(port: number, key: Key | undefined, lines: readonly string[]): Promise<Ended> {
  const script = [`server 127.0.0.1 ${port}`, ...lines, "send", "quit", ""].join("\n");
  const signed = key === undefined ? [] : ["-y", showKey(key)];
  return run(NSUPDATE.path, ["-t", "60", ...signed], script);
}

/** A real server that has the zone by transfer. */
export interface Secondary {
  readonly port: number;
  readonly program: Program;
  /** All that it has printed. */
  output(): string;
}

function toSecondary(port: number, program: Program): Secondary {
  return { port, program, output: () => `${program.lines.join("\n")}\n${program.stderr()}` };
}

function toStatement(key: Key | undefined): string {
  return key === undefined ? "" : `key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };`;
}

interface NamedOptions {
  readonly port: number;
  readonly key?: Pick<Key, "name" | "algorithm" | "secret">;
  /** Where the key's statement stands already. */
  readonly keyFile?: string;
  readonly zone?: string;
  /** Where it looks for the primary. It takes NOTIFY from there without a key too, whatever `allow-notify` says. */
  readonly host?: string;
  /** Whether NOTIFY from elsewhere has to be signed by the key; nobody's is taken otherwise. */
  readonly notifyKey?: boolean;
}

/** BIND. `port` is given when it has to be known before, for NOTIFY. */
export async function startNamedSecondary(
  scope: PeerScope,
  primary: number,
  options: NamedOptions,
): Promise<Secondary> {
  const { port, key, keyFile, zone = "rollcall", host = "127.0.0.1" } = options;
  const folder = temporaryDirectory(scope, "named-data");
  const signed = key === undefined ? "" : ` key "${key.name}"`;
  const keyBlock = keyFile === undefined ? toStatement(key) : `include "${keyFile}";`;
  const notify = options.notifyKey === true ? ` allow-notify { key "${key?.name}"; };` : "";
  const { file } = writeConfig(
    scope,
    "named",
    `${keyBlock}
options {
  directory "${folder}";
  port ${port};
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  notify no;
  allow-transfer { any; };
  masterfile-format text;
};
controls { };
zone "${zone}" { type secondary; file "zone.db"; primaries { ${host} port ${primary}${signed}; };${notify} };
`,
  );
  const program = await startPeer(scope, { path: NAMED.path, args: ["-g", "-n", "1", "-c", file], port });
  return toSecondary(port, program);
}

/** Unbound with an authority zone (RFC 8806). It knows no TSIG. */
export async function startUnboundSecondary(
  scope: PeerScope,
  primary: number,
  options: { readonly port: number },
): Promise<Secondary> {
  const { port } = options;
  const { file } = writeConfig(
    scope,
    "unbound",
    `${unboundServer(port)}
  verbosity: 4
  module-config: "iterator"
auth-zone:
  name: "rollcall."
  primary: 127.0.0.1@${primary}
  allow-notify: 127.0.0.1
  for-downstream: yes
  for-upstream: yes
`,
  );
  const program = await startPeer(scope, { path: UNBOUND.path, args: ["-d", "-c", file], port });
  return toSecondary(port, program);
}

interface KeyedOptions {
  readonly port: number;
  readonly key: Key;
  /** Whether NOTIFY has to be signed by the key. */
  readonly notifyKey?: boolean;
}

/** NSD. */
export async function startNsdSecondary(scope: PeerScope, primary: number, options: KeyedOptions): Promise<Secondary> {
  const { port, key, notifyKey = false } = options;
  const folder = temporaryDirectory(scope, "nsd-data");
  const { file } = writeConfig(
    scope,
    "nsd",
    `server:
  ip-address: 127.0.0.1@${port}
  port: ${port}
  username: ""
  chroot: ""
  zonesdir: "${folder}"
  zonelistfile: "${join(folder, "zone.list")}"
  xfrdfile: "${join(folder, "xfrd.state")}"
  xfrdir: "${folder}"
  pidfile: ""
  database: ""
  verbosity: 3
  server-count: 1
  xfrd-reload-timeout: 0
  debug-mode: yes
remote-control:
  control-enable: no
key:
  name: "${key.name}"
  algorithm: ${key.algorithm}
  secret: "${key.secret}"
zone:
  name: "rollcall"
  zonefile: "rollcall.zone"
  request-xfr: 127.0.0.1@${primary} ${key.name}
  allow-notify: 127.0.0.1 ${notifyKey ? key.name : "NOKEY"}
  provide-xfr: 127.0.0.1 NOKEY
`,
  );
  const program = await startPeer(scope, { path: NSD.path, args: ["-d", "-c", file], port });
  return toSecondary(port, program);
}

/** Knot DNS. */
export async function startKnotSecondary(scope: PeerScope, primary: number, options: KeyedOptions): Promise<Secondary> {
  const { port, key, notifyKey = false } = options;
  const folder = temporaryDirectory(scope, "knot-data");
  mkdirSync(join(folder, "run"));
  const { file } = writeConfig(
    scope,
    "knot",
    `server:
  rundir: "${join(folder, "run")}"
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "${folder}"
log:
  - target: stdout
    any: debug
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
remote:
  - id: primary
    address: 127.0.0.1@${primary}
    key: ${key.name}
acl:
  - id: notify
    address: 127.0.0.1
    action: notify${notifyKey ? `\n    key: ${key.name}` : ""}
  - id: transfer
    address: 127.0.0.1
    action: transfer
zone:
  - domain: rollcall
    storage: "${folder}"
    master: primary
    acl: [notify, transfer]
`,
  );
  const program = await startPeer(scope, { path: KNOT.path, args: ["-c", file], port });
  return toSecondary(port, program);
}

/** PowerDNS, with its backend that needs no database. By itself it takes whole zones alone. */
export async function startPdnsSecondary(
  scope: PeerScope,
  primary: number,
  options: { readonly port: number; readonly key: Key },
): Promise<Secondary> {
  const { port, key } = options;
  const data = temporaryDirectory(scope, "pdns-data");
  const { folder } = writeConfig(
    scope,
    "pdns",
    `launch=lmdb
lmdb-filename=${join(data, "pdns.lmdb")}
lmdb-shards=1
secondary=yes
local-address=127.0.0.1
local-port=${port}
socket-dir=${data}
security-poll-suffix=
disable-syslog=yes
loglevel=7
setuid=
setgid=
`,
  );
  const settle = async (...args: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await run(PDNSUTIL.path, [`--config-dir=${folder}`, ...args]);
    assert.equal(code, 0, `pdnsutil ${args.join(" ")}: ${stdout} ${stderr}`);
  };
  await settle("create-secondary-zone", "rollcall", `127.0.0.1:${primary}`);
  await settle("import-tsig-key", key.name, key.algorithm, key.secret);
  await settle("activate-tsig-key", "rollcall", key.name, "secondary");
  const args = [`--config-dir=${folder}`, "--daemon=no", "--guardian=no"];
  const program = await startPeer(scope, { path: PDNS.path, args, port });
  return toSecondary(port, program);
}

/**
 * Real programs as peers: each is started from Debian's package on a free port, in a temporary directory and in the
 * foreground, and ended by its process. What it printed is shown when the test fails.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freePort } from "./harness/ports.ts";
import { cleanEnvironment, type Program, startProcess } from "./harness/process.ts";
import { request } from "./harness/requests.ts";
import { ROOT } from "./harness/root.ts";
import { type Scope, temporaryDirectory, until } from "./harness/scope.ts";

/** A test's context; `passed` is there when its end is cleaned up. */
export interface PeerScope extends Scope {
  readonly passed?: boolean;
}

/** So much of the end of what a peer printed is shown. */
const OUTPUT_MAX = 10_000;

export interface Peer {
  readonly port: number;
  readonly program: Program;
}

export interface PeerSpec {
  readonly path: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it listens by TCP, when this is how it tells that it is ready. */
  readonly port?: number;
  readonly isReady?: () => boolean | Promise<boolean>;
}

/** Starts a program and waits until it can be asked; fails with its output when it ends before. */
export async function startPeer(scope: PeerScope, spec: PeerSpec): Promise<Program> {
  const program = startProcess(scope, spec.path, spec.args, {
    env: cleanEnvironment(spec.env),
    cwd: temporaryDirectory(scope, "peer"),
  });
  const output = () => `--- ${[spec.path, ...spec.args].join(" ")}\n${program.lines.join("\n")}\n${program.stderr()}`;
  scope.after(() => {
    if (scope.passed === false) console.log(output().slice(-OUTPUT_MAX));
  });
  const isReady = spec.isReady ?? (() => canConnect(spec.port ?? 0));
  await until(async () => program.gone !== undefined || (await isReady()), { what: `${spec.path} to be ready` });
  if (program.gone !== undefined) throw new Error(`it ended with ${JSON.stringify(program.gone)}\n${output()}`);
  return program;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** The block below a heading of the dialect's page, with each of these texts replaced: what users paste is what is tested. */
export function readExample(heading: string, replace: Readonly<Record<string, string>> = {}): string {
  const page = readFileSync(join(ROOT, "packages/registry/src/dialects/dns/README.md"), "utf8");
  const block = new RegExp(
    `^### ${heading.replaceAll(".", "\\.")}\\n[^#]*?^\`\`\`\\w*\\n([\\s\\S]*?)^\`\`\`$`,
    "m",
  ).exec(page)?.[1];
  if (block === undefined) throw new Error(`there is no example below ${heading}`);
  let example = block;
  for (const [from, to] of Object.entries(replace)) {
    if (!example.includes(from)) throw new Error(`the example of ${heading} has no ${from}`);
    example = example.replaceAll(from, to);
  }
  return example;
}

/** Writes a program's configuration into a directory of its own. */
export function writeConfig(
  scope: Scope,
  name: string,
  lines: string,
): { readonly file: string; readonly folder: string } {
  const folder = temporaryDirectory(scope, name);
  const file = join(folder, `${name}.conf`);
  writeFileSync(file, lines);
  return { file, folder };
}

/** An HTTP server that answers with its name, on a port of 127.0.0.1. */
export async function startBackend(scope: Scope, name: string): Promise<number> {
  const server = createServer((_incoming: IncomingMessage, response) => response.end(name));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Asks a web server so often, each time on a new connection; how often each backend answered. */
export async function countAnswers(url: string, times: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let asked = 0; asked < times; asked++) {
    const answer = await request(`${url}/`);
    const name = answer.status === 200 ? answer.text : String(answer.status);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** What every unbound here is told; more lines for `server:` may follow. */
export function unboundServer(port: number): string {
  return `remote-control:
    control-enable: no
server:
    interface: 127.0.0.1@${port}
    port: ${port}
    do-daemonize: no
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
`;
}

/** unbound as a caching resolver, with these lines in its configuration. */
export async function startUnbound(scope: PeerScope, path: string, example: string): Promise<Peer> {
  const port = await freePort();
  const own = `${unboundServer(port)}
    verbosity: 2
    log-queries: yes
`;
  const { file } = writeConfig(scope, "unbound", `${own}${example}`);
  return { port, program: await startPeer(scope, { path, args: ["-d", "-c", file], port }) };
}

/** Of the root's key of 2017: BIND validates all but the names it is told not to. */
const ROOT_DIGEST = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";

/** BIND, as a resolver or a secondary. `remotePort` is where it looks for the servers of static-stub zones. */
export async function startNamed(
  scope: PeerScope,
  path: string,
  example: string,
  ports: { readonly port?: number; readonly remotePort?: number } = {},
): Promise<Peer> {
  const { port = await freePort(), remotePort = 53 } = ports;
  const folder = temporaryDirectory(scope, "named");
  const own = `options {
    directory "${folder}";
    port ${remotePort};
    listen-on port ${port} { 127.0.0.1; };
    listen-on-v6 { none; };
    pid-file none;
    session-keyfile none;
    recursion yes;
    dnssec-validation yes;
    validate-except { "rollcall"; "10.in-addr.arpa"; };
    empty-zones-enable no;
};
trust-anchors { . static-ds 20326 8 2 "${ROOT_DIGEST}"; };
controls { };
`;
  const { file } = writeConfig(scope, "named", `${own}${example}`);
  return { port, program: await startPeer(scope, { path, args: ["-g", "-n", "1", "-c", file], port }) };
}

/** dnsmasq with these lines in its configuration. */
export async function startDnsmasq(scope: PeerScope, path: string, example: string): Promise<Peer> {
  const port = await freePort();
  const own = `port=${port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
log-queries
stop-dns-rebind
`;
  const { file } = writeConfig(scope, "dnsmasq", `${own}${example}`);
  // Otherwise it would become another user, who may not read the file.
  const user = process.getuid?.() === 0 ? ["--user=root", "--group=root"] : [];
  const args = ["--keep-in-foreground", `--conf-file=${file}`, "--log-facility=-", "--pid-file=", ...user];
  return { port, program: await startPeer(scope, { path, args, port }) };
}

/** A server of HAProxy's as `show servers state` has it. */
export interface HaproxyServer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
}

export interface Haproxy {
  /** Of the frontend, without a slash at the end. */
  readonly url: string;
  /** One command on the stats socket. */
  tell(command: string): Promise<string>;
  /** The servers of a backend that have an address. */
  servers(backend: string): Promise<readonly HaproxyServer[]>;
}

/** HAProxy with a frontend for the first of these backends. */
export async function startHaproxy(scope: PeerScope, path: string, backend: string, example: string): Promise<Haproxy> {
  const { folder, file } = writeConfig(scope, "haproxy", "");
  const socket = join(folder, "stats");
  const port = await freePort();
  const own = `global
    stats socket ${socket} level admin
    log stderr format raw local0 notice
defaults
    mode http
    log global
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend all
    bind 127.0.0.1:${port}
    default_backend ${backend}
`;
  writeFileSync(file, `${own}${example}`);
  await startPeer(scope, { path, args: ["-db", "-f", file], port });
  const tell: Haproxy["tell"] = async (command) => {
    const stats = connect(socket);
    await once(stats, "connect");
    stats.end(`${command}\n`);
    return text(stats);
  };
  return {
    url: `http://127.0.0.1:${port}`,
    tell,
    async servers(name) {
      const [, head = "", ...rows] = (await tell(`show servers state ${name}`)).trim().split("\n");
      const columns = head.replace(/^# /, "").split(" ");
      return rows
        .map((row) => {
          const cells = row.split(" ");
          const cell = (column: string) => cells[columns.indexOf(column)] ?? "";
          const numbers = { port: Number(cell("srv_port")), weight: Number(cell("srv_uweight")) };
          return { name: cell("srv_name"), address: cell("srv_addr"), ...numbers };
        })
        .filter(({ address }) => address !== "-" && address !== "0.0.0.0");
    },
  };
}

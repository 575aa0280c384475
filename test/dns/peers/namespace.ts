/**
 * A network of a test's own: a namespace where port 53 is free and where /etc/resolv.conf is what the test says. It
 * belongs to one process and goes when that and all that was started in it have ended, so nothing can be left over.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { requirePackage } from "../../harness/packages.ts";
import { type Program, startProcess } from "../../harness/process.ts";
import { PROGRAM } from "../../harness/program.ts";
import { temporaryDirectory, until } from "../../harness/scope.ts";
import { type PeerScope, startPeer } from "../../peers-rig.ts";
import { type Ran, runForOutput, runProgram } from "./lookup.ts";

const unshare = requirePackage("util-linux", "unshare");
const nsenter = requirePackage("util-linux", "nsenter");

/** For root as it is; others become root of a user namespace, where the kernel lets them. */
const FLAGS = process.getuid?.() === 0 ? [] : ["--map-root-user"];
const ENTER = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
/** A loopback that glibc does not take for one: with nothing but loopback it asks for no family (AI_ADDRCONFIG). */
const SET_UP = "ip link set lo up && ip address add 10.99.0.1/32 dev lo && ip address add fd99::1/128 dev lo nodad";

/** Why there can be no namespace here; false when there can. Pass it to the test as `skip`. */
export function explainNoNamespace(): false | string {
  if (unshare.skip || nsenter.skip) return unshare.skip || nsenter.skip;
  const tried = spawnSync(unshare.path, [...FLAGS, "--net", "--mount", "sh", "-c", SET_UP], { encoding: "utf8" });
  if (tried.status === 0) return false;
  const why = tried.stderr?.trim() || String(tried.error?.message);
  return `needs a network namespace, which takes root or user namespaces: ${why}`;
}

export interface Entered {
  /** Path and arguments of a program as it is started in here. */
  enter(path: string, args: readonly string[]): { readonly path: string; readonly args: readonly string[] };
  /** Runs a program in here; what it prints. Rejects when it fails. */
  run(path: string, ...args: readonly string[]): Promise<string>;
  /** The same for one that may fail. */
  tryRun(path: string, ...args: readonly string[]): Promise<Ran>;
}

export interface Namespace extends Entered {
  /** Replaces /etc/resolv.conf. */
  setResolver(lines: string): void;
}

export async function openNamespace(scope: PeerScope, resolver: string): Promise<Namespace> {
  const folder = temporaryDirectory(scope, "namespace");
  const files = { "resolv.conf": resolver, "nsswitch.conf": "hosts: files dns\n", hosts: "127.0.0.1 localhost\n" };
  for (const [name, lines] of Object.entries(files)) writeFileSync(join(folder, name), lines);
  const mounts = Object.keys(files).map((name) => `mount --bind ${join(folder, name)} /etc/${name}`);
  const script = [SET_UP, ...mounts, "echo ready", "exec sleep 900"].join(" && ");
  const holder = startProcess(scope, unshare.path, [...FLAGS, "--net", "--mount", "sh", "-c", script]);
  await until(() => holder.gone !== undefined || holder.lines.includes("ready"), { what: "the namespace" });
  if (holder.gone !== undefined) throw new Error(`no namespace: ${holder.stderr()}`);
  const setResolver = (lines: string): void => writeFileSync(join(folder, "resolv.conf"), lines);
  return { ...toNamespace(holder.pid), setResolver };
}

/** Another machine at the other end of a wire, which both call `wire`; its ends have no addresses yet. */
export async function openNeighbour(scope: PeerScope, namespace: Entered): Promise<Entered> {
  const { path, args } = namespace.enter(unshare.path, ["--net", "sh", "-c", "echo ready && exec sleep 900"]);
  const holder = startProcess(scope, path, args);
  await until(() => holder.gone !== undefined || holder.lines.includes("ready"), { what: "the neighbour" });
  if (holder.gone !== undefined) throw new Error(`no neighbour: ${holder.stderr()}`);
  const neighbour = toNamespace(holder.pid);
  const wire = ["type", "veth", "peer", "name", "wire", "netns", String(holder.pid)];
  await namespace.run("ip", "link", "add", "wire", ...wire);
  for (const end of [namespace, neighbour]) await end.run("ip", "link", "set", "wire", "up");
  return neighbour;
}

function toNamespace(pid: number): Entered {
  const enter: Entered["enter"] = (path, args) => ({
    path: nsenter.path,
    args: ["--target", String(pid), ...ENTER, "--net", "--mount", "--", path, ...args],
  });
  return {
    enter,
    run(path, ...args) {
      const entered = enter(path, args);
      return runForOutput(entered.path, entered.args);
    },
    tryRun(path, ...args) {
      const entered = enter(path, args);
      return runProgram(entered.path, entered.args);
    },
  };
}

/** A registry in a namespace, with DNS on port 53; its native API is at `http://127.0.0.1:7070` in there. */
export interface Inside {
  readonly program: Program;
  register(service: string, id: string, body: object, account?: string): Promise<void>;
  deregister(service: string, id: string, account?: string): Promise<void>;
}

export async function startInside(
  scope: PeerScope,
  namespace: Namespace,
  settings: Readonly<Record<string, unknown>> = {},
  more: readonly string[] = [],
): Promise<Inside> {
  const folder = temporaryDirectory(scope, "inside");
  const file = join(folder, "rollcall.yaml");
  writeFileSync(file, JSON.stringify({ dialectSettings: { dns: settings } }));
  const flags = ["serve", "--config", file, "--data", join(folder, "data"), "--log-format", "json"];
  const ports = ["--dialects", "http,dns", "--dns-port", "53"];
  const entered = namespace.enter(process.execPath, [PROGRAM, ...flags, ...ports, ...more]);
  const isReady = async () => (await namespace.tryRun("curl", "-sf", "http://127.0.0.1:7070/readyz")).code === 0;
  const program = await startPeer(scope, { ...entered, isReady });
  const call = async (method: string, account: string, service: string, id: string, body: string): Promise<void> => {
    const url = `http://127.0.0.1:7070/v2/${account}/services/${service}/instances/${id}`;
    const json = ["-H", "content-type: application/json", "-d", body];
    await namespace.run("curl", "-sS", "--fail-with-body", "-X", method, ...(body === "" ? [] : json), url);
  };
  return {
    program,
    register: (service, id, body, account = "default") => call("PUT", account, service, id, JSON.stringify(body)),
    deregister: (service, id, account = "default") => call("DELETE", account, service, id, ""),
  };
}

/**
 * Consul, built once from its Go module (ROLLCALL_CONSUL names one that is there already), with its own defaults; and
 * Rollcall for the same clients.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Child, findPort, runProgram } from "../host/child.ts";
import { askOnce } from "../load/clients/http1.ts";
import type { Side } from "../row.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";

/** The last one under the MPL that its users are on. */
const VERSION = "1.14.11";
const ROOT = join(import.meta.dirname, "..", "..");
const MODULE = join(ROOT, "test/interop/go/consul");
const CACHE = join(ROOT, ".cache/go");
const BUILT = join(CACHE, "built", `consul-${VERSION}`);
const BUILD_MS_MAX = 900_000;

let building: Promise<void> | undefined;

async function build(): Promise<void> {
  mkdirSync(dirname(BUILT), { recursive: true });
  const target = `${BUILT}.${process.pid}`;
  const settings = [
    `GOMODCACHE=${join(CACHE, "modules")}`,
    `GOCACHE=${join(CACHE, "build")}`,
    "CGO_ENABLED=0",
    "GOFLAGS=-mod=readonly -modcacherw -buildvcs=false",
    "GOWORK=off",
  ];
  const command = ["go", "build", "-C", MODULE, "-trimpath", "-o", target, "."];
  await runProgram("go", "env", [...settings, ...command], BUILD_MS_MAX);
  renameSync(target, BUILT);
}

/** The program that is there already, or the one that is built here. */
async function findProgram(): Promise<string> {
  const given = process.env.ROLLCALL_CONSUL;
  if (given !== undefined) return given;
  if (!existsSync(BUILT)) {
    building ??= build();
    await building;
  }
  return BUILT;
}

/** `services`: those that the agents have from the start, as their configuration has them. */
export async function spawnConsul(size: number, services: readonly string[] = []): Promise<Peer[]> {
  const program = await findProgram();
  const servers: { readonly port: number; readonly rest: readonly number[] }[] = [];
  for (let nth = 0; nth < size; nth++) {
    const rest: number[] = [];
    for (let more = 0; more < 3; more++) rest.push(await findPort());
    servers.push({ port: await findPort(), rest });
  }
  const joins = servers.map(({ rest }) => `-retry-join=127.0.0.1:${rest[1]}`);
  return servers.map(({ port, rest: [server, serfLan, serfWan] }, nth) => {
    const dir = makeDir("consul");
    const ports = `ports { dns = -1, grpc = -1, grpc_tls = -1, server = ${server}, serf_lan = ${serfLan}, serf_wan = ${serfWan} }`;
    const file = join(dir, "services.json");
    writeFileSync(file, `{"services":[${services.join()}]}`);
    const child = new Child("consul", program, [
      ...["agent", "-server", `-bootstrap-expect=${size}`, `-node=c${nth}`, "-bind=127.0.0.1", "-log-level=error"],
      ...[
        `-data-dir=${dir}`,
        `-http-port=${port}`,
        `-hcl=${ports}`,
        `-config-file=${file}`,
        "-hcl=limits { http_max_conns_per_client = 5000 }",
      ],
      ...joins,
    ]);
    return { side: "consul", port, child, dir };
  });
}

const FULL_START_MS_MAX = 240_000;

export type ConsulSide = Extract<Side, "rollcall" | "consul">;

async function spawnOne(side: ConsulSide, services?: readonly string[]): Promise<Peer> {
  if (side === "consul") return (await spawnConsul(1, services))[0] as Peer;
  const [port, dir] = [await findPort(), makeDir(side)];
  const flags = ["--dialects", "http,consul", "--consul-port", String(port)];
  return { side, port, dir, child: spawnRollcall(dir, await findPort(), flags) };
}

/** Runs something against one fresh server that speaks Consul's HTTP API, once it takes writes; `services` are Consul's alone. */
export async function withConsul<T>(
  side: ConsulSide,
  use: (peer: Peer) => Promise<T>,
  services?: readonly string[],
): Promise<T> {
  return useServer(await spawnOne(side, services), async (peer) => {
    const takesWrites = async (): Promise<boolean> => {
      const answer = await askOnce(peer.port, "PUT", "/v1/kv/ready", "").catch(() => undefined);
      return answer?.status === 200;
    };
    // An agent looks at all services of its configuration before.
    await awaitAnswer(peer, "write", takesWrites, services === undefined ? undefined : FULL_START_MS_MAX);
    return use(peer);
  });
}

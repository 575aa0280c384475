/** Consul, built once from its Go module, with its own defaults; and Rollcall for the same clients. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
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

export async function spawnConsul(size: number): Promise<Peer[]> {
  if (!existsSync(BUILT)) {
    building ??= build();
    await building;
  }
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
    const child = new Child("consul", BUILT, [
      ...["agent", "-server", `-bootstrap-expect=${size}`, `-node=c${nth}`, "-bind=127.0.0.1", "-log-level=error"],
      ...[
        `-data-dir=${dir}`,
        `-http-port=${port}`,
        `-hcl=${ports}`,
        "-hcl=limits { http_max_conns_per_client = 5000 }",
      ],
      ...joins,
    ]);
    return { side: "consul", port, child, dir };
  });
}

export type ConsulSide = Extract<Side, "rollcall" | "consul">;

async function spawnOne(side: ConsulSide): Promise<Peer> {
  if (side === "consul") return (await spawnConsul(1))[0] as Peer;
  const [port, dir] = [await findPort(), makeDir(side)];
  const flags = ["--dialects", "http,consul", "--consul-port", String(port)];
  return { side, port, dir, child: spawnRollcall(dir, await findPort(), flags) };
}

/** Runs something against one fresh, empty server that speaks Consul's HTTP API, once it takes writes. */
export async function withConsul<T>(side: ConsulSide, use: (peer: Peer) => Promise<T>): Promise<T> {
  return useServer(await spawnOne(side), async (peer) => {
    await awaitAnswer(peer, "write", async () => {
      const answer = await askOnce(peer.port, "PUT", "/v1/kv/ready", "").catch(() => undefined);
      return answer?.status === 200;
    });
    return use(peer);
  });
}

/** The sides of the group `eureka`: Rollcall, a stock Spring Cloud Eureka server, and Node's HTTP server alone. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { runJob } from "../generators/driver.ts";
import type { Rate, Span } from "../generators/rate.ts";
import { Child, findPort } from "../host/child.ts";
import { type Accept, askOnce, connectHttp1, toRequest } from "../load/clients/http1.ts";
import { FETCH_PATH, NO_INSTANCE_PATH } from "../load/eureka/instances.ts";
import type { Effort, Side } from "../row.ts";
import { spawnEureka } from "./java.ts";
import { awaitAnswer, makeDir, type Peer, spawnRollcall, useServer } from "./server.ts";

export type EurekaSide = Extract<Side, "rollcall" | "eureka" | "node">;

export interface EurekaPeer extends Peer {
  side: EurekaSide;
}

export const FORMS = {
  json: { type: "application/json", encoding: "identity" },
  jsonGzip: { type: "application/json", encoding: "gzip" },
  xml: { type: "application/xml", encoding: "identity" },
  xmlGzip: { type: "application/xml", encoding: "gzip" },
} as const satisfies Record<string, Accept>;

export type FormName = keyof typeof FORMS;

/** A JVM is slow until it has compiled the code that runs often. */
const JVM_WARM_MS = 15_000;
const FILL_CONNECTIONS = 16;
const FILL_MS_MAX = 120_000;

async function spawnEurekaPeer(side: "rollcall" | "eureka"): Promise<EurekaPeer> {
  const port = await findPort();
  const dir = makeDir(side);
  if (side === "eureka") return { side, port, dir, child: await spawnEureka(port) };
  const flags = ["--dialects", "http,eureka", "--eureka-port", String(port)];
  return { side, port, dir, child: spawnRollcall(dir, await findPort(), flags) };
}

/** Registers the first instances. */
export async function fillEureka(peer: EurekaPeer, instances: number): Promise<void> {
  const job = { kind: "eureka-fill", port: peer.port, connections: FILL_CONNECTIONS, instances } as const;
  const filled = await runJob(job, FILL_MS_MAX);
  if (filled.errors > 0) throw new Error(`${filled.errors} of ${instances} instances were refused`);
}

/** Runs something against a fresh server with so many instances. Nothing is fetched before, so that no cache has it. */
export async function withEurekaPeer<T>(
  side: "rollcall" | "eureka",
  instances: number,
  use: (peer: EurekaPeer) => Promise<T>,
): Promise<T> {
  return useServer(await spawnEurekaPeer(side), async (peer) => {
    await awaitAnswer(peer, "read", async () => {
      const answer = await askOnce(peer.port, "GET", NO_INSTANCE_PATH).catch(() => undefined);
      return answer?.status === 404;
    });
    await fillEureka(peer, instances);
    return use(peer);
  });
}

/** Runs a load on a server of Java's until it is warm; the others are warm after the warm-up that all have. */
export async function warmUp(peer: EurekaPeer, effort: Effort, load: (span: Span) => Promise<Rate>): Promise<void> {
  const measureMs = effort.quick ? effort.measureMs : JVM_WARM_MS;
  if (peer.side === "eureka") await load({ warmMs: 0, measureMs });
}

/** Fetches everything in a form, and counts the instances. Answers the bytes as they came. */
export async function fetchAll(peer: EurekaPeer, form: Accept, instances: number): Promise<Buffer> {
  const connection = await connectHttp1(peer.port);
  try {
    const request = toRequest("GET", FETCH_PATH, undefined, form);
    const { status, body } = await connection.ask(request);
    if (status !== 200) throw new Error(`${peer.side} answers a fetch with ${status}`);
    const text = (form.encoding === "gzip" ? gunzipSync(body) : body).toString("utf8");
    const found = text.split(form.type === "application/json" ? '"instanceId":' : "<instanceId>").length - 1;
    if (found !== instances) throw new Error(`${peer.side} has ${found} of ${instances} instances in a fetch`);
    return body;
  } finally {
    connection.close();
  }
}

/** Writes answers of Rollcall's, each into a file that is named for its form. */
async function writeAnswers(dir: string, instances: number, forms: readonly FormName[]): Promise<string[]> {
  if (forms.length === 0) return [];
  return withEurekaPeer("rollcall", instances, async (peer) => {
    for (const form of forms) writeFileSync(join(dir, form), await fetchAll(peer, FORMS[form], instances));
    return forms.map((form) => join(dir, form));
  });
}

/** Runs something against Node's HTTP server with answers of Rollcall's, of so many instances, ready in memory. */
export async function withNodePeer<T>(
  instances: number,
  forms: readonly FormName[],
  use: (peer: EurekaPeer) => Promise<T>,
): Promise<T> {
  const dir = makeDir("node");
  const files = await writeAnswers(dir, instances, forms);
  const port = await findPort();
  const script = join(import.meta.dirname, "bare", "main.ts");
  const child = new Child("node", process.execPath, ["--import", "tsx", script, String(port), ...files]);
  return useServer({ side: "node", port, dir, child }, async (peer) => {
    await awaitAnswer(peer, "request", async () => {
      const answer = await askOnce(port, "GET", "/").catch(() => undefined);
      return answer?.status === 200;
    });
    return use(peer);
  });
}

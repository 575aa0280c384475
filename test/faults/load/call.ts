/** One HTTP request of a client that has to know what it does not know. */
import { Agent, request } from "node:http";
import type { Node } from "../cluster.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of which dialect; the native one when left out. */
  readonly dialect?: string;
  readonly timeoutMs?: number;
}

/** `status` 0: no answer came, and it may have been done; -1: it was never sent. */
export interface Told {
  readonly status: number;
  readonly text: string;
  readonly calledMs: number;
  readonly answeredMs: number;
}

/** Longer than a change waits for an etcd that does not answer. */
const TIMEOUT_MS = 13_000;
/** Nobody was there to take it. */
const UNSENT = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

export function call({ rollcall }: Node, asked: Asked): Promise<Told> {
  const calledMs = performance.now();
  const told = (status: number, text: string): Told => ({ status, text, calledMs, answeredMs: performance.now() });
  return new Promise((resolve) => {
    const { host, port } = rollcall.endpoints.find(({ dialect }) => dialect === (asked.dialect ?? "http")) ?? {};
    const outgoing = request(
      { host, port, path: asked.path, method: asked.method, agent, headers: { ...asked.headers } },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", (error) => resolve(told(0, error.message)));
        incoming.on("close", () => resolve(told(0, "cut off")));
        incoming.on("end", () => resolve(told(incoming.statusCode ?? 0, Buffer.concat(chunks).toString("utf8"))));
      },
    );
    const timer = setTimeout(() => outgoing.destroy(new Error("no answer in time")), asked.timeoutMs ?? TIMEOUT_MS);
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      resolve(told(UNSENT.has(error.code ?? "") ? -1 : 0, error.message));
    });
    outgoing.on("close", () => clearTimeout(timer));
    if (asked.body !== undefined) {
      outgoing.setHeader("content-length", Buffer.byteLength(asked.body));
      if (asked.headers?.["content-type"] === undefined) outgoing.setHeader("content-type", "application/json");
    }
    outgoing.end(asked.body);
  });
}

/** What is known of a change by the native API's answer to it. */
export type Fate = "done" | "not done" | "unknown";

export function fateOf({ status }: Pick<Told, "status">): Fate {
  if (status >= 200 && status < 300) return "done";
  return status === 0 || status === 504 ? "unknown" : "not done";
}

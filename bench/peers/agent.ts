/** Agents over a registry: each a program of its own, or many in the load's processes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Child, findPort } from "../host/child.ts";
import { askOnce } from "../load/clients/http1.ts";
import { awaitAnswer, makeDir, type Peer, PROGRAM } from "./server.ts";

const START_MS_MAX = 60_000;
const CROWD = join(import.meta.dirname, "..", "load", "agent", "crowd", "main.ts");
const BACKEND = join(import.meta.dirname, "..", "load", "agent", "backend", "main.ts");

/** `rollcall agent`, until it is ready; `files` by their flags, such as `synapse`. */
export async function startAgent(url: string, files: Readonly<Record<string, object>> = {}): Promise<Peer> {
  const [dir, port] = [makeDir("rollcall"), await findPort()];
  const flags = Object.entries(files).flatMap(([flag, content]) => {
    const path = join(dir, `${flag}.json`);
    writeFileSync(path, JSON.stringify(content));
    return [`--${flag}`, path];
  });
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ROLLCALL_")));
  const own = ["--data", join(dir, "data"), "--dialects", "http", "--http-port", String(port), "--log-format", "json"];
  const child = new Child("agent", process.execPath, [PROGRAM, "agent", "--url", url, ...own, ...flags], { env });
  const peer: Peer = { side: "rollcall", port, child, dir };
  const isReady = () => askOnce(port, "GET", "/readyz").then(({ status }) => status === 200);
  await awaitAnswer(peer, "readiness", () => isReady().catch(() => false));
  return peer;
}

/** Lines that a child says, each awaited by whoever needs it; what was said before counts. */
export class Spoken {
  readonly child: Child;
  readonly #said = new Set<string>();
  readonly #waiting = new Map<string, () => void>();

  constructor(child: Child) {
    this.child = child;
    if (child.process.stdout !== null)
      createInterface({ input: child.process.stdout }).on("line", (line) => {
        this.#said.add(line);
        this.#waiting.get(line)?.();
      });
  }

  async hear(line: string, msMax: number): Promise<void> {
    if (this.#said.has(line)) return;
    const heard = new Promise<true>((resolve) => this.#waiting.set(line, () => resolve(true)));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), msMax);
    });
    const isHeard = await Promise.race([heard, late, this.child.exited]);
    clearTimeout(timer);
    if (isHeard !== true) throw this.child.fail(`did not say ${line}`);
  }
}

/** Agents in one process, each with a watcher; it says `gone SERVICE` once all of them were told that its instance is gone. */
export async function startCrowd(url: string, agents: number): Promise<Spoken> {
  const given = ["--import", "tsx", CROWD, url, makeDir("rollcall"), String(agents)];
  const crowd = new Spoken(new Child("crowd", process.execPath, given));
  await crowd.hear("ready", START_MS_MAX + 2000 * agents);
  return crowd;
}

/** A server that answers with its name, and 200 to any path. */
export async function startBackend(name: string): Promise<{ readonly port: number; readonly child: Child }> {
  const port = await findPort();
  const backend = new Spoken(new Child("backend", process.execPath, ["--import", "tsx", BACKEND, name, String(port)]));
  await backend.hear("ready", START_MS_MAX);
  return { port, child: backend.child };
}

/**
 * More agents than a machine can run as programs: each is what `rollcall agent` opens, with a listener, a store and a
 * connection to the registry of its own, but all in this process. At each a watcher waits, over HTTP.
 */
import { join } from "node:path";
import { createClient } from "@rollcall/client";
import { loadServeConfig } from "../../../../packages/registry/src/bin/config/load.ts";
import { PORTS } from "../../../../packages/registry/src/bin/dialects.ts";
import { assemble } from "../../../../packages/registry/src/bin/house/assemble.ts";
import { createLog } from "../../../../packages/registry/src/bin/log/logger.ts";

const [url, dir = "", count] = process.argv.slice(2);
const AGENTS = Number(count);

async function startAgent(nth: number): Promise<string> {
  const loaded = loadServeConfig({
    ...{ flags: {}, env: {}, cwd: dir },
    settings: {
      ...{ replicator: "upstream", upstream: { urls: url }, data: join(dir, String(nth)), dialects: ["http"] },
      ...{ ports: Object.fromEntries(PORTS.map(({ name }) => [name, 0])), log: { level: "silent" } },
    },
  });
  if (!loaded.ok) throw new Error(loaded.problems.join("; "));
  const log = createLog("json", "silent", { lost: 0, write: () => true });
  const { endpoints } = await assemble(loaded.value, { log, linesLost: () => 0, onBroken() {}, onAnew() {} });
  const http = endpoints.find(({ dialect }) => dialect === "http");
  if (http === undefined) throw new Error("an agent listens nowhere");
  return `http://127.0.0.1:${http.port}`;
}

/** By service: how many agents do not show its instance any more. */
const gone = new Map<string, number>();

/** Resolves when the watcher is at the head; told of what goes until the end of the process. */
function watch(agent: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const read = async (): Promise<void> => {
      for await (const item of createClient({ url: agent }).watch({})) {
        if (item.kind === "ready") resolve();
        if (item.kind !== "commit") continue;
        for (const change of item.commit.changes)
          if (change.kind === "instance" && change.after === null) note(change.service);
      }
    };
    read().catch(reject);
  });
}

function note(service: string): void {
  const now = (gone.get(service) ?? 0) + 1;
  gone.set(service, now);
  if (now === AGENTS) process.stdout.write(`gone ${service}\n`);
}

for (let nth = 0; nth < AGENTS; nth++) await watch(await startAgent(nth));
process.stdout.write("ready\n");

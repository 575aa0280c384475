/**
 * @live One process a directory. The lock must be one that the kernel lets go when its holder dies, and that is seen from
 * other containers on the same volume, whatever their process ids; Node has no call for it. A listening socket has these
 * properties when its name is a file's: the kernel finds it by the file, not by the network's namespace, and refuses to
 * connect once the listener is gone. Names are used once, so that a dead one can be removed without a race.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, existsSync, openSync, readdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { sayWhy } from "../../../net/why.ts";
import { StoreRefused } from "../refused.ts";

/** Two that come at the same time see each other and both step back; they try again after different waits. */
const ATTEMPTS_MAX = 4;
const WAIT_MS_MAX = 120;

/** A socket listens from before it has this name. The number is its process. */
const LISTENING = /^owner\.(\d+)\.[0-9a-f]+\.sock$/;

/** Directories of this process. */
const owned = new Set<string>();

export interface Ownership {
  release(): Promise<void>;
}

/** Rejects with a sentence that names the other process. The directory exists. */
export async function takeOwnership(dataDir: string): Promise<Ownership> {
  const path = realpathSync(dataDir);
  if (owned.has(path)) throw new StoreRefused(`${dataDir} is in use already by this process`);
  owned.add(path);
  try {
    for (let attempt = 1; ; attempt++) {
      const result = await tryOnce(path);
      if (typeof result !== "number") return result;
      if (attempt >= ATTEMPTS_MAX) throw new StoreRefused(toSentence(dataDir, result));
      await delay(Math.random() * WAIT_MS_MAX);
    }
  } catch (error) {
    owned.delete(path);
    throw error;
  }
}

function toSentence(dataDir: string, pid: number): string {
  const where = pid === process.pid ? ` of another container` : "";
  return `${dataDir} is in use by process ${pid}${where}. One data directory serves one Rollcall: stop that process, or give another --data.`;
}

/** The ownership, or the process id of another. First it listens, then it looks: of two, the later one sees the other. */
async function tryOnce(path: string): Promise<Ownership | number> {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  // A socket's name has at most 107 bytes, and the path may be longer.
  const short = `/proc/self/fd/${directory}`;
  const at = existsSync(short) ? short : path;
  const name = `owner.${process.pid}.${randomBytes(6).toString("hex")}`;
  let server: Server | undefined;
  try {
    server = await listen(`${at}/${name}.new`, path);
    renameSync(`${path}/${name}.new`, `${path}/${name}.sock`);
    const other = await findOther(path, at, `${name}.sock`);
    if (other === null) return { release: () => release(path, name, server as Server) };
    await close(path, name, server);
    return other;
  } catch (error) {
    if (server !== undefined) await close(path, name, server);
    throw error;
  } finally {
    closeSync(directory);
  }
}

async function release(path: string, name: string, server: Server): Promise<void> {
  await close(path, name, server);
  owned.delete(path);
}

async function close(path: string, name: string, server: Server): Promise<void> {
  rmSync(`${path}/${name}.sock`, { force: true });
  await new Promise<void>((done) => server.close(() => done()));
}

function listen(file: string, path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error) => reject(new StoreRefused(`cannot take ${path} into use: ${sayWhy(error)}`)));
    server.listen(file, () => resolve(server));
    server.unref();
  });
}

/** The process of another listener; null when there is none. Removes those of dead ones. */
async function findOther(path: string, at: string, own: string): Promise<number | null> {
  for (const name of readdirSync(path)) {
    const pid = LISTENING.exec(name)?.[1];
    if (pid === undefined || name === own) continue;
    const code = await knock(`${at}/${name}`);
    if (code === "ECONNREFUSED") rmSync(`${path}/${name}`, { force: true });
    else if (code !== "ENOENT") return Number(pid);
  }
  return null;
}

/** What the kernel says to a connection; a stopped listener with a full queue is one too. */
function knock(file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(file);
    const end = (code: string | undefined): void => {
      socket.destroy();
      resolve(code);
    };
    socket.once("connect", () => end(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code));
  });
}

/**
 * Ports that stay free until they are used. What the system hands out by itself (port 0, the near end of each outgoing
 * connection) may be taken by another test at any moment, so a port that is named to a program comes from below that
 * range. Test files run side by side: each process holds the first port of a block, and gives out the others.
 */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

const HOST = "127.0.0.1";
const FIRST = 10_240;
const BLOCK_PORTS = 50;

interface Block {
  /** Its first port, listened on while this process lives. */
  readonly holder: Server;
  next: number;
  readonly end: number;
}

let block: Promise<Block> | undefined;

/** A port of 127.0.0.1, free for TCP and UDP, that no other test gets. */
export async function freePort(): Promise<number> {
  for (;;) {
    block ??= claimBlock();
    const claimed = block;
    const mine = await claimed;
    const port = mine.next++;
    if (port < mine.end) {
      if (await isFree(port)) return port;
    } else if (block === claimed) block = undefined;
  }
}

async function claimBlock(): Promise<Block> {
  const count = Math.floor((ephemeralStart() - FIRST) / BLOCK_PORTS);
  const start = Math.floor(Math.random() * count);
  for (let tried = 0; tried < count; tried++) {
    const first = FIRST + ((start + tried) % count) * BLOCK_PORTS;
    const holder = await listen(first);
    if (holder !== undefined) return { holder: holder.unref(), next: first + 1, end: first + BLOCK_PORTS };
  }
  throw new Error(`no block of ports between ${FIRST} and ${ephemeralStart()} is free`);
}

/** The first port that the system gives out by itself. */
function ephemeralStart(): number {
  try {
    const start = Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1"), 10);
    if (start >= FIRST + 20 * BLOCK_PORTS) return start;
  } catch {
    // Not Linux.
  }
  return 32_768;
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    socket.once("error", () => resolve(false));
    socket.bind(port, HOST, () => socket.close(() => resolve(true)));
  });
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, HOST, () => resolve(server));
  });
}

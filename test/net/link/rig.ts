/** Nodes with a link in this process, frames written by hand, and a relay between nodes that looks and meddles. */
import { connect, createServer, type Socket } from "node:net";
import { type Link, type LinkLimits, openLink } from "../../../packages/registry/src/net/link/link.ts";
import type { Peer } from "../../../packages/registry/src/net/link/peer.ts";
import type { Trust } from "../../../packages/registry/src/net/link/trust.ts";
import { type Scope, until } from "../../harness/scope.ts";

export const KEY = "a key for tests that is long enough.";
export const WITH_KEY: Trust = { keys: [KEY] };

export interface Node {
  readonly name: string;
  readonly link: Link;
  /** All that its link has logged. */
  readonly logged: string[];
}

export async function openNode(
  scope: Scope,
  name: string,
  options: { readonly trust?: Trust; readonly limits?: Partial<LinkLimits>; readonly port?: number } = {},
): Promise<Node> {
  const { trust = "loopback", limits = {}, port = 0 } = options;
  const logged: string[] = [];
  const write = (_fields: object, message: string): void => void logged.push(message);
  const log = { debug: write, info: write, warn: write, error: write };
  const link = await openLink({ name, host: "127.0.0.1", port, trust, log, limits });
  scope.after(() => link.close());
  return { name, link, logged };
}

/** Whom `from` dials at a port, without waiting. */
export function dial(from: Node, name: string, port: number, changed?: (isUp: boolean, why: string) => void): Peer {
  return from.link.dial({ name, host: "127.0.0.1", port, ...(changed === undefined ? {} : { changed }) });
}

/** The same, when it is reached. */
export async function reach(from: Node, to: Node, port = to.link.port): Promise<Peer> {
  const peer = dial(from, to.name, port);
  await until(() => peer.isUp, { what: `${from.name} reaches ${to.name}` });
  return peer;
}

/** Two nodes of which the first reaches the second. */
export async function openPair(scope: Scope, options: Parameters<typeof openNode>[2] = {}) {
  const a = await openNode(scope, "a", options);
  const b = await openNode(scope, "b", options);
  return { a, b, peer: await reach(a, b) };
}

export async function answerOf(peer: Peer, channel: string, text: string, timeoutMs = 10_000): Promise<string> {
  const answer = await peer.ask(channel, Buffer.from(text), timeoutMs);
  return answer.ok ? answer.value.toString() : `${answer.refusal}: ${answer.detail}`;
}

/** A frame, by the head of frames.ts. */
export function frame(kind: number, channel: number, number: number, payload: string | Buffer = ""): Buffer {
  const bytes = Buffer.from(payload as string);
  const head = Buffer.alloc(10);
  head.writeUInt32BE(bytes.length, 0);
  head.writeUInt8(kind, 4);
  head.writeUInt8(channel, 5);
  head.writeUInt32BE(number, 6);
  return Buffer.concat([head, bytes]);
}

export function hello(from: string, to: string, more: object = {}): Buffer {
  return frame(1, 0, 0, JSON.stringify({ link: 1, least: 1, from, to, ...more }));
}

export interface Raw {
  readonly socket: Socket;
  /** All bytes that came. */
  readonly came: () => Buffer;
  readonly isClosed: () => boolean;
}

/** A connection without any link behind it. */
export function openRaw(scope: Scope, port: number): Raw {
  const socket = connect({ host: "127.0.0.1", port });
  scope.after(() => void socket.destroy());
  return watchRaw(socket);
}

function watchRaw(socket: Socket): Raw {
  const chunks: Buffer[] = [];
  let isClosed = false;
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
  });
  return { socket, came: () => Buffer.concat(chunks), isClosed: () => isClosed };
}

/** Takes connections by hand. Answers the port. */
export async function openHost(scope: Scope, take: (raw: Raw) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    take(watchRaw(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.after(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as { port: number }).port;
}

/** Passes bytes on to a port; `pass` sees those of the one who connects, and says what goes on in their place. */
export function openRelay(scope: Scope, to: () => number, pass: (chunk: Buffer) => readonly Buffer[]): Promise<number> {
  return openHost(scope, ({ socket }) => {
    const onward = connect({ host: "127.0.0.1", port: to(), noDelay: true });
    scope.after(() => void onward.destroy());
    socket.on("data", (chunk: Buffer) => {
      for (const piece of pass(chunk)) onward.write(piece);
    });
    onward.on("data", (chunk) => socket.write(chunk));
    onward.on("error", () => socket.destroy());
    onward.on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
}

/** @live TCP streams with a limit on everything that a client could hold open. */
import { createServer, type Server, type Socket } from "node:net";
import { Outgoing } from "./answers/outgoing.ts";
import { Crowd, type CrowdLimits } from "./crowd.ts";
import { explainListen } from "./hosts/taken.ts";
import { type ListenerLog, SeldomLog } from "./log.ts";
import { isHttp, looksLikeTls } from "./tls/first-bytes.ts";

/**
 * Takes one connection. It reads from the socket by `data` and answers by `write`; the listener sees to idle and
 * stalled clients, to the number of connections, and to the end. What it throws ends the connection.
 */
export type StreamHandler = (socket: Socket, line: StreamLine) => StreamTalk | undefined;

/** What the listener is to be told of a connection. */
export interface StreamLine {
  /** Requests have their answers, up to so many bytes that were read. */
  used(bytesRead: number): void;
  /** Something was written: what the client does not take of it counts, and may be too much (answers/outgoing.ts). */
  wrote(): void;
}

/** What is spoken on a connection. */
export interface StreamTalk {
  /** A whole request is here that has no answer yet. */
  readonly isWorking: boolean;
}

export interface TcpLimits extends CrowdLimits {
  /** A connection that neither sends nor takes anything for so long is closed. */
  readonly idleTimeoutMs: number;
  /** Bytes of answers that may wait for a client; one that lets more pile up is cut off. */
  readonly unsentBytesMax: number;
  /** How long `close` waits for clients to take their answers. */
  readonly closeTimeoutMs: number;
}

export const TCP_LIMITS: TcpLimits = {
  connectionsMax: 10_000,
  connectionsPerAddressMax: 0,
  idleTimeoutMs: 30_000,
  unsentBytesMax: 16 * 1024 * 1024,
  closeTimeoutMs: 2000,
};

export interface TcpListener {
  readonly host: string;
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Stops listening, ends what is open after its answers are taken, cuts the rest. */
  close(): Promise<void>;
}

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Pick<ListenerLog, "warn" | "error">;
  readonly limits?: Partial<TcpLimits>;
  /** What waits for clients, of all listeners that share it; one of its own unless given. */
  readonly outgoing?: Outgoing;
}

/** Listens. Rejects with a sentence for people; `PortTaken` when another program has the port. */
export async function openTcpListener(options: TcpOptions, handler: StreamHandler): Promise<TcpListener> {
  const limits = { ...TCP_LIMITS, ...options.limits };
  const crowd = new Crowd(limits);
  const outgoing = options.outgoing ?? new Outgoing();
  const seldom = new SeldomLog(options.log);
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    // An error without a listener would end the process; the close that follows it tells all we need.
    socket.on("error", () => {});
    let talk: StreamTalk | undefined;
    const place = crowd.enter(socket, () => (talk?.isWorking ? "working" : "idle"));
    if (!place.ok) {
      socket.destroy();
      return;
    }
    guard(socket, limits);
    socket.once("data", (first) => tellOfOthers(first, socket, seldom));
    try {
      talk = handler(socket, {
        used: (bytesRead) => place.value.used(bytesRead),
        wrote: () => outgoing.settle(socket),
      });
    } catch (error) {
      options.log.error({ err: error }, "a connection's handler failed");
      socket.destroy();
    }
  });
  const port = await listen(server, options);
  return {
    host: options.host,
    port,
    get connections() {
      return crowd.size;
    },
    close: () => closeAll(server, crowd, limits.closeTimeoutMs),
  };
}

/** Idle connections end; one that sends and takes nothing of what it gets is cut off. */
function guard(socket: Socket, limits: TcpLimits): void {
  socket.setTimeout(limits.idleTimeoutMs, () => socket.destroy());
  socket.on("data", () => {
    if (socket.writableLength > limits.unsentBytesMax) socket.destroy();
  });
}

/** Such a client waits in vain: what it says is half a message here. */
function tellOfOthers(read: Buffer | string, { remoteAddress, localPort }: Socket, log: SeldomLog): void {
  // A handler may read text.
  const first = typeof read === "string" ? Buffer.from(read, "latin1") : read;
  const spoken = looksLikeTls(first) ? "TLS" : isHttp(first) ? "HTTP" : undefined;
  if (spoken !== undefined) log.warn(remoteAddress, `a client spoke ${spoken} on port ${localPort}, which knows none`);
}

/** Answers with the real port. Rejects with a sentence for people; `PortTaken` when another program has the port. */
export function listen(server: Server, options: Pick<TcpOptions, "host" | "port" | "log">): Promise<number> {
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(explainListen(error, host, port));
    server.once("error", failed);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off("error", failed);
      server.on("error", (error) => options.log.error({ err: error }, "listener failed"));
      const address = server.address();
      resolve(address !== null && typeof address === "object" ? address.port : port);
    });
  });
}

async function closeAll(server: Server, crowd: Crowd, timeoutMs: number): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of crowd.sockets) socket.end();
  const cut = setTimeout(() => {
    for (const socket of crowd.sockets) socket.destroy();
  }, timeoutMs);
  await ended;
  clearTimeout(cut);
}

/** A bare listener in this process, and sockets to misuse it with. */
import { connect, type Socket } from "node:net";
import {
  type HttpListenerOptions,
  type OpenHttpListener,
  openHttpListener,
} from "../../packages/registry/src/net/http/listener.ts";
import type { Reply } from "../../packages/registry/src/net/http/reply.ts";
import type { Request } from "../../packages/registry/src/net/http/request.ts";
import type { Outcome } from "../../packages/registry/src/outcome.ts";
import type { Scope } from "../harness/scope.ts";

export interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export interface NetRig {
  readonly listener: OpenHttpListener;
  readonly url: string;
  readonly logged: readonly Logged[];
}

export async function openListener(scope: Scope, options: Partial<HttpListenerOptions> = {}): Promise<NetRig> {
  const logged: Logged[] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      logged.push({ level, message, fields: fields as Record<string, unknown> });
    };
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const listener = await openHttpListener({ host: "127.0.0.1", port: 0, log, ...options });
  scope.after(() => listener.close());
  const url = `${listener.secure ? "https" : "http"}://127.0.0.1:${listener.port}`;
  return { listener, url, logged };
}

/** Serves all under a prefix alike: through node:http, as what streams, or by the short way where it is plain. */
export function serve(
  listener: OpenHttpListener,
  prefix: string,
  dialect: string,
  handle: (request: Request, reply: Reply) => void,
  way: "node" | "short" = "node",
): void {
  listener.mount(prefix, dialect, () => ({ streams: way === "node", serve: handle }));
}

export function readBody(request: Request, bytesMax: number): Promise<Outcome<Buffer>> {
  return new Promise((resolve) => request.takeBody(bytesMax, resolve));
}

/** A socket that remembers what came. */
export interface RawSocket {
  readonly socket: Socket;
  readonly text: () => string;
  readonly closed: Promise<string>;
  /** Resolves when what came has this in it. */
  until(pattern: RegExp): Promise<string>;
  write(bytes: string): void;
}

export function openSocket(scope: Scope, port: number): RawSocket {
  return watchSocket(scope, connect(port, "127.0.0.1"));
}

export function watchSocket(scope: Scope, socket: Socket): RawSocket {
  scope.after(() => {
    socket.destroy();
  });
  let text = "";
  const wake: (() => void)[] = [];
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    for (const look of wake.splice(0)) look();
  });
  const closed = new Promise<string>((resolve) => {
    socket.on("close", () => {
      resolve(text);
      for (const look of wake.splice(0)) look();
    });
  });
  // A reset is an end like any other; the test looks at what came before it.
  socket.on("error", () => {});
  return {
    socket,
    closed,
    text: () => text,
    async until(pattern) {
      while (!pattern.test(text)) {
        if (socket.destroyed) throw new Error(`closed before ${pattern}; came: ${JSON.stringify(text)}`);
        await new Promise<void>((resolve) => {
          wake.push(resolve);
        });
      }
      return text;
    },
    write: (bytes) => {
      socket.write(bytes, "latin1");
    },
  };
}

/** Resolves when the condition holds; the test's own timeout is the bound. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

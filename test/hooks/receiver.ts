/** A receiver of hooks: a real server that takes, refuses or hangs, and goes away and comes back on the same port. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { EventBody, HookPostBody } from "@rollcall/client";
import type { Scope } from "../harness/scope.ts";

export interface Post {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: HookPostBody;
  /** What was answered; undefined for none. */
  readonly status: number | undefined;
}

export interface Receiver {
  readonly port: number;
  readonly url: string;
  readonly posts: readonly Post[];
  /** The events that were taken, in order, told twice or not; */
  events(): readonly EventBody[];
  /** and their ids. */
  taken(): readonly string[];
  /** A status to answer with from now on; "hang" never answers. */
  behave(how: number | "hang"): void;
  close(): Promise<void>;
  open(): Promise<void>;
}

export async function startReceiver(scope: Scope): Promise<Receiver> {
  const posts: Post[] = [];
  let how: number | "hang" = 204;
  let server: Server;
  let port = 0;
  const open = async (): Promise<void> => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const status = how === "hang" ? undefined : how;
        posts.push({ path: String(request.url), headers: request.headers, text, body: JSON.parse(text), status });
        if (status !== undefined) response.writeHead(status).end("said");
      });
    });
    await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
    ({ port } = server.address() as AddressInfo);
  };
  const close = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  await open();
  scope.after(close);
  const events = (): readonly EventBody[] =>
    posts.flatMap(({ status, body }) => (status !== undefined && status < 300 ? body.events : []));
  return {
    port,
    url: `http://127.0.0.1:${port}/told`,
    posts,
    events,
    taken: () => events().map(({ id }) => id),
    behave: (next) => {
      how = next;
    },
    close,
    open,
  };
}

/** By Standard Webhooks, written apart from the program's. */
export function signatureOf(secret: string, { headers, text }: Post): string {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${text}`;
  return `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
}

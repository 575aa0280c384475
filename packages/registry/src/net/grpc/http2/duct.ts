/** One stream of HTTP/2, as calls of gRPC use it, whoever carries it. */
import type { Status } from "../status.ts";
import type { Line } from "./line.ts";

/** The fields of a request by their names, in lower case; those of pseudo-headers too. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export function isGrpc(headers: Headers): boolean {
  const type = headers["content-type"];
  return typeof type === "string" && type.startsWith("application/grpc");
}

/** How answers begin. */
export const HEAD: Readonly<Record<string, string>> = { ":status": "200", "content-type": "application/grpc" };

/** Who hears what the client sends. Calls come one after the other, none after `closed`. */
export interface Receiver {
  take(chunk: Buffer): void;
  /** The client says no more. */
  half(): void;
  /** The stream is over, and what was written is out or lost. */
  closed(): void;
}

export interface Duct {
  /** Whether the client is there to be told something. */
  readonly isOpen: boolean;
  /** Who hears the client, from now on. To be called once, as the stream begins. */
  listen(receiver: Receiver): void;
  /** Nothing more is handed over until `resume`. The client can send no more than its window allows. */
  pause(): void;
  resume(): void;
  /** The head, with the name of how messages are compressed. */
  begin(encoding: string | undefined): void;
  /** Behind the head. Calls when the client has taken it. */
  write(piece: Buffer, taken: () => void): void;
  /** The last piece, and the end. A client that would go on is stopped. */
  end(status: Status, piece?: Buffer): void;
  /** The end in place of a head; `:status` is one of the fields. */
  only(fields: Readonly<Record<string, string>>): void;
}

/** Who answers streams. */
export interface StreamServer {
  serve(duct: Duct, headers: Headers, line: Line): void;
  /** Ends what would go on for ever. */
  drain?(): void;
}

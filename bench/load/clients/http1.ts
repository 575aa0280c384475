/** An HTTP/1.1 client connection that does just enough: one request at a time, or an endless answer (SSE). */
import { connect as connectSocket, type Socket } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = Buffer.from("\r\n");

export interface Answer {
  status: number;
  /** The status line and the headers. */
  head: string;
  body: Buffer;
}

/** What a client takes. */
export interface Accept {
  type: string;
  encoding?: string;
}

/** A request's bytes. With a body it is JSON. */
export function toRequest(method: string, path: string, body?: Buffer | string, accept?: Accept): Buffer {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const lines = [`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1"];
  if (accept !== undefined) lines.push(`Accept: ${accept.type}`);
  if (accept?.encoding !== undefined) lines.push(`Accept-Encoding: ${accept.encoding}`);
  if (bytes !== undefined) lines.push("Content-Type: application/json", `Content-Length: ${bytes.length}`);
  else if (method !== "GET") lines.push("Content-Length: 0");
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  return bytes === undefined ? head : Buffer.concat([head, bytes]);
}

interface Head {
  text: string;
  status: number;
  bodyAt: number;
  length: number;
  chunked: boolean;
}

function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const text = bytes.toString("latin1", 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(text);
  return {
    text,
    status: Number(text.slice(9, 12)),
    bodyAt: end + 4,
    length: length === null ? 0 : Number(length[1]),
    chunked: /\r\ntransfer-encoding: *chunked/i.test(text),
  };
}

/** Takes the chunked coding (RFC 9112, section 7.1) off a stream of bytes. */
export class ChunkReader {
  #left = 0;
  #line = "";
  #state: "size" | "data" | "end" | "done" = "size";

  get done(): boolean {
    return this.#state === "done";
  }

  take(bytes: Buffer, onData: (piece: Buffer) => void): void {
    let at = 0;
    while (at < bytes.length && this.#state !== "done") {
      if (this.#state === "data") {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        onData(piece);
        if (this.#left === 0) this.#state = "end";
        continue;
      }
      const end = bytes.indexOf(10, at);
      this.#line += bytes.toString("latin1", at, end < 0 ? bytes.length : end + 1);
      if (end < 0) return;
      at = end + 1;
      this.#takeLine();
    }
  }

  #takeLine(): void {
    if (this.#state === "end") this.#state = "size";
    else {
      this.#left = Number.parseInt(this.#line, 16);
      // The last chunk has size 0; we read no trailers, so the empty line after it is all that is left.
      this.#state = this.#left === 0 ? "done" : "data";
    }
    this.#line = "";
  }
}

export class Http1Connection {
  readonly #socket: Socket;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #needed = 0;
  #done: ((answer: Answer) => void) | undefined;
  #onPiece: ((piece: Buffer) => void) | undefined;
  #onStatus: ((status: number) => void) | undefined;
  #chunks: ChunkReader | undefined;
  #lost: Error | undefined;
  /** Called once when the connection is lost although nobody closed it. */
  onLost: (error: Error) => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (piece: Buffer) => this.#take(piece));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the peer closed the connection")));
  }

  #end(error: Error): void {
    this.#lost ??= error;
    this.onLost(error);
  }

  /** Sends a ready request; the answer must have a length or be chunked. */
  call(request: Buffer, done: (answer: Answer) => void): void {
    this.#done = done;
    this.#socket.write(request);
  }

  ask(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // Nobody has asked before, or it ended between two questions.
      if (this.#lost !== undefined) return reject(this.#lost);
      this.onLost = reject;
      this.call(request, resolve);
    });
  }

  /** Sends a request whose answer does not end; its body comes in pieces, without the chunked coding. */
  follow(request: Buffer, onStatus: (status: number) => void, onPiece: (piece: Buffer) => void): void {
    this.#onStatus = onStatus;
    this.#onPiece = onPiece;
    this.#socket.write(request);
  }

  close(): void {
    this.onLost = () => {};
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    if (this.#onPiece !== undefined && this.#onStatus === undefined) {
      this.#takeFollowed(piece);
      return;
    }
    this.#parts.push(piece);
    this.#partsBytes += piece.length;
    if (this.#partsBytes < this.#needed) return;
    const bytes = this.#parts.length === 1 ? piece : Buffer.concat(this.#parts);
    this.#parts = [bytes];
    const head = readHead(bytes);
    if (head === undefined) return;
    if (this.#onStatus !== undefined) {
      if (head.chunked) this.#chunks = new ChunkReader();
      this.#onStatus(head.status);
      this.#onStatus = undefined;
      this.#takeFollowed(bytes.subarray(head.bodyAt));
      return;
    }
    if (head.chunked) {
      this.#takeChunked(bytes, head);
      return;
    }
    this.#needed = head.bodyAt + head.length;
    if (bytes.length >= this.#needed)
      this.#finish({ status: head.status, head: head.text, body: bytes.subarray(head.bodyAt) });
  }

  #takeChunked(bytes: Buffer, head: Head): void {
    const reader = new ChunkReader();
    const pieces: Buffer[] = [];
    reader.take(bytes.subarray(head.bodyAt), (piece) => pieces.push(piece));
    if (reader.done && bytes.subarray(-2).equals(LINE_END))
      this.#finish({ status: head.status, head: head.text, body: Buffer.concat(pieces) });
  }

  #takeFollowed(piece: Buffer): void {
    if (this.#chunks === undefined) this.#onPiece?.(piece);
    else this.#chunks.take(piece, (data) => this.#onPiece?.(data));
  }

  #finish(answer: Answer): void {
    this.#parts = [];
    this.#partsBytes = 0;
    this.#needed = 0;
    const done = this.#done;
    this.#done = undefined;
    done?.(answer);
  }
}

export function connectHttp1(port: number, host = "127.0.0.1"): Promise<Http1Connection> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ port, host, noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      resolve(new Http1Connection(socket));
    });
  });
}

/** One request on a connection of its own. */
export async function askOnce(port: number, method: string, path: string, body?: Buffer | string): Promise<Answer> {
  const connection = await connectHttp1(port);
  try {
    return await connection.ask(toRequest(method, path, body));
  } finally {
    connection.close();
  }
}

const EVENT_END = Buffer.from("\n\n");

/** Cuts an SSE stream into events; each is the bytes of its lines. */
export class EventReader {
  #rest: Buffer | undefined;

  take(piece: Buffer, onEvent: (event: Buffer) => void): void {
    const bytes = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(EVENT_END, at);
      if (end < 0) break;
      onEvent(bytes.subarray(at, end));
      at = end + 2;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
  }
}

/** @live A request that came the short way: it lay whole in one piece of input. */
import type { Socket } from "node:net";
import { type Outcome, ok, refuse } from "../../../outcome.ts";
import { lingerOnClose } from "../linger.ts";
import { findHeader, type Request, tokenIn } from "../request.ts";
import type { Lines, Parsed } from "./parse.ts";

export class PlainRequest implements Request {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly token: Outcome<string | undefined>;
  /** The body is refused: the answer is the connection's last. */
  bodyRefused = false;
  account = "";
  who = "";
  readonly #socket: Socket;
  readonly #body: Buffer;
  readonly #lines: Lines;

  constructor(socket: Socket, parsed: Parsed, body: Buffer) {
    const { url } = parsed;
    const mark = url.indexOf("?");
    this.method = parsed.method;
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.search = mark < 0 ? "" : url.slice(mark + 1);
    this.token = tokenIn(parsed.lines.authorization, parsed.lines.authToken);
    this.#socket = socket;
    this.#body = body;
    this.#lines = parsed.lines;
  }

  get rawHeaders(): readonly string[] {
    return this.#lines.raw;
  }

  get bodyBytes(): number {
    return this.#body.length;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  header(lower: string): string | undefined {
    return findHeader(this.rawHeaders, lower);
  }

  takeBody(bytesMax: number, done: (body: Outcome<Buffer>) => void): void {
    if (this.#body.length <= bytesMax) return done(ok(this.#body));
    this.bodyRefused = true;
    lingerOnClose(this.#socket);
    done(refuse("too-large", `the body is longer than ${bytesMax} bytes`));
  }
}

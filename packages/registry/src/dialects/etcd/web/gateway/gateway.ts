/** @live The methods of gRPC as JSON over HTTP/1.1, as etcd's gateway has them. */
import type { Both, Method, ServerStream, Talk, Unary } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import type { Handler } from "../../../../net/http/handler.ts";
import type { Reply, Streaming } from "../../../../net/http/reply.ts";
import type { Request } from "../../../../net/http/request.ts";
import { type Answer, answering, give, respond, toOptions } from "../../../../net/routes/answer.ts";
import type { Desk } from "../../desk.ts";
import { WebCall } from "../call.ts";
import { toText } from "../pages/texts.ts";
import { toError, toStreamError } from "./errors.ts";
import { METHODS_BY_PATH, PREFIXES } from "./paths.ts";
import { Lines } from "./stream.ts";
import { Translation } from "./translate.ts";
import { splitValues } from "./values.ts";

/** As many bytes as a message may have, in base64. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;
/** Messages of one stream. */
const MESSAGES_MAX = 10_000;

const NO_METHOD = toText(405, "Method Not Allowed\n");
const NO_PATH = toText(404, "Not Found\n");
const TOO_LARGE = new Status(CODES.invalidArgument, "etcdserver: request is too large");
const BROKEN = new Status(CODES.internal, "something went wrong; the server's log has it");

export class Gateway {
  readonly #desk: Desk;
  readonly #methods: ReadonlyMap<string, Method<Desk>>;
  readonly #translations = new Map<string, Translation>();

  constructor(desk: Desk, methods: readonly Method<Desk>[]) {
    this.#desk = desk;
    this.#methods = new Map(methods.map((method) => [method.path, method]));
  }

  find(method: string, path: string): Handler {
    const prefix = PREFIXES.find((one) => path.startsWith(one)) ?? "";
    const translation = this.#translation(METHODS_BY_PATH.get(path.slice(prefix.length)) ?? "");
    if (translation === undefined) return answering(NO_PATH);
    if (method === "OPTIONS") return answering(toOptions("POST, OPTIONS"));
    if (method !== "POST") return answering(NO_METHOD);
    if (translation.method.kind === "unary")
      return { streams: false, serve: (request, reply) => this.#serve(translation, request, reply) };
    return { streams: true, serve: (request, reply) => this.#serveStream(translation, request, reply) };
  }

  /** Made when it is first asked for, which the descriptors of all messages are needed for. */
  #translation(name: string): Translation | undefined {
    const known = this.#translations.get(name);
    const method = this.#methods.get(name);
    if (known !== undefined || method === undefined) return known;
    const made = new Translation(method);
    this.#translations.set(name, made);
    return made;
  }

  #serve(translation: Translation, request: Request, reply: Reply): void {
    request.takeBody(BODY_BYTES_MAX, (body) => {
      if (!body.ok) {
        if (body.refusal === "too-large") give(reply, toError(TOO_LARGE));
        return;
      }
      respond(
        reply,
        () => this.#ask(translation, new WebCall(request, reply, translation.method.path), body.value),
        (answer) => give(reply, answer),
        (error) => refused(translation, this.#statusOf(error, request)),
      );
    });
  }

  async #ask(translation: Translation, call: WebCall, body: Buffer): Promise<Answer> {
    const method = translation.method as Unary<Desk, unknown, unknown>;
    const answer = await method.handle(this.#desk, call, translation.read(body));
    if (answer instanceof Status) return refused(translation, answer);
    return { status: 200, head: { "Content-Type": "application/json" }, body: translation.write(answer) };
  }

  #statusOf(error: unknown, { path }: Request): Status {
    if (error instanceof Status) return error;
    this.#desk.log.error({ err: error, path }, "a request of etcd's gateway failed");
    return BROKEN;
  }

  #serveStream(translation: Translation, request: Request, reply: Streaming): void {
    request.takeBody(BODY_BYTES_MAX, (body) => {
      if (!body.ok) {
        if (body.refusal === "too-large") give(reply, toStreamError(TOO_LARGE));
        return;
      }
      const call = new WebCall(request, reply, translation.method.path);
      const { method } = translation;
      let closing: (() => void) | undefined;
      const lines = new Lines(translation, reply, () => {
        call.abort();
        closing?.();
      });
      const fail = (error: unknown): void => lines.end(this.#statusOf(error, request));
      try {
        if (method.kind === "both") {
          const talk = (method as Both<Desk, unknown, unknown>).open(this.#desk, call, lines);
          closing = () => talk.closed();
          tell(talk, translation, body.value, lines).catch(fail);
        } else if (method.kind === "server") {
          const { handle } = method as ServerStream<Desk, unknown, unknown>;
          closing = handle(this.#desk, call, translation.read(body.value), lines);
        }
      } catch (error) {
        fail(error);
      }
    });
  }
}

function refused({ streams }: Translation, status: Status): Answer {
  return streams ? toStreamError(status) : toError(status);
}

/** Each message of the body in its turn. */
async function tell(talk: Talk<unknown>, translation: Translation, body: Buffer, lines: Lines): Promise<void> {
  let count = 0;
  for (const value of splitValues(body)) {
    if (!lines.isOpen) return;
    if (count++ === MESSAGES_MAX) throw TOO_LARGE;
    await talk.message(translation.read(value));
  }
  if (count === 0) await talk.message(translation.read(body));
  if (lines.isOpen) talk.ended();
}

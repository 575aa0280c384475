/** @live `/v2/keys`: a request is read, let in, carried out and answered. */
import type { Account, Outcome, Role } from "../../../../core/index.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import type { Handler } from "../../../../net/http/handler.ts";
import { decodeSegment, parseQuery, type Query } from "../../../../net/http/query.ts";
import type { Reply, Streaming } from "../../../../net/http/reply.ts";
import type { Request } from "../../../../net/http/request.ts";
import { type Answer, answering, give, respond } from "../../../../net/routes/answer.ts";
import type { Desk } from "../../desk.ts";
import { admit } from "../../desk.ts";
import { WebCall } from "../call.ts";
import { notAllowed } from "../pages/texts.ts";
import { toError } from "./answers.ts";
import type { Failed } from "./errors.ts";
import { cleanPath } from "./path.ts";
import { read } from "./reads.ts";
import { Stats } from "./stats.ts";
import { KeyWatch } from "./watch.ts";
import { readWish, type Wish } from "./wish.ts";
import { write } from "./writes.ts";

const METHODS: ReadonlySet<string> = new Set(["GET", "PUT", "POST", "DELETE"]);
const ALLOWED = "HEAD, GET, PUT, POST, DELETE";
/** A value of a mebibyte may take three times that in a form. */
const FORM_BYTES_MAX = 4 * 1024 * 1024;
const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

export class KeysDoor {
  readonly stats = new Stats();
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** `tail`: what stands behind `/v2/keys`, as sent. */
  find(method: string, tail: string, search: string): Handler {
    if (!METHODS.has(method)) return answering(notAllowed(ALLOWED));
    if (method === "GET" && /(?:^|&)wait=/.test(search))
      return { streams: true, serve: (request, reply) => this.#serveWatch(tail, request, reply) };
    return { streams: false, serve: (request, reply) => this.#serve(tail, request, reply) };
  }

  #serve(tail: string, request: Request, reply: Reply): void {
    if (request.method === "GET" || request.method === "DELETE") return this.#carryOut(tail, request, reply, []);
    request.takeBody(FORM_BYTES_MAX, (body) => {
      if (!body.ok) {
        if (body.refusal === "too-large") give(reply, this.#refused({ code: 210, cause: "the body is too large" }));
        return;
      }
      const isForm = FORM.test(request.header("content-type") ?? "");
      const form = isForm ? parseQuery(body.value.toString("latin1")) : undefined;
      if (form?.ok === false) give(reply, this.#refused({ code: 210, cause: form.detail }));
      else this.#carryOut(tail, request, reply, form === undefined ? [] : [form.value]);
    });
  }

  #carryOut(tail: string, request: Request, reply: Reply, forms: readonly Query[]): void {
    const wish = this.#readWish(tail, request, forms);
    if (!wish.ok) return give(reply, this.#refused(wish));
    respond(
      reply,
      () => this.#answer(wish.value, new WebCall(request, reply, request.path)),
      (answer) => give(reply, answer),
      (error) => this.#broken(error, request),
    );
  }

  #readWish(tail: string, { method, search }: Request, forms: readonly Query[]): Outcome<Wish, Failed> {
    const path = decodeSegment(tail);
    if (!path.ok) return { ok: false, code: 210, cause: path.detail };
    const query = parseQuery(search);
    if (!query.ok) return { ok: false, code: 210, cause: query.detail };
    return readWish(method, cleanPath(path.value), [...forms, query.value]);
  }

  async #answer(wish: Wish, call: WebCall): Promise<Answer> {
    const isRead = wish.method === "GET";
    const account = await this.#enter(call, isRead ? "reader" : "writer");
    if (!account.ok) return this.#refused(account);
    if (!isRead) return write(this.#desk, account.value, wish, this.stats);
    const answer = await read(this.#desk, account.value, wish);
    this.stats.count("get", answer.status === 200);
    return answer;
  }

  async #enter(call: WebCall, need: Role): Promise<Outcome<Account, Failed>> {
    const admitted = await admit(this.#desk, call, need);
    if (!(admitted instanceof Status)) return { ok: true, value: admitted };
    const isBusy = admitted.code === CODES.resourceExhausted;
    return {
      ok: false,
      ...(isBusy ? { code: 300, cause: admitted.message } : { code: 110, cause: "Insufficient credentials" }),
    };
  }

  #serveWatch(tail: string, request: Request, reply: Streaming): void {
    const wish = this.#readWish(tail, request, []);
    if (!wish.ok) return give(reply, this.#refused(wish));
    if (!wish.value.waits) return this.#carryOut(tail, request, reply, []);
    const call = new WebCall(request, reply, request.path);
    this.#enter(call, "reader").then(
      (account) => {
        if (account.ok) this.#watch(account.value, wish.value, call, reply);
        else give(reply, this.#refused(account));
      },
      (error: unknown) => give(reply, this.#broken(error, request)),
    );
  }

  #watch(account: Account, wish: Wish, call: WebCall, reply: Streaming): void {
    const { lasting, metrics } = this.#desk;
    const count = (delta: 1 | -1): void => {
      this.stats.watchers += delta;
      metrics.watchers("etcd", delta);
    };
    const watch = new KeyWatch(this.#desk, account, wish, () => {
      count(-1);
      lasting.leave(watch);
    });
    count(1);
    lasting.enter(watch, call);
    watch.begin(reply);
    if (lasting.draining) watch.bye();
  }

  /** As the original has it, the index is 0 where nobody looked at any key. */
  #refused(failed: Failed): Answer {
    return toError(this.#desk, failed, 0);
  }

  #broken(error: unknown, { path }: Request): Answer {
    this.#desk.log.error({ err: error, path }, "a request of etcd's v2 failed");
    return this.#refused({ code: 300, cause: "something went wrong; the server's log has it" });
  }
}

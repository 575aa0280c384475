/** Requests that change something: each becomes an operation, and its outcome the answer. */
import type { Account } from "../../../core/index.ts";
import { parseQuery } from "../../../net/http/query.ts";
import type { Reply } from "../../../net/http/reply.ts";
import type { Request } from "../../../net/http/request.ts";
import type { Desk, Done, Operations, Origin } from "../desk.ts";
import { findFault } from "../instances/registration.ts";
import type { Spellings } from "../instances/spellings.ts";
import type { Target } from "../routes.ts";
import { readBatch, writeBatchAnswer } from "../wire/batch.ts";
import { readInstance } from "../wire/bodies.ts";
import { findStatus } from "../wire/info.ts";
import type { EurekaStatus } from "../wire/messages.ts";
import { answerDone, answerEmpty, answerFormat, answerText } from "./answer.ts";
import { carryOut } from "./batch.ts";
import { readTyped } from "./body.ts";
import { parameterOf, timeOf } from "./query.ts";

/** What may be registered is far smaller: see LIMITS. */
const REGISTRATION_BYTES_MAX = 512 * 1024;
/** A batch of the original has 250 lines. */
const BATCH_BYTES_MAX = 32 * 1024 * 1024;
const BATCH_LINES_MAX = 5000;

/** One request, let in. */
export interface Call {
  readonly request: Request;
  readonly response: Reply;
  readonly target: Target;
  readonly query: string;
  readonly account: Account;
}

const BARE: Parameters<Operations["heartbeat"]>[2] = {
  status: undefined,
  lastDirtyTimestamp: undefined,
  overriddenStatus: undefined,
};

export class Changes {
  readonly #desk: Desk;
  readonly #spellings: Spellings;

  constructor(desk: Desk, spellings: Spellings) {
    this.#desk = desk;
    this.#spellings = spellings;
  }

  /** POST /apps/APP */
  register(call: Call): void {
    const { request, response, target } = call;
    readTyped(request, REGISTRATION_BYTES_MAX, (body) => {
      if (!body.ok) return refuseBody(response, body.status);
      const read = readInstance(body.value.format, body.value.bytes);
      if (!read.ok) return answerText(response, 400, read.detail);
      const fault = findFault(read.value, target.name);
      if (fault !== undefined) return answerText(response, 400, fault);
      this.#answer(call, this.#desk.operations.register(read.value, target.name, originOf(call)));
    });
  }

  /** PUT /apps/APP/ID: by far the most frequent request. */
  beat(call: Call): void {
    const { response, target, query } = call;
    const origin = originOf(call);
    if (query === "") return this.#answer(call, this.#desk.operations.heartbeat(target.name, target.id, BARE, origin));
    const lastDirtyTimestamp = timeOf(query, "lastDirtyTimestamp");
    if (lastDirtyTimestamp === "wrong") return answerEmpty(response, 400);
    const said = {
      // What a client says here of its status counts for nothing, as in the original: it registers anew for that.
      status: undefined,
      lastDirtyTimestamp,
      overriddenStatus: origin.replicated ? toStatus(parameterOf(query, "overriddenstatus")) : undefined,
    };
    this.#answer(call, this.#desk.operations.heartbeat(target.name, target.id, said, origin));
  }

  /** DELETE /apps/APP/ID */
  cancel(call: Call): void {
    this.#answer(call, this.#desk.operations.cancel(call.target.name, call.target.id, originOf(call)));
  }

  /** PUT and DELETE /apps/APP/ID/status */
  override(call: Call, isRemoval: boolean): void {
    const { response, target, query } = call;
    const value = parameterOf(query, "value");
    const status = toStatus(value);
    const dirty = timeOf(query, "lastDirtyTimestamp");
    const isWrong = dirty === "wrong" || (status === undefined && !(isRemoval && value === undefined));
    // The original looks for the instance first, and fails at what it cannot read.
    if (isWrong) return answerEmpty(response, this.#isKnown(call) ? 500 : 404);
    const { operations } = this.#desk;
    const origin = originOf(call);
    if (isRemoval) this.#answer(call, operations.removeOverride(target.name, target.id, status, dirty, origin));
    else this.#answer(call, operations.override(target.name, target.id, status ?? "UNKNOWN", dirty, origin));
  }

  /** PUT /apps/APP/ID/metadata?key=value */
  metadata(call: Call): void {
    const { response, target } = call;
    const query = parseQuery(call.query);
    if (!query.ok) return answerText(response, 400, query.detail);
    const pairs: Record<string, string> = Object.create(null);
    for (const name of query.value.names()) pairs[name] = query.value.get(name) ?? "";
    this.#answer(call, this.#desk.operations.mergeMetadata(target.name, target.id, { ...pairs }, originOf(call)));
  }

  /** POST /peerreplication/batch/ */
  batch(call: Call): void {
    const { request, response, account } = call;
    readTyped(request, BATCH_BYTES_MAX, (body) => {
      if (!body.ok) return refuseBody(response, body.status);
      if (body.value.format !== "json") return answerEmpty(response, 415);
      const read = readBatch(body.value.bytes);
      if (!read.ok) return answerText(response, 400, read.detail);
      if (read.value.length > BATCH_LINES_MAX) return answerText(response, 400, `more than ${BATCH_LINES_MAX} lines`);
      carryOut(this.#desk.operations, read.value, { replicated: true, account }).then(
        (results) => answerFormat(response, "json", writeBatchAnswer(results)),
        (error: unknown) => this.#fail(call, error),
      );
    });
  }

  #isKnown({ account, target }: Call): boolean {
    return this.#desk.registry.read(
      (view) => this.#spellings.find(view, account, target.name, target.id) !== undefined,
    );
  }

  #answer(call: Call, work: Promise<Done>): void {
    work.then(
      (done) => answerDone(call.request, call.response, done),
      (error: unknown) => this.#fail(call, error),
    );
  }

  #fail({ request, response }: Call, error: unknown): void {
    this.#desk.log.error({ err: error, method: request.method, path: request.path }, "a eureka request failed");
    if (response.sent) response.abort();
    else answerEmpty(response, 500);
  }
}

function refuseBody(response: Reply, status: number): void {
  if (status === 0) response.abort();
  else answerEmpty(response, status);
}

/** A request of another server says so, and is not passed on. */
function originOf({ request, account }: Call): Origin {
  return { account, replicated: request.header("x-netflix-discovery-replication") === "true" };
}

function toStatus(text: string | undefined): EurekaStatus | undefined {
  return text === undefined ? undefined : findStatus(text);
}

/** @live The front door: every request comes in here, is checked in the original's order, and is answered. */
import { randomUUID } from "node:crypto";
import type { Access } from "../../core/index.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import { respond } from "../../net/routes/answer.ts";
import type { House } from "../contract.ts";
import { login } from "./access/login.ts";
import { admitTenant } from "./access/tenancy.ts";
import type { Usage } from "./accounts/rates.ts";
import type { Answer, Desk } from "./desk.ts";
import { ROUTES } from "./routes.ts";
import { type Fault, faultBody, INTERNAL, statusOfFault, unknownPage } from "./wire/faults.ts";
import { toBody } from "./wire/json.ts";
import { BODY_BYTES_REFUSED, LOGIN, parseBody, parseTarget } from "./wire/request.ts";

/** Sensible for a Host header; another one could put anything into the addresses of answers. */
const HOST = /^[A-Za-z0-9._~-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/;

export class Server {
  readonly #house: House;
  readonly #desk: Desk;
  readonly #node: string;
  #count = 0;

  constructor(house: House, desk: Desk) {
    this.#house = house;
    this.#desk = desk;
    this.#node = house.status.name.replace(/[^A-Za-z0-9-]/g, "-").slice(0, 32);
  }

  /** Size, Content-Type, JSON, page, tenant and token, in this order; then the route. */
  serve(request: Request, reply: Reply): void {
    request.takeBody(BODY_BYTES_REFUSED - 1, (bytes) => {
      const exchange = { request, reply, headers: this.#headers() };
      if (!bytes.ok) {
        if (bytes.refusal === "unavailable") reply.abort();
        else this.#refuseSize(exchange);
        return;
      }
      respond(
        reply,
        () => this.#answerTo(exchange, bytes.value),
        (answer) => this.#answer(exchange, answer),
        (error) => {
          this.#house.log.error({ err: error, path: request.path }, "a rackspace request failed");
          return { fault: INTERNAL };
        },
      );
    });
  }

  #headers(): Record<string, string> {
    const { clock, status } = this.#house;
    const random = randomUUID();
    this.#count = (this.#count + 1) % Number.MAX_SAFE_INTEGER;
    const id = `.rh-${random.slice(0, 4)}.h-${this.#node}.r-${random.slice(-12)}.c-${this.#count}.ts-${clock.now()}`;
    return { "X-Response-Id": `${id}.v-${status.version}` };
  }

  #refuseSize(exchange: Exchange): void {
    const details = `The body of a request must be smaller than ${BODY_BYTES_REFUSED} bytes`;
    this.#answer(exchange, { fault: { type: "requestTooLargeError", message: "Request entity too large", details } });
  }

  async #answerTo(exchange: Exchange, bytes: Buffer): Promise<Answer> {
    const desk = this.#desk;
    const { request, reply } = exchange;
    const { method, path, search } = request;
    const target = parseTarget(method, path, search);
    if (!target.ok) return target;
    const body = parseBody(request.header("content-type"), bytes);
    if (!body.ok) return body;
    const { route, id, query } = target.value;
    const origin = this.#originOf(request);
    if (route === LOGIN) return knowing(desk.access, () => login(desk, body.value, origin));
    const handle = ROUTES.get(route);
    if (handle === undefined) return { fault: unknownPage(path) };
    const tenancy = await knowing(desk.access, () => admitTenant(desk.access, request, target.value));
    if (!tenancy.ok) return tenancy;
    const { account, tenant } = tenancy.value;
    const usage = desk.rates.count(account, desk.clock.monotonic());
    const fault = this.#checkRate(exchange, route, account, usage);
    if (fault !== undefined) return { fault };
    await desk.births.bear(account);
    const call = {
      account,
      query,
      body: body.value,
      here: { url: `${origin}${path}`, rawQuery: search },
      base: `${origin}/v1.0/${tenant}`,
      used: usage.used,
      isGone: () => reply.gone,
    };
    return handle(desk, call, id);
  }

  /**
   * Heartbeats are counted, but never refused: clients answer any refusal but 404 by trying again every 10 ms, and
   * 404 would make them give up.
   */
  #checkRate({ headers }: Exchange, route: string, account: string, usage: Usage): Fault | undefined {
    const { access, clock, quotas } = this.#desk;
    headers["X-Ratelimit-Path-Regex"] = "/.*";
    headers["X-Ratelimit-Limit"] = String(quotas.requestsPerDayMax);
    headers["X-Ratelimit-Used"] = String(usage.used);
    headers["X-Ratelimit-Window"] = "86400 seconds";
    if (route.endsWith("/heartbeat")) return undefined;
    const message = "Rate limit has been reached";
    if (usage.used > quotas.requestsPerDayMax) {
      const waitS = Math.max(1, Math.ceil((usage.endsAtMs - clock.monotonic()) / 1000));
      headers["Retry-After"] = String(waitS);
      const details = `Rate limit of ${quotas.requestsPerDayMax} requests per 24.0 hours has been reached`;
      return { type: "rateLimitReached", message, details };
    }
    const admitted = access.admit(account);
    if (admitted.ok) return undefined;
    headers["Retry-After"] = "1";
    return { type: "rateLimitReached", message, details: admitted.detail };
  }

  /** Scheme and authority by which the client reached us. A proxy may say https, but nothing else counts as that. */
  #originOf(request: Request): string {
    const { http } = this.#house;
    const forwarded = request.header("x-forwarded-proto")?.toLowerCase();
    const own = http.secure ? "https" : "http";
    const scheme = forwarded === "https" || forwarded === "http" ? forwarded : own;
    const host = request.header("host") ?? "";
    if (HOST.test(host)) return `${scheme}://${host}`;
    const name = http.host.includes(":") ? `[${http.host}]` : http.host;
    return `${scheme}://${name}:${http.port}`;
  }

  #answer({ request, reply, headers }: Exchange, answer: Answer): void {
    if ("fault" in answer) {
      if (answer.fault.type === "unauthorizedError") {
        headers["WWW-Authenticate"] = `Keystone uri="${this.#originOf(request)}/v2.0"`;
      }
      const body = faultBody(answer.fault, headers["X-Response-Id"] ?? "");
      reply.send(statusOfFault(answer.fault), { ...headers, ...JSON_TYPE }, body);
      return;
    }
    const all = { ...headers, ...answer.headers };
    if (answer.body === undefined) reply.send(answer.status, all);
    else reply.send(answer.status, { ...all, ...JSON_TYPE }, toBody(answer.body));
  }
}

/** Again, when the token is not known here: it may have been made at another node a moment ago. */
async function knowing<A extends object>(access: Access, admit: () => A): Promise<A> {
  const first = admit();
  if (!("fault" in first) || (first.fault as Fault).type !== "unauthorizedError") return first;
  await access.catchUp();
  return admit();
}

const JSON_TYPE = { "Content-Type": "application/json; charset=utf-8" };

interface Exchange {
  readonly request: Request;
  readonly reply: Reply;
  /** The headers that every answer to this request carries. */
  readonly headers: Record<string, string>;
}

/** The front door: every request comes in here, is checked in the original's order, and is answered. */
import { randomUUID } from "node:crypto";
import type { Headers } from "../../net/http/head.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import type { House } from "../contract.ts";
import { getLimits } from "./access/limits.ts";
import { login } from "./access/login.ts";
import { admitTenant, type Tenancy } from "./access/tenancy.ts";
import type { Usage } from "./accounts/rates.ts";
import type { Answer, Call, Desk } from "./desk.ts";
import { listEvents } from "./events/handlers.ts";
import {
  createService,
  deleteService,
  getService,
  heartbeatService,
  listServices,
  updateService,
} from "./services/handlers.ts";
import {
  createSession,
  getOverview,
  getSession,
  heartbeatSession,
  listSessions,
  updateSession,
} from "./sessions/handlers.ts";
import { deleteValue, getValue, listValues, setValue } from "./values/handlers.ts";
import type { Body } from "./wire/bodies.ts";
import { type Fault, faultBody, INTERNAL, statusOfFault, toJson, unknownPage } from "./wire/faults.ts";
import { BODY_BYTES_REFUSED, parseBody, parseTarget, type Target, type TenantRoute } from "./wire/request.ts";

/** Sensible for a Host header; another one could put anything into the addresses of answers. */
const HOST = /^[A-Za-z0-9._~-]+(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](?::\d{1,5})?$/;

export class Server {
  private readonly house: House;
  private readonly desk: Desk;
  private readonly node: string;
  private count = 0;

  constructor(house: House, desk: Desk) {
    this.house = house;
    this.desk = desk;
    this.node = house.status.name.replace(/[^A-Za-z0-9-]/g, "-").slice(0, 32);
  }

  /** Size, Content-Type, JSON, page, tenant and token, in this order; then the route. */
  serve(request: Request, response: Reply, path: string, rawQuery: string): void {
    request.takeBody(BODY_BYTES_REFUSED - 1, (bytes) => {
      const exchange = { request, response, path, rawQuery, headers: this.headers() };
      if (!bytes.ok) {
        if (bytes.refusal === "unavailable") response.abort();
        else this.refuseSize(exchange);
        return;
      }
      this.route(exchange, bytes.value).then(
        (answer) => this.answer(exchange, answer),
        (error: unknown) => {
          this.house.log.error({ err: error, path }, "a rackspace request failed");
          this.answer(exchange, { fault: INTERNAL });
        },
      );
    });
  }

  private headers(): Headers {
    const { clock, status } = this.house;
    const random = randomUUID();
    this.count = (this.count + 1) % Number.MAX_SAFE_INTEGER;
    const id = `.rh-${random.slice(0, 4)}.h-${this.node}.r-${random.slice(-12)}.c-${this.count}.ts-${clock.now()}`;
    return { "X-Response-Id": `${id}.v-${status.version}` };
  }

  private refuseSize(exchange: Exchange): void {
    const details = `The body of a request must be smaller than ${BODY_BYTES_REFUSED} bytes`;
    this.answer(exchange, { fault: { type: "requestTooLargeError", message: "Request entity too large", details } });
  }

  private async route(exchange: Exchange, bytes: Buffer): Promise<Answer> {
    const { request, path, rawQuery } = exchange;
    const target = parseTarget(request.method ?? "", path, rawQuery);
    if (!target.ok) return target;
    const body = parseBody(request.header("content-type"), bytes);
    if (!body.ok) return body;
    const { route } = target.value;
    if (route === null) return { fault: unknownPage(path) };
    if (route.kind === "login") return login(this.desk, body.value, this.origin(request));
    const tenancy = admitTenant(this.desk.access, request, target.value);
    if (!tenancy.ok) return tenancy;
    return this.serveTenant(exchange, route, target.value, tenancy.value, body.value);
  }

  private async serveTenant(
    exchange: Exchange,
    route: TenantRoute,
    { query }: Target,
    { account, tenant }: Tenancy,
    body: Body,
  ): Promise<Answer> {
    const { desk } = this;
    const usage = desk.rates.count(account, desk.clock.now());
    const fault = this.checkRate(exchange, route, account, usage);
    if (fault !== undefined) return { fault };
    await desk.births.bear(account);
    const origin = this.origin(exchange.request);
    return dispatch(desk, route, {
      account,
      query,
      body,
      here: { url: `${origin}${exchange.path}`, rawQuery: exchange.rawQuery },
      base: `${origin}/v1.0/${tenant}`,
      used: usage.used,
      isGone: () => exchange.response.gone,
    });
  }

  /**
   * Heartbeats are counted, but never refused: clients answer any refusal but 404 by trying again every 10 ms, and
   * 404 would make them give up.
   */
  private checkRate({ headers }: Exchange, route: TenantRoute, account: string, usage: Usage): Fault | undefined {
    const { access, clock, quotas } = this.desk;
    headers["X-Ratelimit-Path-Regex"] = "/.*";
    headers["X-Ratelimit-Limit"] = String(quotas.requestsPerDayMax);
    headers["X-Ratelimit-Used"] = String(usage.used);
    headers["X-Ratelimit-Window"] = "86400 seconds";
    if (route.kind === "heartbeat-service" || route.kind === "heartbeat-session") return undefined;
    const message = "Rate limit has been reached";
    if (usage.used > quotas.requestsPerDayMax) {
      const waitS = Math.max(1, Math.ceil((usage.endsAtMs - clock.now()) / 1000));
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
  private origin(request: Request): string {
    const { http } = this.house;
    const forwarded = request.header("x-forwarded-proto")?.trim().toLowerCase();
    const own = http.secure ? "https" : "http";
    const scheme = forwarded === "https" || forwarded === "http" ? forwarded : own;
    const host = request.header("host") ?? "";
    if (HOST.test(host)) return `${scheme}://${host}`;
    const name = http.host.includes(":") ? `[${http.host}]` : http.host;
    return `${scheme}://${name}:${http.port}`;
  }

  private answer({ request, response, headers }: Exchange, answer: Answer): void {
    if ("fault" in answer) {
      if (answer.fault.type === "unauthorizedError") {
        headers["WWW-Authenticate"] = `Keystone uri="${this.origin(request)}/v2.0"`;
      }
      const body = faultBody(answer.fault, String(headers["X-Response-Id"]));
      response.send(statusOfFault(answer.fault), { ...headers, ...JSON_TYPE }, body);
      return;
    }
    const all = { ...headers, ...answer.headers };
    if (answer.body === undefined) response.send(answer.status, all);
    else response.send(answer.status, { ...all, ...JSON_TYPE }, toJson(answer.body));
  }
}

const JSON_TYPE = { "Content-Type": "application/json; charset=utf-8" };

interface Exchange {
  readonly request: Request;
  readonly response: Reply;
  readonly path: string;
  readonly rawQuery: string;
  /** Those that every answer to this request carries. */
  readonly headers: Headers;
}

function dispatch(desk: Desk, route: TenantRoute, call: Call): Answer | Promise<Answer> {
  switch (route.kind) {
    case "limits":
      return getLimits(desk, call);
    case "list-services":
      return listServices(desk, call);
    case "create-service":
      return createService(desk, call);
    case "get-service":
      return getService(desk, call, route.id);
    case "update-service":
      return updateService(desk, call, route.id);
    case "delete-service":
      return deleteService(desk, call, route.id);
    case "heartbeat-service":
      return heartbeatService(desk, call, route.id);
    case "list-values":
      return listValues(desk, call, route.namespace);
    case "get-value":
      return getValue(desk, call, route.id);
    case "set-value":
      return setValue(desk, call, route.id);
    case "delete-value":
      return deleteValue(desk, call, route.id);
    case "list-events":
      return listEvents(desk, call);
    case "list-sessions":
      return listSessions(desk, call);
    case "create-session":
      return createSession(desk, call);
    case "get-session":
      return getSession(desk, call, route.id);
    case "update-session":
      return updateSession(desk, call, route.id);
    case "heartbeat-session":
      return heartbeatSession(desk, call, route.id);
    case "overview":
      return getOverview(desk, call);
  }
}

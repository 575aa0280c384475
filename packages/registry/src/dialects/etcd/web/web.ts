/** @live What is served by HTTP/1.1: the gateway of v3, v2, and what tells of this server. */
import type { Method } from "../../../net/grpc/method.ts";
import type { Handler } from "../../../net/http/handler.ts";
import type { Reply } from "../../../net/http/reply.ts";
import type { Request } from "../../../net/http/request.ts";
import { type Answer, answering, give, respond, toOptions } from "../../../net/routes/answer.ts";
import type { Desk } from "../desk.ts";
import { WebCall } from "./call.ts";
import { Gateway } from "./gateway/gateway.ts";
import { PREFIXES } from "./gateway/paths.ts";
import { MemberPages } from "./pages/members.ts";
import { NOT_FOUND, notAllowed, toJson, toText } from "./pages/texts.ts";
import { showHealth, showMetrics, showVersion } from "./pages/version.ts";
import { KeysDoor } from "./v2/keys.ts";

const KEYS = "/v2/keys";
const MEMBERS = "/v2/members";
const STATS = "/v2/stats/";
const GET = "GET, HEAD";

type Page = (call: WebCall, request: Request) => Answer | Promise<Answer>;

export class Web {
  readonly #desk: Desk;
  readonly #gateway: Gateway;
  readonly #keys: KeysDoor;
  readonly #members: MemberPages;

  constructor(desk: Desk, methods: readonly Method<Desk>[]) {
    this.#desk = desk;
    this.#gateway = new Gateway(desk, methods);
    this.#keys = new KeysDoor(desk);
    this.#members = new MemberPages(desk);
  }

  find(method: string, path: string, search: string): Handler {
    if (PREFIXES.some((prefix) => path.startsWith(prefix))) return this.#gateway.find(method, path);
    if (path.startsWith("/v2/") && !this.#desk.settings.v2) return answering(NOT_FOUND);
    if (path === KEYS || path.startsWith(`${KEYS}/`)) {
      if (method === "OPTIONS") return answering(toOptions("GET, HEAD, PUT, POST, DELETE, OPTIONS"));
      return this.#keys.find(method, path.slice(KEYS.length), search);
    }
    const page = this.#findPage(path);
    if (page === undefined) return answering(NOT_FOUND);
    if (method === "OPTIONS") return answering(toOptions(`${GET}, OPTIONS`));
    if (method === "GET") return { streams: false, serve: (request, reply) => this.#show(page, request, reply) };
    // Members come and go by being started and stopped.
    const isMembers = path.startsWith(MEMBERS);
    return answering(isMembers ? toJson({ message: FIXED_MEMBERS }, 403) : notAllowed(GET));
  }

  #findPage(path: string): Page | undefined {
    if (path === "/version") return showVersion;
    if (path === "/health") return (_call, { search }) => showHealth(this.#desk, search);
    if (path === "/livez") return () => toText(200, "ok\n");
    if (path === "/readyz") return (_call, { search }) => toReady(showHealth(this.#desk, search));
    if (path === "/metrics") return () => showMetrics(this.#desk);
    if (path === MEMBERS || path.startsWith(`${MEMBERS}/`))
      return (call) => this.#members.show(call, path.slice(MEMBERS.length));
    if (path === "/v2/machines") return (call) => this.#members.machines(call, false);
    // Of etcd before 2.0.
    if (path === "/v2/leader") return (call) => this.#members.machines(call, true);
    if (path === "/v2/auth/enable") return () => toJson({ enabled: !this.#desk.access.open });
    if (path.startsWith(STATS))
      return () => this.#members.stats(path.slice(STATS.length), this.#keys.stats) ?? NOT_FOUND;
    return undefined;
  }

  #show(page: Page, request: Request, reply: Reply): void {
    respond(
      reply,
      () => page(new WebCall(request, reply, request.path), request),
      (answer) => give(reply, answer),
      (error) => {
        this.#desk.log.error({ err: error, path: request.path }, "a page of etcd failed");
        return toJson({ message: "Internal Server Error" }, 500);
      },
    );
  }
}

const FIXED_MEMBERS = "nodes of Rollcall come and go by being started and stopped, not by requests";

function toReady({ status }: Answer): Answer {
  return toText(status, status === 200 ? "ok\n" : "not ready\n");
}

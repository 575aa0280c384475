/** @live The front door: every request comes in here, is told apart, let in, handled and answered. */
import type { Account } from "../../core/index.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import { give, respond, toOptions } from "../../net/routes/answer.ts";
import { allowOf } from "../../net/routes/table.ts";
import type { House } from "../contract.ts";
import type { Call, Desk, Handle } from "./desk.ts";
import { Deltas } from "./fetch/deltas.ts";
import { Fetch } from "./fetch/fetch.ts";
import { Operations } from "./instances/operations.ts";
import { Recent } from "./instances/recent.ts";
import { Spellings } from "./instances/spellings.ts";
import { showDashboard, showLastn, showStatus } from "./pages/pages.ts";
import { openPeers, type Peers } from "./peers/peers.ts";
import { Gate } from "./requests/access.ts";
import { empty, notAllowed } from "./requests/answer.ts";
import {
  BATCH_BYTES_MAX,
  beat,
  cancel,
  mergeMetadata,
  override,
  REGISTRATION_BYTES_MAX,
  refuseGroup,
  register,
  removeOverride,
  takeBatch,
} from "./requests/changes.ts";
import { auditRequest } from "./requests/overrides.ts";
import { parameterOf } from "./requests/query.ts";
import {
  listAll,
  listApplication,
  listChanges,
  listOverrides,
  listVip,
  showById,
  showInstance,
} from "./requests/reads.ts";
import { type Place, parseTarget, type Target } from "./routes.ts";
import type { Settings } from "./settings.ts";

/** What may be done where; GET includes HEAD. */
const HANDLERS: Readonly<Record<Place, Readonly<Record<string, Handle>>>> = {
  apps: { GET: listAll },
  delta: { GET: listChanges },
  app: { GET: listApplication, POST: register },
  instance: { GET: showInstance, PUT: beat, DELETE: cancel },
  status: { PUT: override, DELETE: removeOverride },
  metadata: { PUT: mergeMetadata },
  "by-id": { GET: showById },
  vip: { GET: listVip },
  svip: { GET: listVip },
  asg: { PUT: refuseGroup },
  batch: { POST: takeBatch },
  "server-status": { GET: showStatus },
  overrides: { GET: listOverrides },
  dashboard: { GET: showDashboard },
  lastn: { GET: showLastn },
};

const PLACES = Object.keys(HANDLERS);

/** Some clients send "{}" along with a heartbeat: unread, it would cost them their connection. */
const IGNORED_BYTES_MAX = 64 * 1024;
const BYTES_MAX: Readonly<Partial<Record<Place, number>>> = { app: REGISTRATION_BYTES_MAX, batch: BATCH_BYTES_MAX };

const NO_BODY = Buffer.alloc(0);

export class Server {
  readonly #desk: Desk;
  readonly #gate: Gate;
  readonly #peers: Peers;
  readonly #served: Float64Array;
  readonly #followers: readonly { close(): void }[];

  private constructor(house: House, desk: Desk, peers: Peers, followers: readonly { close(): void }[]) {
    this.#desk = desk;
    this.#gate = new Gate(desk.access, desk.settings);
    this.#peers = peers;
    this.#followers = followers;
    const help = "Requests of Eureka clients that were let in.";
    this.#served = house.metrics.tally("eureka", "requests", help, "place", PLACES);
  }

  /** Ready to answer when it resolves: what has changed before is known then. */
  static async open(house: House, settings: Settings, listener: Desk["listener"]): Promise<Server> {
    const { registry, nodes, access, clock, log, audit, status: node } = house;
    const { dataCenter, deltaMs } = settings;
    const spellings = new Spellings(registry);
    const deltas = await Deltas.open({ registry, spellings, dataCenter, clock, deltaMs });
    const recent = await Recent.open(registry);
    const fetch = new Fetch({ registry, clock, spellings, deltas, dataCenter });
    const desk: Desk = {
      registry,
      nodes,
      access,
      clock,
      log,
      audit,
      settings,
      node,
      listener,
      operations: new Operations({ registry, dataCenter, replication: () => peers }),
      fetch,
      recent,
      looked: house.looked,
      peers: () => peers.status(),
    };
    const peers = openPeers(desk);
    return new Server(house, desk, peers, [recent, fetch, deltas, spellings]);
  }

  /** Takes over what the other servers know, as long as that can be waited for. */
  join(): Promise<void> {
    return this.#peers.join();
  }

  async close(): Promise<void> {
    await this.#peers.close();
    this.#gate.close();
    for (const follower of this.#followers) follower.close();
  }

  /** Place, method, credentials, body, in this order. */
  serve(request: Request, reply: Reply): void {
    const { method } = request;
    const target = parseTarget(request.path);
    if (target === undefined) return give(reply, empty(404));
    const { place } = target;
    const handlers = HANDLERS[place];
    if (method === "OPTIONS") return give(reply, toOptions(allowOf(Object.keys(handlers))));
    const handle = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
    if (handle === undefined) return give(reply, notAllowed(Object.keys(handlers)));
    const admitted = this.#admit(request, target);
    if (admitted.ok || admitted.answer.status !== 401) return this.#serveTo(admitted, handle, target, request, reply);
    // The token may have been made at another node a moment ago.
    void this.#desk.access.catchUp().then(() => {
      this.#serveTo(this.#admit(request, target), handle, target, request, reply);
    });
  }

  #admit(request: Request, { place }: Target): ReturnType<Gate["admit"]> {
    const { method, token, search } = request;
    const wanted = place === "dashboard" || place === "lastn" ? this.#accountIn(search) : undefined;
    const isBeat = place === "instance" && method === "PUT";
    return this.#gate.admit(token, method === "GET" ? "reader" : "writer", isBeat, wanted);
  }

  #serveTo(admitted: ReturnType<Gate["admit"]>, handle: Handle, target: Target, request: Request, reply: Reply): void {
    const { place } = target;
    if (!admitted.ok) {
      auditRequest(this.#desk, { request, target }, admitted.answer.status);
      return give(reply, admitted.answer);
    }
    const at = PLACES.indexOf(place);
    this.#served[at] = (this.#served[at] as number) + 1;
    const { principal, account } = admitted.value;
    request.account = account;
    request.who = principal.name;
    if (request.method === "GET")
      return this.#handle(handle, { request, target, principal, account, body: NO_BODY }, reply);
    request.takeBody(BYTES_MAX[place] ?? IGNORED_BYTES_MAX, (body) => {
      if (body.ok) this.#handle(handle, { request, target, principal, account, body: body.value }, reply);
      else if (body.refusal === "unavailable") reply.abort();
      else give(reply, empty(413));
    });
  }

  /** The account that a page is asked for, if there is one of this name. */
  #accountIn(search: string): Account | undefined {
    const name = parameterOf(search, "account");
    if (name === undefined) return undefined;
    return this.#desk.registry.read((view) => view.account(name)?.name);
  }

  #handle(handle: Handle, call: Call, reply: Reply): void {
    respond(
      reply,
      () => handle(this.#desk, call),
      (answer) => {
        auditRequest(this.#desk, call, answer.status);
        give(reply, answer);
      },
      (error) => {
        const { method, path } = call.request;
        this.#desk.log.error({ err: error, method, path }, "a eureka request failed");
        return empty(500);
      },
    );
  }
}

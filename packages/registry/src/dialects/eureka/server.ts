/** The front door: every request comes in here, is told apart, let in and answered. */
import type { Account, Registry } from "../../core/index.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import type { House } from "../contract.ts";
import type { Desk } from "./desk.ts";
import { Deltas } from "./fetch/deltas.ts";
import { Fetch } from "./fetch/fetch.ts";
import { createOperations } from "./instances/operations.ts";
import { Spellings } from "./instances/spellings.ts";
import { Pages } from "./pages/pages.ts";
import { Recent } from "./pages/recent.ts";
import { openPeers, type Peers } from "./peers/peers.ts";
import { Gate } from "./requests/access.ts";
import {
  answerBusy,
  answerEmpty,
  answerForm,
  answerFormat,
  answerMethod,
  answerUnknown,
  formOf,
  singleFormatOf,
} from "./requests/answer.ts";
import { type Call, Changes } from "./requests/changes.ts";
import { parameterOf } from "./requests/query.ts";
import { METHODS, PLACES, parseTarget, roleFor } from "./routes.ts";
import type { Settings } from "./settings.ts";

/** Bodies where there should be none. */
const IGNORED_BYTES_MAX = 64 * 1024;

/** What has to be opened before the first request. */
interface Opened {
  readonly listener: Desk["listener"];
  readonly spellings: Spellings;
  readonly deltas: Deltas;
  readonly recent: Recent;
}

export class Server {
  readonly #registry: Registry;
  readonly #gate: Gate;
  readonly #fetch: Fetch;
  readonly #changes: Changes;
  readonly #spellings: Spellings;
  readonly #deltas: Deltas;
  readonly #recent: Recent;
  readonly #pages: Pages;
  readonly #peers: Peers;
  readonly #served: Float64Array;

  private constructor(house: House, settings: Settings, { listener, spellings, deltas, recent }: Opened) {
    const { registry, access, clock, log, metrics } = house;
    this.#registry = registry;
    this.#spellings = spellings;
    this.#deltas = deltas;
    this.#recent = recent;
    const replication = () => this.#peers;
    const operations = createOperations({ registry, clock, settings, spellings, replication });
    const desk: Desk = { registry, access, clock, log, settings, operations, listener };
    this.#peers = openPeers(desk);
    this.#gate = new Gate(access, settings);
    this.#changes = new Changes(desk, spellings);
    this.#fetch = new Fetch({ registry, clock, spellings, deltas, dataCenter: settings.dataCenter });
    const peers = () => this.#peers.status();
    this.#pages = new Pages({ desk, node: house.status, fetch: this.#fetch, recent, peers });
    this.#served = metrics.tally("eureka", "requests", "Requests of Eureka clients that were let in.", "place", PLACES);
  }

  /** Ready to answer when it resolves: what has changed before is known then. */
  static async open(house: House, settings: Settings, listener: Desk["listener"]): Promise<Server> {
    const { registry, clock } = house;
    const { dataCenter, deltaMs } = settings;
    const spellings = new Spellings(registry);
    const deltas = await Deltas.open({ registry, spellings, dataCenter, clock, deltaMs });
    const recent = await Recent.open(registry);
    return new Server(house, settings, { listener, spellings, deltas, recent });
  }

  /** Takes over what the other servers know, as long as that can be waited for. */
  join(): Promise<void> {
    return this.#peers.join();
  }

  async close(): Promise<void> {
    await this.#peers.close();
    this.#gate.close();
    this.#recent.close();
    this.#deltas.close();
    this.#spellings.close();
  }

  /** Place, method, credentials, in this order. */
  serve(request: Request, response: Reply, path: string, query: string): void {
    const target = parseTarget(path);
    if (target === undefined) return answerEmpty(response, 404);
    const methods = METHODS[target.place];
    const method = request.method ?? "";
    if (!methods.includes(method)) return answerMethod(response, methods);
    const isPage = target.place === "dashboard" || target.place === "lastn";
    const isBeat = target.place === "instance" && method === "PUT";
    const wanted = isPage ? this.#accountIn(query) : undefined;
    const admission = this.#gate.admit(request, roleFor(method), isBeat, wanted);
    if (admission.kind === "unknown") return answerUnknown(response);
    if (admission.kind === "forbidden") return answerEmpty(response, 403);
    if (admission.kind === "busy") return answerBusy(response);
    const place = PLACES.indexOf(target.place);
    this.#served[place] = (this.#served[place] as number) + 1;
    const call: Call = { request, response, target, query, account: admission.account };
    if (method === "GET") this.#read(call);
    else this.#change(call, method);
  }

  /** The account that a page is asked for, if there is one of this name. */
  #accountIn(query: string): Account | undefined {
    const name = parameterOf(query, "account");
    if (name === undefined) return undefined;
    return this.#registry.read((view) => view.account(name)?.name);
  }

  #change(call: Call, method: string): void {
    const { place } = call.target;
    if (place === "app") return this.#changes.register(call);
    if (place === "batch") return this.#changes.batch(call);
    const { request, response } = call;
    if (request.bodyBytes === 0) return this.#changeByName(call, method);
    // Some clients send "{}" along with a heartbeat. Unread, it would cost them their connection.
    request.takeBody(IGNORED_BYTES_MAX, (body) => {
      if (body.ok) this.#changeByName(call, method);
      else if (body.refusal === "unavailable") response.abort();
      else answerEmpty(response, 413);
    });
  }

  /** What path and query say all of. */
  #changeByName(call: Call, method: string): void {
    const isRemoval = method === "DELETE";
    switch (call.target.place) {
      case "instance":
        return isRemoval ? this.#changes.cancel(call) : this.#changes.beat(call);
      case "status":
        return this.#changes.override(call, isRemoval);
      case "metadata":
        return this.#changes.metadata(call);
      default:
        // Groups of Amazon's: the original says 400 anywhere else than there.
        return answerEmpty(call.response, 400);
    }
  }

  #read(call: Call): void {
    const { request, response, target, account } = call;
    switch (target.place) {
      case "apps":
      case "delta":
      case "app":
      case "vip":
      case "svip":
        return this.#list(call);
      case "instance":
      case "by-id": {
        const format = singleFormatOf(request);
        const { name, id } = target;
        const text =
          target.place === "instance"
            ? this.#fetch.instance(account, name, id, format)
            : this.#fetch.instanceById(account, id, format);
        return text === undefined ? answerEmpty(response, 404) : answerFormat(response, format, text);
      }
      case "overrides":
        return answerFormat(response, "json", JSON.stringify(this.#fetch.overrides(account)));
      case "server-status": {
        const format = singleFormatOf(request);
        return answerFormat(response, format, this.#pages.status(format));
      }
      case "lastn":
        return this.#pages.lastn(response, account);
      default:
        return this.#pages.dashboard(response, account, this.#gate.confinedTo(request));
    }
  }

  #list({ request, response, target, account }: Call): void {
    const form = formOf(request);
    let body: Buffer | undefined;
    switch (target.place) {
      case "apps":
        body = this.#fetch.all(account, form);
        break;
      case "delta":
        body = this.#fetch.delta(account, form);
        // At 403 clients fetch everything.
        if (body === undefined) return answerEmpty(response, 403);
        break;
      case "app":
        body = this.#fetch.application(account, target.name, form);
        if (body === undefined) return answerEmpty(response, 404);
        break;
      default:
        body = this.#fetch.vip(account, target.name, target.place === "svip", form);
    }
    answerForm(response, form, body);
  }
}

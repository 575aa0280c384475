/** What operations on nodes, services and checks do, each on what those before it have left. */
import {
  type Account,
  type Command,
  Draft,
  decide,
  type Facts,
  type InstanceRecord,
  type Outcome,
  ok,
  type Plan,
  type Rules,
  type Stamp,
} from "../../../../core/index.ts";
import { encodeCheck, nodeChecksOf, type ShownCheck } from "../../catalog/checks.ts";
import { encodeNode, encodeNodeService } from "../../catalog/encode.ts";
import { type Lens, toService } from "../../catalog/listing.ts";
import { findNode, keysOf, type Node } from "../../catalog/nodes.ts";
import { findAt, standingOn } from "../../catalog/place.ts";
import { refuseGiven } from "../../catalog/registration/given.ts";
import { CATALOG_DEREGISTER, CATALOG_REGISTER, type Registration } from "../../catalog/registration/plan.ts";
import { refuseService } from "../../catalog/wished.ts";
import type { Failed } from "../verbs.ts";
import type { Operation } from "./operations.ts";

/** One as JSON; "" where nothing is shown. */
type Carried = Outcome<string, Failed>;
type On<K extends Operation["on"]> = Extract<Operation, { readonly on: K }>;
type CatalogOperation = On<"Node" | "Service" | "Check">;
type Wish = Registration & { readonly agent: Lens["agent"] };

/** The steps are decided again, and then by the account's limits. */
const { POSITIVE_INFINITY: MANY } = Number;
const RULES: Rules = {
  limits: () => ({
    instancesMax: MANY,
    servicesMax: MANY,
    keysMax: MANY,
    leasesMax: MANY,
    bytesMax: 0,
    requestsPerSecondMax: 0,
  }),
};

const NOTHING: Carried = ok("");

function failed(what: string): Carried {
  return { ok: false, what, refused: true };
}

function named(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}

function show<T>(found: T | undefined, encode: (found: T) => string): Carried {
  return found === undefined ? NOTHING : ok(encode(found));
}

/** What an operation is about. */
interface Thing {
  readonly name: string;
  /** Of its latest change; undefined when it is not there. */
  readonly index: number | undefined;
  show(): Carried;
  /** Undefined when it is done. */
  set(): Carried | undefined;
  remove(): Carried;
}

export class Catalog {
  readonly #draft: Draft;
  readonly #account: Account;
  readonly #lens: Lens;
  readonly #stamp: Stamp;
  readonly #steps: Command[];

  /** `steps` gets what is to be done. */
  constructor(facts: Facts, account: Account, lens: Lens, stamp: Stamp, steps: Command[]) {
    this.#draft = new Draft(facts);
    this.#account = account;
    this.#lens = lens;
    this.#stamp = stamp;
    this.#steps = steps;
  }

  carryOut(operation: CatalogOperation): Carried {
    switch (operation.on) {
      case "Node":
        return this.#node(operation);
      case "Service":
        return this.#service(operation);
      case "Check":
        return this.#check(operation);
    }
  }

  #node(operation: On<"Node">): Carried {
    const { node } = operation;
    const find = () => this.#findNode(node.name, node.id);
    return this.#verb(operation, {
      name: `node ${named(node.name)}`,
      index: find()?.modifyIndex,
      show: () => show(find(), (found) => `{"Node":${encodeNode(found, this.#lens.agent.datacenter)}}`),
      set: () => this.#run(CATALOG_REGISTER, { ...this.#wish(node), skipNode: false }),
      remove: () => this.#remove(node.name, "", ""),
    });
  }

  #service(operation: On<"Service">): Carried {
    const { node, service } = operation;
    const find = () => this.#findService(node, service.id);
    return this.#verb(operation, {
      name: `service ${named(service.id)} on node ${named(node)}`,
      index: find()?.modRevision,
      show: () => show(find(), (found) => `{"Service":${encodeNodeService(toService(found, this.#lens))}}`),
      set: () => this.#setOn(node, (wish) => this.#run(CATALOG_REGISTER, { ...wish, service })),
      remove: () => this.#remove(node, service.id, ""),
    });
  }

  #check(operation: On<"Check">): Carried {
    const { node, check } = operation;
    const find = () => this.#findCheck(node, check.id);
    return this.#verb(operation, {
      name: `check ${named(check.id)} on node ${named(node)}`,
      index: find()?.modifyIndex,
      show: () => show(find(), (found) => `{"Check":${encodeCheck(found)}}`),
      set: () =>
        this.#setOn(node, (wish) => {
          const hasService = check.serviceId === "" || this.#findService(node, check.serviceId) !== undefined;
          if (!hasService) return failed("Missing service registration");
          return this.#run(CATALOG_REGISTER, { ...wish, checks: [check] });
        }),
      remove: () => this.#remove(node, "", check.id),
    });
  }

  #verb({ on, verb, index }: CatalogOperation, thing: Thing): Carried {
    const { name } = thing;
    switch (verb) {
      case "get":
        return thing.index === undefined ? failed(`${name} doesn't exist`) : thing.show();
      case "cas":
      case "set":
        if (verb === "cas" && (thing.index ?? 0) !== index) return failed(`failed to set ${name}, index is stale`);
        return thing.set() ?? thing.show();
      case "delete-cas":
      case "delete":
        if (verb === "delete-cas" && thing.index !== index) return failed(`failed to delete ${name}, index is stale`);
        return thing.remove();
      default:
        return failed(`unknown ${on} verb ${named(verb)}`);
    }
  }

  /** `set` gets a registration of nothing, on the node of this name. */
  #setOn(name: string, set: (wish: Wish) => Carried | undefined): Carried | undefined {
    const node = this.#findNode(name, "");
    return node === undefined ? failed(MISSING_NODE) : set(this.#wish(node));
  }

  /** A registration of nothing, on a node that stays as it is. */
  #wish({ name, id, address, taggedAddresses, meta }: Omit<Node, "checks" | "createIndex" | "modifyIndex">): Wish {
    const node = { name, id, address, taggedAddresses, meta };
    return { agent: this.#lens.agent, node, skipNode: true, service: null, checks: [] };
  }

  #remove(node: string, serviceId: string, checkId: string): Carried {
    return this.#run(CATALOG_DEREGISTER, { agent: this.#lens.agent, node, serviceId, checkId }) ?? NOTHING;
  }

  /** Lays what the plan comes to over the state. Undefined when it is done. */
  #run<I>(plan: Plan<I>, input: I): Carried | undefined {
    const planned = plan.make(this.#draft, this.#account, input, this.#stamp);
    if (!planned.ok) return failed(planned.detail);
    const { command } = planned.value;
    if (command === null) return undefined;
    const decided = decide(this.#draft, this.#account, command, this.#stamp, RULES);
    if (!decided.ok) return failed(decided.detail);
    this.#draft.fold(this.#account, decided.value.changes, this.#stamp.revision);
    this.#steps.push(command);
    return undefined;
  }

  /** By its id, if that is given. */
  #findNode(name: string, id: string): Node | undefined {
    const found = findNode(keysOf(this.#draft, this.#account), this.#lens.agent, name);
    return id === "" || found?.id === id ? found : undefined;
  }

  #findService(node: string, id: string): InstanceRecord | undefined {
    return findAt(this.#draft, this.#account, { node, id }, this.#lens.agent.node)[0];
  }

  #findCheck(node: string, id: string): ShownCheck | undefined {
    const found = this.#findNode(node, "");
    const own = found === undefined ? undefined : nodeChecksOf(found).find((check) => check.id === id);
    if (own !== undefined) return own;
    const { agent } = this.#lens;
    for (const record of standingOn(this.#draft.account(this.#account), node, agent.node))
      if (record.checks.some((check) => check.id === id))
        return toService(record, this.#lens).checks.find((check) => check.id === id);
    return undefined;
  }
}

const MISSING_NODE = "Missing node registration";

/** What the original finds wrong before it looks at what is there. */
export function refuseOperation(operation: Operation): string | undefined {
  if (operation.on === "KV" || operation.verb === "get") return undefined;
  if (operation.on === "Node") return refuseNode(operation.node.name, operation.node.id);
  if (operation.on === "Check") return refuseGiven(operation.check, operation.check.node);
  const { service } = operation;
  if (service.id !== "" && service.name === "")
    return "Must provide service name (Service.Service) when service ID is provided";
  return refuseService(service)?.detail;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function refuseNode(name: string, id: string): string | undefined {
  if (name === "") return "Must provide node";
  return id === "" || UUID.test(id) ? undefined : "Bad node ID: it is no UUID";
}

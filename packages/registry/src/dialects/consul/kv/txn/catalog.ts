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
import { CATALOG_DEREGISTER, CATALOG_REGISTER } from "../../catalog/registration/plan.ts";
import { refuseService } from "../../catalog/wished.ts";
import type { Failed } from "../verbs.ts";
import type { Operation } from "./operations.ts";

/** One as JSON; "" where nothing is shown. */
type Carried = Outcome<string, Failed>;
type On<K extends Operation["on"]> = Extract<Operation, { readonly on: K }>;
type CatalogOperation = On<"Node" | "Service" | "Check">;

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

  #node({ verb, index, node }: On<"Node">): Carried {
    const before = this.#findNode(node.name, node.id);
    const name = named(node.name);
    const show = (): Carried => {
      const found = this.#findNode(node.name, node.id);
      return found === undefined ? NOTHING : ok(`{"Node":${encodeNode(found, this.#lens.agent.datacenter)}}`);
    };
    switch (verb) {
      case "get":
        return before === undefined ? failed(`node ${name} doesn't exist`) : show();
      case "cas":
      case "set":
        if (verb === "cas" && (before?.modifyIndex ?? 0) !== index)
          return failed(`failed to set node ${name}, index is stale`);
        return this.#run(CATALOG_REGISTER, { ...this.#wish(node), skipNode: false }) ?? show();
      case "delete-cas":
      case "delete":
        if (verb === "delete-cas" && before?.modifyIndex !== index)
          return failed(`failed to delete node ${name}, index is stale`);
        return this.#remove(node.name, "", "");
      default:
        return failed(`unknown Node verb ${named(verb)}`);
    }
  }

  #service({ verb, index, node, service }: On<"Service">): Carried {
    const before = this.#findService(node, service.id);
    const name = `service ${named(service.id)} on node ${named(node)}`;
    const show = (): Carried => {
      const found = this.#findService(node, service.id);
      return found === undefined ? NOTHING : ok(`{"Service":${encodeNodeService(toService(found, this.#lens))}}`);
    };
    switch (verb) {
      case "get":
        return before === undefined ? failed(`${name} doesn't exist`) : show();
      case "cas":
      case "set": {
        const on = this.#findNode(node, "");
        if (verb === "cas" && (before?.modRevision ?? 0) !== index)
          return failed(`failed to set ${name}, index is stale`);
        if (on === undefined) return failed(MISSING_NODE);
        return this.#run(CATALOG_REGISTER, { ...this.#wish(on), service }) ?? show();
      }
      case "delete-cas":
      case "delete":
        if (verb === "delete-cas" && before?.modRevision !== index)
          return failed(`failed to delete ${name}, index is stale`);
        return this.#remove(node, service.id, "");
      default:
        return failed(`unknown Service verb ${named(verb)}`);
    }
  }

  #check({ verb, index, node, check }: On<"Check">): Carried {
    const before = this.#findCheck(node, check.id);
    const name = `check ${named(check.id)} on node ${named(node)}`;
    const show = (): Carried => {
      const found = this.#findCheck(node, check.id);
      return found === undefined ? NOTHING : ok(`{"Check":${encodeCheck(found)}}`);
    };
    switch (verb) {
      case "get":
        return before === undefined ? failed(`${name} doesn't exist`) : show();
      case "cas":
      case "set": {
        const on = this.#findNode(node, "");
        if (verb === "cas" && (before?.modifyIndex ?? 0) !== index)
          return failed(`failed to set ${name}, index is stale`);
        if (on === undefined) return failed(MISSING_NODE);
        const hasService = check.serviceId === "" || this.#findService(node, check.serviceId) !== undefined;
        if (!hasService) return failed("Missing service registration");
        return this.#run(CATALOG_REGISTER, { ...this.#wish(on), checks: [check] }) ?? show();
      }
      case "delete-cas":
      case "delete":
        if (verb === "delete-cas" && before?.modifyIndex !== index)
          return failed(`failed to delete ${name}, index is stale`);
        return this.#remove(node, "", check.id);
      default:
        return failed(`unknown Check verb ${named(verb)}`);
    }
  }

  /** A registration of nothing, on a node that stays as it is. */
  #wish({ name, id, address, taggedAddresses, meta }: Omit<Node, "checks" | "createIndex" | "modifyIndex">) {
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
  if (operation.on === "Check") return refuseGiven(operation.check);
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

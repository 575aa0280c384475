/** Checks as somebody else keeps them: with the result that their keeper found. */
import type { Fields } from "../../wire/fields.ts";
import type { CheckStatus } from "../nodes.ts";

export interface GivenCheck {
  /** Empty for that of the registration. */
  readonly node: string;
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly notes: string;
  readonly output: string;
  readonly type: string;
  /** Empty for a check of the node. */
  readonly serviceId: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

const STATUSES: ReadonlySet<string> = new Set(["passing", "warning", "critical"]);

/** `serviceId`: of a check that says its service's name alone. */
export function readGiven(fields: Fields, serviceId: string | undefined): GivenCheck {
  const name = fields.text("Name");
  const definition = fields.raw("Definition");
  return {
    node: fields.text("Node"),
    id: fields.text("CheckID", "check_id") || fields.text("ID") || name,
    name,
    status: (fields.text("Status") || "critical") as CheckStatus,
    notes: fields.text("Notes"),
    output: fields.text("Output"),
    type: fields.text("Type"),
    serviceId: fields.text("ServiceID", "service_id") || (fields.text("ServiceName") === "" ? "" : (serviceId ?? "")),
    definition: typeof definition === "object" && definition !== null ? { ...definition } : {},
  };
}

/** What is wrong with it, if anything, for a registration of this node. */
export function refuseGiven({ node: own, id, status }: GivenCheck, node: string): string | undefined {
  if (id === "") return "Must provide a check ID or name";
  if (own !== "" && own.toLowerCase() !== node.toLowerCase())
    return `Node '${own.slice(0, 100)}' for check '${id.slice(0, 100)}' doesn't match register request node '${node}'`;
  return STATUSES.has(status) ? undefined : `Bad check status ${JSON.stringify(status.slice(0, 100))}`;
}

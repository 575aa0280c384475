/** What `catalog/register` is asked for. */
import { type Outcome, ok, refuse } from "../../../../core/index.ts";
import type { Fields } from "../../wire/fields.ts";
import { readService, refuseMeta, refuseService } from "../wished.ts";
import { readGiven, refuseGiven } from "./given.ts";
import type { Registration } from "./plan.ts";

const CHECKS_MAX = 32;
const NAME_LENGTH_MAX = 255;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Nodes, services and checks as somebody else keeps them: a body of `catalog/register`. */
export function readRegistration(fields: Fields): Outcome<Registration> {
  const node = {
    name: fields.text("Node"),
    id: fields.text("ID"),
    address: fields.text("Address"),
    taggedAddresses: fields.pairs("TaggedAddresses"),
    meta: fields.pairs("NodeMeta"),
  };
  const skipNode = fields.flag("SkipNodeUpdate");
  const given = fields.object("Service");
  const service = given === undefined ? null : readService(given);
  const single = fields.object("Check");
  const several = fields.objects("Checks");
  const checks = [...(single === undefined ? [] : [single]), ...several].map((check) => readGiven(check, service?.id));
  if (fields.wrong !== undefined) return fields.wrong;
  if (node.name === "" || node.name.length > NAME_LENGTH_MAX) return refuse("invalid", "Must provide node");
  if (node.id !== "" && !UUID.test(node.id))
    return refuse("invalid", `Bad node ID: ${node.id.slice(0, 100)} is no UUID`);
  if (node.address === "" && !skipNode) return refuse("invalid", "Must provide address if SkipNodeUpdate is not set");
  const wrong = refuseMeta(node.meta, "Node") ?? (service === null ? undefined : refuseService(service));
  if (wrong !== undefined) return wrong;
  if (checks.length > CHECKS_MAX) return refuse("invalid", `more than ${CHECKS_MAX} checks`);
  const bad = checks.map((check) => refuseGiven(check, node.name)).find((why) => why !== undefined);
  if (bad !== undefined) return refuse("invalid", bad);
  return ok({ node, skipNode, service, checks });
}

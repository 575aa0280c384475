/** Consul's mesh, its user interface and its peers are no part of this registry: answered as a server without them does. */
import type { Answer } from "../../../net/routes/answer.ts";
import type { Handle } from "../desk.ts";
import { jsonOf, text } from "../wire/answer.ts";

/** `/v1/connect/…`, `agent/connect/…`, `discovery-chain/…` */
export const refuseConnect: Handle = () => text(500, "Connect must be enabled in order to use this endpoint");

/** `GET /v1/internal/ui/…` */
export const refuseUi: Handle = () => text(404, "UI is not enabled");

const KINDS: ReadonlySet<string> = new Set([
  "service-defaults",
  "proxy-defaults",
  "service-router",
  "service-splitter",
  "service-resolver",
  "ingress-gateway",
  "terminating-gateway",
  "service-intentions",
  "mesh",
  "exported-services",
]);

/** `GET` and `DELETE /v1/config/:kind/:name`: there are none. */
export const showConfig: Handle = (_desk, { params, request }) => {
  const [kind = "", ...rest] = (params[0] ?? "").split("/");
  const name = rest.join("/");
  if (kind !== "" && !KINDS.has(kind)) return text(500, `invalid config entry kind: ${kind.slice(0, 100)}`);
  if (request.method === "DELETE") return jsonOf({});
  return name === "" ? jsonOf([]) : notFound(`Config entry not found for ${quote(kind)} / ${quote(name)}`);
};

/** `PUT /v1/config`: what nothing would come of is not taken. */
export const refuseConfig: Handle = () => text(501, "There is no mesh here: nothing would come of a config entry");

/** `GET /v1/peerings` */
export const listPeerings: Handle = () => jsonOf([]);

/** `GET /v1/peering/:name` */
export const showPeering: Handle = (_desk, { params }) => notFound(`Peering not found for ${quote(params[0] ?? "")}`);

function notFound(words: string): Answer {
  return text(404, words);
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}

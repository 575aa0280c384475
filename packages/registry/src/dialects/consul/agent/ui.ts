/** There is no page of Consul's here: browsers are sent to the registry's own, where it has one open. */
import type { Answer } from "../../../net/routes/answer.ts";
import type { Endpoint } from "../../contract.ts";
import { text } from "../wire/answer.ts";

const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]+)?$/;

/** `host`: the request's, by which the client reaches this machine. */
export function toUi(endpoints: readonly Endpoint[], host: string | undefined): Answer {
  const native = endpoints.find(({ dialect }) => dialect === "http");
  if (native === undefined)
    return text(
      404,
      "Consul's user interface is not part of this registry, and its own (the dialect http) is not open",
    );
  const name = HOST.exec(host ?? "")?.[1] ?? (native.host.includes(":") ? `[${native.host}]` : native.host);
  return { status: 307, head: { Location: `${native.scheme}://${name}:${native.port}/` } };
}

/** The body of a prepared query. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import type { Json } from "../../../net/routes/json.ts";
import { refuseMeta } from "../catalog/wished.ts";
import { parseDuration } from "../wire/duration.ts";
import { Fields } from "../wire/fields.ts";
import type { Asked, Definition } from "./record.ts";

const NAME_LENGTH_MAX = 255;

/** `invalid` when it cannot be read, `unsupported` when the original would not have it. */
export function readQuery(body: Json, id: string): Outcome<Definition> {
  const fields = Fields.of(body ?? {});
  if (!fields.ok) return fields;
  const template = fields.value.object("Template") ?? Fields.none();
  const dns = fields.value.object("DNS") ?? Fields.none();
  const definition: Definition = {
    ID: id === "" ? fields.value.text("ID") : id,
    Name: fields.value.text("Name"),
    Session: fields.value.text("Session"),
    // Not kept: whoever carries the query out comes with a token of the registry.
    Token: "",
    Template: {
      Type: template.text("Type"),
      Regexp: template.text("Regexp"),
      RemoveEmptyTags: template.flag("RemoveEmptyTags"),
    },
    Service: readAsked(fields.value.object("Service") ?? Fields.none()),
    DNS: { TTL: dns.text("TTL") },
  };
  return fields.value.wrong ?? refuseQuery(definition) ?? ok(definition);
}

function readAsked(service: Fields): Asked {
  const failover = service.object("Failover") ?? Fields.none();
  const targets = failover.objects("Targets");
  return {
    Service: service.text("Service"),
    Failover: {
      NearestN: failover.whole("NearestN", -(2 ** 31), 2 ** 31),
      Datacenters: orNull(failover, "Datacenters"),
      Targets:
        targets.length === 0
          ? null
          : targets.map((one) => ({ Datacenter: one.text("Datacenter"), Peer: one.text("Peer") })),
    },
    OnlyPassing: service.flag("OnlyPassing"),
    IgnoreCheckIDs: orNull(service, "IgnoreCheckIDs"),
    Near: service.text("Near"),
    Tags: orNull(service, "Tags"),
    NodeMeta: service.has("NodeMeta") ? service.pairs("NodeMeta") : null,
    ServiceMeta: service.has("ServiceMeta") ? service.pairs("ServiceMeta") : null,
    Connect: service.flag("Connect"),
    Peer: service.text("Peer"),
  };
}

function orNull(fields: Fields, name: string): readonly string[] | null {
  return fields.has(name) ? fields.texts(name) : null;
}

/** In the original's words. */
function refuseQuery(definition: Definition): Outcome<never> | undefined {
  const why = whyNot(definition);
  return why === undefined ? undefined : refuse("unsupported", `Invalid prepared query: ${why}`);
}

function whyNot({ Name, Session, Template, Service, DNS }: Definition): string | undefined {
  if (Name === "" && Session === "" && Template.Type === "") return "Must be bound to a session";
  if (Service.Service === "") return "Must provide a Service name to query";
  if (Math.max(Name.length, Service.Service.length) > NAME_LENGTH_MAX)
    return `a name has more than ${NAME_LENGTH_MAX} characters`;
  const { NearestN } = Service.Failover;
  if (NearestN < 0) return `Bad NearestN '${NearestN}', must be >= 0`;
  const wrong = refuseMeta(Service.NodeMeta ?? {}, "Node") ?? refuseMeta(Service.ServiceMeta ?? {}, "Service");
  if (wrong !== undefined) return wrong.detail;
  const ttl = DNS.TTL === "" ? undefined : parseDuration(DNS.TTL);
  if (ttl?.ok === false) return `Bad DNS TTL '${DNS.TTL.slice(0, 100)}': ${ttl.detail}`;
  return ttl !== undefined && ttl.value < 0 ? `DNS TTL '${DNS.TTL}', must be >=0` : undefined;
}

/** What `health/service` lists, as it is asked for in `catalog/register`. */
import { type Outcome, refuse } from "../../../../../core/index.ts";
import type { Json } from "../../../../../net/routes/json.ts";
import { Fields } from "../../../wire/fields.ts";
import { readRegistration } from "../read.ts";
import type { Seen } from "./plan.ts";

export function toSeen(entry: Json): Outcome<Seen> {
  const { Node = {}, Service, Checks } = (entry ?? {}) as Readonly<Record<string, Json>>;
  const { Meta, ...node } = Node as Readonly<Record<string, Json>>;
  const fields = Fields.of({ ...node, NodeMeta: Meta, Service, Checks });
  const read = fields.ok ? readRegistration(fields.value) : fields;
  if (!read.ok) return read;
  const { service } = read.value;
  return service === null ? refuse("invalid", "it has no service") : { ok: true, value: { ...read.value, service } };
}

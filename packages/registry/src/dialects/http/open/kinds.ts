/** What the schemas of JSON shapes are made of. */
import Type, { type TProperties, type TSchema } from "typebox";
import { STATUSES } from "../../../core/index.ts";

export const text = Type.String();
export const count = Type.Integer({ minimum: 0 });
export const time = Type.String({ format: "date-time" });
export const texts = Type.Array(text);
export const pairs = Type.Record(Type.String(), Type.String());
export const flag = Type.Boolean();
export const duration = Type.Union([text, Type.Number({ minimum: 0 })], {
  description: '"500ms", "10s", "5m", "2h", or a number of seconds',
});
export const portNumber = Type.Integer({ minimum: 0, maximum: 65535 });

/** An object that has these fields and no others. */
export function object<T extends TProperties>(fields: T) {
  return Type.Object(fields, { additionalProperties: false });
}

export function orNull<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** Where the schema of this name stands in the description. */
export function placeOf(name: string): string {
  return `#/components/schemas/${name}`;
}

export function ref(name: string) {
  return Type.Ref(placeOf(name));
}

export const words = (...allowed: string[]) => Type.Enum(allowed);

export const optional = Type.Optional;

export const status = words(...STATUSES);

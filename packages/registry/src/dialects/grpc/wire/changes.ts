/** Changes and entries in the JSON form of their messages, from the bodies of the native API. */
import type { ChangeBody, KeyBody } from "@rollcall/client";
import type { KeyRecord } from "../../../core/index.ts";
import { toKeyBody } from "../../../native/wire/records.ts";

/** In the JSON of protocol buffers bytes are base64. */
function toBase64(bytes: string, coded: string | undefined): string {
  return coded ?? Buffer.from(bytes, "utf8").toString("base64");
}

function fromKeyBody({ key, keyBase64, value, valueBase64, ...rest }: KeyBody) {
  return { ...rest, key: toBase64(key, keyBase64), value: toBase64(value ?? "", valueBase64) };
}

export function toEntry(record: KeyRecord) {
  return fromKeyBody(toKeyBody(record));
}

export function toChange(change: ChangeBody): object {
  const { cause, reason } = change;
  switch (change.kind) {
    case "instance": {
      const { service, id, before, after } = change;
      return { cause, reason, instance: { service, id, before, after } };
    }
    case "lease": {
      const { lease, before, after } = change;
      return { cause, reason, lease: { lease, before, after } };
    }
    case "key": {
      const before = change.before && fromKeyBody(change.before);
      const after = change.after && fromKeyBody(change.after);
      return { cause, reason, key: { key: (after ?? before)?.key ?? "", before, after } };
    }
  }
}

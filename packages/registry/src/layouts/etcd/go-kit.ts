/**
 * go-kit's `sd/etcdv3`: `<prefix><service>/<id>` with where the instance is, `10.0.0.1:8080` or as a URL. Its users choose
 * the keys; this is how go-kit's own examples have them.
 */
import { type Bytes, fromBytes, type InstanceRecord, type Layout, mainPort, toBytes } from "../../core/index.ts";
import { createFolders } from "../folders.ts";
import type { JsonObject } from "../json.ts";
import { readWhere, whereOf, withPort } from "../where.ts";

const KIND = "go-kit";
const TEXT = /^(?:(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):\/\/)?(?<place>[^\s/?#]+)(?<rest>[/?#]\S*)?$/;
const LENGTH_MAX = 4096;
/** Of URLs that say none. */
const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

export function createGoKit(prefix: Bytes): Layout {
  return createFolders(prefix, {
    kind: KIND,
    isName: () => true,
    numbered: (id) => `${id}_`,
    decode,
    read({ scheme, address, port }, known) {
      const said = { address: address as string, ports: withPort(known, port as number | undefined) };
      return scheme === "" ? said : { ...said, protocol: scheme as string };
    },
    toValue,
  });
}

/** The parts of the text; what follows the place is whatever clients make of it. */
function decode(bytes: Bytes): JsonObject | undefined {
  const found = bytes.length > LENGTH_MAX ? undefined : TEXT.exec(bytes)?.groups;
  const where = found && readWhere(found.place as string);
  const scheme = found?.scheme?.toLowerCase() ?? "";
  const port = where?.port ?? PORTS[scheme];
  if (found === undefined || where === undefined || port === undefined) return undefined;
  return { address: where.address, port, scheme, rest: fromBytes(found.rest ?? "") };
}

function toValue({ address, ports, protocol }: InstanceRecord, before: Bytes | null): Bytes | null {
  const port = mainPort(ports);
  if (address === "" || port === undefined) return null;
  const known = before === null ? undefined : decode(before);
  const isSame =
    known?.address === address && known.port === port && (known.scheme === "" || known.scheme === protocol);
  if (before !== null && isSame) return before;
  const scheme = protocol === "" || known?.scheme === "" ? "" : `${protocol}://`;
  return toBytes(`${scheme}${whereOf(address, port)}${known?.rest ?? ""}`);
}

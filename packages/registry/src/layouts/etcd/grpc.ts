/**
 * gRPC naming, as etcd's Go client registers and resolves it (`naming/endpoints`): `<target>/<id>` with the JSON
 * `{"Op":0,"Addr":"10.0.0.1:80","Metadata":…}`, where the last part of the target is the service.
 */
import { type Bytes, type InstanceRecord, type Layout, mainPort, toBytes } from "../../core/index.ts";
import { createFolders } from "../folders.ts";
import { type JsonObject, parseObject, sameStrings, stringsOf } from "../json.ts";
import { readWhere, whereOf, withPort } from "../where.ts";

const KIND = "grpc";
const ADD = 0;

export function createGrpc(prefix: Bytes): Layout {
  return createFolders(prefix, {
    kind: KIND,
    isName: () => true,
    numbered: (id) => `${id}_`,
    read(update, known) {
      const said = readUpdate(update);
      return said && { address: said.address, ports: withPort(known, said.port), meta: said.meta ?? known?.meta ?? {} };
    },
    toValue,
  });
}

function readUpdate({ Op = ADD, Addr, Metadata }: JsonObject) {
  const where = typeof Addr === "string" && Op === ADD ? readWhere(toBytes(Addr)) : undefined;
  if (where?.port === undefined) return undefined;
  return { address: where.address, port: where.port, meta: stringsOf(Metadata) };
}

function toValue({ address, ports, meta }: InstanceRecord, before: Bytes | null): Bytes | null {
  const port = mainPort(ports);
  if (address === "" || port === undefined) return null;
  const update = before === null ? undefined : parseObject(before);
  const said = update && readUpdate(update);
  const isSame = said?.address === address && said.port === port;
  if (before !== null && isSame && (said.meta === undefined || sameStrings(said.meta, meta))) return before;
  // What stands there that is no map of texts belongs to whoever wrote it.
  const kept = said !== undefined && said.meta === undefined ? (update?.Metadata ?? null) : meta;
  const Metadata = typeof kept === "object" && kept !== null && Object.keys(kept).length === 0 ? null : kept;
  return toBytes(JSON.stringify({ ...update, Op: ADD, Addr: whereOf(address, port), Metadata }));
}

/**
 * The records of SkyDNS 2, which CoreDNS reads: `<prefix>prod/web/1` with the JSON `{"host","port","priority","weight",
 * "text","ttl",…}` is the instance `1` of the service `web.prod`. The prefix is the path with the domain, from its end:
 * `/skydns/local/skydns/` for skydns.local.
 */
import {
  type Bytes,
  fromBytes,
  type Instance,
  type InstanceKey,
  type InstanceRecord,
  type Layout,
  mainPort,
  toBytes,
  UNSAID,
} from "../../core/index.ts";
import { type JsonObject, parseObject } from "../json.ts";
import { withPort } from "../where.ts";

const KIND = "skydns";
/** Below it stand what servers of names say of themselves. */
const OWN = "dns";
/** A name that may stand in DNS. */
const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const DIGITS = 10;
const WEIGHT = 1;
const WEIGHT_MAX = 65_535;

export function createSkydns(prefix: Bytes): Layout {
  return {
    kind: KIND,
    prefix,
    toInstance(path, value, known) {
      const key = readPath(path.slice(prefix.length));
      const record = key && parseObject(value);
      const said = record && readRecord(record, known);
      if (key === undefined || said === undefined) return null;
      const { service: _service, id: _id, ...kept } = { ...UNSAID, weight: WEIGHT, via: KIND, ...known } as Instance;
      return { ...kept, ...said, ...key };
    },
    placeOf({ service, id }) {
      const labels = toBytes(service).split(".").reverse();
      if (labels.includes("") || labels[0] === OWN) return null;
      const parent = `${prefix}${labels.join("/")}/`;
      return { own: LABEL.test(id) ? parent + id : null, parent, name: "x", digits: DIGITS };
    },
    toValue,
  };
}

/** Undefined for what lies right below the domain, or is about the servers of names. */
function readPath(path: Bytes): InstanceKey | undefined {
  const labels = path.split("/");
  const id = labels.pop() as Bytes;
  if (labels.length === 0 || id === "" || labels[0] === OWN) return undefined;
  if (labels.some((label) => label === "" || label.includes("."))) return undefined;
  return { service: fromBytes(labels.reverse().join(".")), id: fromBytes(id) };
}

type Said = Pick<Instance, "address" | "ports" | "weight">;

function readRecord({ host, port, weight }: JsonObject, known: InstanceRecord | null): Said | undefined {
  if (typeof host !== "string" || host === "" || (port !== undefined && typeof port !== "number")) return undefined;
  const isWeight = typeof weight === "number" && weight > 0 && weight <= WEIGHT_MAX;
  return {
    address: host,
    ports: withPort(known, port === 0 ? undefined : port),
    weight: isWeight ? weight : (known?.weight ?? WEIGHT),
  };
}

/** The bytes before if they mean the same. */
function toValue({ address: host, ports, weight }: InstanceRecord, before: Bytes | null): Bytes | null {
  if (host === "") return null;
  const port = mainPort(ports);
  const record = before === null ? undefined : parseObject(before);
  const said = record && readRecord(record, null);
  const isSame = said?.address === host && mainPort(said.ports) === port && said.weight === weight;
  return before !== null && isSame ? before : toBytes(JSON.stringify({ ...record, host, port, weight }));
}

/** Layouts with a folder for each service, `<prefix><service>/<id>`: an entry's name is the instance's id. */
import {
  type Bytes,
  fromBytes,
  type Instance,
  type InstanceKey,
  type InstanceRecord,
  type Layout,
  toBytes,
  UNSAID,
} from "../core/index.ts";
import { type JsonObject, parseObject } from "./json.ts";

const DIGITS = 10;

export interface Folders {
  readonly kind: string;
  /** Whether an entry may have this name; it is not empty and has no slash. */
  isName(name: Bytes): boolean;
  /** What an entry is called behind which a number is to stand: where the id is no name, or is taken. */
  numbered(id: Bytes): Bytes;
  /** The bytes of an entry as an object; undefined when they are none. JSON when left out. */
  decode?(bytes: Bytes): JsonObject | undefined;
  /** What an entry says of the instance; undefined when it is none. */
  read(entry: JsonObject, known: InstanceRecord | null, key: InstanceKey): Partial<Instance> | undefined;
  toValue: Layout["toValue"];
}

/** Under this prefix, which ends with a slash. */
export function createFolders(prefix: Bytes, folders: Folders): Layout {
  const { kind, toValue } = folders;
  return {
    kind,
    prefix,
    toInstance: (path, value, known) => toInstance(folders, path.slice(prefix.length), value, known),
    placeOf({ service, id }) {
      const parent = `${prefix}${toBytes(service)}/`;
      const name = toBytes(id);
      return { own: folders.isName(name) ? parent + name : null, parent, name: folders.numbered(name), digits: DIGITS };
    },
    toValue,
  };
}

function toInstance(
  { kind, isName, decode = parseObject, read }: Folders,
  path: Bytes,
  bytes: Bytes,
  known: InstanceRecord | null,
): Instance | null {
  const slash = path.indexOf("/");
  const name = path.slice(slash + 1);
  if (slash <= 0 || name === "" || name.includes("/") || !isName(name)) return null;
  const key = { service: fromBytes(path.slice(0, slash)), id: fromBytes(name) };
  const entry = decode(bytes);
  const said = entry && read(entry, known, key);
  if (said === undefined) return null;
  const { service: _service, id: _id, ...kept } = { ...UNSAID, weight: 1, via: kind, ...known } as Instance;
  return { ...kept, ...said, ...key };
}

/** Conversations that a server of the original's kind is asked in, and what its answers mean. */
import { Cut, FLAGS, list, multiOf, OPEN, OPS, pack, readStat } from "./codec.ts";
import { aclOf, createBody } from "./rig.ts";

export type Op = keyof typeof OPS;

export interface Step {
  readonly op: Op;
  readonly body: Buffer;
}

const step = (op: Op, body: Buffer = Buffer.alloc(0)): Step => ({ op, body });
const create = (path: string, data: string | null = "", flags: number = FLAGS.persistent, acl = OPEN): Step =>
  step("create", createBody(path, data, flags, acl));
const create2 = (path: string, data: string | null, flags: number): Step =>
  step("create2", createBody(path, data, flags));
const watch = (op: "exists" | "getData" | "getChildren" | "getChildren2", path: string, is = true): Step =>
  step(op, pack("sb", path, is));
const set = (path: string, data: string | null, version = -1): Step =>
  step("setData", pack("ssi", path, data, version));
const remove = (path: string, version = -1): Step => step("delete", pack("si", path, version));
const setAcl = (path: string, acl: Buffer, version = -1): Step =>
  step("setACL", Buffer.concat([pack("s", path), acl, pack("i", version)]));
const ttl = (path: string, flags: number, ms: number): Step =>
  step("createTTL", Buffer.concat([createBody(path, "", flags), pack("l", ms)]));

/** Each on a connection of its own, one after the other. */
export const CONVERSATIONS: Readonly<Record<string, readonly Step[]>> = {
  root: [
    watch("getData", "/", false),
    watch("getChildren2", "/", false),
    watch("getChildren2", "/zookeeper", false),
    watch("getData", "/zookeeper", false),
    watch("exists", "/zookeeper/quota", false),
    watch("getData", "/zookeeper/config", false),
    watch("getData", "", false),
    step("getAllChildrenNumber", pack("s", "/")),
    step("getACL", pack("s", "/")),
  ],
  life: [
    create("/v"),
    create("/v/a", "one"),
    create2("/v/b", "two", FLAGS.persistent),
    create("/v/null", null),
    watch("getData", "/v/null", false),
    set("/v/null", ""),
    watch("getData", "/v/null", false),
    set("/v/null", null),
    watch("getData", "/v/null", false),
    create("/v/a", "again"),
    watch("getData", "/v/a", false),
    set("/v/a", "three", 0),
    set("/v/a", "four", 0),
    set("/v/a", "four", 1),
    watch("exists", "/v/a", false),
    watch("getChildren", "/v", false),
    remove("/v"),
    remove("/v/a", 1),
    remove("/v/a", 2),
    remove("/v/a"),
    watch("getChildren2", "/v", false),
    create("/v/s-", "", FLAGS.sequential),
    create2("/v/e-", "x", FLAGS.ephemeralSequential),
    create("/v/eph", "", FLAGS.ephemeral),
    create("/v/eph/child"),
    step("getEphemerals", pack("s", "/v")),
    step("getAllChildrenNumber", pack("s", "/v")),
    remove("/v/s-0000000003"),
    create("/v/s-", "", FLAGS.sequential),
    create("/v/dir"),
    create("/v/dir/", "", FLAGS.sequential),
    step("createContainer", createBody("/v/box", "", FLAGS.container)),
    step("createContainer", createBody("/v/plain", "", FLAGS.persistent)),
    ttl("/v/brief", FLAGS.ttl, 5000),
    ttl("/v/brief-", 6, 5000),
    watch("exists", "/v/brief", false),
    watch("exists", "/v", false),
    step("sync", pack("s", "/v")),
    step("whoAmI"),
  ],
  refusals: [
    create("/none/a"),
    create("/"),
    create("/a//x"),
    create("/a/./x"),
    create("/x/"),
    create("x"),
    create("/a\u0001"),
    create("/\u{1f600}"),
    create("/\ue000"),
    create("/ä"),
    create("/.."),
    create("/f", "", 9),
    create("/f", "", FLAGS.ttl),
    ttl("/f", FLAGS.ttl, -5),
    step("create", Buffer.concat([pack("ss", "/f", ""), pack("i", -1), pack("i", 0)])),
    create("/f", "", 0, list([])),
    create("/f", "", 0, aclOf([31, "magic", "x"])),
    create("/f", "", 0, aclOf([31, "digest", "x"])),
    create("/f", "", 0, aclOf([31, "ip", "1.2.3"])),
    create("/f", "", 0, aclOf([31, "auth", ""])),
    remove("/"),
    remove("/zookeeper"),
    remove("/zookeeper/quota"),
    remove("/none"),
    remove("none"),
    watch("getData", "odd//path", false),
    watch("getData", "/none", true),
    watch("getChildren", "/none", true),
    set("/none", ""),
    set("none", ""),
    setAcl("/none", OPEN),
    step("getACL", pack("s", "/none")),
    step("getData", pack("sb", null, false)),
    step("getData", pack("s", "/")),
    step("reconfig", pack("sssl", "", "", "", 0)),
    step("removeWatches", pack("si", "/none", 1)),
    step("removeWatches", pack("si", "/none", 3)),
    step("checkWatches", pack("si", "/none", 2)),
    step("removeWatches", pack("si", "/none", 9)),
    step("addWatch", pack("si", "/none", 9)),
  ],
  watches: [
    watch("exists", "/w"),
    watch("getChildren", "/"),
    create("/w"),
    watch("getData", "/w"),
    watch("exists", "/w"),
    watch("getChildren2", "/w"),
    set("/w", "1"),
    set("/w", "2"),
    create("/w/a"),
    create("/w/b"),
    watch("getData", "/w/a"),
    watch("getChildren", "/w/a"),
    watch("getChildren", "/w"),
    remove("/w/a"),
    step("addWatch", pack("si", "/w", 1)),
    create("/w/c"),
    create("/w/c/d"),
    set("/w/c/d", "x"),
    remove("/w/c/d"),
    step("removeWatches", pack("si", "/w", 3)),
    set("/w/c", "not told"),
    step("addWatch", pack("si", "/w", 0)),
    set("/w", "3"),
    create("/w/e"),
    remove("/w/e"),
    watch("getData", "/w/c"),
    step("checkWatches", pack("si", "/w/c", 2)),
    step("removeWatches", pack("si", "/w/c", 2)),
    step("checkWatches", pack("si", "/w/c", 2)),
    set("/w/c", "not told"),
    step(
      "setWatches",
      Buffer.concat([
        pack("l", 0),
        list([pack("s", "/w/b"), pack("s", "/gone")]),
        list([pack("s", "/w/c")]),
        list([pack("s", "/w"), pack("s", "/gone")]),
      ]),
    ),
  ],
  multis: [
    step(
      "multi",
      multiOf([
        [OPS.create, createBody("/m", "1", 0)],
        [OPS.createContainer, createBody("/m/box", "", FLAGS.container)],
        [OPS.create, createBody("/m/s-", "", FLAGS.sequential)],
        [OPS.setData, pack("ssi", "/m", "22", 0)],
        [OPS.check, pack("si", "/m", 1)],
        [OPS.delete, pack("si", "/m/box", 0)],
      ]),
    ),
    step(
      "multi",
      multiOf([
        [OPS.create, createBody("/m/x", "", 0)],
        [OPS.check, pack("si", "/m", 5)],
        [OPS.delete, pack("si", "/m", -1)],
      ]),
    ),
    step("multi", multiOf([])),
    step("multi", multiOf([[OPS.getData, pack("sb", "/m", false)]])),
    step(
      "multiRead",
      multiOf([
        [OPS.getData, pack("sb", "/m", false)],
        [OPS.getChildren, pack("sb", "/m", false)],
        [OPS.getData, pack("sb", "/no", false)],
      ]),
    ),
    watch("getData", "/m", false),
    watch("getChildren2", "/m", false),
  ],
  rights: [
    create("/own", "", 0, aclOf([31, "digest", "ann:hash"], [1, "world", "anyone"])),
    watch("getData", "/own", false),
    set("/own", "x"),
    create("/own/a"),
    setAcl("/own", OPEN),
    step("getACL", pack("s", "/own")),
    step("auth", pack("iss", 0, "digest", "bob:secret")),
    step("whoAmI"),
    create("/bob", "mine", 0, aclOf([31, "auth", ""], [1, "ip", "10.0.0.0/8"])),
    step("getACL", pack("s", "/bob")),
    setAcl("/bob", aclOf([1, "auth", ""]), 0),
    setAcl("/bob", OPEN, 0),
    set("/bob", "x"),
    watch("getData", "/bob", false),
    step("auth", pack("iss", 0, "ip", "")),
    step("sasl", pack("s", "")),
  ],
};

/** Numbers that are others at each server, by what came first. */
export class Ranks {
  readonly #known = new Map<bigint, string>([[0n, "0"]]);

  of(value: bigint): string {
    const known = this.#known.get(value) ?? `#${this.#known.size}`;
    this.#known.set(value, known);
    return known;
  }
}

/** An answer or an event without its length, as what is the same at all servers. */
export function meaningOf({ op, body }: Step, frame: Buffer, ranks: Ranks, session: bigint): string {
  const cut = new Cut(frame);
  const [xid, , error] = [cut.int(), cut.long(), cut.int()];
  if (xid === -1) return `event ${cut.int()} ${cut.int()} ${cut.text()}`;
  const told = `${op} ${error}`;
  if (error !== 0 || cut.isAtEnd) return `${told}${cut.isAtEnd ? "" : " and more"}`;
  const meaning = bodyOf(op, body, cut, ranks, session);
  return `${told} ${meaning}${cut.isAtEnd ? "" : " and more"}`;
}

function statOf(cut: Cut, ranks: Ranks, session: bigint): string {
  const { czxid, mzxid, pzxid, ctime, mtime, ephemeralOwner, ...plain } = readStat(cut);
  const owner = ephemeralOwner === session ? "own" : String(ephemeralOwner);
  const zxids = [czxid, mzxid, pzxid].map((zxid) => ranks.of(zxid)).join(" ");
  const times = ctime === 0n ? "none" : mtime < ctime ? "backwards" : "some";
  return JSON.stringify({ ...plain, owner, zxids, times });
}

function bodyOf(op: Op, asked: Buffer, cut: Cut, ranks: Ranks, session: bigint): string {
  const stat = (): string => statOf(cut, ranks, session);
  const names = (): string => JSON.stringify(cut.list(() => cut.text()).sort());
  switch (op) {
    case "create":
    case "sync":
      return cut.text();
    case "create2":
    case "createContainer":
    case "createTTL":
      return `${cut.text()} ${stat()}`;
    case "getData":
      return `${cut.text()} ${stat()}`;
    case "exists":
    case "setData":
    case "setACL":
      return stat();
    case "getChildren":
    case "getEphemerals":
      return names();
    case "getChildren2":
      return `${names()} ${stat()}`;
    case "getACL":
      return `${JSON.stringify(cut.list(() => [cut.int(), cut.text(), cut.text()]))} ${stat()}`;
    case "whoAmI":
      return JSON.stringify(cut.list(() => `${cut.text()}/${cut.text()}`));
    case "getAllChildrenNumber":
    case "addWatch":
      return String(cut.int());
    case "sasl":
      return cut.text();
    case "multi":
    case "multiRead":
      return stepsOf(asked, cut, ranks, session);
    default:
      return "";
  }
}

function stepsOf(asked: Buffer, cut: Cut, ranks: Ranks, session: bigint): string {
  const told: string[] = [];
  while (!cut.isAtEnd) {
    const [type, isEnd, error] = [cut.int(), cut.bool(), cut.int()];
    const name = Object.entries(OPS).find(([, number]) => number === type)?.[0] as Op | undefined;
    const inner = isEnd ? "" : type === -1 ? String(cut.int()) : bodyOf(name ?? "ping", asked, cut, ranks, session);
    told.push(`${type} ${isEnd} ${error} ${inner}`.trim());
  }
  return JSON.stringify(told);
}

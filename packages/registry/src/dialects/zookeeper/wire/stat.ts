/** What is told of a node beside its data. */
import type { Writer } from "./jute.ts";

export interface Stat {
  readonly czxid: number;
  readonly mzxid: number;
  /** Wall-clock ms. */
  readonly ctime: number;
  readonly mtime: number;
  /** Begins at 0. */
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  /** The session that the node ends with; 0 for none. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: number;
}

export function writeStat(writer: Writer, stat: Stat): void {
  writer.long(stat.czxid).long(stat.mzxid).long(stat.ctime).long(stat.mtime);
  writer.int(stat.version).int(stat.cversion).int(stat.aversion).long(stat.ephemeralOwner);
  writer.int(stat.dataLength).int(stat.numChildren).long(stat.pzxid);
}

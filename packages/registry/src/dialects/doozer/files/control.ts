/** What the original keeps under `/ctl` about itself, as far as clients look there: made when it is read. */
import { type Bytes, type Revision, toBytes } from "../../../core/index.ts";
import { type File, type Source, toSource } from "./source.ts";

export interface ControlParts {
  readonly cluster: string;
  readonly node: string;
  /** Where clients reach this node. */
  readonly address: string;
  readonly hostname: string;
  readonly version: string;
  /** Other nodes of the registry that are known, by their ids: where they are reached. */
  others(): Iterable<readonly [id: string, address: string]>;
}

/** A name as paths may have it. */
export function toNodeId(name: string): string {
  return name.replace(/[^A-Za-z0-9.-]/g, "-") || "node";
}

/** The files of the nodes at a revision of the registry. */
export function controlOf(parts: ControlParts, revision: Revision): Source {
  const { cluster, node, address, hostname, version } = parts;
  const nodes: (readonly [string, string])[] = [[node, address], ...parts.others()];
  const values: [Bytes, string][] = [
    ["/ctl/name", cluster],
    [`/ctl/node/${node}/applied`, String(revision)],
    [`/ctl/node/${node}/hostname`, hostname],
    [`/ctl/node/${node}/version`, version],
  ];
  for (const [place, [id, at]] of nodes.entries())
    values.push(
      [`/ctl/cal/${place}`, id],
      [`/ctl/node/${id}/addr`, at],
      [`/ctl/node/${id}/writable`, "true"],
      [`/ctl/ns/${cluster}/${id}`, at],
    );
  const files = values.map(([key, value]): File => ({ key, value: toBytes(value), modRevision: 1 }));
  return toSource(files.sort((a, b) => (a.key < b.key ? -1 : 1)));
}

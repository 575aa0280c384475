/** @live The floor of history, which only rises, whichever node raises it. */
import type { Revision } from "../../../core/index.ts";
import type { Client } from "../client/client.ts";
import { encodeFloor, type Keys, readFloor } from "../keys.ts";

/** Raises it to this revision, unless it is higher; answers where it is then. */
export async function raiseFloor(client: Client, { floor: key }: Keys, revision: Revision): Promise<Revision> {
  for (;;) {
    const [entry] = (await client.range({ key })).entries;
    const stored = entry === undefined ? 0 : readFloor(entry.value);
    if (revision <= stored) return stored;
    const guards = [{ key, modRevision: entry?.modRevision ?? 0 }];
    const then = [{ kind: "put", key, value: encodeFloor(revision) } as const];
    if ((await client.transact({ guards, then })).succeeded) return revision;
  }
}

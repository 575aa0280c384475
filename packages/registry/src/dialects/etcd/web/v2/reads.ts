/** @live `GET /v2/keys/…`: a file, or a directory with what lies in it. */
import type { Account, AccountView } from "../../../../core/index.ts";
import { listParts } from "../../../../net/answers/parts.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import { awaitAll } from "../../../../net/routes/catch-up.ts";
import { hear, whenHeard } from "../../../../net/routes/heard.ts";
import type { Desk } from "../../desk.ts";
import { toAnswer, toError } from "./answers.ts";
import { fromRefused } from "./errors.ts";
import { leasesIn, livesNow } from "./lives.ts";
import { type Keys, list } from "./nodes.ts";
import { treeText } from "./shown.ts";
import type { Wish } from "./wish.ts";

const NO_KEYS: Keys = { entry: () => undefined, entries: () => [] };

export function keysOf(view: AccountView | undefined): Keys {
  return view ?? NO_KEYS;
}

export function read(desk: Desk, account: Account, wish: Wish): Answer | Promise<Answer> {
  return wish.isQuorum ? readReached(desk, account, wish) : readHere(desk, account, wish);
}

/** Nothing older than what was acknowledged anywhere before. */
async function readReached(desk: Desk, account: Account, wish: Wish): Promise<Answer> {
  const reached = await awaitAll(desk.registry);
  return reached.ok ? readHere(desk, account, wish) : toError(desk, fromRefused(reached), 0);
}

function readHere(desk: Desk, account: Account, { path, isRecursive }: Wish): Answer | Promise<Answer> {
  const { registry, clock } = desk;
  const found = registry.read((view) => {
    const own = view.account(account);
    const listed = list(keysOf(own), path, isRecursive);
    return { revision: view.revision, listed, leases: leasesIn(own, listed.ok ? listed.value.leases : []) };
  });
  const { revision, listed, leases } = found;
  if (!listed.ok) return toError(desk, listed, revision);
  const { tree } = listed.value;
  return whenHeard(hear(registry, account, [...leases.keys()]), (heard) => {
    const pieces = treeText(path, tree, livesNow(leases, heard, clock.now()));
    return toAnswer(desk, 200, revision, listParts('{"action":"get","node":', pieces, "}\n", ""));
  });
}

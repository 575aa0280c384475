/** An account as it is stored, for programs that show it as it is: agents. What is in records is the registry's own. */
import { clientError, RollcallError } from "../error.ts";
import { followStream, texts } from "../http/stream.ts";
import { type OpenedStream, pathOf, type Transport } from "../http/transport.ts";

/** An account as it is stored. Rows and commits are the registry's own records: of the version that sent them. */
export interface CopyBody {
  /** The name of the order that the revisions count in. */
  line: string;
  revision: number;
  position: string;
  /** False: without what is reserved, which takes a token that is good for all accounts, of the role admin. */
  isWhole: boolean;
  account: {
    createdAtMs: number;
    /** The last that touched the account. */
    revision: number;
    catalogRevision: number;
    keysRevision: number;
    services: { name: string; revision: number; changedAtMs: number; lostAtMs: number }[];
  };
  rows: unknown[];
}

export interface CopyHeadBody {
  /** As in `CopyBody`. */
  line: string;
  revision: number;
  /** The last that touched the account. */
  accountRevision: number;
}

/** What came of a command. */
export interface ForwardedBody {
  commit: unknown;
  revision: number;
  result: unknown;
  head: CopyHeadBody;
}

export type CopyItem =
  | { readonly kind: "commit"; readonly position: string; readonly commit: unknown }
  /** Everything up to this revision has been told. */
  | { readonly kind: "ready"; readonly position: string; readonly revision: number }
  /** The position is of another order, or of one that history does not hold: the state is to be read again. */
  | { readonly kind: "resync"; readonly position: string; readonly revision: number };

export interface CopyOptions {
  /** Begin after this position. */
  readonly after: string;
  readonly signal?: AbortSignal;
  /** Told when the connection is lost; it is taken up again by itself. */
  readonly onDown?: (error: unknown) => void;
}

/** All of it but the rows. */
export type CopiedBody = Omit<CopyBody, "rows">;

export interface StateOptions {
  readonly signal?: AbortSignal;
  readonly silentMs?: number;
}

export interface Copying {
  /** The whole state; told of each row as it comes, so that it is never here twice. `silentMs` ends one that falls silent. */
  state(row: (row: unknown) => void, options?: StateOptions): Promise<CopiedBody>;
  /** Where it is now, at any node. */
  head(options?: { readonly signal?: AbortSignal; readonly timeoutMs?: number }): Promise<CopyHeadBody>;
  commits(options: CopyOptions): AsyncGenerator<CopyItem, void>;
  /** One command of the registry's core. Never repeated by itself when it may have been done. */
  forward(command: unknown, options?: { readonly signal?: AbortSignal | undefined }): Promise<ForwardedBody>;
}

/** Twice as long as a server is ever silent, and a little. */
const SILENT_MS = 35_000;

export function createCopying(transport: Transport): Copying {
  const path = pathOf("v2", transport.account, "copy");
  return {
    async state(row, { signal, silentMs = SILENT_MS } = {}) {
      const opened = await transport.open({ path, signal });
      try {
        return await readCopy(opened, silentMs, row);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        throw error instanceof RollcallError ? error : clientError("unreachable", "the answer broke off", error);
      } finally {
        opened.close();
      }
    },
    head: (options = {}) => transport.json({ path, query: { head: "" }, ...options }),
    async *commits({ after, signal, onDown }) {
      // In the address until the first message: a header that a proxy drops would lose changes.
      let position = after;
      const call = () => ({ path, query: { after: position } });
      const stream = followStream(transport, { call, signal, onDown, idleMs: SILENT_MS });
      for await (const { event, id, data } of stream) {
        if (id !== "") position = id;
        const item = toItem(event, position, data);
        if (item !== undefined) yield item;
      }
    },
    forward: async (command, options = {}) => {
      const to = pathOf("v2", transport.account, "commands");
      return transport.json({ method: "POST", path: to, json: { command }, ...options });
    },
  };
}

/** Each row has a line of its own between the head and the end: `…"rows":[`, `ROW,`, `ROW]}`. */
async function readCopy(opened: OpenedStream, silentMs: number, row: (row: unknown) => void): Promise<CopiedBody> {
  let [head, rest]: [CopyBody | undefined, string] = [undefined, ""];
  for await (const text of texts(opened, silentMs)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines)
      if (head === undefined) {
        const hasRows = line.endsWith("[");
        head = JSON.parse(hasRows ? `${line}]}` : line) as CopyBody;
        if (!hasRows) return head;
      } else {
        const isLast = line.endsWith("]}");
        row(JSON.parse(line.slice(0, isLast ? -2 : -1)));
        if (isLast) return head;
      }
  }
  throw clientError("unreachable", "the answer ended before its end");
}

function toItem(event: string, position: string, data: string): CopyItem | undefined {
  if (event === "commit") return { kind: "commit", position, commit: JSON.parse(data) };
  if (event !== "ready" && event !== "resync") return undefined;
  const { revision } = JSON.parse(data) as { revision: number };
  return { kind: event, position, revision };
}

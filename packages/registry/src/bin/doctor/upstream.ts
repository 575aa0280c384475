/** Whether the registry that an agent is to follow can be followed, asked address by address, and what lies on the disk. */
import { snapshotAt } from "../../replicators/upstream/snapshot.ts";
import { connectUpstream, type UpstreamConfig } from "../config/upstream.ts";
import { toAge } from "../terminal/output.ts";
import { type Finding, finding } from "./finding.ts";

const NAME = "upstream";
const HEAD_MS_MAX = 5000;

interface Asked {
  readonly url: string;
  /** The name of its order. */
  readonly line?: string;
  readonly revision?: number;
  /** It answers, and says no. */
  readonly isRefused?: boolean;
  readonly error?: string;
}

export async function examineUpstream(config: UpstreamConfig, data: string, nowMs: number): Promise<Finding[]> {
  const [asked, savedAtMs] = await Promise.all([
    Promise.all(config.urls.map((url) => ask(config, url))),
    snapshotAt(data),
  ]);
  const isReached = asked.some(({ error }) => error === undefined);
  const canStart = isReached || savedAtMs !== undefined;
  const { line: first } = asked.find(({ line }) => line !== undefined) ?? {};
  return [
    ...asked.map((one) => describe(one, config.account, first, canStart)),
    savedAtMs === undefined
      ? finding("snapshot", "note", `there is none yet in ${data}: the first start needs the registry`)
      : finding("snapshot", "good", `written ${toAge(new Date(savedAtMs).toISOString(), nowMs)} ago in ${data}`),
  ];
}

async function ask(config: UpstreamConfig, url: string): Promise<Asked> {
  try {
    const { client } = await connectUpstream({ ...config, urls: [url] });
    const { line, revision } = await client.copy.head({ timeoutMs: HEAD_MS_MAX });
    return { url, line, revision };
  } catch (error) {
    const { message, code } = error as Error & { readonly code?: string };
    const said = message.includes(url) ? message : `${url}: ${message}`;
    return { url, isRefused: code === "unauthorized" || code === "forbidden", error: said };
  }
}

function describe(asked: Asked, account: string, first: string | undefined, canStart: boolean): Finding {
  const { url, line, revision, isRefused, error } = asked;
  if (error !== undefined) return finding(NAME, isRefused || !canStart ? "bad" : "warn", error);
  if (line !== first)
    return finding(NAME, "warn", `${url} has another order than the first: name addresses of one registry alone`);
  return finding(NAME, "good", `${url} answers: the account ${account} is at revision ${revision}`);
}

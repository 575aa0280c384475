/** Answers of `/v2/keys`: their heads, and errors. */
import type { Revision } from "../../../../core/index.ts";
import type { Body } from "../../../../net/answers/parts.ts";
import type { Headers } from "../../../../net/http/head.ts";
import type { Answer } from "../../../../net/routes/answer.ts";
import { encodeGoJson as encodeJson } from "../../../../net/routes/json.ts";
import type { Desk } from "../../desk.ts";
import { TERM } from "../../wire/header.ts";
import { type Failed, sentenceOf, statusOf } from "./errors.ts";

export const JSON_TYPE = { "Content-Type": "application/json" };

/** As the original writes ids. */
export function toHex(id: bigint): string {
  return id.toString(16);
}

export function clusterHead({ identity }: Desk): Headers {
  return { "X-Etcd-Cluster-Id": toHex(identity.clusterId) };
}

/** One number is all of the registry's order: the index of keys and that of the log are the same. */
export function headAt(desk: Desk, revision: Revision): Headers {
  return {
    ...JSON_TYPE,
    ...clusterHead(desk),
    "X-Etcd-Index": revision,
    "X-Raft-Index": revision,
    "X-Raft-Term": TERM,
  };
}

export function toAnswer(desk: Desk, status: number, revision: Revision, body: Body): Answer {
  return { status, head: headAt(desk, revision), body };
}

export function toError(desk: Desk, wrong: Failed, revision: Revision): Answer {
  const { code, cause } = wrong;
  const said = { errorCode: code, message: sentenceOf(wrong), cause: cause || undefined, index: revision };
  const head = { ...JSON_TYPE, ...clusterHead(desk), "X-Etcd-Index": revision };
  return { status: statusOf(wrong), head, body: `${encodeJson(said)}\n` };
}

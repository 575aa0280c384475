/** Conversations with `/v2/keys`: what was asked, and what came of it. */
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request } from "../../../harness/requests.ts";
import { TALKS } from "./talk.ts";

export interface Said {
  readonly ask: string;
  readonly status: number;
  /** X-Etcd-Index; empty where there was none. */
  readonly index: string;
  readonly body: string;
}

export interface Conversation {
  readonly name: string;
  readonly said: readonly Said[];
}

export async function converse(base: string): Promise<readonly Conversation[]> {
  const all: Conversation[] = [];
  for (const name of Object.keys(TALKS)) all.push(await say(base, name));
  return all;
}

/** `base`: up to `/v2/keys`. */
export async function say(base: string, name: string): Promise<Conversation> {
  const said: Said[] = [];
  const waiting = new Map<number, Promise<string>>();
  for (const step of TALKS[name] ?? []) {
    const ask = step.replace(/\{(\d+)\}/g, (_, nth: string) => said[Number(nth) - 1]?.index ?? "");
    const [method = "", path = "", form] = ask.split(" ");
    if (method === "WAIT") {
      const { head, body } = await beginWatch(`${base}${path}${path.includes("?") ? "&" : "?"}wait=true`);
      waiting.set(said.length + 1, body);
      said.push({ ask: step, status: head.statusCode ?? 0, index: indexOf(head), body: "" });
    } else if (method === "HEARD") {
      said.push({ ask: step, status: 0, index: "", body: (await waiting.get(Number(path))) ?? "" });
    } else {
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      const spec = form === undefined ? { method } : { method, headers, body: form };
      const answer = await request(base + path, spec);
      said.push({ ask: step, status: answer.status, index: indexOf(answer), body: answer.text });
    }
  }
  return { name, said };
}

function indexOf({ headers }: Pick<IncomingMessage, "headers">): string {
  return String(headers["x-etcd-index"] ?? "");
}

export interface Watched {
  readonly head: IncomingMessage;
  /** What has come. */
  text: string;
  /** All of it, at the end. */
  readonly body: Promise<string>;
}

/** Resolves once its head has come: from then on nothing is missed. */
export function beginWatch(url: string, body?: string): Promise<Watched> {
  return new Promise((resolve, reject) => {
    const asked = requestHttp(url, { agent: false, method: body === undefined ? "GET" : "POST" }, (head) => {
      head.setEncoding("utf8");
      const ended = new Promise<string>((done) => head.on("close", () => done(watched.text)));
      const watched: Watched = { head, text: "", body: ended };
      head.on("data", (chunk: string) => {
        watched.text += chunk;
      });
      resolve(watched);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const INDEXES =
  /"(?:modifiedIndex|createdIndex|index)":(\d+)|(?<=!= |\/)(\d+)(?=\])|(?<=\[)(\d+)(?= != |\/)|\b(\d{20})\b/g;

/**
 * What is the same at all servers: indexes by their order. A plain set begins a node anew at the original, and is a change
 * like any other at ours: so the index of the beginning is left out.
 */
export function meaningsOf({ said }: Conversation): readonly string[] {
  const plain = said.map((one) => ({ ...one, body: one.body.replace(/,"createdIndex":\d+/g, "") }));
  const numbers = new Set<number>();
  for (const { index, body } of plain) {
    if (index !== "") numbers.add(Number(index));
    for (const [, ...found] of body.matchAll(INDEXES)) numbers.add(Number(found.find((one) => one !== undefined)));
  }
  const ranks = new Map([...numbers].sort((a, b) => a - b).map((number, rank) => [String(number), `#${rank}`]));
  const rankOf = (text: string): string => ranks.get(String(Number(text))) ?? text;
  return plain.map(({ ask, status, index, body }) => {
    const ranked = body
      .replace(INDEXES, (whole) => whole.replace(/\d+/, rankOf))
      .replace(/"expiration":"[^"]+"/g, '"expiration":""');
    return `${ask} → ${status} ${index === "" ? "" : rankOf(index)} ${ranked}`;
  });
}

/** As they are kept: a line for each step. */
export function writeConversations(conversations: readonly Conversation[]): string {
  const all = conversations.map(({ name, said }) => {
    const steps = said.map((one) => `    ${JSON.stringify(one)}`).join(",\n");
    return `  {"name":${JSON.stringify(name)},"said":[\n${steps}\n  ]}`;
  });
  return `[\n${all.join(",\n")}\n]\n`;
}

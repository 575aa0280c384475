/** @live What a URL answers. */
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { type Aim, type Check, LIMITS, type Probe, readExpected } from "../../core/index.ts";
import { cut, fail, type Verdict } from "../verdict.ts";
import { connectTo } from "./connect.ts";
import { placeOf, sayDial } from "./errors.ts";
import type { Make, Run } from "./run.ts";

const HEADERS: Readonly<Record<string, string>> = {
  "User-Agent": "Rollcall Health Check",
  Accept: "text/plain, text/*, */*",
};
/** As in Go's client. */
const REDIRECTS_MAX = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Of an answer's head: more is an error of the target's. */
const HEAD_BYTES_MAX = 16 * 1024;
/** Sent to nobody but whom they were meant for. */
const SECRET = /^(?:authorization|cookie|host|proxy-authorization|x-consul-token)$/i;

interface Ask {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

export const makeHttp: Make = async (run) => {
  const first = askOf(run);
  let ask = first;
  for (let hops = 0; ; hops++) {
    const { hostname } = ask.url;
    const host = hostname.replace(/^\[|\]$/g, "");
    const address = await run.reach(host);
    const answer = await send(run, ask, host, address);
    if (answer.location === undefined || run.check.probe?.redirects !== true) return toVerdict(run, ask, answer);
    if (hops >= REDIRECTS_MAX) return fail(`${start(first)}: stopped after ${REDIRECTS_MAX} redirects`);
    const next = follow(ask, answer.status, answer.location);
    if (next === undefined)
      return fail(`${start(first)}: a redirect to what is no URL: ${answer.location.slice(0, 200)}`);
    ask = next;
  }
};

function askOf({ check: { probe, target }, aim }: Run): Ask {
  const { method = "GET", headers = {}, body = "" }: Probe = probe ?? {};
  const given = Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? values[0] : values]);
  const has = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const usual = Object.entries(HEADERS).filter(([name]) => !has.has(name.toLowerCase()));
  return { url: urlOf(aim, target), method, headers: Object.fromEntries([...usual, ...given]), body };
}

function urlOf({ secure, host, port, path }: Aim, target: string): URL {
  if (/^https?:/i.test(target)) return new URL(target);
  return new URL(`${secure ? "https" : "http"}://${placeOf(host, port)}${path}`);
}

/** `Get "http://…"`, as the errors of Go's client begin. */
function start({ method, url }: Ask): string {
  return `${method.slice(0, 1)}${method.slice(1).toLowerCase()} "${url.href}"`;
}

interface Answered {
  readonly status: number;
  readonly message: string;
  /** Where a redirect leads. */
  readonly location: string | undefined;
  /** How the body begins; or why there is no answer at all. */
  readonly output: string;
  readonly isError: boolean;
}

function send(run: Run, ask: Ask, host: string, address: string): Promise<Answered> {
  const { url, method, headers, body } = ask;
  const isSecure = url.protocol === "https:";
  const port = Number(url.port) || (isSecure ? 443 : 80);
  return new Promise((resolve, reject) => {
    const content = body === "" ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
    const outgoing: ClientRequest = request({
      method,
      path: url.pathname + url.search,
      host: url.hostname,
      port,
      headers: { Host: url.host, ...headers, ...content, Connection: "close" },
      maxHeaderSize: HEAD_BYTES_MAX,
      // A connection of its own, as a new client would get it; the signal ends that, and so the request.
      createConnection: () => connectTo(run, { host, address, port }, isSecure),
    });
    outgoing.on("error", (error) => {
      if (run.signal.aborted) reject(error);
      else resolve(unanswered(`${start(ask)}: ${sayDial(error, placeOf(address, port))}`));
    });
    outgoing.on("close", () => resolve(unanswered(`${start(ask)}: EOF`)));
    outgoing.on("response", (response) => {
      void readBegin(response).then((output) => {
        const { statusCode: status = 0, statusMessage: message = "" } = response;
        const location = REDIRECTS.has(status) ? response.headers.location : undefined;
        resolve({ status, message: message.slice(0, 100), location, output, isError: false });
        outgoing.destroy();
      });
    });
    outgoing.end(body);
  });
}

function unanswered(output: string): Answered {
  return { status: 0, message: "", location: undefined, output, isError: true };
}

/** As much as is kept. What never ends, or breaks off, counts as far as it came: the status has been told. */
function readBegin(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (): void => resolve(Buffer.concat(chunks).subarray(0, LIMITS.checkOutputLengthMax).toString("utf8"));
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= LIMITS.checkOutputLengthMax) end();
    });
    response.on("end", end);
    response.on("close", end);
    response.on("error", end);
  });
}

function toVerdict({ check }: Run, ask: Ask, { status, message, output, isError }: Answered): Verdict {
  if (isError) return fail(output);
  const said = `HTTP ${ask.method} ${ask.url.href}: ${`${status} ${message}`.trim()} Output: ${output}`;
  return { status: statusOf(check, status), output: cut(said) };
}

/** What asks for patience warns, unless it is what was expected. */
function statusOf({ probe }: Check, status: number): Verdict["status"] {
  const ranges = readExpected(probe?.expect) ?? [];
  if (ranges.some(([from, to]) => status >= from && status <= to)) return "passing";
  return status === 429 ? "warning" : "critical";
}

/** RFC 9110 §15.4, with the customs of browsers. Undefined when it leads to no URL. */
function follow({ url, method, headers, body }: Ask, status: number, location: string): Ask | undefined {
  if (!URL.canParse(location, url.href)) return undefined;
  const next = new URL(location, url);
  if (!/^https?:$/.test(next.protocol)) return undefined;
  next.username = "";
  next.password = "";
  next.hash = "";
  const isKept = status === 307 || status === 308 || method === "HEAD";
  const isSame = next.origin === url.origin;
  const kept = isSame ? headers : Object.fromEntries(Object.entries(headers).filter(([name]) => !SECRET.test(name)));
  return { url: next, method: isKept ? method : "GET", headers: kept, body: isKept ? body : "" };
}

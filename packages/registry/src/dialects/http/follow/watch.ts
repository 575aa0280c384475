/** @live Handlers of watches: long poll, stream, and many subscriptions over one stream. A commit is encoded once for all. */
import {
  type Change,
  type Commit,
  type InstanceRecord,
  type KeyRecord,
  type Outcome,
  ok,
  perRevision,
  type Revision,
  sizeOfCommit,
  subjectOf,
} from "../../../core/index.ts";
import { nameInterest, toScope } from "../../../native/follow/interest.ts";
import {
  type Interest,
  isOfInterest,
  type Surroundings,
  toChangeBody,
  toCommitBody,
} from "../../../native/wire/commits.ts";
import { toTime } from "../../../native/wire/numbers.ts";
import { type Body, Holding, listParts } from "../../../net/answers/parts.ts";
import type { Streaming } from "../../../net/http/reply.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { catchUp } from "../../../net/routes/catch-up.ts";
import { ELSEWHERE, encodePosition, type Mark } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { GATHERED_BYTES_MAX, OF_ANOTHER, toJsonBody } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { decodeWait } from "../wire/query.ts";
import { encodeEvent } from "../wire/sse.ts";
import { CONSUMER_TTL_MS } from "./consumers.ts";
import { decodeInterest, decodeMultiplex, decodeStart, type Subscription } from "./interest.ts";
import { encodePiece } from "./pieces.ts";
import { awaitChange } from "./poll.ts";
import { followCommits } from "./stream.ts";

const ENCODED_BYTES_MAX = 16 * 1024 * 1024;
const COST_LEAST = 256;
/** Encodings of one commit that are kept. */
const INTERESTS_MAX = 4;

/** GET …/watch: a stream, or with `wait` one answer. */
export function watch(exchange: Exchange<Streaming>): Result | undefined | Promise<Result> {
  const { desk, request, query } = exchange;
  const interest = decodeInterest(query);
  if (!interest.ok) return interest;
  if (query.has("wait")) return pollCommits(exchange, interest.value);
  const after = decodeStart(request.header("last-event-id"), query.get("after"), desk.mark);
  if (!after.ok) return after;
  const stopConsuming = consumeWhileOpen(exchange, interest.value);
  const name = nameInterest(interest.value);
  const render = (commit: Commit): string => {
    const json = encode(exchange, commit, name, interest.value);
    return json === undefined ? "" : encodeEvent("change", encodePosition(commit.revision, desk.mark), json);
  };
  followCommits(exchange, {
    scope: toScope(exchange.account, interest.value),
    after: after.value,
    encode: (commits) => encodePiece(commits, `changes ${name}`, render),
    onClose: stopConsuming,
  });
  return undefined;
}

/** Who watches with `?consumer=` is a consumer of the services for as long as the stream is open. */
function consumeWhileOpen({ desk, account, query }: Exchange, { services }: Interest): () => void {
  const consumer = query.get("consumer") ?? "";
  if (consumer === "" || services.size === 0) return () => {};
  const note = (): void => {
    for (const service of services) desk.consumers.note(account, consumer, service, "", "watch");
  };
  note();
  const timer = setInterval(note, CONSUMER_TTL_MS / 3);
  timer.unref();
  return () => clearInterval(timer);
}

interface Seen {
  readonly exchange: Exchange;
  readonly name: string;
  readonly interest: Interest;
}

/** Of the latest commits, as JSON by the name of an interest; undefined where the commit holds nothing of it. */
const encodingsOf = perRevision(
  (commit: Commit, seen: Seen) => new Map<string, string | undefined>([[seen.name, toText(commit, seen)]]),
  { costMax: ENCODED_BYTES_MAX, costOf: (texts) => COST_LEAST + ([...texts.values()][0]?.length ?? 0) },
);

function toText(commit: Commit, { exchange, interest }: Seen): string | undefined {
  return JSON.stringify(toCommitBody(commit, interest, exchange.desk.around));
}

/** A commit as an interest sees it. */
function encode(exchange: Exchange, commit: Commit, name: string, interest: Interest): string | undefined {
  const seen = { exchange, name, interest };
  const texts = encodingsOf(commit, seen);
  if (texts.has(name)) return texts.get(name);
  const text = toText(commit, seen);
  if (texts.size < INTERESTS_MAX) texts.set(name, text);
  return text;
}

const COMMITS_PER_ANSWER = 1000;
const SCANNED_PER_READ = 5000;
/** After so many reads without a hit the answer is a position to go on from: no request may search for ever. */
const READS_MAX = 20;

/** GET …/watch?after=&wait=: the commits after a position, at once when there are some. */
async function pollCommits(exchange: Exchange, interest: Interest): Promise<Result> {
  const { desk, query, account } = exchange;
  const wait = decodeWait(query, desk.mark);
  if (!wait.ok) return wait;
  const { after = 0 } = wait.value;
  if (after === ELSEWHERE) return OF_ANOTHER;
  const behind = await catchUp(desk.registry, after);
  if (behind !== undefined) return behind;
  const now = desk.registry.read((view) => view.revision);
  const found = await readCommits(exchange, interest, Math.min(wait.value.after ?? now, now));
  if (!found.ok) return found;
  const { complete, revision, commits } = found.value;
  if (commits.length > 0 || !complete || wait.value.waitMs === 0) return toAnswer(found.value, desk.mark);
  return awaitChange(exchange, toScope(account, interest), revision, wait.value.waitMs, (_woken, commits) => {
    if (commits?.some(({ changes }) => changes.some((change) => isOfInterest(change, interest))) === false)
      return undefined;
    return toCommits(exchange, interest, revision);
  });
}

async function toCommits(exchange: Exchange, interest: Interest, after: Revision): Promise<Result> {
  const found = await readCommits(exchange, interest, after);
  return found.ok ? toAnswer(found.value, exchange.desk.mark) : found;
}

interface Found {
  readonly revision: Revision;
  /** As JSON. */
  readonly commits: readonly string[];
  /** False when there is more to look at right now. */
  readonly complete: boolean;
  /** The only commit, when it is long: it is encoded as it is sent. */
  readonly long?: Body;
}

function toAnswer({ revision, commits, long }: Found, mark: Mark): Answer {
  if (long !== undefined) return toJsonBody(long);
  return toJsonBody(`${startAnswer(revision, mark)}${commits.join(",")}]}\n`);
}

function startAnswer(revision: Revision, mark: Mark): string {
  return `{"revision":${revision},"position":"${encodePosition(revision, mark)}","commits":[`;
}

/** An answer that holds one commit. */
function encodeLong(commit: Commit, interest: Interest, around: Surroundings): Body | undefined {
  const { revision, account, atMs } = commit;
  const seen = commit.changes.filter((change) => isOfInterest(change, interest));
  if (seen.length === 0) return undefined;
  const head = JSON.stringify({ revision, at: toTime(atMs), account }).slice(0, -1);
  const start = `${startAnswer(revision, around.mark)}${head},"changes":[`;
  return new Holding(listParts(start, encodeChanges(commit, seen, around), "]}]}\n"), sizeOfCommit(commit));
}

function* encodeChanges(commit: Commit, changes: readonly Change[], around: Surroundings): Iterable<string> {
  for (const change of changes) yield JSON.stringify(toChangeBody(commit, change, around));
}

/** Commits of interest after a position, until they are many or long. */
function readCommits(exchange: Exchange, interest: Interest, after: Revision): Promise<Outcome<Found>> {
  return exchange.desk.readers.read(exchange.account, () => findCommits(exchange, interest, after));
}

async function findCommits({ desk, account }: Exchange, interest: Interest, after: Revision): Promise<Outcome<Found>> {
  const commits: string[] = [];
  let revision = after;
  let length = 0;
  for (let reads = 0; reads < READS_MAX; reads++) {
    const page = await desk.registry.history(revision, SCANNED_PER_READ);
    if (!page.ok) return page;
    if (page.value.length === 0) return ok({ revision, commits, complete: true });
    for (const commit of page.value) {
      if (commits.length >= COMMITS_PER_ANSWER || length > GATHERED_BYTES_MAX)
        return ok({ revision, commits, complete: false });
      const isLong = commit.account === account && sizeOfCommit(commit) > 2 * GATHERED_BYTES_MAX;
      if (isLong && commits.length > 0) return ok({ revision, commits, complete: false });
      revision = commit.revision;
      if (commit.account !== account) continue;
      const long = isLong ? encodeLong(commit, interest, desk.around) : undefined;
      if (long !== undefined) return ok({ revision, commits, complete: false, long });
      const body = toCommitBody(commit, interest, desk.around);
      if (body === undefined) continue;
      const text = JSON.stringify(body);
      commits.push(text);
      length += text.length;
    }
    // The common case: no second read only to find that there is no more.
    if (revision === desk.registry.read((view) => view.revision)) return ok({ revision, commits, complete: true });
  }
  return ok({ revision, commits, complete: false });
}

/** POST …/watch: many subscriptions over one stream. One cursor serves them all, so that they share one order. */
export function watchMany(exchange: Exchange<Streaming>): Result | undefined {
  const { desk, request, account } = exchange;
  const asked = decodeMultiplex(exchange.json, desk.mark);
  if (!asked.ok) return asked;
  const position = decodeStart(request.header("last-event-id"), undefined, desk.mark);
  if (!position.ok) return position;
  const index = new SubscriptionIndex(asked.value.subscriptions);
  followCommits(exchange, {
    scope: toScope(account, index.interest),
    after: position.value ?? asked.value.after,
    encode: (commits) => encodePiece(commits, undefined, (commit) => index.render(exchange, commit)),
  });
  return undefined;
}

/** Finds the subscriptions that a commit concerns. */
class SubscriptionIndex {
  readonly interest: Interest;
  readonly #services = new Map<string, string[]>();
  readonly #keys = new Map<string, string[]>();
  readonly #prefixes = new Map<string, string[]>();
  readonly #everything: string[] = [];

  constructor(subscriptions: readonly Subscription[]) {
    for (const { id, service, key, prefix } of subscriptions) {
      if (service !== undefined) add(this.#services, service, id);
      else if (key !== undefined) add(this.#keys, key, id);
      else if (prefix !== undefined) add(this.#prefixes, prefix, id);
      else this.#everything.push(id);
    }
    this.interest = {
      services: new Set(this.#services.keys()),
      keys: new Set(this.#keys.keys()),
      prefixes: [...this.#prefixes.keys()],
      everything: this.#everything.length > 0,
    };
  }

  render(exchange: Exchange, commit: Commit): string {
    const services = new Set<string>();
    const keys = new Set<string>();
    const prefixes = new Set<string>();
    for (const change of commit.changes) {
      if (change.kind === "instance") this.#meet(services, change.before, change.after);
      else if (change.kind === "key") this.#meetKey(keys, prefixes, subjectOf(change));
    }
    const everything = this.#everything.length > 0;
    const interest: Interest = { services, keys, prefixes: [...prefixes], everything };
    const json = encode(exchange, commit, nameInterest(interest), interest);
    if (json === undefined) return "";
    const ids = [...this.#everything];
    for (const service of services) ids.push(...(this.#services.get(service) ?? []));
    for (const key of keys) ids.push(...(this.#keys.get(key) ?? []));
    for (const prefix of prefixes) ids.push(...(this.#prefixes.get(prefix) ?? []));
    if (ids.length === 0) return "";
    const id = encodePosition(commit.revision, exchange.desk.mark);
    return encodeEvent("change", id, `${json.slice(0, -1)},"subscriptions":${JSON.stringify(ids)}}`);
  }

  #meet(services: Set<string>, before: InstanceRecord | null, after: InstanceRecord | null): void {
    if (before !== null && this.#services.has(before.service)) services.add(before.service);
    if (after !== null && this.#services.has(after.service)) services.add(after.service);
  }

  #meetKey(keys: Set<string>, prefixes: Set<string>, { key }: KeyRecord): void {
    if (this.#keys.has(key)) keys.add(key);
    for (const prefix of this.#prefixes.keys()) if (key.startsWith(prefix)) prefixes.add(prefix);
  }
}

function add(index: Map<string, string[]>, at: string, id: string): void {
  const ids = index.get(at);
  if (ids === undefined) index.set(at, [id]);
  else ids.push(id);
}

/** One order at every node, in which everything that was acknowledged stands once and nothing that was refused does. */
import { createHash } from "node:crypto";
import type { Node } from "../cluster.ts";
import { type Change, type Commit, readHistory, readState, subjectOf } from "../history.ts";
import type { Watcher } from "../load/watchers.ts";
import type { Write } from "../load/writers.ts";
import { type Complaint, complain } from "./complaint.ts";

/** What is known of the order up to here. */
export class Order {
  revision = 0;
  /** The latest record of each subject, as JSON. */
  readonly records = new Map<string, string>();
  /** Where each value of the writers stands. */
  readonly #places = new Map<string, Commit>();
  /** Changes of each subject, for traces. */
  readonly changes = new Map<string, { readonly revision: number; readonly change: Change }[]>();
  #unknown: Write[] = [];

  /** Reads on at all nodes, as far as all of them tell; the commits that are new. */
  async readOn(nodes: readonly Node[], complaints: Complaint[]): Promise<readonly Commit[]> {
    const told = await Promise.all(nodes.map((node) => readHistory(node, this.revision)));
    const end = Math.min(...told.map((commits) => commits.at(-1)?.revision ?? 0));
    const [first = [], ...others] = told.map((commits) => commits.filter(({ revision }) => revision <= end));
    for (const [nth, other] of others.entries()) {
      const longest = first.length > other.length ? first : other;
      const at = longest.findIndex((_, index) => textOf(first[index]) !== textOf(other[index]));
      if (at < 0) continue;
      const names = `${nodes[0]?.name} and ${nodes[nth + 1]?.name}`;
      complaints.push(complain("one order", `${names} differ`, [textOf(first[at]), textOf(other[at])]));
    }
    for (const commit of first) this.#fold(commit, complaints);
    return first;
  }

  #fold(commit: Commit, complaints: Complaint[]): void {
    const { revision } = commit;
    if (revision <= this.revision)
      complaints.push(complain("one order", `revision ${revision} comes after ${this.revision}`));
    this.revision = revision;
    for (const change of commit.changes) {
      // A lease is told of with what was heard of it, which is no part of the order.
      if (change.kind === "lease") continue;
      const subject = subjectOf(change);
      const before = change.before === null ? undefined : JSON.stringify(change.before);
      const known = this.records.get(subject);
      const changes = this.changes.get(subject) ?? [];
      this.changes.set(subject, changes);
      changes.push({ revision, change });
      if (before !== known)
        complaints.push(
          complain("one order", `${subject} at ${revision} was not what it was before`, [`${known}`, `${before}`]),
        );
      if (change.after === null) this.records.delete(subject);
      else this.records.set(subject, JSON.stringify(change.after));
      if (change.kind === "key" && change.key.startsWith("w/") && change.after !== null)
        this.#place(String(change.after.value), commit, complaints);
    }
  }

  #place(value: string, commit: Commit, complaints: Complaint[]): void {
    const place = this.#places.get(value);
    if (place !== undefined && place !== commit)
      complaints.push(complain("no change twice", `${value} stands at ${place.revision} and at ${commit.revision}`));
    this.#places.set(value, commit);
  }

  /** What writers were told is true. Nobody writes. */
  judge(writes: readonly Write[]): Complaint[] {
    const waiting = this.#unknown;
    this.#unknown = writes.filter(({ fate }) => fate === "unknown");
    return [...waiting, ...writes].flatMap((write) => this.#judgeOne(write));
  }

  #judgeOne(write: Write): Complaint[] {
    const { value, keys, fate, revision, node, told } = write;
    const place = this.#places.get(value);
    const said = `${node} told ${told.status} ${told.text.slice(0, 200)} of ${value} (${keys.join(", ")})`;
    const trace = (): string[] => this.trace(`key ${keys[0]}`);
    if (fate === "done" && place === undefined)
      return [complain("no acknowledged change lost", `${said}, and it is not in the order`, trace())];
    if (fate === "done" && place?.revision !== revision)
      return [complain("no acknowledged change lost", `${said}, and it stands at ${place?.revision}`, trace())];
    if (fate === "not done" && place !== undefined)
      return [complain("what is refused is not done", `${said}, and it stands at ${place.revision}`, trace())];
    if (place === undefined) return [];
    const there = place.changes.flatMap((change) => (change.kind === "key" ? [change.key] : [])).sort();
    return there.join() === [...keys].sort().join()
      ? []
      : [complain("nothing half there", `${said}, and revision ${place.revision} holds ${there.join(", ")}`, trace())];
  }

  trace(subject: string): string[] {
    return (this.changes.get(subject) ?? []).slice(-8).map(({ revision, change }) => {
      const after = change.after === null ? "gone" : JSON.stringify(change.after).slice(0, 200);
      return `${revision} ${change.cause}: ${subject} ${after} ${change.reason ?? ""}`;
    });
  }

  /** Everything that this node shows is what the order makes of it. Answers a hash of it. */
  async judgeState(node: Node, complaints: Complaint[]): Promise<string | undefined> {
    const state = await readState(node);
    if (state === undefined || state.revision < this.revision) return undefined;
    const hash = createHash("sha1");
    const shown = new Map([...state.found].map(([subject, record]) => [subject, JSON.stringify(record)]));
    const subjects = [...new Set([...shown.keys(), ...this.records.keys()])].sort();
    const wrong = subjects.filter((subject) => shown.get(subject) !== this.records.get(subject));
    for (const subject of subjects) hash.update(`${subject} ${shown.get(subject)}\n`);
    if (wrong.length > 0 && state.revision === this.revision) {
      const [subject = ""] = wrong;
      const both = [`shown: ${shown.get(subject)}`, `in the order: ${this.records.get(subject)}`];
      const detail = `${node.name} shows ${wrong.length} things otherwise at ${state.revision}: ${subject}`;
      complaints.push(complain("one state", detail, [...both, ...this.trace(subject)]));
    }
    return `${state.revision} ${hash.digest("hex")}`;
  }
}

/** It got each of these commits up to now, once and in order, and nothing else. */
export function judgeWatcher(watcher: Watcher, commits: readonly Commit[], revision: number): Complaint[] {
  const own = watcher.take(revision);
  if (watcher.lost.length > 0) return [complain("watchers complete", `${watcher.name}: ${watcher.lost.join("; ")}`)];
  const longest = own.length > commits.length ? own : commits;
  const at = longest.findIndex((_, index) => textOf(commits[index]) !== textOf(own[index]));
  if (at < 0) return [];
  const around = own.slice(Math.max(0, at - 2), at + 3).map((commit) => commit.revision);
  const [was, wanted] = [own, commits].map((list) => textOf(list[at]).slice(0, 300));
  const detail = `${watcher.name} was told ${was} in place of ${wanted}`;
  return [complain("watchers complete", detail, [`revisions around it: ${around.join(", ")}`])];
}

function textOf(commit: Commit | undefined): string {
  return commit === undefined ? "nothing" : JSON.stringify(commit);
}

/** Leases by what their clients were told: none that was heard ends, none that is silent stays, "gone" is true. */
import type { Beater, Life } from "../load/beaters.ts";
import type { FirstSeen } from "../load/watchers.ts";
import { type Complaint, complain } from "./complaint.ts";
import type { Order } from "./order.ts";

/** Of what clocks and wheels may differ. */
const SLACK_MS = 60;

interface Removal {
  readonly revision: number;
  readonly cause: string;
  readonly seenMs: number;
}

export function judgeLeases(order: Order, beaters: readonly Beater[], firstSeen: FirstSeen): Complaint[] {
  const subjects = new Map<string, string>();
  for (const subject of order.changes.keys()) {
    const id = subject.startsWith("instance ") ? subject.slice(subject.lastIndexOf("/") + 1) : undefined;
    if (id !== undefined) subjects.set(id.toLowerCase(), subject);
  }
  return beaters.flatMap((beater) => {
    if (beater.lives.length === 0) return [];
    const subject = subjects.get(beater.id.toLowerCase());
    if (subject === undefined)
      return [complain("no acknowledged change lost", `${beater.id} was registered and is not in the order`)];
    return judgeOne(order, beater, subject, firstSeen);
  });
}

function judgeOne(order: Order, beater: Beater, subject: string, firstSeen: FirstSeen): Complaint[] {
  const removals: Removal[] = (order.changes.get(subject) ?? []).flatMap(({ revision, change }) => {
    const seenMs = firstSeen.at(revision);
    return change.after === null && seenMs !== undefined ? [{ revision, cause: change.cause, seenMs }] : [];
  });
  const trace = (): string[] => [...order.trace(subject), ...lastOf(beater)];
  const complaints: Complaint[] = [];
  for (const { revision, cause, seenMs } of removals) {
    if (cause !== "expired") continue;
    const heard = lastHeard(beater, seenMs);
    if (heard !== undefined && seenMs < heard + beater.ttlMs - SLACK_MS)
      complaints.push(
        complain(
          "no live lease expires",
          `${beater.id} (${beater.dialect}, ttl ${beater.ttlMs} ms) ended at revision ${revision}, seen ${Math.round(seenMs - heard)} ms after a heartbeat that was answered as good`,
          trace(),
        ),
      );
  }
  for (const [nth, life] of beater.lives.entries())
    if (!isGoneTrue(life, beater.lives[nth + 1], removals))
      complaints.push(
        complain("what is said to be gone is gone", `${beater.id} (${beater.dialect}) was told so`, trace()),
      );
  return complaints;
}

/** When the last heartbeat was sent that had a good answer by then. */
function lastHeard({ lives }: Beater, untilMs: number): number | undefined {
  const sent = lives.flatMap(({ registered, beats }) => [
    ...(registered.answeredMs <= untilMs ? [registered.calledMs] : []),
    ...beats.filter(({ said, told }) => said === "good" && told.answeredMs <= untilMs).map(({ told }) => told.calledMs),
  ]);
  return sent.length === 0 ? undefined : Math.max(...sent);
}

/** Between the registration and the word that it is gone it went, by what watchers saw; they may see it later. */
function isGoneTrue({ registered, beats }: Life, next: Life | undefined, removals: readonly Removal[]): boolean {
  if (beats.at(-1)?.said !== "gone") return true;
  const untilMs = next?.registered.answeredMs ?? Number.POSITIVE_INFINITY;
  return removals.some(({ seenMs }) => seenMs >= registered.calledMs && seenMs <= untilMs + LATE_MS);
}

/** So late a watcher may see what is there: it was cut off. */
const LATE_MS = 30_000;

function lastOf({ lives }: Beater): string[] {
  return lives
    .slice(-2)
    .flatMap(({ registered, node, beats }) => [
      `registered at ${node}, ${Math.round(registered.calledMs)}–${Math.round(registered.answeredMs)}: ${registered.status}`,
      ...beats
        .slice(-6)
        .map(
          ({ node: at, told, said }) =>
            `${said} from ${at}, ${Math.round(told.calledMs)}–${Math.round(told.answeredMs)}`,
        ),
    ]);
}

/** Longer than keepers that come and go can let a silent lease live. */
const SILENT_MS_MAX = 40_000;

/** Those that have been silent for long and are there still. */
export function judgeSilent(order: Order, beaters: readonly Beater[]): Complaint[] {
  const nowMs = performance.now();
  return beaters.flatMap(({ id, silentMs = nowMs }) => {
    if (nowMs - silentMs < SILENT_MS_MAX) return [];
    const subject = [...order.records.keys()].find((one) => one.toLowerCase().endsWith(`/${id}`));
    if (subject === undefined) return [];
    const detail = `${id} has been silent for ${Math.round(nowMs - silentMs)} ms`;
    return [complain("what is silent ends", detail, order.trace(subject))];
  });
}

/** @live This node among those that decide: what it sends to the others, decides for them, and writes down of that. */
import type { Commit, Made, Revision, Sender, Sequencer, Sink } from "../../../core/index.ts";
import type { Link } from "../../../net/link/link.ts";
import type { Guard } from "../client/messages.ts";
import type { Sent } from "../log/envelope.ts";
import type { Group } from "../log/reader.ts";
import type { Members } from "../members.ts";
import { answerBeats } from "../peers/beats.ts";
import { sketchOf } from "../peers/messages.ts";
import type { Roster } from "../peers/roster.ts";
import { Decider, type Forwarded } from "./decider.ts";
import { Forwarder } from "./forwarder.ts";
import { Shown } from "./shown.ts";

export interface OthersOptions {
  /** This node's name. */
  readonly name: string;
  readonly members: Members;
  readonly roster: Roster;
  /** Undefined where nodes do not speak to each other. */
  readonly link: Link | undefined;
  readonly sink: Sink;
  readonly patienceMs: number;
  /** The end of the order as it is known here. */
  known(): Revision;
  /** Resolves when all is handed on up to a revision of etcd. */
  handed(revision: number): Promise<void>;
  /** Nothing is decided here at the moment. */
  refusing(): boolean;
  /** Decides here. */
  readonly propose: Sequencer["propose"];
}

export interface Others {
  /** As `Replicator.propose`: there or here. */
  readonly propose: Forwarder["propose"];
  /** As those of `AppenderOptions`. */
  guards(made: readonly Made[]): readonly Guard[] | undefined;
  sent(made: readonly Made[], commits: readonly Commit[]): readonly Sent[];
  /** As `SequencerOptions.refusesSender`. */
  refuses(sender: Sender): ReturnType<Decider["refuses"]>;
  /** A group of another node is shown. */
  heard(group: Group): void;
  /** The order up to here is about to be shown. */
  shows(revision: Revision): void;
  /** The state up to here was read anew. */
  forget(revision: Revision): void;
  /** Decides for nobody any more, and resolves when what was sent has come to its end. */
  close(): Promise<void>;
}

export function connect(options: OthersOptions): Others {
  const { members, link, sink, patienceMs, known, propose, refusing } = options;
  let isClosed = false;
  const shown = new Shown(known(), patienceMs);
  const forwarder = new Forwarder({ ...options, shown: (revision) => shown.reached(revision) });
  const decider = new Decider({
    members,
    known,
    propose: (account, command, sender) =>
      isClosed || refusing() ? null : propose(account, command, undefined, sender),
  });
  if (link !== undefined) {
    answerBeats(link, sink);
    decider.listen(link);
  }
  return {
    propose: (...proposal) => forwarder.propose(...proposal),
    guards: (made) => guardsOf(members, made),
    sent: sentOf,
    refuses: (sender) => decider.refuses(sender),
    heard: (group) => forwarder.heard(group),
    shows: (revision) => shown.note(revision),
    forget(revision) {
      shown.note(revision);
      forwarder.forget();
    },
    close() {
      isClosed = true;
      return forwarder.close();
    },
  };
}

/** What was decided for others is written only by the duty by which it was, and an end only while its keeper keeps. */
function guardsOf(members: Members, made: readonly Made[]): readonly Guard[] | undefined {
  const guards: Guard[] = [];
  const keepers = new Set<string>();
  for (const { command, sender } of made) {
    if (sender !== undefined && guards.every(({ key }) => key !== members.duty.key)) {
      if (members.duty.modRevision !== (sender as Forwarded).duty) return undefined;
      guards.push(members.duty);
    }
    if (command.kind !== "end" || command.keeper === undefined || keepers.has(command.keeper.node)) continue;
    keepers.add(command.keeper.node);
    const kept = members.keeperGuards(command.keeper);
    if (kept === undefined) return undefined;
    guards.push(...kept);
  }
  return guards;
}

function sentOf(made: readonly Made[], commits: readonly Commit[]): readonly Sent[] {
  return made.flatMap(({ sender, result }, at) => {
    if (sender === undefined) return [];
    const { session, number } = sender as Forwarded;
    return [{ at, session, number, sketch: sketchOf(result, (commits[at] as Commit).changes) }];
  });
}

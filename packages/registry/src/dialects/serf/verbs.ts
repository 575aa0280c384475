/** @live The commands by their names: who may say them, and what they carry. */

import { getCoordinate, keys, NO_COORDINATE, NO_KEYS, stats } from "./commands/about.ts";
import { forceLeave, join, leave, members, membersFiltered, tags } from "./commands/membership.ts";
import { event, query, respond } from "./commands/messages.ts";
import { monitor, stop, stream } from "./commands/streams.ts";
import type { Run } from "./desk.ts";
import type { Write } from "./wire/msgpack.ts";

export interface Command {
  readonly need: "reader" | "writer";
  /** Whether a body follows the header. */
  readonly hasBody: boolean;
  /** Said with an error, where a body belongs to the answer: clients wait for it. */
  readonly bodyOfError?: Write;
  readonly run: Run;
}

const NOBODY = { Members: [] };

export const COMMANDS: Readonly<Record<string, Command>> = {
  event: { need: "writer", hasBody: true, run: event },
  "force-leave": { need: "writer", hasBody: true, run: forceLeave },
  join: { need: "writer", hasBody: true, bodyOfError: { Num: 0 }, run: join },
  members: { need: "reader", hasBody: false, bodyOfError: NOBODY, run: members },
  "members-filtered": { need: "reader", hasBody: true, bodyOfError: NOBODY, run: membersFiltered },
  tags: { need: "writer", hasBody: true, run: tags },
  stream: { need: "reader", hasBody: true, run: stream },
  monitor: { need: "reader", hasBody: true, run: monitor },
  stop: { need: "reader", hasBody: true, run: stop },
  leave: { need: "writer", hasBody: false, run: leave },
  query: { need: "writer", hasBody: true, run: query },
  respond: { need: "writer", hasBody: true, run: respond },
  "install-key": { need: "writer", hasBody: true, bodyOfError: NO_KEYS, run: keys },
  "use-key": { need: "writer", hasBody: true, bodyOfError: NO_KEYS, run: keys },
  "remove-key": { need: "writer", hasBody: true, bodyOfError: NO_KEYS, run: keys },
  "list-keys": { need: "reader", hasBody: false, bodyOfError: NO_KEYS, run: keys },
  stats: { need: "reader", hasBody: false, bodyOfError: {}, run: stats },
  "get-coordinate": { need: "reader", hasBody: true, bodyOfError: NO_COORDINATE, run: getCoordinate },
};

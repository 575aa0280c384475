/**
 * What the original's command said to the original's server, said again to ours: the answers are the same, field for
 * field. Revs are others: those that a request names are those that ours gave in the same place.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { ROOT } from "../harness/root.ts";
import { Client, decode, decodeRequest, encode, frame, startDoozer, type Told } from "./rig.ts";

interface Session {
  readonly command: string;
  /** Messages in hexadecimal: `>` what the command said, `<` what it was told. */
  readonly talk: readonly string[];
}

const FILE = join(ROOT, "packages/registry/src/dialects/doozer/vectors/doozer.json");
const sessions = JSON.parse(readFileSync(FILE, "utf8")) as readonly Session[];

/** Called as the original's node was, and said to be where that was. */
const rollcall = await startDoozer(
  { after },
  { config: { name: "5H2MFHXDHISJ5XYM" }, settings: { address: "127.0.0.1:18046" } },
);
/** Revs of the original, and ours. */
const revs = new Map<number, number>();

test("the original's command is answered as by the original's server", async () => {
  const late: Promise<void>[] = [];
  for (const session of sessions) {
    const played = play(session);
    // One that waits is answered by the one after it.
    if (session.command.startsWith("wait /")) {
      late.push(played);
      await new Promise((resolve) => setTimeout(resolve, 100));
    } else await played;
  }
  await Promise.all(late);
});

async function play({ command, talk }: Session): Promise<void> {
  const client = await Client.open({ after }, rollcall.port("doozer"));
  for (let at = 0; at < talk.length; at += 2) {
    const [sent, told] = [toBytes(talk[at]), decode(toBytes(talk[at + 1]))];
    const asked = decodeRequest(sent);
    const rev = asked.rev === undefined ? undefined : revs.get(asked.rev);
    assert.equal(
      encode(asked).toString("hex"),
      frame(sent).toString("hex"),
      "the codec of the tests is the original's",
    );
    const answer = await client.say(rev === undefined ? frame(sent) : encode({ ...asked, rev }), asked.tag ?? 0);
    if ((told.rev ?? 0) > 0) revs.set(told.rev as number, answer.rev as number);
    assert.equal(shape(answer), shape(told), `${command}: ${talk[at]}`);
  }
}

function toBytes(line: string | undefined): Buffer {
  return Buffer.from((line ?? "").slice(1), "hex");
}

/** All fields in their order; revs are others in each registry. */
function shape(told: Told): string {
  return JSON.stringify((told.rev ?? 0) > 0 ? { ...told, rev: "a rev" } : told);
}

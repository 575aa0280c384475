/** The first frame of each side: who speaks, to whom, and which versions of the link it knows. */
import { type Outcome, ok, refuse } from "../../outcome.ts";

/** The version that this program speaks, and the oldest that it still understands. */
export const VERSION = 1;
const LEAST = 1;

/** In place of a name: whoever is there is meant. No node has it. */
export const ANYBODY = "*";

export const HELLO_BYTES_MAX = 4096;
export const NAME_LENGTH_MAX = 255;

export interface Hello {
  /** The greatest version that the speaker knows, and the least that it still speaks. */
  readonly link: number;
  readonly least: number;
  /** The speaker's name, and the name of the node that it means to speak to, or `ANYBODY`. */
  readonly from: string;
  readonly to: string;
}

export function encodeHello(from: string, to: string): Buffer {
  return Buffer.from(JSON.stringify({ link: VERSION, least: LEAST, from, to } satisfies Hello));
}

/** Reads the other side's hello, at `own`. Fields that are not known are passed over. Refuses with a sentence. */
export function readHello(payload: Buffer, own: string): Outcome<Hello> {
  const hello = decode(payload);
  if (hello === undefined) return refuse("invalid", "what came was no hello of a link between nodes");
  if (hello.link < LEAST || hello.least > VERSION)
    return refuse(
      "unsupported",
      `"${hello.from}" speaks version ${spanOf(hello.least, hello.link)} of the link, "${own}" ${spanOf(LEAST, VERSION)}`,
    );
  // Also what would come of a stranger who leads a node's connection back to itself: both ends have the one key.
  if (hello.from === own) return refuse("conflict", `both ends of the connection have the name "${own}"`);
  if (hello.to !== own && hello.to !== ANYBODY)
    return refuse("conflict", `"${hello.to}" was meant, and this is "${own}"`);
  return ok(hello);
}

function decode(payload: Buffer): Hello | undefined {
  let said: unknown;
  try {
    said = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  if (typeof said !== "object" || said === null) return undefined;
  const { link, least, from, to } = said as Partial<Record<keyof Hello, unknown>>;
  const isVersion = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
  const isName = (value: unknown): value is string =>
    typeof value === "string" && value !== "" && value.length <= NAME_LENGTH_MAX;
  return isVersion(link) && isVersion(least) && isName(from) && isName(to) ? { link, least, from, to } : undefined;
}

function spanOf(least: number, most: number): string {
  return least === most ? String(most) : `${least} to ${most}`;
}

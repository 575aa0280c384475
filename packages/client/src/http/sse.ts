/** Server-sent events (HTML Living Standard, 9.2.6): bytes of text in, messages out. Pure and bounded. */

export interface SseMessage {
  /** `message` when the stream does not say. */
  readonly event: string;
  readonly data: string;
  /** The last id the stream has given, also when this message carried none; "" before the first. */
  readonly id: string;
}

export interface SseParser {
  /** Takes the next piece of text, cut anywhere. Throws `SseTooLong` when one message passes the limit. */
  push(text: string): SseMessage[];
  /** The reconnection time that the stream asked for, in ms. */
  readonly retryMs: number | undefined;
}

export class SseTooLong extends Error {
  override readonly name = "SseTooLong";
}

const RETRY_MS_MAX = 60_000;

export function createSseParser(messageLengthMax = 16 * 1024 * 1024): SseParser {
  let rest = "";
  let first = true;
  let afterReturn = false;
  let event = "";
  let data: string[] = [];
  let length = 0;
  let id = "";
  let retryMs: number | undefined;

  function takeField(line: string): void {
    if (line.startsWith(":")) return;
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (name === "data") data.push(value);
    else if (name === "event") event = value;
    else if (name === "id") id = value.includes("\0") ? id : value;
    else if (name === "retry" && /^[0-9]{1,9}$/.test(value)) retryMs = Math.min(Number(value), RETRY_MS_MAX);
  }

  function takeLine(line: string, out: SseMessage[]): void {
    if (line !== "") {
      length += line.length;
      if (length > messageLengthMax) throw new SseTooLong(`a message is longer than ${messageLengthMax} characters`);
      takeField(line);
      return;
    }
    // "If the data buffer is an empty string, … return": without data there is no message.
    if (data.length > 0) out.push({ event: event === "" ? "message" : event, data: data.join("\n"), id });
    event = "";
    data = [];
    length = 0;
  }

  function push(text: string): SseMessage[] {
    const out: SseMessage[] = [];
    let input = rest + text;
    let from = 0;
    if (first && input.length > 0) {
      first = false;
      if (input.charCodeAt(0) === 0xfeff) from = 1;
    }
    const ends = /\r\n|\n|\r/g;
    // A "\r" at the very end may be the first half of "\r\n": the line ends now, the "\n" is skipped next time.
    if (afterReturn && input.length > from) {
      if (input[from] === "\n") from++;
      afterReturn = false;
    }
    ends.lastIndex = from;
    for (let end = ends.exec(input); end !== null; end = ends.exec(input)) {
      takeLine(input.slice(from, end.index), out);
      from = ends.lastIndex;
      afterReturn = end[0] === "\r" && from === input.length;
    }
    input = input.slice(from);
    if (length + input.length > messageLengthMax)
      throw new SseTooLong(`a message is longer than ${messageLengthMax} characters`);
    rest = input;
    return out;
  }

  return {
    push,
    get retryMs() {
      return retryMs;
    },
  };
}

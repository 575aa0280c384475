/**
 * Blocking queries on one service, each on a connection of its own, and a change that wakes all of them. They ask again
 * when the last of them is answered, so that what a thousand new questions cost is no part of what waking takes.
 */
import { connect, type Socket } from "node:net";
import { Arrivals, type Audience } from "../clients/arrivals.ts";
import { connectHttp1, toRequest } from "../clients/http1.ts";
import type { FanoutJob } from "../job.ts";

const SERVICE = "fanout";
const PATH = `/v1/health/service/${SERVICE}`;
const PIECE_BYTES_MAX = 256 * 1024;

/** What all connections read into, one after the other: a piece of an answer costs the load one copy. */
const piece = Buffer.allocUnsafeSlow(PIECE_BYTES_MAX);

function indexOf(head: string): string {
  return /\r\nx-consul-index: *(\d+)/i.exec(head)?.[1] ?? "1";
}

/** The bytes of an answer that are yet to come; undefined while its head is not whole. */
function missingOf(text: string): number | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))?.[1];
  if (length !== undefined) return Number(length) - (text.length - end - 4);
  return text.endsWith("\r\n0\r\n\r\n") ? 0 : 1;
}

/** One query under way, its answer read as far as it came. */
class Line {
  readonly #socket: Socket;
  readonly #onAnswer: (line: Line, answer: string) => void;
  #text = "";

  constructor(port: number, onAnswer: (line: Line, answer: string) => void, onOpen: () => void) {
    this.#onAnswer = onAnswer;
    const callback = (bytes: number): boolean => this.#take(piece.toString("latin1", 0, bytes));
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: piece, callback } }, onOpen);
    this.#socket.on("error", (error) => {
      throw error;
    });
  }

  ask(request: Buffer): void {
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): boolean {
    this.#text = this.#text === "" ? text : this.#text + text;
    const missing = missingOf(this.#text);
    if (missing !== undefined && missing <= 0) {
      const answer = this.#text;
      this.#text = "";
      this.#onAnswer(this, answer);
    }
    return true;
  }
}

/** The change sets `Meta.note` to its number: an answer is that of the change that was made last, or of one before it. */
export async function seatConsul(job: FanoutJob): Promise<Audience> {
  const arrivals = new Arrivals();
  const writer = await connectHttp1(job.port);
  const toChange = (number: number): Buffer => {
    const body = { Name: SERVICE, ID: "i-1", Address: "10.0.0.1", Port: 8080, Meta: { note: `change-${number}-` } };
    return toRequest("PUT", "/v1/agent/service/register", JSON.stringify(body));
  };
  await writer.ask(toChange(-1));
  const first = await writer.ask(toRequest("GET", PATH));
  const toQuestion = (head: string): Buffer => toRequest("GET", `${PATH}?index=${indexOf(head)}&wait=60s`);
  let expected = "change-none-";
  const answered: Line[] = [];
  const lines: Line[] = [];
  const take = (line: Line, answer: string): void => {
    if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(`a query was answered with ${answer.slice(0, 40)}`);
    // Of an older change, or for the time that has passed.
    if (!answer.includes(expected)) return line.ask(toQuestion(answer));
    arrivals.arrive(1);
    answered.push(line);
    if (answered.length < job.watchers) return;
    const question = toQuestion(answer);
    for (const one of answered.splice(0)) one.ask(question);
  };
  const question = toQuestion(first.head);
  for (let nth = 0; nth < job.watchers; nth++) {
    const line = await new Promise<Line>((resolve) => {
      const opened: Line = new Line(job.port, take, () => resolve(opened));
    });
    lines.push(line);
    line.ask(question);
  }
  return {
    arrivals,
    change: (number) => {
      expected = `change-${number}-`;
      writer.call(toChange(number), (answer) => {
        if (answer.status !== 200) throw new Error(`the change was answered with ${answer.status}`);
      });
    },
    close: () => {
      writer.close();
      for (const line of lines) line.close();
    },
  };
}

import { clientError, isTransient, RollcallError } from "../error.ts";
import { backoffMs, pause, release } from "../wait.ts";
import { createSseParser, type SseMessage, SseTooLong } from "./sse.ts";
import type { Call, OpenedStream, Transport } from "./transport.ts";

export interface StreamOptions {
  /** The request that goes on after the message with this id; undefined for the first. */
  readonly call: (lastId: string | undefined) => Call;
  readonly lastId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A connection that is silent for so long counts as dead. Servers send comments more often. */
  readonly idleMs?: number;
  /** The longest pause between two attempts to connect, where it matters. */
  readonly pauseMsMax?: () => number | undefined;
  /** What lasted is taken up again at once, before any pause. */
  readonly atOnce?: boolean;
  /** Told at each loss of the connection, with what went wrong. */
  readonly onDown?: ((error: unknown) => void) | undefined;
}

/** A connection that was lost sooner may be lost as soon again. */
const LASTED_MS = 1000;

/**
 * Messages of an event stream over as many connections as it takes: after a loss it goes on where it was. Ends when
 * the signal is aborted; throws only refusals, which trying again does not mend.
 */
export async function* followStream(transport: Transport, options: StreamOptions): AsyncGenerator<SseMessage, void> {
  const { signal } = options;
  let lastId = options.lastId;
  let attempt = 0;
  while (!signal?.aborted) {
    let delayMs: number | undefined;
    const beganMs = performance.now();
    try {
      for await (const item of readOnce(transport, options, lastId)) {
        attempt = 0;
        if (item.message.id !== "") lastId = item.message.id;
        delayMs = item.retryMs;
        yield item.message;
      }
      options.onDown?.(undefined);
    } catch (error) {
      if (signal?.aborted) return;
      if (!isTransient(error)) throw error;
      options.onDown?.(error);
    }
    const hasLasted = attempt === 0 && performance.now() - beganMs > LASTED_MS;
    const pauseMs = backoffMs(attempt++, delayMs ?? 200);
    if (transport.addresses.hasOther || (options.atOnce === true && hasLasted)) continue;
    await pause(Math.min(pauseMs, options.pauseMsMax?.() ?? pauseMs), signal, true);
  }
}

interface Received {
  readonly message: SseMessage;
  readonly retryMs: number | undefined;
}

async function* readOnce(
  transport: Transport,
  options: StreamOptions,
  lastId: string | undefined,
): AsyncGenerator<Received, void> {
  const call = options.call(lastId);
  const headers: Record<string, string> = { ...call.headers, accept: "text/event-stream" };
  if (lastId !== undefined) headers["last-event-id"] = lastId;
  const opened = await transport.open({ ...call, headers, signal: options.signal });
  const type = opened.response.headers.get("content-type") ?? "";
  if (!type.startsWith("text/event-stream")) {
    opened.close();
    throw clientError("bad-answer", `expected an event stream, was answered "${type}"`);
  }
  const parser = createSseParser();
  try {
    for await (const text of texts(opened, options.idleMs ?? 60_000))
      for (const message of parser.push(text)) yield { message, retryMs: parser.retryMs };
    opened.lost();
  } catch (error) {
    opened.lost();
    if (error instanceof SseTooLong) throw clientError("bad-answer", error.message, error);
    if (error instanceof RollcallError) throw error;
    throw clientError("unreachable", "the event stream broke off", error);
  } finally {
    opened.close();
  }
}

/** The body's text as it comes; a silence of `idleMs` ends it with an error. */
export async function* texts(opened: OpenedStream, idleMs: number): AsyncGenerator<string, void> {
  const reader = opened.response.body?.getReader();
  if (reader === undefined) return;
  const decoder = new TextDecoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = () => {
    clearTimeout(timer);
    timer = setTimeout(opened.close, idleMs);
    release(timer);
  };
  try {
    for (;;) {
      arm();
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    clearTimeout(timer);
  }
}

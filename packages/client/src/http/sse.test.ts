/** The SDK's parser of server-sent events: pure, so its properties are checked directly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSseParser, type SseMessage, SseTooLong } from "./sse.ts";

function parse(pieces: readonly string[], lengthMax?: number): SseMessage[] {
  const parser = createSseParser(lengthMax);
  return pieces.flatMap((piece) => parser.push(piece));
}

function encode(messages: readonly SseMessage[], end: string): string {
  return messages
    .map(({ event, data, id }) => {
      const lines = [`event: ${event}`, `id: ${id}`, ...data.split("\n").map((line) => `data: ${line}`), "", ""];
      return lines.join(end);
    })
    .join("");
}

const line = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n\0\ufeff]/g, ""));
const message = fc
  .tuple(
    line.filter((text) => text !== ""),
    fc.array(line, { minLength: 1, maxLength: 4 }),
    line,
  )
  .map(([event, lines, id]): SseMessage => ({ event, data: lines.join("\n"), id }));
const messages = fc.array(message, { maxLength: 6 });
const lineEnd = fc.constantFrom("\n", "\r", "\r\n");

/** The same text in pieces cut at these places. */
function cutAt(text: string, places: readonly number[]): string[] {
  const cuts = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => text.slice(from, cuts[i] ?? text.length));
}

test("what was encoded is decoded, with any line ending and cut anywhere", () => {
  fc.assert(
    fc.property(messages, lineEnd, fc.array(fc.nat()), (sent, end, places) => {
      assert.deepEqual(parse(cutAt(encode(sent, end), places)), sent);
    }),
  );
});

test("any text gives the same messages however it is cut, and nothing but SseTooLong is thrown", () => {
  const noise = fc.array(
    fc.constantFrom("data", "event", "id", "retry", ":", " ", "\n", "\r", "\r\n", "x", "\0", "\ufeff", "7"),
  );
  fc.assert(
    fc.property(noise, fc.array(fc.nat()), (words, places) => {
      const text = words.join("");
      assert.deepEqual(parse(cutAt(text, places)), parse([text]));
    }),
  );
});

test("a message without end is refused once it passes the limit", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.boolean(), (size, inLines) => {
      const piece = inLines ? `data: ${"x".repeat(size)}\n` : "x".repeat(size);
      const parser = createSseParser(200);
      assert.throws(() => {
        for (let i = 0; i < 250; i++) parser.push(piece);
      }, SseTooLong);
    }),
  );
});

test("comments, unknown fields and messages without data say nothing; ids stay", () => {
  assert.deepEqual(parse([": ping\n\nid: 7\n\nfoo: bar\ndata\n\ndata: a\ndata:b\n\n"]), [
    { event: "message", data: "", id: "7" },
    { event: "message", data: "a\nb", id: "7" },
  ]);
});

test("an id with NUL is ignored, a byte order mark skipped, a retry bounded", () => {
  const parser = createSseParser();
  assert.deepEqual(parser.push("\ufeffid: 1\ndata: x\n\nid: 2\0\ndata: y\n\nretry: 999999999\n\nretry: 1x\n\n"), [
    { event: "message", data: "x", id: "1" },
    { event: "message", data: "y", id: "1" },
  ]);
  assert.equal(parser.retryMs, 60_000);
});

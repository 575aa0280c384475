/** Lines that are written as far as they are taken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Lines } from "./lines.ts";

/** Takes so many bytes, then fails as told. */
function openPipe(room: number, code = "EAGAIN") {
  const pipe = { room, code, text: "" };
  return {
    pipe,
    write(bytes: Buffer): number {
      if (pipe.room === 0) throw Object.assign(new Error(pipe.code), { code: pipe.code });
      const taken = Math.min(pipe.room, bytes.length);
      pipe.room -= taken;
      pipe.text += bytes.toString("utf8", 0, taken);
      return taken;
    },
  };
}

test("what a full pipe does not take waits, in order, and none is torn", async () => {
  const { pipe, write } = openPipe(7);
  const lines = new Lines({ write });
  assert.equal(lines.write("first\n"), true);
  assert.equal(lines.write("second\n"), false);
  assert.equal(lines.write("third\n"), false);
  assert.equal(pipe.text, "first\ns");
  pipe.room = 1000;
  await lines.close(1000);
  assert.equal(pipe.text, "first\nsecond\nthird\n");
  assert.equal(lines.lost, 0);
});

test("a pipe that nobody reads costs a bounded number of bytes; the rest is counted", async () => {
  const { pipe, write } = openPipe(0);
  const lines = new Lines({ write });
  const line = `${"x".repeat(1023)}\n`;
  for (let i = 0; i < 1500; i++) lines.write(line);
  assert.equal(lines.lost, 1500 - 1024);
  pipe.room = Number.POSITIVE_INFINITY;
  await lines.close(1000);
  assert.equal(pipe.text.length, 1024 * 1024);
  assert.equal(lines.write(line), true);
});

test("what waits at the end is lost, and not waited for beyond the bound", async () => {
  const lines = new Lines({ write: openPipe(0).write });
  lines.write("last\n");
  await lines.close(20);
  assert.equal(lines.lost, 1);
});

test("a line that broke off on a full disk does not swallow the next one", () => {
  const { pipe, write } = openPipe(3, "ENOSPC");
  const lines = new Lines({ write });
  assert.equal(lines.write("first\n"), false);
  assert.equal(lines.write("second\n"), false);
  assert.equal(lines.lost, 2);
  pipe.room = 1000;
  assert.equal(lines.write("third\n"), true);
  assert.equal(pipe.text, "fir\nthird\n");
});

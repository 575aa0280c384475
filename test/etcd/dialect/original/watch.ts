/** Watches: what was and what comes, told in its order. */
import type { Plain } from "./proto.ts";
import { ask, hear, put, range, remove, say, type Talk, txn } from "./talk.ts";

const WATCH = "Watch/Watch";
const NOPUT = 0;
const NODELETE = 1;

const create = (on: string, message: Plain, hears: number) => say(WATCH, on, { create_request: message }, hears);
const cancel = (on: string, watch_id: number, hears = 1) => say(WATCH, on, { cancel_request: { watch_id } }, hears);
const heard = (on: string, hears: number) => hear(WATCH, on, hears);

const PRESENT: Talk = {
  name: "watches of what comes",
  steps: [
    create("w", { key: "w/a" }, 1),
    create("w", { key: "w/", range_end: "w0", prev_kv: true }, 1),
    put("w/a", "1"),
    heard("w", 2),
    put("w/a", "2"),
    heard("w", 2),
    put("w/b", "1"),
    heard("w", 1),
    remove("w/", { range_end: "w0" }),
    heard("w", 3),
    txn([], [{ request_put: { key: "w/c", value: "1" } }, { request_put: { key: "w/a", value: "1" } }]),
    heard("w", 3),
    remove("w/none"),
    put("x", "no"),
    cancel("w", 0),
    put("w/a", "2"),
    heard("w", 1),
    cancel("w", 7, 0),
    cancel("w", 1),
    create("w", { key: "w/a" }, 1),
    cancel("w", 2),
  ],
};

const FILTERED: Talk = {
  name: "watches that leave out",
  steps: [
    create("w", { key: "f/", range_end: "f0", filters: [NOPUT] }, 1),
    create("w", { key: "f/", range_end: "f0", filters: [NODELETE] }, 1),
    create("w", { key: "f/", range_end: "f0", filters: [NOPUT, NODELETE] }, 1),
    put("f/a", "1"),
    heard("w", 1),
    remove("f/a"),
    heard("w", 1),
    put("f/a", "2"),
    heard("w", 1),
    cancel("w", 2),
    cancel("w", 0),
    cancel("w", 1),
  ],
};

const PAST: Talk = {
  name: "watches of what was",
  steps: [
    put("h/a", "1", {}, { as: "one" }),
    put("h/a", "2"),
    put("h/b", "1", {}, { as: "b" }),
    remove("h/a"),
    txn([], [{ request_put: { key: "h/z", value: "1" } }, { request_put: { key: "h/a", value: "3" } }]),
    create("w", { key: "h/", range_end: "h0", start_revision: "@one" }, 7),
    create("w", { key: "h/", range_end: "h0", start_revision: "@b", prev_kv: true }, 5),
    create("w", { key: "h/a", start_revision: "@one+1" }, 4),
    create("w", { key: "h/a", start_revision: "@one", filters: [NODELETE] }, 4),
    create("w", { key: "h/none", start_revision: "@one" }, 1),
    put("h/a", "4"),
    heard("w", 4),
    cancel("w", 4),
    cancel("w", 0),
  ],
};

const REFUSED: Talk = {
  name: "watches that are refused, and odd ones",
  steps: [
    create("w", { key: "o/b", range_end: "o/a" }, 1),
    create("w", { key: "o/b", range_end: "o/b" }, 1),
    create("w", { key: "o/a", watch_id: 7 }, 1),
    create("w", { key: "o/b", watch_id: 7 }, 1),
    create("w", { key: "o/a" }, 1),
    create("w", { key: "o/a", watch_id: 3 }, 1),
    put("o/a", "1"),
    heard("w", 3),
    cancel("w", 7),
    cancel("w", 7, 0),
    create("w", { key: "o/a", watch_id: 7 }, 1),
    cancel("w", 7),
    create("v", { range_end: "\0" }, 1),
    put("o/any", "1"),
    heard("v", 1),
    create("u", { key: "o/b", range_end: "\0" }, 1),
    put("o/c", "1"),
    heard("u", 1),
    heard("v", 1),
    cancel("u", 0),
    cancel("v", 0),
  ],
};

const AHEAD: Talk = {
  name: "a watch of what is to come later",
  steps: [
    put("l/a", "0", {}, { as: "now" }),
    create("w", { key: "l/a", start_revision: "@now+3" }, 1),
    put("l/a", "1"),
    put("l/a", "2"),
    put("l/a", "3"),
    put("l/a", "4"),
    heard("w", 2),
    cancel("w", 0),
  ],
};

const PROGRESS: Talk = {
  name: "the progress of watches",
  steps: [
    create("w", { key: "g/a" }, 1),
    say(WATCH, "w", { progress_request: {} }, 1),
    put("g/a", "1"),
    heard("w", 1),
    say(WATCH, "w", { progress_request: {} }, 1),
    create("w", { key: "g/b", progress_notify: true, fragment: true }, 1),
    put("g/b", "1"),
    heard("w", 1),
    cancel("w", 0),
    cancel("w", 1),
  ],
};

const LEASED: Talk = {
  name: "a watch of what ends with its lease",
  steps: [
    ask("Lease/LeaseGrant", { TTL: 600, ID: 4301 }),
    create("w", { key: "e/", range_end: "e0", prev_kv: true }, 1),
    put("e/b", "1", { lease: 4301 }),
    put("e/a", "1", { lease: 4301 }),
    put("e/c", "1", { lease: 4301 }),
    put("e/c", "2"),
    heard("w", 4),
    ask("Lease/LeaseRevoke", { ID: 4301 }),
    heard("w", 2),
    range("e/", { range_end: "e0" }),
    cancel("w", 0),
  ],
};

/** Behind the compaction. */
export const COMPACTED: Talk = {
  name: "a watch of what is gone",
  steps: [
    put("k/a", "1", {}, { as: "one" }),
    put("k/a", "2", {}, { as: "two" }),
    put("k/a", "3", {}, { as: "three" }),
    ask("KV/Compact", { revision: "@two" }),
    create("w", { key: "k/a", start_revision: "@one" }, 2),
    create("w", { key: "k/a", start_revision: "@two" }, 3),
    cancel("w", 1),
  ],
};

export const WATCHES: readonly Talk[] = [PRESENT, FILTERED, PAST, REFUSED, AHEAD, PROGRESS, LEASED];

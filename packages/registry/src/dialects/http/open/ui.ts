/**
 * @live The dashboard: files that the build has written beside the program, each also as gzip and brotli. They are read at
 * the first request, and asked for by names that are known then; nothing of a path reaches the disk.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Head } from "../../../net/http/head.ts";
import type { Request } from "../../../net/http/request.ts";
import type { Answer } from "../../../net/routes/answer.ts";

/** Beside `bin` and `chunks`, where the bundle has this. */
const FOLDER = fileURLToPath(new URL("../ui/", import.meta.url));
const PAGE = "index.html";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".map": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

const GUARDED = {
  "Content-Security-Policy": POLICY,
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Best first. */
const ENCODINGS = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;

interface Kept {
  readonly etag: string;
  /** By encoding; "" for the file itself. */
  readonly forms: ReadonlyMap<string, Answer>;
  readonly unchanged: Answer;
}

/** By their paths in the folder. */
let files: ReadonlyMap<string, Kept> | undefined;

/** The page for whatever is asked for, or one of its files; undefined for a file that is not there, or no dashboard. */
export function findUi(path: string, request: Request, folder = FOLDER): Answer | undefined {
  files ??= readAll(folder);
  const name = path.startsWith("/ui/") ? path.slice("/ui/".length) : "";
  const file = files.get(name) ?? (name.startsWith("assets/") ? undefined : files.get(PAGE));
  if (file === undefined) return undefined;
  if (request.header("if-none-match")?.includes(file.etag)) return file.unchanged;
  const accepted = request.header("accept-encoding") ?? "";
  for (const [encoding] of ENCODINGS) {
    const form = file.forms.get(encoding);
    if (form !== undefined && takes(accepted, encoding)) return form;
  }
  return file.forms.get("");
}

/** RFC 9110 §12.5.3: a weight of 0 is a no. */
function takes(accepted: string, encoding: string): boolean {
  return accepted.split(",").some((one) => {
    const [name = "", ...parameters] = one
      .trim()
      .toLowerCase()
      .split(/[ \t]*;[ \t]*/);
    return name === encoding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

function readAll(folder: string): ReadonlyMap<string, Kept> {
  const found = new Map<string, Kept>();
  if (!existsSync(join(folder, PAGE))) return found;
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const all = new Set(names);
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type !== undefined) found.set(name, keep(folder, name, type, all));
  }
  return found;
}

function keep(folder: string, name: string, type: string, all: ReadonlySet<string>): Kept {
  const bytes = readFileSync(join(folder, name));
  const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  const cached = name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  const shared = { ...GUARDED, ETag: etag, "Cache-Control": cached, Vary: "Accept-Encoding" };
  const forms = new Map<string, Answer>([
    ["", { status: 200, head: new Head({ "Content-Type": type, ...shared }), body: bytes }],
  ]);
  for (const [encoding, ending] of ENCODINGS) {
    if (!all.has(name + ending)) continue;
    const head = new Head({ "Content-Type": type, "Content-Encoding": encoding, ...shared });
    forms.set(encoding, { status: 200, head, body: readFileSync(join(folder, name + ending)) });
  }
  return { etag, forms, unchanged: { status: 304, head: new Head(shared) } };
}

/** The dashboard's files: the page for any place of its own, in the form that a browser takes, and nothing else. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Headers } from "../../../net/http/head.ts";
import { linesOf } from "../../../net/http/head.ts";
import type { Request } from "../../../net/http/request.ts";
import { findUi } from "./ui.ts";

const folder = mkdtempSync(join(tmpdir(), "rollcall-ui-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "assets"));
for (const name of ["index.html", "assets/page-1A2B.js", "assets/page-1A2B.css"])
  for (const ending of ["", ".gz", ".br"]) writeFileSync(join(folder, name + ending), name + ending);
writeFileSync(join(folder, "secret.key"), "secret");

const asking = (headers: Record<string, string>) => ({ header: (name: string) => headers[name] }) as unknown as Request;

test("each path has its file, or the page, in the form that is taken", () => {
  const js = "assets/page-1A2B.js";
  for (const [path, accepted, body] of [
    ["/", "", "index.html"],
    ["/ui", "gzip", "index.html.gz"],
    ["/ui/default/services/web", "gzip, deflate, br", "index.html.br"],
    [`/ui/${js}`, "identity", js],
    [`/ui/${js}`, "br;q=0, gzip;q=0.5", `${js}.gz`],
    [`/ui/${js}`, "BR", `${js}.br`],
    ["/ui/assets/page-FFFF.js", "br", undefined],
    ["/ui/assets/../../../etc/passwd", "", undefined],
    ["/ui/secret.key", "", "index.html"],
    ["/ui/index.html.gz", "", "index.html"],
  ] as const) {
    const answer = findUi(path, asking({ "accept-encoding": accepted }), folder);
    assert.equal(answer?.body?.toString(), body, `${path} ${accepted}`);
    if (answer === undefined) continue;
    const head = linesOf(answer.head as Headers);
    assert.match(head, /Content-Security-Policy: default-src 'none'; script-src 'self';/);
    assert.match(head, body?.startsWith("assets") ? /immutable/ : /no-cache/);
    const [, etag = ""] = /ETag: (\S+)\r\n/.exec(head) ?? [];
    assert.equal(findUi(path, asking({ "if-none-match": etag }), folder)?.status, 304);
  }
});

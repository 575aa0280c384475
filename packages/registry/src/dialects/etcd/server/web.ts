/** @live What is served by HTTP/1.1: who this is. */
import { type HttpListener, whole } from "../../../net/http/handler.ts";
import { type Desk, VERSION } from "../desk.ts";

export function mountWeb(listener: HttpListener, _desk: Desk): void {
  listener.mount(
    "/version",
    "etcd",
    whole((_request, reply) => reply.send(200, { "Content-Type": "application/json" }, JSON.stringify(VERSION))),
  );
}

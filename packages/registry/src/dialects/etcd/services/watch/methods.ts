/** The service Watch. */
import type { Method } from "../../../../net/grpc/method.ts";
import type { Desk } from "../../desk.ts";
import { decoder } from "../../wire/requests.ts";
import { readWatchAsked } from "../../wire/watch.ts";

export const WATCH: readonly Method<Desk>[] = [
  {
    kind: "both",
    path: "/etcdserverpb.Watch/Watch",
    // What is written is encoded already.
    codec: { decode: decoder(readWatchAsked), encode: (message: Buffer) => message },
    open: ({ watches }, call, answers) => watches.open(call, answers),
  },
];

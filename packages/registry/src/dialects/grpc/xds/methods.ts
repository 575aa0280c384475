/** @live xDS over one stream (ADS), by which Envoy and gRPC's own clients follow the catalog. */
import type { Codec, Method } from "../../../net/grpc/method.ts";
import type { Desk } from "../desk.ts";
import { type Asked, readDelta, readWhole } from "./messages.ts";
import { DiscoveryStream } from "./stream.ts";

const SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

function methodOf(name: string, decode: Codec<Asked, Buffer>["decode"], isDelta: boolean): Method<Desk> {
  return {
    kind: "both",
    path: `${SERVICE}/${name}`,
    codec: { decode, encode: (message: Buffer) => message },
    open: (desk, call, answers) => new DiscoveryStream(desk, call, answers, isDelta),
  };
}

export const XDS: readonly Method<Desk>[] = [
  methodOf("StreamAggregatedResources", readWhole, false),
  methodOf("DeltaAggregatedResources", readDelta, true),
];

/**
 * @live The plug: the native API by gRPC, on a port of its own.
 *
 * @rooms dialect > server > xds > services > calls > desk > refusals > settings > wire > proto
 */

import { toTtl } from "../../native/wire/numbers.ts";
import { healthOf } from "../../net/grpc/health.ts";
import { reflectionOf } from "../../net/grpc/reflection.ts";
import { GrpcServer, serviceOf } from "../../net/grpc/server.ts";
import { answering } from "../../net/routes/answer.ts";
import { toMark } from "../../net/routes/position.ts";
import { Visits } from "../../net/routes/visits.ts";
import type { Dialect, House, Mounted } from "../contract.ts";
import { type Desk, findRevoked, type Guest } from "./desk.ts";
import { SCHEMA } from "./proto/schema.ts";
import { STOPPED, toMissing } from "./refusals.ts";
import { METHODS } from "./server/methods.ts";
import { readSettings } from "./settings.ts";

const NAME = "grpc";

const SERVICES = [...new Set(METHODS.map(({ path }) => serviceOf(path)))];

export const dialect: Dialect = { needs: "any", open };

async function open(house: House): Promise<Mounted> {
  const { registry, access, clock, log, requests, metrics, doors } = house;
  const settings = readSettings(house.settings);
  const mark = toMark(registry.line);
  const desk: Desk = {
    house,
    registry,
    access,
    clock,
    settings,
    mark,
    around: { mark, ttlMs: (account, lease) => registry.read((view) => toTtl(view.lease(account, lease)?.ttlMs)) },
    lasting: new Visits<Guest>(access, (guest) => findRevoked({ access }, guest)),
    watchers: (delta) => metrics.watchers(NAME, delta),
  };
  const streams = new GrpcServer({
    context: desk,
    methods: [...METHODS, ...healthOf(SERVICES), ...reflectionOf(SCHEMA.describe(SERVICES))],
    requestBytesMax: settings.requestBytesMax,
    dialect: NAME,
    requests,
    stopped: STOPPED,
    failed: (error, path) => log.error({ err: error, path }, "a call of gRPC failed"),
  });
  const listener = await doors.http(NAME, { streams, limits: settings });
  listener.mount("/", NAME, (_method, path) => answering(toMissing(house, path)));
  return {
    drain: () => desk.lasting.drain(),
    close: async () => desk.lasting.close(),
  };
}

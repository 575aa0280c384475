/**
 * @live The plug: etcd's clients on one port, by gRPC and HTTP.
 *
 * @rooms dialect > server > web > services > kv > calls > desk > refusals > settings > wire > proto
 */
import { createHash } from "node:crypto";
import { healthOf } from "../../net/grpc/health.ts";
import type { Call } from "../../net/grpc/method.ts";
import { reflectionOf } from "../../net/grpc/reflection.ts";
import { GrpcServer, serviceOf } from "../../net/grpc/server.ts";
import { Visits } from "../../net/routes/visits.ts";
import type { Dialect, House, Mounted } from "../contract.ts";
import { type Desk, findRevoked } from "./desk.ts";
import { SCHEMA } from "./proto/schema.ts";
import { ERRORS } from "./refusals.ts";
import { METHODS } from "./server/methods.ts";
import { KnownAddresses, urlsOf } from "./services/cluster/addresses.ts";
import { Watches } from "./services/watch/watches.ts";
import { readSettings } from "./settings.ts";
import { V2_PLANS } from "./web/v2/changes/plan.ts";
import { Web } from "./web/web.ts";

const NAME = "etcd";
/** What the transport takes over a request's own limit, as in the original. */
const OVERHEAD_BYTES = 512 * 1024;

const SERVICES = [...new Set(METHODS.map(({ path }) => serviceOf(path)))];

/** etcd: the keys of the registry with their revisions, as its clients know them. */
export const dialect: Dialect = {
  // That revisions mean the same at every node needs one order of all commits.
  needs: "total",
  plans: V2_PLANS,
  open,
};

async function open(house: House): Promise<Mounted> {
  const { registry, nodes, access, clock, log, requests, status, metrics, doors } = house;
  const settings = readSettings(house.settings);
  // Made before the first client comes: so the first revision is behind it, as in the original.
  const secret = await house.secret();
  const numberOf = (name: string): bigint =>
    createHash("sha256").update(secret()).update(name).digest().readBigUInt64BE();
  const memberId = (node: string): bigint => numberOf(`member ${node}`);
  const identity = { clusterId: numberOf("cluster"), memberId: memberId(status.name) };
  const lasting = new Visits<Call>(access, (call) => findRevoked({ access, settings }, call));
  const watches = new Watches({ registry, access, settings, identity, lasting, metrics });
  const addresses = new KnownAddresses(nodes);
  const desk: Desk = {
    registry,
    nodes,
    access,
    clock,
    log,
    metrics,
    status,
    settings,
    isAlone: status.cluster() === undefined,
    identity,
    lasting,
    watches,
    addresses,
    memberId,
  };
  const streams = new GrpcServer({
    context: desk,
    methods: [...METHODS, ...healthOf(SERVICES), ...reflectionOf(SCHEMA.describe(SERVICES))],
    requestBytesMax: settings.requestBytesMax + OVERHEAD_BYTES,
    dialect: NAME,
    requests,
    stopped: ERRORS.stopped,
    failed: (error, path) => log.error({ err: error, path }, "a call of etcd failed"),
  });
  const listener = await doors.http(NAME, { streams, limits: settings });
  addresses.tell(urlsOf(settings.advertise, listener));
  const web = new Web(desk, METHODS);
  listener.mount("/", NAME, (method, path, search) => web.find(method, path, search));
  const drain = (): void => lasting.drain();
  const close = async (): Promise<void> => {
    lasting.close();
    watches.close();
    addresses.close();
  };
  return { drain, close };
}

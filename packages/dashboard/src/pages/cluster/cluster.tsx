/** The nodes: how they are, how far behind, what they do. */
import type { NodeStatusBody } from "@rollcall/client";
import type { JSX } from "preact";
import { useRead } from "../../data/reads.ts";
import { bytes, count, duration } from "../../model/numbers.ts";
import { Card, Failure, Loading } from "../../parts/card.tsx";
import { Shape } from "../../parts/shape.tsx";
import { Time } from "../../parts/time.tsx";
import { OpenMode } from "../../shell/banner.tsx";
import { Charts } from "./charts.tsx";

const REFRESH_MS = 5000;

export function ClusterPage(): JSX.Element {
  const { data, error, again } = useRead("status", (client) => client.status(), { everyMs: REFRESH_MS });
  return (
    <>
      <h1>Cluster</h1>
      <OpenMode />
      {data === undefined ? (
        <Card>
          {error === undefined ? (
            <Loading />
          ) : (
            <Failure what="The node's state could not be read" error={error} again={again} />
          )}
        </Card>
      ) : (
        <>
          <Nodes status={data} />
          <Charts />
          <div class="with-side data">
            <Accounts status={data} />
            <div class="stack">
              <Node status={data} />
              <Endpoints status={data} />
            </div>
          </div>
        </>
      )}
    </>
  );
}

function Nodes({ status }: { status: NodeStatusBody }): JSX.Element | null {
  const { cluster } = status;
  if (cluster === null) return null;
  return (
    <Card
      title="Nodes"
      note={
        cluster.partitioned
          ? "this node takes itself for cut off from most of the others"
          : `this one lacks ${cluster.behind.revisions} revisions`
      }
      bare
    >
      <div class="scroll-x data">
        <table class="flat">
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">Address</th>
              <th scope="col">Role</th>
              <th scope="col" class="num">
                Revision
              </th>
              <th scope="col" class="num">
                Lag
              </th>
              <th scope="col" class="num">
                Leases
              </th>
              <th scope="col">Since</th>
            </tr>
          </thead>
          <tbody>
            {cluster.nodes.map((node) => (
              <tr key={node.node}>
                <td>
                  <Shape name={node.reached || node.self ? "passing" : node.present ? "warning" : "critical"} said />{" "}
                  <b>{node.node}</b>
                  {node.self ? <span class="quiet"> (this one)</span> : null}
                </td>
                <td class="mono">{node.address ?? ""}</td>
                <td>
                  {node.duty
                    ? "decides"
                    : node.reached || node.self
                      ? "follows"
                      : node.present
                        ? "heard by others"
                        : `silent ${node.heardMs === null ? "" : `for ${duration(node.heardMs)}`}`}
                </td>
                <td class="num">{node.revision === null ? "" : count(node.revision)}</td>
                <td class="num">{lagOf(node, status)}</td>
                <td class="num">{node.leases === null ? "" : count(node.leases)}</td>
                <td>
                  <Time at={node.since} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function lagOf(
  { behind, revision }: NonNullable<NodeStatusBody["cluster"]>["nodes"][number],
  status: NodeStatusBody,
): string {
  if (behind !== null)
    return behind.changes === null
      ? ""
      : `${count(behind.changes)} changes${behind.ms === null ? "" : `, ${duration(behind.ms)}`}`;
  return revision === null ? "" : count(Math.max(0, status.revision - revision));
}

function Node({ status }: { status: NodeStatusBody }): JSX.Element {
  const { node, version, startedAt, ready, reason, replicator, revision, oldest, store, differences } = status;
  const { memory, watchers } = status;
  return (
    <Card
      title={
        <>
          <Shape name={ready && reason === null ? "passing" : "warning"} said /> {node}
        </>
      }
    >
      {reason === null ? null : <p class="warning-text">{reason}</p>}
      <dl class="facts">
        <dt>Version</dt>
        <dd>Rollcall {version}</dd>
        <dt>Started</dt>
        <dd>
          <Time at={startedAt} />
        </dd>
        <dt>Store</dt>
        <dd>{replicator}</dd>
        <dt>Revision</dt>
        <dd>{count(revision)}</dd>
        <dt>History</dt>
        <dd>
          {oldest.at === null ? (
            "nothing yet"
          ) : (
            <>
              since <Time at={oldest.at} />, revision {count(oldest.revision)}
            </>
          )}
        </dd>
        <dt>Memory</dt>
        <dd>
          {bytes(memory.residentBytes)}; heap {bytes(memory.heapBytes)} of {bytes(memory.heapMaxBytes)}
        </dd>
        <dt>Catalog</dt>
        <dd>
          {bytes(store.bytes)} of {bytes(store.bytesMax)}
        </dd>
        {store.diskBytes === null ? null : (
          <>
            <dt>On disk</dt>
            <dd>{bytes(store.diskBytes)}</dd>
          </>
        )}
        <dt>Watchers</dt>
        <dd>{count(watchers)}</dd>
      </dl>
      {differences.map(({ node: other, settings }) => (
        <p key={other} class="warning-text">
          <Shape name="warning" /> {other} is configured otherwise: {settings.join(", ")}
        </p>
      ))}
    </Card>
  );
}

function Accounts({ status: { accounts } }: { status: NodeStatusBody }): JSX.Element {
  return (
    <Card title="Accounts" note={count(accounts.length)} bare>
      <div class="scroll-x">
        <table class="flat">
          <thead>
            <tr>
              <th scope="col">Account</th>
              {["Services", "Instances", "Leases", "Held", "Keys", "Memory"].map((name) => (
                <th key={name} scope="col" class="num">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {accounts.map(({ account, services, instances, leases, held, keys, bytes: size, limits }) => (
              <tr key={account}>
                <td>
                  <a href={`/ui/${encodeURIComponent(account)}`}>{account}</a>
                </td>
                {(
                  [
                    ["services", services, limits.servicesMax],
                    ["instances", instances, limits.instancesMax],
                    ["leases", leases, limits.leasesMax],
                    ["held", held, 0],
                    ["keys", keys, limits.keysMax],
                  ] as const
                ).map(([name, value, max]) => (
                  <td key={name} class="num" title={max === 0 ? undefined : `of ${count(max)} at most`}>
                    {count(value)}
                    {max > 0 && value > max / 2 ? <span class="quiet"> of {count(max, true)}</span> : null}
                  </td>
                ))}
                <td class="num">{bytes(size)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Endpoints({ status: { endpoints } }: { status: NodeStatusBody }): JSX.Element {
  return (
    <Card title="Endpoints">
      <dl class="facts">
        {endpoints.map(({ dialect, scheme, host, port }) => (
          <>
            <dt>{dialect}</dt>
            <dd class="mono">{`${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`}</dd>
          </>
        ))}
      </dl>
    </Card>
  );
}

/** Nothing is registered yet: how the first one comes. */
import type { JSX } from "preact";
import { useRead } from "../../data/reads.ts";
import { Card } from "../../parts/card.tsx";
import { copy } from "../../parts/copy.tsx";
import { OpenMode } from "../../shell/banner.tsx";

export function FirstStart({ account }: { account: string }): JSX.Element {
  const { data } = useRead(`endpoints ${account}`, (client) => client.status());
  const eureka = data?.endpoints.find(({ dialect }) => dialect === "eureka");
  const url = `${location.origin}/v2/${encodeURIComponent(account)}/services/api/instances/api-1`;
  const command = `curl -X PUT ${url} \\\n  -H 'Content-Type: application/json' \\\n  -d '{"address":"127.0.0.1","port":8080,"ttl":"60s"}'`;
  return (
    <Card class="first-start" title={<span>Nothing has registered yet</span>}>
      <h1 class="unseen">Overview</h1>
      <p>This account has no services. Register one, and it appears here within a second:</p>
      <pre tabIndex={0}>{command}</pre>
      <div class="row">
        <button type="button" class="button" onClick={() => copy(command)}>
          Copy the command
        </button>
      </div>
      {eureka === undefined ? null : (
        <p class="second">
          Eureka clients: <code>{`${eureka.scheme}://${location.hostname}:${eureka.port}/eureka`}</code>
        </p>
      )}
      <p class="second" role="status">
        Waiting for the first change …
      </p>
      <OpenMode />
    </Card>
  );
}

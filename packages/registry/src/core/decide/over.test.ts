/** The services of an account in drafts over the view are those that the view has once all is durable. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { instanceOf, LIMITS_OF_TESTS } from "../../../../../test/harness/registry.ts";
import { Catalog } from "../catalog/state.ts";
import {
  type AccountFacts,
  apply,
  type Command,
  type Commit,
  type Grouping,
  type InstanceKey,
  type Rules,
} from "../index.ts";
import { decide } from "./command.ts";
import { Draft } from "./draft.ts";

const rules: Rules = { limits: () => LIMITS_OF_TESTS };

const key: fc.Arbitrary<InstanceKey> = fc.record({
  service: fc.constantFrom("api", "My Api", "web"),
  id: fc.constantFrom("a", "b", "c"),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  key.map(({ service, id }): Command => ({ kind: "register", instance: instanceOf(service, id), life: "permanent" })),
  key.map((instance): Command => ({ kind: "deregister", instance })),
  fc.tuple(key, key).map(([{ service, id }, replaces]): Command => {
    return { kind: "register", instance: instanceOf(service, id), life: "permanent", replaces };
  }),
  fc.constant<Command>({ kind: "put", key: "k", value: "v" }),
);

/** One with all instances of a name, and one for each other. */
const BY_NAME: Grouping = { keysOf: ({ service, id }) => [service.toLowerCase(), `${service}/${id}`] };
const KEYS = ["api", "my api", "web", "My Api/a", "web/c"];

function look(account: AccountFacts | undefined) {
  if (account === undefined) return { services: [], instances: [], from: [], later: [], groups: [], revision: 0 };
  const groups = KEYS.map((key) => [...account.grouped(BY_NAME, key)].map(({ id }) => id).sort());
  const instances = [...account.instances()];
  for (const [nth, key] of KEYS.entries()) {
    const those = instances.filter((record) => BY_NAME.keysOf(record).includes(key)).map(({ id }) => id);
    assert.deepEqual(groups[nth], those.sort(), key);
  }
  return {
    revision: account.catalogRevision,
    services: [...account.services()].map(({ name, instances }) => [name, [...instances.values()].sort(byId)]),
    instances,
    groups,
    from: [...account.instances("b")],
    later: [...account.services("api")].map(({ name }) => name),
  };
}

const byId = (one: { readonly id: string }, other: { readonly id: string }) => (one.id < other.id ? -1 : 1);

test("drafts show an account as it will be, and name the services that changed", () => {
  fc.assert(
    fc.property(fc.array(fc.array(command, { maxLength: 8 }), { minLength: 3, maxLength: 3 }), (parts) => {
      const whole = new Catalog();
      const view = new Catalog();
      const drafts = [new Draft(view)];
      const changed = new Set<string>();
      let revision = 0;
      for (const [nth, part] of parts.entries()) {
        if (nth === 2) drafts.push(new Draft(drafts[0] as Draft));
        for (const one of part) {
          const stamp = { revision: revision + 1, atMs: 1, origin: "n" };
          const decided = decide(whole, "default", one, stamp, rules);
          if (!decided.ok || decided.value.changes.length === 0) continue;
          const { changes } = decided.value;
          const commit: Commit = {
            revision: ++revision,
            account: "default",
            atMs: 1,
            orderMs: 1,
            nth: revision,
            changes,
          };
          apply(whole, commit);
          if (nth === 0) apply(view, commit);
          else drafts.at(-1)?.fold("default", changes, revision);
          for (const change of changes)
            if (nth > 0 && change.kind === "instance")
              for (const record of [change.before, change.after]) if (record !== null) changed.add(record.service);
          if (nth > 0) assert.deepEqual(look(drafts.at(-1)?.account("default")), look(whole.account("default")));
        }
        if (nth === 0) drafts[0] = new Draft(view);
      }
      const told = new Set(drafts.at(-1)?.account("default")?.changedServices(view.revision));
      assert.deepEqual(
        [...changed].filter((name) => !told.has(name)),
        [],
      );
      assert.deepEqual(new Set(view.account("default")?.changedServices(view.revision)), new Set());
    }),
  );
});

/** Prepared queries that are written and removed, decided on those that are there. */
import { type Account, type Facts, type Plan, refuse } from "../../../core/index.ts";
import { inOrder } from "../catalog/steps.ts";
import { findSession } from "../sessions/record.ts";
import { allQueries, type Definition, isTemplate, type Keys, keyOf, toDefinition, toValue } from "./record.ts";
import { refuseTemplate } from "./template.ts";

/** Of one account: each name is looked for among them. */
const QUERIES_MAX = 4096;

function keysIn(facts: Facts, account: Account): Keys {
  return {
    entry: (key) => facts.entry(account, key),
    entries: (from, to) => facts.entries(account, from, to),
  };
}

interface Written {
  readonly definition: Definition;
  readonly isNew: boolean;
}

/** `unsupported` with the original's words when it cannot be. */
export const WRITE_QUERY: Plan<Written> = {
  name: "consul/write-query",
  make(facts, account, { definition, isNew }) {
    const { ID, Session } = definition;
    const key = keyOf(ID);
    if (!isNew && facts.entry(account, key) === undefined) return refuse("unsupported", unknown(ID));
    const noSession = Session !== "" && findSession(facts, account, Session) === undefined;
    const wrong =
      refuseNames(keysIn(facts, account), definition) ??
      (noSession ? `invalid session ${JSON.stringify(Session.slice(0, 100))}` : undefined) ??
      refuseTemplate(definition);
    if (wrong !== undefined) return refuse("unsupported", `raft apply failed: ${wrong}`);
    const lease = Session === "" ? null : Session;
    return inOrder([{ kind: "put", key, value: toValue(definition), lease }], null);
  },
};

export const REMOVE_QUERY: Plan<{ readonly id: string }> = {
  name: "consul/remove-query",
  make(facts, account, { id }) {
    const key = keyOf(id);
    if (facts.entry(account, key) === undefined) return refuse("unsupported", unknown(id));
    return inOrder([{ kind: "delete", from: key }], null);
  },
};

function unknown(id: string): string {
  return `Cannot modify non-existent prepared query: '${id.slice(0, 100)}'`;
}

/** A query is found by its name or its id, so neither may be another one's. */
function refuseNames(keys: Keys, definition: Definition): string | undefined {
  const name = definition.Name.toLowerCase();
  let count = 0;
  for (const record of allQueries(keys)) {
    const other = toDefinition(record);
    if (other.ID === definition.ID) continue;
    if (++count >= QUERIES_MAX) return `there are ${QUERIES_MAX} prepared queries already`;
    if (name === "" && isTemplate(definition) && other.Name === "" && isTemplate(other))
      return "a query template with an empty name already exists";
    if (name !== "" && other.Name.toLowerCase() === name)
      return `name '${definition.Name}' aliases an existing query name`;
    if (name !== "" && other.ID === name) return `name '${definition.Name}' aliases an existing query ID`;
  }
  return undefined;
}

/** The filter language: what it takes, what it means, and that nothing in it stalls. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readFilter } from "./read.ts";
import { CATALOG, ENTRIES } from "./shape.ts";

const WEB = {
  Node: "n1",
  NodeMeta: { rack: "7" },
  ServiceID: "web-1",
  ServiceName: "web",
  ServiceTags: ["v1", "main"],
  ServicePort: 80,
  ServiceMeta: { "a b": "c", team: "x" },
  ServiceAddress: "",
  ServiceEnableTagOverride: false,
  ServiceTaggedAddresses: { lan: { Address: "10.0.0.1", Port: 8080 } },
  ServiceWeights: { Passing: 1, Warning: 1 },
};

async function passes(filter: string, thing: unknown = WEB, shape = CATALOG): Promise<boolean | string> {
  const read = await readFilter(filter, shape);
  return read.ok ? (read.value?.(thing) ?? true) : read.detail;
}

test("conditions mean what Consul's mean", async () => {
  const cases: readonly (readonly [filter: string, passes: boolean])[] = [
    ['ServiceName == "web"', true],
    ["ServiceName == web", true],
    ["ServiceName == `web`", true],
    ['ServiceName != "web"', false],
    ['"v1" in ServiceTags', true],
    ["v1 in ServiceTags", true],
    ["v1.5 in ServiceTags", false],
    ['"v2" not in ServiceTags', true],
    ['ServiceTags contains "main"', true],
    ["ServiceTags not contains main", false],
    ["ServiceTags is empty", false],
    ["ServiceAddress is empty", true],
    ["ServiceTags is not empty", true],
    ["ServicePort == 80", true],
    ["ServicePort != 81", true],
    ["ServiceEnableTagOverride == false", true],
    ['ServiceMeta.team == "x"', true],
    ['ServiceMeta["a b"] == "c"', true],
    ['ServiceMeta.none == ""', false],
    ["team in ServiceMeta", true],
    ["ServiceMeta contains none", false],
    ["ServiceMeta.none is empty", true],
    ['NodeMeta["rack"] != "8"', true],
    ["ServiceTaggedAddresses.lan.Port == 8080", true],
    ['ServiceName matches "^w.b$"', true],
    ['ServiceName matches "eb"', true],
    ['ServiceName not matches "^x"', true],
    ["ServiceName matches `^\\w+$`", true],
    ['ServiceName matches "^\\\\w+$"', true],
    ['"eb" in ServiceName', true],
    ["not ServiceName == web", false],
    ["not not ServiceName == web", true],
    ["ServiceName == a or ServiceName == web and ServicePort == 80", true],
    ["(ServiceName == web or ServicePort == 1) and ServicePort == 1", false],
    ["not (ServiceName == web and ServicePort == 1)", true],
    ["  ServiceName\t==\nweb ", true],
  ];
  for (const [filter, expected] of cases) assert.equal(await passes(filter), expected, filter);
});

test("of several things in a list any one will do", async () => {
  const entry = {
    Node: { Meta: { rack: "7" } },
    Service: { Tags: [] },
    Checks: [{ Status: "passing" }, { Status: "critical" }],
  };
  const cases: readonly (readonly [filter: string, passes: boolean])[] = [
    ["Checks.Status == critical", true],
    ["Checks.Status != critical", true],
    ["not Checks.Status == critical", false],
    ["Checks.Status == warning", false],
    ["Checks is empty", false],
    ["Node.Meta.rack == 7 and Service.Tags is empty", true],
  ];
  for (const [filter, expected] of cases) assert.equal(await passes(filter, entry, ENTRIES), expected, filter);
});

test("what is no filter is refused, with the place", async () => {
  const cases: readonly (readonly [filter: string, why: RegExp])[] = [
    ["ServiceName", /12: expected an operator, found the end/],
    ["ServiceName ==", /expected a value, found the end/],
    ["ServiceName == web extra", /20: expected the end, found "extra"/],
    ["(ServiceName == web", /expected "\)"/],
    ["== web", /expected a selector/],
    ['ServiceName == "web', /the quote at 16 is not closed/],
    ["ServiceName = web", /unexpected "=" at 13/],
    ["ServiceName is full", /expected "empty"/],
    ["Nothing == 1", /Selector "Nothing" is not valid/],
    ["ServiceName.More == 1", /Selector "ServiceName.More" is not valid/],
    ["constructor == 1", /is not valid/],
    ["ServiceTags == v1", /Invalid match operator/],
    ["ServicePort == many", /Invalid match operator or value/],
    ["ServicePort matches 8", /Invalid match operator/],
    ['ServiceName matches "("', /is no pattern/],
    ['ServiceName matches "(a)\\\\1"', /is no pattern/],
    [`${"(".repeat(100)}a == b`, /nested deeper than 64/],
    [`${"not ".repeat(2000)}ServiceName == b`, /^$/],
    [Array(300).fill("ServiceName == b").join(" or "), /more than 256 conditions/],
    ["a".repeat(20_000), /longer than 16384/],
    [`ServiceName matches "${"a".repeat(2000)}"`, /is no pattern/],
  ];
  for (const [filter, why] of cases) {
    const said = await passes(filter);
    assert.match(typeof said === "string" ? said : "", why, filter.slice(0, 100));
  }
});

test("a pattern takes linear time", async () => {
  const startMs = performance.now();
  const name = `${"a".repeat(255)}!`;
  for (const pattern of ["(a+)+$", "(a|a)*$", "(.*a){20}$", "a{1,200}{1,4}$"])
    for (let i = 0; i < 20; i++) await passes(`ServiceName matches "${pattern}"`, { ServiceName: name });
  assert.ok(performance.now() - startMs < 20_000);
});

test("any text is a filter or refused", async () => {
  const words = fc.constantFrom(
    "ServiceName",
    "==",
    "(",
    ")",
    "not",
    "in",
    "and",
    '"a"',
    "is",
    "empty",
    ".",
    "[",
    "]",
    "x",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.array(words).map((all) => all.join(" ")),
      ),
      async (text) => {
        const said = await passes(text);
        assert.ok(typeof said === "boolean" || said.startsWith("Failed to create boolean expression evaluator: "));
      },
    ),
  );
});

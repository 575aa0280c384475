/** What clients send: every way of writing the same instance is taken, and what is wrong is refused in a few words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { readApplications, readInstance } from "./bodies.ts";
import type { Format, InstanceInfo } from "./messages.ts";
import { fromElementName, toElementName } from "./xml-text.ts";

function read(format: Format, text: string | Buffer): InstanceInfo {
  const result = readInstance(format, Buffer.from(text as string));
  assert.ok(result.ok, result.ok ? "" : `${result.detail}: ${text}`);
  return result.value;
}

function refusal(format: Format, text: string | Buffer): string {
  const result = readInstance(format, Buffer.from(text as string));
  assert.ok(!result.ok, `taken: ${String(text).slice(0, 200)}`);
  assert.ok(result.detail.length < 120);
  return result.detail;
}

const json = (members: string): InstanceInfo => read("json", `{"instance":{${members}}}`);
const xml = (elements: string): InstanceInfo => read("xml", `<instance>${elements}</instance>`);

test("what is left out is filled in", () => {
  for (const info of [json(""), xml(""), read("xml", "<instance/>"), read("json", "{}")]) {
    assert.deepEqual(info.leaseInfo, {
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      registrationTimestamp: 0,
      lastRenewalTimestamp: 0,
      evictionTimestamp: 0,
      serviceUpTimestamp: 0,
    });
    assert.deepEqual(info.port, { port: 0, enabled: false });
    assert.deepEqual(info.securePort, { port: 0, enabled: false });
    assert.deepEqual(info.metadata, {});
    assert.equal(info.status, "UP");
    assert.equal(info.overriddenStatus, "UNKNOWN");
    assert.equal(info.countryId, 1);
    assert.equal(info.actionType, "ADDED");
    assert.equal(info.dataCenterInfo, undefined);
    assert.equal(info.lastDirtyTimestamp, undefined);
    assert.equal(info.vipAddress, undefined);
  }
});

test("ports are taken in every shape", () => {
  const cases: readonly [members: string, port: number, enabled: boolean][] = [
    ['"port":{"$":8080,"@enabled":"true"}', 8080, true],
    ['"port":{"$":"8080","@enabled":true}', 8080, true],
    ['"port":{"@enabled":"True","$":8080}', 8080, true],
    ['"port":{"$":8080,"@enabled":"false"}', 8080, false],
    ['"port":{"$":8080,"@enabled":0}', 8080, false],
    ['"port":{"$":8080}', 8080, true],
    ['"port":8080', 8080, true],
    ['"port":"8080"', 8080, true],
    ['"port":8080.0', 8080, true],
    ['"port":{"@enabled":"true"}', 0, true],
    ['"port":null', 0, false],
    ['"port":{"$":-1,"@enabled":"false"}', -1, false],
  ];
  for (const [members, port, enabled] of cases) assert.deepEqual(json(members).port, { port, enabled }, members);
  assert.deepEqual(json('"securePort":{"$":443}').securePort, { port: 443, enabled: false });
  assert.deepEqual(xml("<port>80</port><securePort>443</securePort>").port, { port: 80, enabled: true });
  assert.deepEqual(xml("<port>80</port><securePort>443</securePort>").securePort, { port: 443, enabled: false });
  assert.deepEqual(xml("<port enabled='false'> 80 </port>").port, { port: 80, enabled: false });
  assert.deepEqual(xml('<port enabled="true"/>').port, { port: 0, enabled: true });
});

test("statuses are taken in any case, unknown ones as UNKNOWN", () => {
  assert.equal(json('"status":"up"').status, "UP");
  assert.equal(json('"status":"Out_Of_Service"').status, "OUT_OF_SERVICE");
  assert.equal(json('"status":"SICK"').status, "UNKNOWN");
  assert.equal(json('"status":null').status, "UP");
  assert.equal(xml("<status>starting</status>").status, "STARTING");
  assert.equal(json('"overriddenStatus":"DOWN"').overriddenStatus, "DOWN");
  assert.equal(json('"overriddenstatus":"DOWN"').overriddenStatus, "DOWN");
  assert.equal(xml("<overriddenstatus>DOWN</overriddenstatus>").overriddenStatus, "DOWN");
  assert.equal(xml("<overriddenStatus>DOWN</overriddenStatus>").overriddenStatus, "DOWN");
});

test("the id is what the client gives, else Amazon's, else the name of the host", () => {
  const amazon = '"dataCenterInfo":{"name":"amazon","metadata":{"instance-id":"i-1"}}';
  assert.equal(json(`"hostName":"h","instanceId":"x",${amazon}`).instanceId, "x");
  assert.equal(json(`"hostName":"h","instanceId":"",${amazon}`).instanceId, "i-1");
  assert.equal(json(`"hostName":"h",${amazon}`).dataCenterInfo?.name, "Amazon");
  assert.equal(
    json('"hostName":"h","dataCenterInfo":{"name":"MyOwn","metadata":{"instance-id":"i-1"}}').instanceId,
    "h",
  );
});

test("metadata keeps what was written", () => {
  assert.deepEqual(json('"metadata":{"a":1.0,"b":12345678901234567890,"c":true,"d":null,"e":""}').metadata, {
    a: "1.0",
    b: "12345678901234567890",
    c: "true",
    e: "",
  });
  assert.deepEqual(json('"metadata":{"@class":"java.util.Collections$EmptyMap"}').metadata, {});
  assert.deepEqual(json('"metadata":{"class":"java.util.Collections$EmptyMap"}').metadata, {});
  assert.deepEqual(json('"metadata":{"@class":"java.util.HashMap","class":"mine"}').metadata, { class: "mine" });
  assert.deepEqual(json('"metadata":""').metadata, {});
  assert.deepEqual(xml('<metadata class="java.util.Collections$EmptyMap"/>').metadata, {});
  assert.deepEqual(xml("<metadata> </metadata>").metadata, {});
  assert.deepEqual(xml("<metadata><a__b> x </a__b><c/><d><![CDATA[<&>]]>!</d></metadata>").metadata, {
    a_b: " x ",
    c: "",
    d: "<&>!",
  });
  assert.deepEqual(xml("<metadata xmlns:x='y'><a_b>1</a_b><a t='1'>2</a></metadata>").metadata, { a_b: "1", a: "2" });
});

test("names that mean something to the language are names like others", () => {
  const info = json('"__proto__":{"app":"x"},"metadata":{"__proto__":"x","constructor":"y","toString":"z"}');
  assert.equal(info.app, "");
  assert.deepEqual(Object.entries(info.metadata), [
    ["__proto__", "x"],
    ["constructor", "y"],
    ["toString", "z"],
  ]);
  assert.equal(({} as Record<string, unknown>).app, undefined);
  const dotted = xml(
    "<____proto____>x</____proto____><metadata><____proto____>x</____proto____><valueOf>y</valueOf></metadata>",
  );
  assert.deepEqual(Object.entries(dotted.metadata), [
    ["__proto__", "x"],
    ["valueOf", "y"],
  ]);
  assert.equal(Object.getPrototypeOf(dotted.metadata), Object.prototype);
});

test("times of clients that do not know any count as not given", () => {
  for (const said of ['"0"', '""', "0", "null"])
    assert.equal(json(`"lastDirtyTimestamp":${said}`).lastDirtyTimestamp, undefined);
  for (const said of ['"2026-11-20T16:00:00Z"', '"null"', "1e99", "99999999999999999999", "true"])
    assert.equal(json(`"lastDirtyTimestamp":${said}`).lastDirtyTimestamp, undefined);
  assert.deepEqual(json('"leaseInfo":{"durationInSecs":"soon"}').leaseInfo.durationInSecs, 90);
  assert.ok(Object.is(json('"port":{"$":"-0"}').port.port, 0));
  assert.equal(json('"lastDirtyTimestamp":"1795190937003"').lastDirtyTimestamp, 1795190937003);
  assert.equal(json('"lastDirtyTimestamp":1795190937003.25').lastDirtyTimestamp, 1795190937003);
  assert.equal(
    json('"leaseInfo":{"durationInSecs":0,"renewalIntervalInSecs":-3,"renewalTimestamp":"7"}').leaseInfo.durationInSecs,
    90,
  );
  assert.equal(json('"leaseInfo":{"renewalTimestamp":"7"}').leaseInfo.lastRenewalTimestamp, 7);
});

test("JSON with the wrong types is refused", () => {
  const cases: readonly [body: string, detail: RegExp][] = [
    ["", /ends too early/],
    ["null", /instance is not an object/],
    ["[]", /instance is not an object/],
    ['{"instance":[{}]}', /instance is not an object/],
    ['{"instance":{"hostName":{"a":1}}}', /hostName is not a text/],
    ['{"instance":{"hostName":["a"]}}', /hostName is not a text/],
    ['{"instance":{"port":{"$":"eighty"}}}', /not a number/],
    ['{"instance":{"port":{"$":80,"@enabled":"maybe"}}}', /neither true nor false/],
    ['{"instance":{"port":[80]}}', /port is not a text/],
    ['{"instance":{"countryId":"x"}}', /countryId is not a number/],
    ['{"instance":{"lastDirtyTimestamp":{"a":1}}}', /not a text/],
    ['{"instance":{"countryId":99999999999999999999}}', /not a number/],
    ['{"instance":{"metadata":{"a":{"b":"c"}}}}', /a is not a text/],
    ['{"instance":{"metadata":"x"}}', /metadata is not an object/],
    ['{"instance":{"metadata":[]}}', /metadata is not an object/],
    ['{"instance":{"leaseInfo":7}}', /leaseInfo is not an object/],
    ['{"instance":{"dataCenterInfo":{"name":"Moon"}}}', /none of Netflix, Amazon and MyOwn/],
    ['{"instance":{}} x', /unexpected text/],
    ['{"instance":{"app":"a",}}', /unexpected text/],
    ['{"instance":{"app":"a\nb"}}', /illegal character/],
    ['{"instance":{"app":"\\q"}}', /illegal character/],
    ['{"instance":{"app":01}}', /unexpected text/],
    ['{"instance":{"app":NaN}}', /unexpected text/],
    ["{'instance':{}}", /unexpected text/],
    ['{"instance":{"app":"a', /does not end/],
    [`${'{"a":'.repeat(40)}1${"}".repeat(40)}`, /nested too deeply/],
    ["[".repeat(1_000_000), /nested too deeply/],
    [`{"instance":{"x":[${"0,".repeat(30_000)}0]}}`, /too many values/],
  ];
  for (const [body, detail] of cases) assert.match(refusal("json", body), detail, body.slice(0, 100));
});

test("XML that is no instance is refused", () => {
  const bomb = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">${[..."bcdefghij"].map((name, i) => `<!ENTITY ${name} "${`&${"abcdefghij"[i]};`.repeat(10)}">`).join("")}]><instance><hostName>&j;</hostName></instance>`;
  const cases: readonly [body: string, detail: RegExp][] = [
    ["", /ends too early/],
    ["<instance>", /ends too early/],
    ["text", /outside the root/],
    ["<other/>", /root is not instance/],
    ["<instance/><instance/>", /more than one root/],
    ["<instance></other>", /closes nothing/],
    ["<instance><port>x</port></instance>", /port is not a number/],
    ["<instance><hostName><a/></hostName></instance>", /hostName is not a text/],
    ["<instance><metadata>x</metadata></instance>", /metadata is not an object/],
    ["<instance><dataCenterInfo><name>Moon</name></dataCenterInfo></instance>", /none of Netflix/],
    ['<!DOCTYPE instance SYSTEM "file:///etc/passwd"><instance/>', /document type/],
    [
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><instance><hostName>&e;</hostName></instance>',
      /document type/,
    ],
    [bomb, /document type/],
    ["<instance><hostName>&e;</hostName></instance>", /entity/],
    ["<instance><hostName>a & b</hostName></instance>", /entity/],
    ["<instance><hostName>\u0001</hostName></instance>", /character that XML does not have/],
    ['<?xml version="1.0" encoding="UTF-16"?><instance/>', /encoding/],
    ["<a>".repeat(1_000_000), /nested too deeply/],
    [`<instance>${"<a/>".repeat(30_000)}</instance>`, /too many elements/],
    [`<instance ${Array.from({ length: 5000 }, (_, i) => `a${i}="1"`).join(" ")}/>`, /too many attributes/],
    ['<port enabled="1" enabled="2"/>', /twice/],
    ['<instance a="<"/>', /illegal value/],
    ['<instance a="1"b="2"/>', /unexpected text/],
    ["<instance a=1/>", /unexpected text/],
    ["<1/>", /unexpected text/],
    ["<instance><!-- ", /ends too early/],
    ["<instance><![CDATA[", /ends too early/],
    ["<?xml ", /ends too early/],
    ["<![CDATA[x]]>", /outside the root/],
  ];
  for (const [body, detail] of cases) assert.match(refusal("xml", body), detail, body.slice(0, 100));
});

test("XML is read as its rules say", () => {
  const info = read(
    "xml",
    '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<!-- a -->\r\n<instance>\r\n<hostName>&#104;&lt;&amp;&gt;&quot;&apos;&#x1F600;&#0;</hostName>' +
      "<vipAddress>a\r\nb\rc&#xd;</vipAddress><?pi x?><app>a<!-- b -->pi</app></instance><!-- end -->\r\n",
  );
  assert.equal(info.hostName, "h<&>\"'😀");
  assert.equal(info.vipAddress, "a\nb\nc\r");
  assert.equal(info.app, "API");
  const latin = Buffer.from(
    '<?xml version="1.0" encoding="ISO-8859-1"?><instance><app>caf\xe9</app></instance>',
    "latin1",
  );
  assert.equal(read("xml", latin).app, "CAFÉ");
});

test("names of elements are escaped as XStream does", () => {
  const cases: readonly [key: string, name: string][] = [
    ["plain-1.x", "plain-1.x"],
    ["my_key", "my__key"],
    ["__", "____"],
    ["$ref", "_-ref"],
    ["a b", "a_.0020b"],
    ["1st", "_.0031st"],
    ["-x", "_.002dx"],
    ["a:b", "a_.003ab"],
    ["é", "_.00e9"],
    ["😀", "_.d83d_.de00"],
    ["_.0020", "__.0020"],
    ["_-", "__-"],
  ];
  for (const [key, name] of cases) {
    assert.equal(toElementName(key), name);
    assert.equal(fromElementName(name), key);
  }
  assert.equal(fromElementName("my_key"), "my_key");
  assert.equal(fromElementName("a_.zz"), "a_.zz");
});

test("an instance does not hold the body that it came in", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const padding = "x".repeat(200_000);
  const id = "an-instance-with-a-long-name";
  const kept: InstanceInfo[] = [];
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 100; count++) {
    kept.push(json(`"instanceId":"${id}-${count}","padding":"${padding}","metadata":{"${id}":"${id}-${count}"}`));
    kept.push(
      xml(
        `<instanceId>${id}-${count}</instanceId><padding>${padding}</padding><metadata><${id}>${id}</${id}></metadata>`,
      ),
    );
  }
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  assert.equal(kept.length, 200);
  assert.ok(grown < 10_000_000, `${grown} bytes are held`);
});

test("another server's registry is taken with lists or without", () => {
  const one = '{"app":"a","hostName":"h"}';
  for (const text of [
    `{"applications":{"versions__delta":1,"apps__hashcode":"","application":{"name":"a","instance":${one}}}}`,
    `{"applications":{"application":[{"name":"A","instance":[${one}]}]}}`,
  ]) {
    const result = readApplications("json", Buffer.from(text));
    assert.ok(result.ok);
    assert.equal(result.value.versionsDelta, "1");
    assert.deepEqual(
      result.value.applications.map(({ name, instances }) => [name, instances.map(({ app }) => app)]),
      [["A", ["A"]]],
    );
  }
  const empty = readApplications("xml", Buffer.from("<applications/>"));
  assert.ok(empty.ok);
  assert.deepEqual(empty.value, { versionsDelta: "1", hashcode: "", applications: [], skipped: 0 });
  for (const text of ["{}", '{"applications":null}', '{"applications":{"application":""}}'])
    assert.deepEqual(readApplications("json", Buffer.from(text)).ok, true, text);
  for (const text of ["[]", '{"applications":[]}', '{"applications":{"application":[1]}}'])
    assert.deepEqual(readApplications("json", Buffer.from(text)).ok, false, text);
});

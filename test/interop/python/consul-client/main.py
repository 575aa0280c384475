"""The package `consul` of Python, py-consul or python-consul, against the server at the port in the first argument.

Prints a line for each part that went well, and ends with 1 at the first that did not.
"""

import sys
import threading

import consul

client = consul.Consul(host="127.0.0.1", port=int(sys.argv[1]))


def later(call):
    """What waits meanwhile: its result, once it has one."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()

    def result():
        thread.join(60)
        return found[0]

    return result


def keys():
    kv = client.kv
    assert kv.put("py/a b", "one", flags=42) is True
    index, entry = kv.get("py/a b")
    assert (entry["Value"], entry["Flags"]) == (b"one", 42), entry
    assert kv.put("py/a b", "two", cas=0) is False
    assert kv.put("py/a b", "two", cas=entry["ModifyIndex"]) is True
    assert kv.put("py/d/e", b"\xff\x00") is True
    assert kv.get("py/", keys=True)[1] == ["py/a b", "py/d/e"]
    assert kv.get("py/", keys=True, separator="/")[1] == ["py/a b", "py/d/"]
    assert [one["Value"] for one in kv.get("py/", recurse=True)[1]] == [b"two", b"\xff\x00"]
    index, none = kv.get("py/none")
    assert none is None and int(index) > 0, index
    waiting = later(lambda: kv.get("py/none", index=index, wait="30s"))
    kv.put("py/none", "there")
    assert waiting()[1]["Value"] == b"there"
    assert kv.delete("py/", recurse=True) is True
    assert kv.get("py/", recurse=True)[1] is None


def sessions():
    session = client.session.create(name="py", ttl=10, behavior="delete", lock_delay=0)
    assert client.kv.put("py-lock", "me", acquire=session) is True
    other = client.session.create(name="other", ttl=10)
    assert client.kv.put("py-lock", "other", acquire=other) is False
    assert client.session.renew(session)["ID"] == session
    assert client.session.info(session)[1]["Behavior"] == "delete"
    assert {session, other} <= {one["ID"] for one in client.session.list()[1]}
    assert client.session.destroy(session) is True
    assert client.kv.get("py-lock")[1] is None
    assert client.kv.put("py-lock", "other", acquire=other) is True
    assert client.kv.put("py-lock", "", release=other) is True
    client.session.destroy(other)
    try:
        client.session.renew(session)
    except consul.NotFound:
        return
    raise AssertionError("a session that is gone was renewed")


def transactions():
    done = client.txn.put([{"KV": {"Verb": "set", "Key": "py-t", "Value": "eA=="}}, {"KV": {"Verb": "get", "Key": "py-t"}}])
    assert done["Errors"] is None and done["Results"][1]["KV"]["Value"] == "eA==", done
    client.kv.delete("py-t")


def agent():
    one = client.agent
    check = consul.Check.ttl("30s")
    assert one.service.register("py", service_id="py-1", address="10.2.0.1", port=80, tags=["blue"], check=check)
    assert client.health.service("py", passing=True)[1] == []
    assert one.check.ttl_pass("service:py-1", "fine")
    index, found = client.health.service("py", passing=True, tag="blue")
    assert [(it["Service"]["ID"], it["Service"]["Port"]) for it in found] == [("py-1", 80)], found
    waiting = later(lambda: client.health.service("py", passing=True, index=index, wait="30s"))
    assert one.check.ttl_fail("service:py-1", "bad")
    assert waiting()[1] == []
    assert one.check.ttl_warn("service:py-1")
    assert one.checks()["service:py-1"]["Status"] == "warning"
    assert "py-1" in one.services()
    assert one.service.maintenance("py-1", "true", "why")
    assert client.health.checks("py")[1][0]["ServiceName"] == "py"
    assert one.service.maintenance("py-1", "false")
    assert one.check.register("py-c", check=consul.Check.ttl("30s"), service_id="py-1")
    assert one.check.deregister("py-c")
    assert one.service.deregister("py-1")
    assert one.self()["Config"]["Datacenter"] == "dc1"
    assert [member["Status"] for member in one.members()] == [1]
    assert one.maintenance("true") and one.maintenance("false")


def catalog():
    both = client.catalog
    service = {"service": "py-ext", "id": "e1", "port": 1}
    assert both.register("py-node", "10.3.0.1", service=service)
    assert both.service("py-ext")[1][0]["Address"] == "10.3.0.1"
    assert "py-ext" in both.services()[1]
    assert "py-node" in [node["Node"] for node in both.nodes()[1]]
    assert both.node("py-node")[1]["Services"]["e1"]["Port"] == 1
    assert both.deregister("py-node")
    assert both.service("py-ext")[1] == []
    assert both.datacenters() == ["dc1"]
    assert client.health.state("any")[1] and client.health.node("rollcall")[1]
    assert client.status.leader() and client.status.peers()


for part in (keys, sessions, transactions, agent, catalog):
    part()
    print("ok:", part.__name__, flush=True)
print("all went well", flush=True)

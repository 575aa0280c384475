"""PyPI's etcd3 for the third version of etcd's API and python-etcd for the second: says `all went well` once each did what
it is for. Its argument is the server's port."""

import os
import queue
import sys
import threading

# The messages of etcd3 were generated for a protobuf of long ago.
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"

import etcd
import etcd3

PORT = int(sys.argv[1])
WAIT_S = 40


def expect(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"{what}: {got!r} instead of {wanted!r}")


def fails(what, kind, call):
    try:
        call()
    except kind:
        return
    raise SystemExit(f"{what} did not fail")


def third():
    client = etcd3.client(host="127.0.0.1", port=PORT, timeout=WAIT_S)
    client.put("py/a", "1")
    client.put("py/b", b"\x00\xff")
    value, meta = client.get("py/a")
    expect("read", (value, meta.key, meta.version), (b"1", b"py/a", 1))
    expect("none", client.get("py/none"), (None, None))
    expect("the value before", client.put("py/a", "2", prev_kv=True).prev_kv.value, b"1")
    keys = [meta.key for _, meta in client.get_prefix("py/", sort_order="descend", sort_target="key")]
    expect("a prefix", keys, [b"py/b", b"py/a"])
    expect("a range", [v for v, _ in client.get_range("py/a", "py/b")], [b"2"])
    expect("all", len(list(client.get_all())) >= 2, True)
    expect("replaced", (client.replace("py/a", "2", "3"), client.replace("py/a", "2", "4")), (True, False))
    expect("put once", (client.put_if_not_exists("py/c", "1"), client.put_if_not_exists("py/c", "2")), (True, False))
    t = client.transactions
    succeeded, responses = client.transaction(
        compare=[t.value("py/a") == "3", t.version("py/c") > 0, t.create("py/none") == 0],
        success=[t.put("py/t", "yes"), t.get("py/a"), t.delete("py/c")],
        failure=[t.put("py/t", "no")],
    )
    expect("a transaction", (succeeded, responses[1][0][0]), (True, b"3"))

    events, cancel = client.watch_prefix("py/w/")
    told = queue.Queue()
    watch = client.add_watch_callback("py/w/a", told.put)
    lease = client.lease(60)
    client.put("py/w/a", "1", lease=lease)
    client.delete("py/w/a")
    client.put("py/w/b", "2", lease=lease)
    expect("watched", [type(next(events)).__name__ for _ in range(3)], ["PutEvent", "DeleteEvent", "PutEvent"])
    cancel()
    expect("told", type(told.get(timeout=WAIT_S).events[0]).__name__, "PutEvent")
    client.cancel_watch(watch)
    expect("a lease", (lease.granted_ttl, lease.remaining_ttl > 50, list(lease.keys)), (60, True, [b"py/w/b"]))
    expect("renewed", lease.refresh()[0].TTL, 60)
    lease.revoke()
    expect("revoked", client.get("py/w/b"), (None, None))

    lock, other = client.lock("py", ttl=30), client.lock("py", ttl=30)
    expect("a lock", (lock.acquire(), other.acquire(timeout=0.2), lock.is_acquired()), (True, False, True))
    expect("released", (lock.release(), other.acquire(timeout=WAIT_S), other.release()), (True, True, True))

    members = list(client.members)
    expect("members", (len(members), len(members[0].client_urls) > 0), (1, True))
    expect("status", client.status().leader.id, members[0].id)
    expect("alarms", list(client.list_alarms()), [])
    expect("hashed", client.hash() >= 0, True)
    client.defragment()
    client.compact(client.get("py/a")[1].mod_revision)
    fails("a watch of what is gone", etcd3.exceptions.RevisionCompactedError, lambda: next(client.watch("py/a", start_revision=1)[0]))
    expect("deleted", client.delete_prefix("py/").deleted >= 3, True)
    client.close()


def second():
    client = etcd.Client(host="127.0.0.1", port=PORT, allow_reconnect=True)
    client.write("/py2/a", "1")
    expect("read", client.read("/py2/a").value, "1")
    expect("written again", client.write("/py2/a", "2")._prev_node.value, "1")
    fails("what is there", etcd.EtcdAlreadyExist, lambda: client.write("/py2/a", "x", prevExist=False))
    fails("what is not", etcd.EtcdKeyNotFound, lambda: client.read("/py2/none"))
    fails("another value", etcd.EtcdCompareFailed, lambda: client.test_and_set("/py2/a", "3", "1"))
    expect("swapped", client.test_and_set("/py2/a", "3", "2").value, "3")
    first, last = client.write("/py2/q", "1", append=True), client.write("/py2/q", "2", append=True)
    expect("in order", first.key < last.key, True)
    client.write("/py2/d/e/f", "deep")
    expect("a directory", [r.key for r in client.read("/py2", recursive=True, sorted=True).leaves], ["/py2/a", "/py2/d/e/f", first.key, last.key])
    fails("a directory with something in it", etcd.EtcdDirNotEmpty, lambda: client.delete("/py2/d", dir=True))
    fails("a value of a directory", etcd.EtcdNotFile, lambda: client.write("/py2/d", "x"))
    client.write("/py2/t", "1", ttl=60)
    expect("its time", 0 < client.read("/py2/t").ttl <= 60, True)
    expect("refreshed", client.refresh("/py2/t", 90).ttl > 60, True)

    begin = client.read("/py2/a").etcd_index
    threading.Timer(0.2, lambda: etcd.Client(port=PORT).write("/py2/a", "4")).start()
    expect("waited", client.watch("/py2/a", timeout=WAIT_S).value, "4")
    expect("waited behind", client.read("/py2/a", wait=True, waitIndex=begin + 1).value, "4")
    client.write("/py2/b", "1")
    expect("waited for all", client.read("/py2", wait=True, recursive=True, waitIndex=begin + 1).key, "/py2/a")
    fails("it waits in vain", etcd.EtcdWatchTimedOut, lambda: client.read("/py2/none", wait=True, timeout=0.3))

    lock, other = etcd.Lock(client, "py2"), etcd.Lock(etcd.Client(port=PORT), "py2")
    expect("a lock", (lock.acquire(blocking=True, lock_ttl=30), lock.is_acquired, other.acquire(blocking=False)), (True, True, False))
    lock.release()
    expect("then the other one", other.acquire(blocking=True, lock_ttl=30), True)
    other.release()
    expect("machines", [m.startswith("http://") for m in client.machines], [True])
    expect("members", len(client.members), 1)
    expect("leader", "id" in client.leader, True)
    expect("version", client.version.startswith(("3.", "2.")), True)
    expect("gone", client.delete("/py2", recursive=True, dir=True).action, "delete")


third()
print("ok: etcd3", flush=True)
second()
print("ok: python-etcd", flush=True)
print("all went well", flush=True)

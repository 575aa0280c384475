"""PyPI's etcd3-py and etcd3gw, which both speak to the JSON gateway: says `all went well` once each did what it is for. Its
argument is the server's port."""

import sys
import threading

import etcd3
import etcd3gw

PORT = int(sys.argv[1])


def expect(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"{what}: {got!r} instead of {wanted!r}")


def etcd3_py():
    client = etcd3.Client("127.0.0.1", PORT)
    expect("version", client.version().etcdserver.startswith("3."), True)
    client.put("py3/a", "1")
    client.put("py3/b", "2")
    expect("read", client.range("py3/a").kvs[0].value, b"1")
    expect("a prefix", [kv.key for kv in client.range("py3/", prefix=True).kvs], [b"py3/a", b"py3/b"])
    txn = client.Txn()
    txn.compare(txn.key("py3/a").value == b"1")
    txn.success(txn.put("py3/a", "3"))
    txn.failure(txn.range("py3/a"))
    expect("a transaction", txn.commit().succeeded, True)
    with client.Lease(ttl=60) as lease:
        client.put("py3/l", "1", lease=lease.ID)
        expect("alive", lease.time_to_live(keys=True).TTL > 50, True)
        lease.keepalive_once()
    expect("gone with its lease", getattr(client.range("py3/l"), "kvs", None) or None, None)
    seen = threading.Event()
    watcher = client.Watcher(key="py3/w")
    watcher.onEvent(lambda event: seen.set())
    watcher.runDaemon()
    for _ in range(100):
        client.put("py3/w", "1")
        if seen.wait(0.1):
            break
    watcher.stop()
    expect("seen", seen.is_set(), True)
    with client.Lock("py3", lock_ttl=30):
        pass
    expect("members", len(client.member_list().members), 1)
    expect("deleted", int(client.delete_range("py3/", prefix=True).deleted) >= 3, True)
    client.close()


def gateway():
    client = etcd3gw.client(host="127.0.0.1", port=PORT, api_path="/v3/")
    client.put("gw/a", "1")
    expect("read", client.get("gw/a"), [b"1"])
    expect("created", (client.create("gw/b", "1"), client.create("gw/b", "2")), (True, False))
    expect("replaced", (client.replace("gw/a", "1", "2"), client.replace("gw/a", "1", "3")), (True, False))
    expect("a prefix", [value for value, _ in client.get_prefix("gw/")], [b"2", b"1"])
    lease = client.lease(60)
    client.put("gw/l", "1", lease=lease)
    expect("its keys", (lease.ttl() > 50, lease.refresh(), lease.keys()), (True, 60, [b"gw/l"]))
    lease.revoke()
    expect("gone with it", client.get("gw/l"), [])
    watched, cancel = client.watch_prefix("gw/w/")
    threading.Timer(0.2, lambda: etcd3gw.client(port=PORT, api_path="/v3/").put("gw/w/a", "1")).start()
    expect("watched", next(watched)["kv"]["key"], b"gw/w/a")
    cancel()
    with client.lock("gw", ttl=30) as lock:
        expect("locked", lock.is_acquired(), True)
    expect("members", len(client.members()), 1)
    expect("status", client.status()["version"].startswith("3."), True)
    expect("deleted", client.delete_prefix("gw/"), True)


etcd3_py()
print("ok: etcd3-py", flush=True)
gateway()
print("ok: etcd3gw", flush=True)
print("all went well", flush=True)

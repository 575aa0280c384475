"""kazoo with all its recipes: says `all went well` once each did what it is for. Its argument is the server."""

import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
)
from kazoo.recipe.barrier import Barrier, DoubleBarrier
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.counter import Counter
from kazoo.recipe.election import Election
from kazoo.recipe.lease import MultiNonBlockingLease, NonBlockingLease
from kazoo.recipe.lock import Lock, ReadLock, Semaphore, WriteLock
from kazoo.recipe.partitioner import SetPartitioner
from kazoo.recipe.party import Party, ShallowParty
from kazoo.recipe.queue import LockingQueue, Queue
from kazoo.recipe.watchers import PatientChildrenWatch
from kazoo.security import make_digest_acl
from datetime import timedelta

HOSTS = sys.argv[1]
WAIT_S = 40


def start(**more):
    client = KazooClient(hosts=HOSTS, timeout=10, **more)
    client.start(timeout=WAIT_S)
    return client


def until(condition, what):
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


def must_raise(kind, call, *args, **more):
    try:
        call(*args, **more)
    except kind:
        return
    raise AssertionError(f"{call} did not raise {kind}")


def nodes(zk):
    zk.ensure_path("/k/a/b")
    assert zk.create("/k/one", b"1") == "/k/one"
    must_raise(NodeExistsError, zk.create, "/k/one")
    must_raise(NoNodeError, zk.create, "/none/x")
    path, stat = zk.create("/k/two", b"22", include_data=True)
    assert (path, stat.version, stat.dataLength) == ("/k/two", 0, 2)
    assert zk.create("/k/s-", sequence=True) == "/k/s-0000000003"
    assert zk.create("/made/deep/x", b"", makepath=True) == "/made/deep/x"
    data, stat = zk.get("/k/one")
    assert (data, stat.version) == (b"1", 0)
    assert zk.set("/k/one", b"2", version=0).version == 1
    must_raise(BadVersionError, zk.set, "/k/one", b"3", version=0)
    must_raise(NotEmptyError, zk.delete, "/k")
    children, stat = zk.get_children("/k", include_data=True)
    assert sorted(children) == ["a", "one", "s-0000000003", "two"], children
    assert stat.children_count == 4
    zk.delete("/k/a", recursive=True)
    assert zk.exists("/k/a") is None
    assert zk.sync("/k") == "/k"
    assert zk.server_version()[:2] == (3, 9)
    transaction = zk.transaction()
    transaction.create("/k/t", b"t")
    transaction.check("/k/one", version=1)
    transaction.set_data("/k/one", b"4")
    transaction.delete("/k/two")
    results = transaction.commit()
    assert results[0] == "/k/t" and results[1] is True and results[2].version == 2 and results[3] is True, results
    transaction = zk.transaction()
    transaction.create("/k/never", b"")
    transaction.check("/k/one", version=9)
    results = transaction.commit()
    assert isinstance(results[0], RolledBackError) and isinstance(results[1], BadVersionError), results
    handles = [zk.create_async(f"/k/many-{nth}", b"") for nth in range(500)]
    assert [handle.get(timeout=WAIT_S) for handle in handles] == [f"/k/many-{nth}" for nth in range(500)]


def rights(zk):
    owner = start(auth_data=[("digest", "ann:secret")])
    owner.create("/own", b"x", acl=[make_digest_acl("ann", "secret", all=True)])
    must_raise(NoAuthError, zk.get, "/own")
    assert owner.get("/own")[0] == b"x"
    assert owner.get_acls("/own")[0][0].perms == 31
    owner.stop()


def watches(zk, other):
    seen = {"data": [], "children": []}
    zk.ensure_path("/watched")

    @zk.DataWatch("/watched")
    def on_data(data, stat, event):
        seen["data"].append(data)

    @zk.ChildrenWatch("/watched")
    def on_children(children):
        seen["children"].append(sorted(children))

    other.set("/watched", b"1")
    until(lambda: seen["data"][-1] == b"1", "the data")
    other.create("/watched/a", b"")
    until(lambda: seen["children"][-1] == ["a"], "the children")
    patient = PatientChildrenWatch(zk, "/watched", time_boundary=0.2).start()
    children, changed = patient.get(timeout=WAIT_S)
    assert children == ["a"], children
    other.create("/watched/b", b"")
    changed.get(timeout=WAIT_S)
    other.delete("/watched/b")
    cache = TreeCache(zk, "/watched")
    events = []
    cache.listen(lambda event: events.append(event.event_type))
    cache.start()
    until(lambda: TreeEvent.INITIALIZED in events, "the cache")
    other.set("/watched/a", b"x")
    until(lambda: cache.get_data("/watched/a") is not None and cache.get_data("/watched/a").data == b"x", "the cache")
    cache.close()


def together(name, count, work):
    """Runs this with clients of their own, all at once; what they return."""
    results, errors = [], []

    def run(nth):
        client = start()
        try:
            results.append(work(client, nth))
        except BaseException as error:
            errors.append(error)
        finally:
            client.stop()
            client.close()

    threads = [threading.Thread(target=run, args=(nth,)) for nth in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    if errors:
        raise errors[0]
    assert len(results) == count, f"{name}: only {results}"
    return results


def locks(zk):
    inside, most = [], []

    def hold(client, nth):
        with Lock(client, "/lock", str(nth)):
            inside.append(nth)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(nth)

    together("locks", 4, hold)
    assert max(most) == 1
    most.clear()

    def enter(client, nth):
        with Semaphore(client, "/semaphore", max_leases=2):
            inside.append(nth)
            most.append(len(inside))
            time.sleep(0.05)
            inside.remove(nth)

    together("semaphores", 4, enter)
    assert max(most) <= 2
    reader, writer = ReadLock(zk, "/rw"), WriteLock(zk, "/rw")
    with reader:
        assert not writer.acquire(blocking=False)
    assert writer.acquire(blocking=False)
    writer.release()


def recipes(zk, other):
    counter = Counter(zk, "/counter")
    together("counters", 3, lambda client, nth: Counter(client, "/counter").__add__(nth + 1))
    assert counter.value == 6, counter.value

    led = []

    def lead(client, nth):
        Election(client, "/election", str(nth)).run(lambda: led.append(nth))

    together("election", 3, lead)
    assert sorted(led) == [0, 1, 2]

    party, shallow = Party(zk, "/party", "one"), ShallowParty(other, "/shallow", "two")
    party.join()
    shallow.join()
    assert list(Party(other, "/party")) == ["one"] and list(ShallowParty(zk, "/shallow")) == ["two"]
    party.leave()
    until(lambda: len(Party(other, "/party")) == 0, "the party to be over")

    queue = Queue(zk, "/queue")
    for entry in (b"a", b"b"):
        queue.put(entry)
    queue.put(b"first", priority=1)
    assert [queue.get(), queue.get(), queue.get(), queue.get()] == [b"first", b"a", b"b", None]
    locking = LockingQueue(zk, "/locking")
    locking.put(b"x")
    assert locking.get(timeout=WAIT_S) == b"x" and locking.holds_lock() and locking.consume()

    barrier = Barrier(zk, "/barrier")
    barrier.create()
    waiting = threading.Thread(target=lambda: Barrier(other, "/barrier").wait(WAIT_S))
    waiting.start()
    barrier.remove()
    waiting.join(WAIT_S)
    assert not waiting.is_alive()

    def meet(client, nth):
        double = DoubleBarrier(client, "/double", 2)
        double.enter()
        double.leave()

    together("double barrier", 2, meet)

    assert NonBlockingLease(zk, "/lease", timedelta(seconds=30), identifier="one").obtained
    assert not NonBlockingLease(other, "/lease", timedelta(seconds=30), identifier="two").obtained
    assert MultiNonBlockingLease(zk, 2, "/leases", timedelta(seconds=30), identifier="one").obtained

    def share(client, nth):
        partitioner = SetPartitioner(client, "/partition", set(range(6)), time_boundary=0.5, identifier=str(nth))
        while not partitioner.acquired:
            if partitioner.failed:
                raise AssertionError("the partition failed")
            if partitioner.release:
                partitioner.release_set()
            elif partitioner.allocating:
                partitioner.wait_for_acquire(WAIT_S)
        mine = list(partitioner)
        time.sleep(2)
        partitioner.finish()
        return mine

    parts = together("partition", 2, share)
    assert sorted(parts[0] + parts[1]) == list(range(6)), parts


def main():
    zk, other = start(), start()
    states = []
    zk.add_listener(states.append)
    for name, work in (
        ("nodes", lambda: nodes(zk)),
        ("rights", lambda: rights(zk)),
        ("watches", lambda: watches(zk, other)),
        ("locks", lambda: locks(zk)),
        ("recipes", lambda: recipes(zk, other)),
    ):
        work()
        print(name, flush=True)
    own = zk.create("/ephemeral", b"", ephemeral=True)
    assert zk.get(own)[1].ephemeralOwner == zk.client_id[0]
    print("ready", flush=True)
    until(lambda: states[-1:] == [KazooState.CONNECTED] and KazooState.SUSPENDED in states, "the connection")
    assert KazooState.LOST not in states, states
    assert zk.exists(own).ephemeralOwner == zk.client_id[0]
    zk.stop()
    until(lambda: other.exists(own) is None, "the node to go with its session")
    other.stop()
    print("all went well", flush=True)


main()

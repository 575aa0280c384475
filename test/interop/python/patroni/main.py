"""One of several Patronis that want to lead a cluster, without a PostgreSQL: what it does with the server is Patroni's own.

Its arguments are the port of the server, its name, and how it speaks to it: `consul`, `etcd3` or `etcd`. It says `leads` each time when it has got the lead, and `follows
NAME` when it sees another leader.
"""

import sys

from patroni.dcs import get_dcs

PORT, NAME, KIND = (sys.argv[1:] + ["consul"])[:3]
LOOP_WAIT = 1
SERVER = {"host": f"127.0.0.1:{PORT}"}

dcs = get_dcs(
    {
        "scope": "race" if KIND == "consul" else f"race-{KIND}",
        "namespace": "/service/",
        "name": NAME,
        # A session of Consul is to live for half of that, but the server wants it to live longer.
        "ttl": 3,
        "loop_wait": LOOP_WAIT,
        "retry_timeout": 3,
        KIND: SERVER | {"register_service": False} if KIND == "consul" else SERVER,
    }
)
try:
    dcs.initialize(create_new=True, sysid="7000000000000000000")
except Exception as error:
    # Another one has.
    print(f"initialize: {error!r}", flush=True)
said = None


def say(word):
    global said
    if word != said:
        print(word, flush=True)
    said = word


while True:
    cluster = dcs.get_cluster()
    dcs.touch_member({"conn_url": f"postgres://{NAME}", "api_url": f"http://{NAME}", "state": "running", "role": "replica"})
    leader = cluster.leader and cluster.leader.name
    if leader == NAME:
        dcs.update_leader(cluster, None)
    elif leader:
        say(f"follows {leader}")
    elif dcs.attempt_to_acquire_leader():
        say("leads")
    dcs.watch(cluster.leader and cluster.leader.version, LOOP_WAIT)

"""Uses dnspython as programs do, once, against a registry on 127.0.0.1: `main.py port key secret`. One line of JSON:
what each use gave."""

import json
import sys

import dns.edns
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import dns.tsigkeyring
import dns.update
import dns.versioned
import dns.xfr

HOST = "127.0.0.1"
PORT = int(sys.argv[1])
KEYS = dns.tsigkeyring.from_text({sys.argv[2]: sys.argv[3]})
SIGNED = {"keyring": KEYS, "keyalgorithm": "hmac-sha256"}

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [HOST]
resolver.port = PORT
resolver.lifetime = 5


def resolve(name, kind):
    try:
        return sorted(record.to_text() for record in resolver.resolve(name, kind))
    except dns.exception.DNSException as error:
        return type(error).__name__


def transfer(zone, **more):
    """Brings a zone up to date, as a secondary does; the names in it."""
    question, _serial = dns.xfr.make_query(zone, **SIGNED)
    dns.query.inbound_xfr(HOST, zone, query=question, port=PORT, timeout=5, **more)
    with zone.reader() as reader:
        return sorted(str(name) for name in reader.iterate_names())


def update(keys, *changes):
    message = dns.update.UpdateMessage("rollcall", **keys)
    for name, *record in changes:
        message.add(name, 60, *record)
    return dns.rcode.to_text(dns.query.tcp(message, HOST, port=PORT, timeout=5).rcode())


def ask_with(option, send):
    message = dns.message.make_query("api.rollcall", "A", use_edns=0, options=[option])
    answer = send(message, HOST, port=PORT, timeout=5)
    return [dns.rcode.to_text(answer.rcode()), len(answer.answer), [int(each.otype) for each in answer.options]]


SERVICE = ("_dyn._tcp", "SRV", "0 10 80 d1.rollcall.")
ADDRESS = ("d1", "A", "10.5.0.1")
# Cookie, client subnet, padding, NSID, and one that nobody knows.
OPTIONS = [
    dns.edns.GenericOption(10, b"12345678"),
    dns.edns.ECSOption("192.0.2.0", 24),
    dns.edns.GenericOption(12, bytes(40)),
    dns.edns.GenericOption(3, b""),
    dns.edns.GenericOption(65001, b"?"),
]

found = {
    "services": resolve("_api._tcp.rollcall", "SRV"),
    "many": len(resolve("_many._tcp.rollcall", "SRV")),
    "address": resolve("api.rollcall", "A"),
    "texts": resolve("api.rollcall", "TXT"),
    "reverse": [record.to_text() for record in resolver.resolve_address("10.0.0.1")],
    "zone": str(dns.resolver.zone_for_name("a1.id.api.rollcall", resolver=resolver)),
    "absent": resolve("absent.rollcall", "A"),
    "none": resolve("api.rollcall", "MX"),
    "elsewhere": resolve("example.com", "A"),
    "options": [ask_with(option, send) for option in OPTIONS for send in (dns.query.udp, dns.query.tcp)],
}
zone = dns.versioned.Zone("rollcall")
found["before"] = "_dyn._tcp" in transfer(zone)
found["unsigned"] = update({}, SERVICE, ADDRESS)
found["registered"] = update(SIGNED, SERVICE, ADDRESS)
found["dynamic"] = resolve("_dyn._tcp.rollcall", "SRV")
found["increment"] = "_dyn._tcp" in transfer(zone)
found["by udp"] = "_dyn._tcp" in transfer(zone, udp_mode=dns.query.UDPMode.TRY_FIRST)
removal = dns.update.UpdateMessage("rollcall", **SIGNED)
removal.present("_dyn._tcp", "SRV")
removal.delete("_dyn._tcp")
found["removed"] = dns.rcode.to_text(dns.query.udp(removal, HOST, port=PORT, timeout=5).rcode())
found["after"] = "_dyn._tcp" in transfer(zone)
print(json.dumps(found))

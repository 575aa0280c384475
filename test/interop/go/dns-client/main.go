// Asks a registry on 127.0.0.1 by Go's own resolver and by miekg/dns, once: `dns-client port key secret`. One line of
// JSON: what each use gave.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sort"
	"time"

	"github.com/miekg/dns"
)

var address = "127.0.0.1:" + os.Args[1]
var key, secret = os.Args[2] + ".", os.Args[3]

func sorted(found []string, err error) any {
	if err != nil {
		var failed *net.DNSError
		if errors.As(err, &failed) {
			if failed.IsNotFound {
				return "not found"
			}
			return "failed"
		}
		return err.Error()
	}
	sort.Strings(found)
	return found
}

func resolve(network string) map[string]any {
	resolver := &net.Resolver{PreferGo: true, StrictErrors: true}
	resolver.Dial = func(ctx context.Context, asked, _ string) (net.Conn, error) {
		if network != "" {
			asked = network
		}
		return (&net.Dialer{}).DialContext(ctx, asked, address)
	}
	ctx := context.Background()
	services := func(name string) any {
		_, found, err := resolver.LookupSRV(ctx, name, "tcp", "rollcall.")
		lines := []string{}
		for _, each := range found {
			lines = append(lines, fmt.Sprintf("%s:%d %d", each.Target, each.Port, each.Weight))
		}
		return sorted(lines, err)
	}
	count := func(found any) int { return len(found.([]string)) }
	servers, err := resolver.LookupNS(ctx, "rollcall.")
	names := []string{}
	for _, each := range servers {
		names = append(names, each.Host)
	}
	return map[string]any{
		"services":  services("api"),
		"many":      count(services("many")),
		"none":      services("absent"),
		"hosts":     sorted(resolver.LookupHost(ctx, "api.rollcall.")),
		"six":       sorted(resolver.LookupHost(ctx, "six.rollcall.")),
		"manyHosts": count(sorted(resolver.LookupHost(ctx, "many.rollcall."))),
		"absent":    sorted(resolver.LookupHost(ctx, "absent.rollcall.")),
		"elsewhere": sorted(resolver.LookupHost(ctx, "example.com.")),
		"texts":     sorted(resolver.LookupTXT(ctx, "a1.id.api.rollcall.")),
		"names":     sorted(resolver.LookupAddr(ctx, "10.0.0.1")),
		"servers":   sorted(names, err),
	}
}

func sign(message *dns.Msg) *dns.Msg {
	return message.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
}

func exchange(network string, message *dns.Msg) *dns.Msg {
	client := &dns.Client{Net: network, TsigSecret: map[string]string{key: secret}}
	answer, _, err := client.Exchange(message, address)
	if err != nil {
		panic(err)
	}
	return answer
}

func update(network string) map[string]any {
	service, _ := dns.NewRR("_dyn._tcp.rollcall. 60 IN SRV 0 5 80 d1.rollcall.")
	host, _ := dns.NewRR("d1.rollcall. 60 IN A 10.6.0.1")
	add := new(dns.Msg).SetUpdate("rollcall.")
	add.Insert([]dns.RR{service, host})
	added := exchange(network, sign(add))
	ask := sign(new(dns.Msg).SetQuestion("_dyn._tcp.rollcall.", dns.TypeSRV).SetEdns0(4096, true))
	found := exchange(network, ask)
	remove := new(dns.Msg).SetUpdate("rollcall.")
	remove.RemoveName([]dns.RR{service})
	return map[string]any{
		"added":   dns.RcodeToString[added.Rcode],
		"signed":  added.IsTsig() != nil,
		"target":  found.Answer[0].(*dns.SRV).Target,
		"removed": dns.RcodeToString[exchange(network, sign(remove)).Rcode],
	}
}

func transfer(message *dns.Msg) int {
	records := 0
	parts, err := (&dns.Transfer{TsigSecret: map[string]string{key: secret}}).In(sign(message), address)
	if err != nil {
		panic(err)
	}
	for part := range parts {
		if part.Error != nil {
			panic(part.Error)
		}
		records += len(part.RR)
	}
	return records
}

func main() {
	line, err := json.Marshal(map[string]any{
		"udp":       resolve(""),
		"tcp":       resolve("tcp"),
		"updateUdp": update("udp"),
		"updateTcp": update("tcp"),
		"axfr":      transfer(new(dns.Msg).SetAxfr("rollcall.")),
		"ixfr":      transfer(new(dns.Msg).SetIxfr("rollcall.", 1, "ns.rollcall.", "hostmaster.rollcall.")),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// Consul's own Go client against the server at the address in the first argument: keys, locks, semaphores, sessions, the
// agent, health and the catalog. Prints a line for each part that went well, and ends with 1 at the first that did not.
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/api/watch"
	"github.com/hashicorp/go-hclog"
)

type part struct {
	name string
	run  func(*api.Client) error
}

var parts = []part{
	{"keys", keys},
	{"transactions", transactions},
	{"a lock that is lost", lostLock},
	{"a lock that is given back", givenLock},
	{"a semaphore", semaphore},
	{"the agent and a query that waits", agent},
	{"plans that watch", watches},
	{"the catalog", catalog},
	{"what tools ask at their start", tools},
}

func main() {
	client, err := api.NewClient(&api.Config{Address: os.Args[1]})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, part := range parts {
		if err := part.run(client); err != nil {
			fmt.Printf("%s: %v\n", part.name, err)
			os.Exit(1)
		}
		fmt.Printf("ok: %s\n", part.name)
	}
	fmt.Println("all went well")
}

// expect says what was found where something else was wanted.
func expect(well bool, found ...any) error {
	if well {
		return nil
	}
	return fmt.Errorf("found %+v", found)
}

func keys(c *api.Client) error {
	kv := c.KV()
	const flags = 1<<63 + 5
	if _, err := kv.Put(&api.KVPair{Key: "go/a b", Value: []byte("x"), Flags: flags}, nil); err != nil {
		return err
	}
	pair, meta, err := kv.Get("go/a b", nil)
	if err != nil {
		return err
	}
	none, _, noneErr := kv.Get("go/none", nil)
	names, _, namesErr := kv.Keys("go/", "", nil)
	swapped, _, casErr := kv.CAS(&api.KVPair{Key: "go/a b", Value: []byte("y"), ModifyIndex: pair.ModifyIndex}, nil)
	late, _, lateErr := kv.CAS(&api.KVPair{Key: "go/a b", Value: []byte("z"), ModifyIndex: pair.ModifyIndex}, nil)
	return errors.Join(
		noneErr, namesErr, casErr, lateErr,
		expect(pair.Flags == flags && string(pair.Value) == "x", pair),
		expect(meta.LastIndex == pair.ModifyIndex && meta.KnownLeader, meta),
		expect(none == nil && len(names) == 1 && swapped && !late, none, names, swapped, late),
	)
}

func transactions(c *api.Client) error {
	done, all, _, err := c.KV().Txn(api.KVTxnOps{
		{Verb: api.KVSet, Key: "go/t", Value: []byte("z"), Flags: 1 << 62},
		{Verb: api.KVGet, Key: "go/t"},
	}, nil)
	if err != nil {
		return err
	}
	refused, why, _, err := c.KV().Txn(api.KVTxnOps{{Verb: api.KVCheckNotExists, Key: "go/t"}}, nil)
	return errors.Join(
		err,
		expect(done && len(all.Results) == 2 && string(all.Results[1].Value) == "z" && all.Results[1].Flags == 1<<62, all),
		expect(!refused && len(why.Errors) == 1, why),
	)
}

func lostLock(c *api.Client) error {
	lock, err := c.LockOpts(&api.LockOptions{Key: "go/lock", SessionTTL: "10s"})
	if err != nil {
		return err
	}
	lost, err := lock.Lock(nil)
	if err != nil {
		return err
	}
	other, err := c.LockOpts(&api.LockOptions{Key: "go/lock", LockTryOnce: true, LockWaitTime: 100 * time.Millisecond})
	if err != nil {
		return err
	}
	won, err := other.Lock(nil)
	if err != nil {
		return err
	}
	held, _, err := c.KV().Get("go/lock", nil)
	if err != nil {
		return err
	}
	if _, err := c.Session().Destroy(held.Session, nil); err != nil {
		return err
	}
	select {
	case <-lost:
		return expect(won == nil, "two holders")
	case <-time.After(30 * time.Second):
		return errors.New("the holder was not told that it lost the lock")
	}
}

func givenLock(c *api.Client) error {
	lock, err := c.LockKey("go/given")
	if err != nil {
		return err
	}
	if _, err := lock.Lock(nil); err != nil {
		return err
	}
	return errors.Join(lock.Unlock(), lock.Destroy())
}

func semaphore(c *api.Client) error {
	var holders [2]*api.Semaphore
	for i := range holders {
		holder, err := c.SemaphorePrefix("go/semaphore", 2)
		if err != nil {
			return err
		}
		if _, err := holder.Acquire(nil); err != nil {
			return err
		}
		holders[i] = holder
	}
	late, err := c.SemaphoreOpts(&api.SemaphoreOptions{
		Prefix: "go/semaphore", Limit: 2, SemaphoreTryOnce: true, SemaphoreWaitTime: 100 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	refused, err := late.Acquire(nil)
	if err != nil {
		return err
	}
	if err := holders[1].Release(); err != nil {
		return err
	}
	taken, err := late.Acquire(nil)
	return errors.Join(err, expect(refused == nil && taken != nil, refused, taken), late.Release(), holders[0].Release())
}

func agent(c *api.Client) error {
	a := c.Agent()
	err := a.ServiceRegister(&api.AgentServiceRegistration{
		Name: "go-svc", ID: "go-1", Port: 80, Tags: []string{"x"}, Address: "10.0.0.9",
		Check: &api.AgentServiceCheck{TTL: "60s", DeregisterCriticalServiceAfter: "2m"},
	})
	if err := errors.Join(err, a.UpdateTTL("service:go-1", "fine", api.HealthPassing)); err != nil {
		return err
	}
	found, meta, err := c.Health().Service("go-svc", "x", true, nil)
	if err := errors.Join(err, expect(len(found) == 1 && found[0].Checks.AggregatedStatus() == "passing", found)); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- a.FailTTL("service:go-1", "bad") }()
	waited := &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: time.Minute}
	left, after, err := c.Health().Service("go-svc", "x", true, waited)
	if err := errors.Join(err, <-failed, expect(len(left) == 0 && after.LastIndex > meta.LastIndex, left)); err != nil {
		return err
	}
	services, err := a.ServicesWithFilter("Service == \"go-svc\"")
	checks, checksErr := a.Checks()
	one, _, oneErr := a.Service("go-1", nil)
	status, _, statusErr := a.AgentHealthServiceByID("go-1")
	return errors.Join(
		err, checksErr, oneErr, statusErr,
		expect(len(services) == 1 && checks["service:go-1"].Status == "critical", services, checks),
		expect(one.Service == "go-svc" && one.ContentHash != "" && status == "critical", one, status),
		a.EnableServiceMaintenance("go-1", "because"), a.DisableServiceMaintenance("go-1"), a.ServiceDeregister("go-1"),
	)
}

// follow has a plan tell of the number of things that it finds.
func follow(c *api.Client, params map[string]any, count func(any) int) (*watch.Plan, <-chan int, error) {
	plan, err := watch.Parse(params)
	if err != nil {
		return nil, nil, err
	}
	told := make(chan int, 100)
	plan.Handler = func(_ uint64, found any) { told <- count(found) }
	go plan.RunWithClientAndHclog(c, hclog.NewNullLogger())
	return plan, told, nil
}

func waitFor(told <-chan int, wanted int) error {
	for {
		select {
		case found := <-told:
			if found == wanted {
				return nil
			}
		case <-time.After(30 * time.Second):
			return fmt.Errorf("a plan never told of %d", wanted)
		}
	}
}

func watches(c *api.Client) error {
	entries := func(found any) int { return len(found.([]*api.ServiceEntry)) }
	service := map[string]any{"type": "service", "service": "go-watched", "passingonly": true}
	one, healthy, err := follow(c, service, entries)
	if err != nil {
		return err
	}
	defer one.Stop()
	pairs := func(found any) int { return len(found.(api.KVPairs)) }
	two, keys, err := follow(c, map[string]any{"type": "keyprefix", "prefix": "go-watched/"}, pairs)
	if err != nil {
		return err
	}
	defer two.Stop()
	names := func(found any) int {
		if _, there := found.(map[string][]string)["go-watched"]; there {
			return 1
		}
		return 0
	}
	three, services, err := follow(c, map[string]any{"type": "services"}, names)
	if err != nil {
		return err
	}
	defer three.Stop()
	if err := errors.Join(waitFor(healthy, 0), waitFor(keys, 0), waitFor(services, 0)); err != nil {
		return err
	}
	check := &api.AgentServiceCheck{TTL: "60s", Status: api.HealthPassing}
	err = c.Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "go-watched", ID: "w", Check: check})
	_, putErr := c.KV().Put(&api.KVPair{Key: "go-watched/k"}, nil)
	err = errors.Join(err, putErr, waitFor(healthy, 1), waitFor(keys, 1), waitFor(services, 1))
	if err != nil {
		return err
	}
	_, deleteErr := c.KV().DeleteTree("go-watched/", nil)
	return errors.Join(
		c.Agent().FailTTL("service:w", "bad"), waitFor(healthy, 0),
		deleteErr, waitFor(keys, 0),
		c.Agent().ServiceDeregister("w"), waitFor(services, 0),
	)
}

func catalog(c *api.Client) error {
	_, err := c.Catalog().Register(&api.CatalogRegistration{
		Node: "go-node", Address: "10.8.8.8", Service: &api.AgentService{ID: "e1", Service: "go-ext", Port: 1},
		Checks: api.HealthChecks{{Node: "go-node", CheckID: "e1c", Name: "c", Status: "passing", ServiceID: "e1"}},
	}, nil)
	if err != nil {
		return err
	}
	found, _, err := c.Catalog().Service("go-ext", "", nil)
	node, _, nodeErr := c.Catalog().Node("go-node", nil)
	names, _, namesErr := c.Catalog().Services(&api.QueryOptions{Filter: `ServiceName matches "^go-e"`})
	passing, _, stateErr := c.Health().State("passing", nil)
	_, goneErr := c.Catalog().Deregister(&api.CatalogDeregistration{Node: "go-node"}, nil)
	gone, _, lastErr := c.Catalog().Service("go-ext", "", nil)
	return errors.Join(
		err, nodeErr, namesErr, stateErr, goneErr, lastErr,
		expect(len(found) == 1 && found[0].Address == "10.8.8.8" && len(gone) == 0, found, gone),
		expect(node.Services["e1"] != nil && len(names) == 1 && len(passing) >= 2, node, names, passing),
	)
}

func tools(c *api.Client) error {
	self, err := c.Agent().Self()
	members, membersErr := c.Agent().Members(false)
	name, nameErr := c.Agent().NodeName()
	leader, leaderErr := c.Status().Leader()
	raft, raftErr := c.Operator().RaftGetConfiguration(nil)
	health, healthErr := c.Operator().AutopilotServerHealth(nil)
	places, err2 := c.Catalog().Datacenters()
	sessions, _, sessionsErr := c.Session().List(nil)
	return errors.Join(
		err, membersErr, nameErr, leaderErr, raftErr, healthErr, err2, sessionsErr,
		expect(self["Config"]["Datacenter"] == "dc1" && name == "rollcall" && len(members) == 1, self, name, members),
		expect(leader != "" && len(raft.Servers) == 1 && raft.Servers[0].Leader && health.Healthy, leader, raft, health),
		expect(len(places) == 1 && places[0] == "dc1" && sessions != nil, places, sessions),
	)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/client/v3/leasing"
	"go.etcd.io/etcd/client/v3/mirror"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	"go.etcd.io/etcd/client/v3/ordering"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func mutexes(ctx context.Context, c *clientv3.Client) error {
	one, err := concurrency.NewSession(c, concurrency.WithTTL(10))
	if err != nil {
		return err
	}
	two, err := concurrency.NewSession(c, concurrency.WithTTL(10))
	if err != nil {
		return err
	}
	first1, second := concurrency.NewMutex(one, "mutex"), concurrency.NewMutex(two, "mutex")
	if err := first1.Lock(ctx); err != nil {
		return err
	}
	held := second.TryLock(ctx)
	locked := make(chan error)
	go func() { locked <- second.Lock(ctx) }()
	select {
	case err := <-locked:
		return fmt.Errorf("both have it: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	// Its session's end is what the other one waits for.
	if err := one.Close(); err != nil {
		return err
	}
	if err := <-locked; err != nil {
		return err
	}
	owner, err := c.Txn(ctx).If(second.IsOwner()).Commit()
	if err != nil {
		return err
	}
	return first(
		expectError("held", held, concurrency.ErrLocked),
		expect("its owner", owner.Succeeded, true),
		second.Unlock(ctx),
		two.Close(),
	)
}

func elections(ctx context.Context, c *clientv3.Client) error {
	one, err := concurrency.NewSession(c)
	if err != nil {
		return err
	}
	defer one.Close()
	two, err := concurrency.NewSession(c)
	if err != nil {
		return err
	}
	defer two.Close()
	first1, second := concurrency.NewElection(one, "chief"), concurrency.NewElection(two, "chief")
	_, none := first1.Leader(ctx)
	if err := first1.Campaign(ctx, "one"); err != nil {
		return err
	}
	observed := second.Observe(ctx)
	seen := []string{}
	next := func() { got := <-observed; seen = append(seen, string(got.Kvs[0].Value)) }
	next()
	if err := first1.Proclaim(ctx, "one again"); err != nil {
		return err
	}
	next()
	won := make(chan error)
	go func() { won <- second.Campaign(ctx, "two") }()
	if err := first1.Resign(ctx); err != nil {
		return err
	}
	if err := <-won; err != nil {
		return err
	}
	next()
	return first(
		expectError("no leader", none, concurrency.ErrElectionNoLeader),
		expect("seen", fmt.Sprintf("%q", seen), `["one" "one again" "two"]`),
		second.Resign(ctx),
	)
}

func software(ctx context.Context, c *clientv3.Client) error {
	const clients, turns = 4, 5
	if _, err := c.Put(ctx, "stm/n", "0"); err != nil {
		return err
	}
	levels := []concurrency.Isolation{concurrency.SerializableSnapshot, concurrency.Serializable, concurrency.RepeatableReads}
	var all sync.WaitGroup
	failed := make(chan error, clients)
	for i := 0; i < clients; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for turn := 0; turn < turns; turn++ {
				_, err := concurrency.NewSTM(c, func(stm concurrency.STM) error {
					n := 0
					fmt.Sscan(stm.Get("stm/n"), &n)
					stm.Put("stm/n", fmt.Sprint(n+1))
					return nil
				}, concurrency.WithIsolation(levels[i%len(levels)]), concurrency.WithAbortContext(ctx))
				if err != nil {
					failed <- err
					return
				}
			}
		}(i)
	}
	all.Wait()
	got, err := c.Get(ctx, "stm/n")
	if err != nil {
		return err
	}
	if len(failed) > 0 {
		return <-failed
	}
	return expect("counted", string(got.Kvs[0].Value), clients*turns)
}

func namespaces(ctx context.Context, c *clientv3.Client) error {
	kv, watcher, lease := namespace.NewKV(c.KV, "space/"), namespace.NewWatcher(c.Watcher, "space/"), namespace.NewLease(c.Lease, "space/")
	granted, err := lease.Grant(ctx, 60)
	if err != nil {
		return err
	}
	channel := watcher.Watch(ctx, "", clientv3.WithPrefix())
	if _, err := kv.Put(ctx, "a", "1", clientv3.WithLease(granted.ID)); err != nil {
		return err
	}
	seen, err := collect(ctx, channel, 1)
	if err != nil {
		return err
	}
	left, err := lease.TimeToLive(ctx, granted.ID, clientv3.WithAttachedKeys())
	if err != nil {
		return err
	}
	whole, err := c.Get(ctx, "space/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	_, err = lease.Revoke(ctx, granted.ID)
	return first(
		err,
		expect("seen", seen, "[PUT a 1]"),
		expect("attached", string(left.Keys[0]), "a"),
		expect("outside", shown(whole), "[space/a=1]"),
	)
}

func mirrors(ctx context.Context, c *clientv3.Client) error {
	const count = 2500 // More than the thousand that it reads at once.
	for i := 0; i < count; i += 100 {
		ops := []clientv3.Op{}
		for j := i; j < i+100; j++ {
			ops = append(ops, clientv3.OpPut(fmt.Sprintf("mirror/%06d", j), "1"))
		}
		if _, err := c.Txn(ctx).Then(ops...).Commit(); err != nil {
			return err
		}
	}
	syncer := mirror.NewSyncer(c, "mirror/", 0)
	base, failed := syncer.SyncBase(ctx)
	copied := map[string]bool{}
	for got := range base {
		for _, kv := range got.Kvs {
			copied[string(kv.Key)] = true
		}
	}
	if err := <-failed; err != nil {
		return err
	}
	updates := syncer.SyncUpdates(ctx)
	if _, err := c.Put(ctx, "mirror/new", "1"); err != nil {
		return err
	}
	seen, err := collect(ctx, updates, 1)
	if err != nil {
		return err
	}
	_, err = c.Delete(ctx, "mirror/", clientv3.WithPrefix())
	return first(err, expect("copied", len(copied), count), expect("then", seen, "[PUT mirror/new 1]"))
}

func cached(ctx context.Context, c *clientv3.Client) error {
	one, closeOne, err := leasing.NewKV(c, "leasing/")
	if err != nil {
		return err
	}
	defer closeOne()
	two, closeTwo, err := leasing.NewKV(c, "leasing/")
	if err != nil {
		return err
	}
	defer closeTwo()
	if _, err := c.Put(ctx, "cached/a", "1"); err != nil {
		return err
	}
	before, err := one.Get(ctx, "cached/a")
	if err != nil {
		return err
	}
	// It has the key from now on, and gives it up to who changes it.
	if _, err := two.Put(ctx, "cached/a", "2"); err != nil {
		return err
	}
	after, err := one.Get(ctx, "cached/a")
	if err != nil {
		return err
	}
	txn, err := one.Txn(ctx).If(clientv3.Compare(clientv3.Value("cached/a"), "=", "2")).Then(clientv3.OpPut("cached/a", "3")).Commit()
	if err != nil {
		return err
	}
	last, err := two.Get(ctx, "cached/a")
	if err != nil {
		return err
	}
	return first(
		expect("before", shown(before), "[cached/a=1]"),
		expect("after", shown(after), "[cached/a=2]"),
		expect("compared", txn.Succeeded, true),
		expect("at last", shown(last), "[cached/a=3]"),
	)
}

func ordered(ctx context.Context, c *clientv3.Client) error {
	violated := errors.New("a revision went back")
	kv := ordering.NewKV(c.KV, func(clientv3.Op, clientv3.OpResponse, int64) error { return violated })
	for i := 0; i < 50; i++ {
		if _, err := kv.Txn(ctx).Then(clientv3.OpPut("ordered/a", fmt.Sprint(i))).Commit(); err != nil {
			return err
		}
		got, err := kv.Get(ctx, "ordered/a", clientv3.WithSerializable())
		if err != nil {
			return err
		}
		if err := expect("in order", string(got.Kvs[0].Value), i); err != nil {
			return err
		}
	}
	return nil
}

// names has gRPC's resolver find a server by its name, and lose it.
func names(ctx context.Context, c *clientv3.Client) error {
	manager, err := endpoints.NewManager(c, "names/shop")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go server.Serve(listener)
	defer server.Stop()
	address := listener.Addr().String()
	lease, err := c.Grant(ctx, 60)
	if err != nil {
		return err
	}
	channel, err := manager.NewWatchChannel(ctx)
	if err != nil {
		return err
	}
	endpoint := endpoints.Endpoint{Addr: address, Metadata: "v1"}
	if err := manager.AddEndpoint(ctx, "names/shop/"+address, endpoint, clientv3.WithLease(lease.ID)); err != nil {
		return err
	}
	added := (<-channel)[0]
	builder, err := resolver.NewBuilder(c)
	if err != nil {
		return err
	}
	connection, err := grpc.Dial("etcd:///names/shop", grpc.WithResolvers(builder), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	told, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	list, err := manager.List(ctx)
	if err != nil {
		return err
	}
	if _, err := c.Revoke(ctx, lease.ID); err != nil {
		return err
	}
	removed := (<-channel)[0]
	return first(
		expect("added", say(added.Op, added.Key, added.Endpoint.Addr), say(endpoints.Add, "names/shop/"+address, address)),
		expect("served", told.Status, grpc_health_v1.HealthCheckResponse_SERVING),
		expect("listed", list["names/shop/"+address].Addr, address),
		expect("removed", say(removed.Op, removed.Key), say(endpoints.Delete, "names/shop/"+address)),
	)
}

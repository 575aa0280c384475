package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
)

// collect reads so many events.
func collect(ctx context.Context, channel clientv3.WatchChan, count int) ([]string, error) {
	all := []string{}
	for len(all) < count {
		select {
		case <-ctx.Done():
			return all, fmt.Errorf("%v of %d events", all, count)
		case got, open := <-channel:
			if !open || got.Err() != nil {
				return all, fmt.Errorf("the watch ended after %v: %v", all, got.Err())
			}
			for _, event := range got.Events {
				before := ""
				if event.PrevKv != nil {
					before = " after " + string(event.PrevKv.Value)
				}
				all = append(all, fmt.Sprintf("%s %s %s%s", event.Type, event.Kv.Key, event.Kv.Value, before))
			}
		}
	}
	return all, nil
}

func watches(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begin, err := c.Put(ctx, "watch/a", "0")
	if err != nil {
		return err
	}
	now := c.Watch(ctx, "watch/", clientv3.WithPrefix(), clientv3.WithPrevKV(), clientv3.WithCreatedNotify())
	if created := <-now; !created.Created {
		return errors.New("it is not said that the watch is there")
	}
	puts := c.Watch(clientv3.WithRequireLeader(ctx), "watch/", clientv3.WithPrefix(), clientv3.WithFilterDelete(), clientv3.WithRev(begin.Header.Revision))
	fragments := c.Watch(ctx, "watch/", clientv3.WithPrefix(), clientv3.WithFragment(), clientv3.WithProgressNotify(), clientv3.WithRev(begin.Header.Revision))
	if _, err := c.Put(ctx, "watch/a", "1"); err != nil {
		return err
	}
	if _, err := c.Txn(ctx).Then(clientv3.OpPut("watch/z", "1"), clientv3.OpPut("watch/b", "1")).Commit(); err != nil {
		return err
	}
	if _, err := c.Delete(ctx, "watch/a"); err != nil {
		return err
	}
	all, err := collect(ctx, now, 4)
	if err != nil {
		return err
	}
	some, err := collect(ctx, puts, 4)
	if err != nil {
		return err
	}
	pieces, err := collect(ctx, fragments, 5)
	if err != nil {
		return err
	}
	if err := c.RequestProgress(ctx); err != nil {
		return err
	}
	progress := <-now
	return first(
		expect("all", all, "[PUT watch/a 1 after 0 PUT watch/z 1 PUT watch/b 1 DELETE watch/a  after 1]"),
		expect("puts", some, "[PUT watch/a 0 PUT watch/a 1 PUT watch/z 1 PUT watch/b 1]"),
		expect("in pieces", len(pieces), 5),
		expect("progress", progress.IsProgressNotify(), true),
	)
}

func manyWatches(ctx context.Context, c *clientv3.Client) error {
	const count = 300
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ready, done sync.WaitGroup
	var lock sync.Mutex
	failed := []error{}
	ready.Add(count)
	for i := 0; i < count; i++ {
		channel := c.Watch(ctx, fmt.Sprint("many/", i%100), clientv3.WithCreatedNotify())
		done.Add(1)
		go func(i int) {
			defer done.Done()
			<-channel
			ready.Done()
			got, err := collect(ctx, channel, 2)
			if err == nil {
				err = expect("one of many", got, fmt.Sprintf("[PUT many/%d 0 PUT many/%d 1]", i%100, i%100))
			}
			if err != nil {
				lock.Lock()
				failed = append(failed, err)
				lock.Unlock()
			}
		}(i)
	}
	ready.Wait()
	for turn := 0; turn < 2; turn++ {
		ops := []clientv3.Op{}
		for i := 0; i < 100; i++ {
			ops = append(ops, clientv3.OpPut(fmt.Sprint("many/", i), fmt.Sprint(turn)))
		}
		if _, err := c.Txn(ctx).Then(ops...).Commit(); err != nil {
			return err
		}
	}
	done.Wait()
	return errors.Join(failed...)
}

func leases(ctx context.Context, c *clientv3.Client) error {
	lease, err := c.Grant(ctx, 60)
	if err != nil {
		return err
	}
	if _, err := c.Put(ctx, "lease/a", "1", clientv3.WithLease(lease.ID)); err != nil {
		return err
	}
	alive, err := c.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	beat := <-alive
	once, err := c.KeepAliveOnce(ctx, lease.ID)
	if err != nil {
		return err
	}
	left, err := c.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys())
	if err != nil {
		return err
	}
	all, err := c.Leases(ctx)
	if err != nil {
		return err
	}
	found := false
	for _, one := range all.Leases {
		found = found || one.ID == lease.ID
	}
	if _, err := c.Revoke(ctx, lease.ID); err != nil {
		return err
	}
	_, again := c.Revoke(ctx, lease.ID)
	_, late := c.KeepAliveOnce(ctx, lease.ID)
	unknown, err := c.TimeToLive(ctx, lease.ID)
	if err != nil {
		return err
	}
	short, err := c.Grant(ctx, 2)
	if err != nil {
		return err
	}
	if _, err := c.Put(ctx, "lease/short", "1", clientv3.WithLease(short.ID)); err != nil {
		return err
	}
	ended, err := collect(ctx, c.Watch(ctx, "lease/", clientv3.WithPrefix(), clientv3.WithFilterPut()), 1)
	if err != nil {
		return err
	}
	return first(
		expect("a beat", beat.TTL, 60),
		expect("one beat", once.TTL, 60),
		expect("what is left", say(left.GrantedTTL, left.TTL > 50, len(left.Keys)), "60 true 1"),
		expect("in the list", found, true),
		expectError("revoked twice", again, rpctypes.ErrLeaseNotFound),
		expectError("a late beat", late, rpctypes.ErrLeaseNotFound),
		expect("unknown", unknown.TTL, -1),
		expect("ended", ended, "[DELETE lease/short ]"),
	)
}

func cluster(ctx context.Context, c *clientv3.Client) error {
	members, err := c.MemberList(ctx)
	if err != nil {
		return err
	}
	if err := c.Sync(ctx); err != nil {
		return err
	}
	status, err := c.Status(ctx, c.Endpoints()[0])
	if err != nil {
		return err
	}
	alarms, err := c.AlarmList(ctx)
	if err != nil {
		return err
	}
	hash, err := c.HashKV(ctx, c.Endpoints()[0], 0)
	if err != nil {
		return err
	}
	if _, err := c.Defragment(ctx, c.Endpoints()[0]); err != nil {
		return err
	}
	// 3.4 has no such method.
	auth, err := c.AuthStatus(ctx)
	if err != nil && grpcstatus.Code(err) != codes.Unimplemented {
		return err
	}
	return first(
		expect("members", say(len(members.Members), members.Members[0].IsLearner), "1 false"),
		expect("leader", say(status.Leader == members.Members[0].ID, len(status.Errors)), "true 0"),
		expect("alarms", len(alarms.Alarms), 0),
		expect("hashed", hash.Header.Revision > 0, true),
		expect("rights", auth != nil && auth.Enabled, false),
	)
}

// restart goes on with a watch and a lease while the server is killed and started again.
func restart(c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*wait)
	defer cancel()
	lease, err := c.Grant(ctx, 60)
	if err != nil {
		return err
	}
	alive, err := c.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	<-alive
	channel := c.Watch(ctx, "restart/", clientv3.WithPrefix())
	if _, err := c.Put(ctx, "restart/a", "before", clientv3.WithLease(lease.ID)); err != nil {
		return err
	}
	if _, err := collect(ctx, channel, 1); err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		// Its outcome is not known while the server is away, and a put is not tried again by the client.
		_, err := c.Put(ctx, "restart/b", "after")
		if err == nil {
			current, err := c.Get(ctx, "restart/started")
			if err == nil && len(current.Kvs) > 0 {
				break
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("no put after the restart: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if _, err := c.Put(ctx, "restart/c", "last"); err != nil {
		return err
	}
	for last := ""; last != "PUT restart/c last"; {
		got, err := collect(ctx, channel, 1)
		if err != nil {
			return err
		}
		last = got[len(got)-1]
	}
	left, err := c.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys())
	if err != nil {
		return err
	}
	return expect("the lease", say(left.TTL > 0, len(left.Keys)), "true 1")
}

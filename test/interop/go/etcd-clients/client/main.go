// etcd's Go client, with all that comes beside it, against the server at the address in the first argument. Prints a line
// for each part that went well, and ends with 1 at the first that did not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const wait = 40 * time.Second

type part struct {
	name string
	run  func(ctx context.Context, c *clientv3.Client) error
}

var parts = []part{
	{"keys", keys},
	{"transactions", transactions},
	{"the past", past},
	{"watches", watches},
	{"many watches", manyWatches},
	{"leases", leases},
	{"the cluster", cluster},
	{"sessions and mutexes", mutexes},
	{"elections", elections},
	{"software transactions", software},
	{"namespaces", namespaces},
	{"a mirror", mirrors},
	{"cached leases", cached},
	{"ordered reads", ordered},
	{"names", names},
}

func dial() (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:            []string{os.Args[1]},
		DialTimeout:          wait,
		DialKeepAliveTime:    5 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		Logger:               zap.NewNop(),
	})
}

func main() {
	c, err := dial()
	if err != nil {
		fail("connecting", err)
	}
	for _, part := range parts {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		if err := part.run(ctx, c); err != nil {
			fail(part.name, err)
		}
		cancel()
		fmt.Printf("ok: %s\n", part.name)
	}
	if err := restart(c); err != nil {
		fail("a restart", err)
	}
	fmt.Println("all went well")
}

func fail(name string, err error) {
	fmt.Printf("%s: %v\n", name, err)
	os.Exit(1)
}

// say puts values beside each other, with spaces between them.
func say(values ...any) string {
	return strings.TrimSpace(fmt.Sprintln(values...))
}

func expect(what string, got, wanted any) error {
	if say(got) == say(wanted) {
		return nil
	}
	return fmt.Errorf("%s: %v instead of %v", what, got, wanted)
}

func expectError(what string, got, wanted error) error {
	if errors.Is(got, wanted) {
		return nil
	}
	return fmt.Errorf("%s: %v instead of %v", what, got, wanted)
}

func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func shown(got *clientv3.GetResponse) []string {
	all := []string{}
	for _, kv := range got.Kvs {
		all = append(all, fmt.Sprintf("%s=%s", kv.Key, kv.Value))
	}
	return all
}

func keys(ctx context.Context, c *clientv3.Client) error {
	for _, key := range []string{"kv/b", "kv/a", "kv/c"} {
		if _, err := c.Put(ctx, key, key); err != nil {
			return err
		}
	}
	again, err := c.Put(ctx, "kv/a", "2", clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	all, err := c.Get(ctx, "kv/", clientv3.WithPrefix(), clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortDescend))
	if err != nil {
		return err
	}
	some, err := c.Get(ctx, "kv/", clientv3.WithPrefix(), clientv3.WithLimit(2), clientv3.WithKeysOnly())
	if err != nil {
		return err
	}
	count, err := c.Get(ctx, "kv/b", clientv3.WithFromKey(), clientv3.WithRange("kv0"), clientv3.WithCountOnly())
	if err != nil {
		return err
	}
	local, err := c.Get(ctx, "kv/a", clientv3.WithSerializable())
	if err != nil {
		return err
	}
	_, empty := c.Get(ctx, "")
	_, none := c.Put(ctx, "kv/none", "", clientv3.WithIgnoreValue())
	_, unleased := c.Put(ctx, "kv/a", "", clientv3.WithLease(4711))
	gone, err := c.Delete(ctx, "kv/", clientv3.WithPrefix(), clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	return first(
		expect("the value before", string(again.PrevKv.Value), "kv/a"),
		expect("by revision", shown(all), "[kv/a=2 kv/c=kv/c kv/b=kv/b]"),
		expect("the first two", say(shown(some), some.More, some.Count), "[kv/a= kv/b=] true 3"),
		expect("from b on", count.Count, 2),
		expect("read locally", say(local.Kvs[0].Version), 2),
		expectError("no key", empty, rpctypes.ErrEmptyKey),
		expectError("nothing to keep", none, rpctypes.ErrKeyNotFound),
		expectError("no lease", unleased, rpctypes.ErrLeaseNotFound),
		expect("gone", say(gone.Deleted, len(gone.PrevKvs)), "3 3"),
	)
}

func transactions(ctx context.Context, c *clientv3.Client) error {
	create := func(value string) (*clientv3.TxnResponse, error) {
		return c.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision("txn/a"), "=", 0)).
			Then(clientv3.OpPut("txn/a", value), clientv3.OpGet("txn/a")).
			Else(clientv3.OpGet("txn/a"), clientv3.OpTxn(
				[]clientv3.Cmp{clientv3.Compare(clientv3.Value("txn/"), "=", "one").WithPrefix()},
				[]clientv3.Op{clientv3.OpPut("txn/b", "nested")}, nil)).
			Commit()
	}
	one, err := create("one")
	if err != nil {
		return err
	}
	two, err := create("two")
	if err != nil {
		return err
	}
	nested := two.Responses[1].GetResponseTxn()
	_, twice := c.Txn(ctx).Then(clientv3.OpPut("txn/a", "1"), clientv3.OpPut("txn/a", "2")).Commit()
	many := []clientv3.Op{}
	for i := 0; i < 129; i++ {
		many = append(many, clientv3.OpGet(fmt.Sprint("txn/", i)))
	}
	_, tooMany := c.Txn(ctx).Then(many...).Commit()
	return first(
		expect("the first", say(one.Succeeded, string(one.Responses[1].GetResponseRange().Kvs[0].Value)), "true one"),
		expect("the second", say(two.Succeeded, string(two.Responses[0].GetResponseRange().Kvs[0].Value)), "false one"),
		expect("the nested one", nested.Succeeded, true),
		expectError("twice", twice, rpctypes.ErrDuplicateKey),
		expectError("too many", tooMany, rpctypes.ErrTooManyOps),
	)
}

func past(ctx context.Context, c *clientv3.Client) error {
	old, err := c.Put(ctx, "past/a", "1")
	if err != nil {
		return err
	}
	new, err := c.Put(ctx, "past/a", "2")
	if err != nil {
		return err
	}
	then, err := c.Get(ctx, "past/a", clientv3.WithRev(old.Header.Revision))
	if err != nil {
		return err
	}
	_, future := c.Get(ctx, "past/a", clientv3.WithRev(new.Header.Revision+1_000_000))
	if _, err := c.Compact(ctx, new.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		return err
	}
	_, compacted := c.Get(ctx, "past/a", clientv3.WithRev(old.Header.Revision))
	_, again := c.Compact(ctx, old.Header.Revision)
	watch := <-c.Watch(ctx, "past/a", clientv3.WithRev(old.Header.Revision))
	return first(
		expect("then", string(then.Kvs[0].Value), "1"),
		expectError("the future", future, rpctypes.ErrFutureRev),
		expectError("compacted", compacted, rpctypes.ErrCompacted),
		expectError("compacted again", again, rpctypes.ErrCompacted),
		expect("a watch of it", say(watch.Err(), watch.CompactRevision >= new.Header.Revision), say(rpctypes.ErrCompacted, true)),
	)
}

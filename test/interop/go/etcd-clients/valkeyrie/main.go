// valkeyrie's store for etcd, which Traefik reads, against the server at the address in the first argument. Prints a line
// for each part that went well, and ends with 1 at the first that did not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/kvtools/etcdv3"
	"github.com/kvtools/valkeyrie"
	"github.com/kvtools/valkeyrie/store"
)

const wait = 40 * time.Second

var parts = []struct {
	name string
	run  func(ctx context.Context, kv store.Store) error
}{
	{"keys", keys},
	{"atomic changes", atomic},
	{"watches", watches},
	{"a lock", lock},
	{"Traefik's reads", traefik},
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	kv, err := valkeyrie.NewStore(ctx, etcdv3.StoreName, []string{os.Args[1]}, &etcdv3.Config{ConnectionTimeout: wait})
	if err != nil {
		fail("connecting", err)
	}
	for _, part := range parts {
		if err := part.run(ctx, kv); err != nil {
			fail(part.name, err)
		}
		fmt.Printf("ok: %s\n", part.name)
	}
	fmt.Println("all went well")
}

func fail(name string, err error) {
	fmt.Printf("%s: %v\n", name, err)
	os.Exit(1)
}

func expect(what string, got, wanted any) error {
	if fmt.Sprint(got) == fmt.Sprint(wanted) {
		return nil
	}
	return fmt.Errorf("%s: %v instead of %v", what, got, wanted)
}

func keys(ctx context.Context, kv store.Store) error {
	put := kv.Put(ctx, "vk/a/b", []byte("1"), nil)
	brief := kv.Put(ctx, "vk/a/c", []byte("2"), &store.WriteOptions{TTL: 60 * time.Second})
	got, err := kv.Get(ctx, "vk/a/b", &store.ReadOptions{Consistent: true})
	if err != nil {
		return err
	}
	exists, err := kv.Exists(ctx, "vk/none", nil)
	if err != nil {
		return err
	}
	_, none := kv.Get(ctx, "vk/none", nil)
	all, err := kv.List(ctx, "vk/a", nil)
	if err != nil {
		return err
	}
	_, empty := kv.List(ctx, "vk/nothing", nil)
	return errors.Join(put, brief,
		expect("read", string(got.Value), "1"),
		expect("there", exists, false),
		expect("not there", errors.Is(none, store.ErrKeyNotFound), true),
		expect("listed", len(all), 2),
		expect("nothing listed", errors.Is(empty, store.ErrKeyNotFound), true),
		kv.Delete(ctx, "vk/a/b"),
		kv.DeleteTree(ctx, "vk"),
	)
}

func atomic(ctx context.Context, kv store.Store) error {
	_, pair, err := kv.AtomicPut(ctx, "vk-atomic", []byte("1"), nil, nil)
	if err != nil {
		return err
	}
	_, _, exists := kv.AtomicPut(ctx, "vk-atomic", []byte("2"), nil, nil)
	_, next, err := kv.AtomicPut(ctx, "vk-atomic", []byte("2"), pair, nil)
	if err != nil {
		return err
	}
	_, _, modified := kv.AtomicPut(ctx, "vk-atomic", []byte("3"), pair, nil)
	_, stale := kv.AtomicDelete(ctx, "vk-atomic", pair)
	_, err = kv.AtomicDelete(ctx, "vk-atomic", next)
	_, gone := kv.AtomicDelete(ctx, "vk-atomic", next)
	return errors.Join(err,
		expect("it is there", errors.Is(exists, store.ErrKeyExists), true),
		expect("it was changed", errors.Is(modified, store.ErrKeyModified), true),
		// Without another branch it cannot tell what is changed from what is not there.
		expect("another one is deleted", errors.Is(stale, store.ErrKeyNotFound), true),
		expect("none is deleted", errors.Is(gone, store.ErrKeyNotFound), true),
	)
}

func watches(ctx context.Context, kv store.Store) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := kv.Put(ctx, "vk-watch/a", []byte("0"), nil); err != nil {
		return err
	}
	one, err := kv.Watch(ctx, "vk-watch/a", nil)
	if err != nil {
		return err
	}
	tree, err := kv.WatchTree(ctx, "vk-watch", nil)
	if err != nil {
		return err
	}
	before := []any{string((<-one).Value), len(<-tree)}
	if err := kv.Put(ctx, "vk-watch/a", []byte("1"), nil); err != nil {
		return err
	}
	after := string((<-one).Value)
	if err := kv.Put(ctx, "vk-watch/b", []byte("1"), nil); err != nil {
		return err
	}
	return errors.Join(
		expect("before", before, "[0 1]"),
		expect("after", after, "1"),
		// What it is told of the tree are its changes.
		expect("the tree", (<-tree)[0].Key+" "+(<-tree)[0].Key, "vk-watch/a vk-watch/b"),
	)
}

func lock(ctx context.Context, kv store.Store) error {
	mine, err := kv.NewLock(ctx, "vk-lock", &store.LockOptions{Value: []byte("mine"), TTL: 5 * time.Second})
	if err != nil {
		return err
	}
	if _, err := mine.Lock(ctx); err != nil {
		return err
	}
	other, err := kv.NewLock(ctx, "vk-lock", &store.LockOptions{Value: []byte("other"), TTL: 5 * time.Second})
	if err != nil {
		return err
	}
	got := make(chan error)
	go func() {
		_, err := other.Lock(ctx)
		got <- err
	}()
	select {
	case <-got:
		return errors.New("both have it")
	case <-time.After(200 * time.Millisecond):
	}
	if err := mine.Unlock(ctx); err != nil {
		return err
	}
	if err := <-got; err != nil {
		return err
	}
	return other.Unlock(ctx)
}

// traefik probes a key that is not there, then reads its whole tree.
func traefik(ctx context.Context, kv store.Store) error {
	if _, err := kv.Exists(ctx, "traefik/qmslkjdfmqlskdjfmqlksjazçueznbvbwzlkajzebvkwjdcqmlsfj", nil); err != nil {
		return err
	}
	for key, value := range map[string]string{
		"traefik/http/routers/r/rule":                        "Host(`a`)",
		"traefik/http/routers/r/service":                     "s",
		"traefik/http/services/s/loadbalancer/servers/0/url": "http://10.0.0.1:80",
		"traefik/http/services/s/loadbalancer/servers/1/url": "http://10.0.0.2:80",
		"traefik/http/middlewares/m/addprefix/prefix":        "/x",
	} {
		if err := kv.Put(ctx, key, []byte(value), nil); err != nil {
			return err
		}
	}
	pairs, err := kv.List(ctx, "traefik", nil)
	if err != nil {
		return err
	}
	names := []string{}
	for _, pair := range pairs {
		names = append(names, pair.Key)
	}
	sort.Strings(names)
	return errors.Join(
		expect("the tree", fmt.Sprint(len(names), " ", names[len(names)-1]), "5 traefik/http/services/s/loadbalancer/servers/1/url"),
		kv.DeleteTree(ctx, "traefik"),
	)
}

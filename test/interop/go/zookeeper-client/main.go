// go-zookeeper/zk against the server at the address in the first argument. Prints a line for each part that went well, and
// ends with 1 at the first that did not.
package main

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"time"

	"github.com/go-zookeeper/zk"
)

const wait = 40 * time.Second

var open = zk.WorldACL(zk.PermAll)

type quiet struct{}

func (quiet) Printf(string, ...interface{}) {}

func dial() (*zk.Conn, <-chan zk.Event, error) {
	return zk.Connect([]string{os.Args[1]}, 10*time.Second, zk.WithLogger(quiet{}))
}

type part struct {
	name string
	run  func(c, other *zk.Conn) error
}

var parts = []part{
	{"nodes", nodes},
	{"containers and times", special},
	{"a multi", multi},
	{"watches", watches},
	{"rights", rights},
	{"a lock", lock},
}

func main() {
	c, events, err := dial()
	other, _, err2 := dial()
	if err != nil || err2 != nil {
		fail("connecting", fmt.Errorf("%v %v", err, err2))
	}
	for _, part := range parts {
		if err := part.run(c, other); err != nil {
			fail(part.name, err)
		}
		fmt.Printf("ok: %s\n", part.name)
	}
	if err := restart(c, other, events); err != nil {
		fail("a restart", err)
	}
	fmt.Println("all went well")
}

func fail(name string, err error) {
	fmt.Printf("%s: %v\n", name, err)
	os.Exit(1)
}

// expect says what was found where something else was wanted.
func expect(found, wanted any) error {
	if reflect.DeepEqual(found, wanted) {
		return nil
	}
	return fmt.Errorf("found %+v, not %+v", found, wanted)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func nodes(c, _ *zk.Conn) error {
	path, err := c.Create("/go", []byte("one"), 0, open)
	if err := first(err, expect(path, "/go")); err != nil {
		return err
	}
	_, err = c.Create("/go", nil, 0, open)
	if err := expect(err, zk.ErrNodeExists); err != nil {
		return err
	}
	path, err = c.Create("/go/s-", nil, zk.FlagSequence|zk.FlagEphemeral, open)
	if err := first(err, expect(path, "/go/s-0000000000")); err != nil {
		return err
	}
	data, stat, err := c.Get("/go")
	if err := first(err, expect(string(data), "one"), expect(stat.NumChildren, int32(1)), expect(stat.Version, int32(0))); err != nil {
		return err
	}
	stat, err = c.Set("/go", []byte("two"), 0)
	if err := first(err, expect(stat.Version, int32(1))); err != nil {
		return err
	}
	_, err = c.Set("/go", []byte("three"), 0)
	if err := expect(err, zk.ErrBadVersion); err != nil {
		return err
	}
	if err := expect(c.Delete("/go", -1), zk.ErrNotEmpty); err != nil {
		return err
	}
	children, _, err := c.Children("/go")
	if err := first(err, expect(children, []string{"s-0000000000"})); err != nil {
		return err
	}
	is, _, err := c.Exists("/none")
	if err := first(err, expect(is, false)); err != nil {
		return err
	}
	path, err = c.Sync("/go")
	return first(err, expect(path, "/go"))
}

func special(c, _ *zk.Conn) error {
	path, err := c.CreateContainer("/go/box", nil, zk.FlagTTL, open)
	if err == nil {
		return fmt.Errorf("a container with a wrong flag was made: %s", path)
	}
	path, err = c.CreateTTL("/go/brief", nil, zk.FlagTTL, open, time.Minute)
	return first(err, expect(path, "/go/brief"))
}

func multi(c, _ *zk.Conn) error {
	results, err := c.Multi(
		&zk.CreateRequest{Path: "/go/m", Data: []byte("m"), Acl: open},
		&zk.SetDataRequest{Path: "/go", Data: []byte("multi"), Version: -1},
		&zk.CheckVersionRequest{Path: "/go", Version: 2},
		&zk.DeleteRequest{Path: "/go/m", Version: 0},
	)
	if err := first(err, expect(len(results), 4), expect(results[0].String, "/go/m"), expect(results[1].Stat.Version, int32(2))); err != nil {
		return err
	}
	results, err = c.Multi(
		&zk.CreateRequest{Path: "/go/never", Acl: open},
		&zk.CheckVersionRequest{Path: "/go", Version: 9},
	)
	if err := first(expect(err, zk.ErrBadVersion), expect(results[1].Error, zk.ErrBadVersion)); err != nil {
		return err
	}
	is, _, err := c.Exists("/go/never")
	return first(err, expect(is, false))
}

func next(events <-chan zk.Event, kind zk.EventType, path string) error {
	select {
	case event := <-events:
		return first(expect(event.Type, kind), expect(event.Path, path))
	case <-time.After(wait):
		return fmt.Errorf("no %v of %s", kind, path)
	}
}

func watches(c, other *zk.Conn) error {
	_, _, data, err := c.GetW("/go")
	_, _, children, err2 := c.ChildrenW("/go")
	_, _, exists, err3 := c.ExistsW("/go/w")
	if err := first(err, err2, err3); err != nil {
		return err
	}
	_, err = other.Set("/go", []byte("x"), -1)
	_, err2 = other.Create("/go/w", nil, 0, open)
	if err := first(err, err2); err != nil {
		return err
	}
	return first(
		next(data, zk.EventNodeDataChanged, "/go"),
		next(children, zk.EventNodeChildrenChanged, "/go"),
		next(exists, zk.EventNodeCreated, "/go/w"),
	)
}

func rights(c, other *zk.Conn) error {
	if err := c.AddAuth("digest", []byte("ann:secret")); err != nil {
		return err
	}
	_, err := c.Create("/go/own", nil, 0, zk.DigestACL(zk.PermAll, "ann", "secret"))
	if err != nil {
		return err
	}
	_, _, err = other.Get("/go/own")
	if err := expect(err, zk.ErrNoAuth); err != nil {
		return err
	}
	acl, _, err := c.GetACL("/go/own")
	return first(err, expect(acl, zk.DigestACL(zk.PermAll, "ann", "secret")))
}

func lock(c, other *zk.Conn) error {
	one, two := zk.NewLock(c, "/go/lock", open), zk.NewLock(other, "/go/lock", open)
	if err := one.Lock(); err != nil {
		return err
	}
	got := make(chan error, 1)
	go func() { got <- two.Lock() }()
	select {
	case err := <-got:
		return fmt.Errorf("both have the lock: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := one.Unlock(); err != nil {
		return err
	}
	select {
	case err := <-got:
		return first(err, two.Unlock())
	case <-time.After(wait):
		return fmt.Errorf("the lock never came")
	}
}

// restart waits for the connection to go and to come back: the session and its watches are the same.
func restart(c, other *zk.Conn, events <-chan zk.Event) error {
	id := c.SessionID()
	path, err := c.Create("/go/e", nil, zk.FlagEphemeral, open)
	_, _, changed, err2 := c.GetW("/go/w")
	if err := first(err, err2); err != nil {
		return err
	}
	for len(events) > 0 {
		<-events
	}
	fmt.Println("ready")
	lost := false
	// The other connection has no events here, and may be the last one to come back.
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for end := time.After(wait); ; {
		select {
		case <-look.C:
		case event := <-events:
			lost = lost || event.State == zk.StateDisconnected
			if event.State == zk.StateExpired {
				return fmt.Errorf("the session is over")
			}
		case <-end:
			return fmt.Errorf("no connection")
		}
		if lost && c.State() == zk.StateHasSession && other.State() == zk.StateHasSession {
			break
		}
	}
	_, stat, err := c.Exists(path)
	if err := first(err, expect(c.SessionID(), id), expect(stat.EphemeralOwner, id)); err != nil {
		return err
	}
	if _, err = other.Set("/go/w", []byte("after"), -1); err != nil {
		return err
	}
	if err := next(changed, zk.EventNodeDataChanged, "/go/w"); err != nil {
		return err
	}
	children, _, err := other.Children("/go")
	sort.Strings(children)
	return first(err, expect(children, []string{"brief", "e", "lock", "own", "s-0000000000", "w"}))
}

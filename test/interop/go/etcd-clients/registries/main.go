// What users of go-kit's and of gRPC's registrations in etcd run, against the server at the address in the first argument:
// a service that registers, and one that follows another's instances. Prints each thing that it finds, and takes back what
// it registered once the instances that it had found are gone.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/etcdv3"
	"github.com/go-kit/log"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"go.uber.org/zap"
)

const wait = 60 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	for _, run := range []func(context.Context) error{kit, naming} {
		if err := run(ctx); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("all went well")
}

// kit registers with a TTL, which its client keeps alive, and follows /services/shop.
func kit(ctx context.Context) error {
	options := etcdv3.ClientOptions{DialTimeout: wait, DialKeepAlive: wait}
	client, err := etcdv3.NewClient(ctx, []string{os.Args[1]}, options)
	if err != nil {
		return err
	}
	service := etcdv3.Service{
		Key:   "/services/kit/one",
		Value: "http://10.0.0.1:8080",
		TTL:   etcdv3.NewTTLOption(time.Second, 4*time.Second),
	}
	registrar := etcdv3.NewRegistrar(client, service, log.NewNopLogger())
	registrar.Register()
	fmt.Println("go-kit: registered")
	instancer, err := etcdv3.NewInstancer(client, "/services/shop", log.NewNopLogger())
	if err != nil {
		return err
	}
	defer instancer.Stop()
	events := make(chan sd.Event, 64)
	instancer.Register(events)
	defer instancer.Deregister(events)
	follow := func() ([]string, error) {
		select {
		case event := <-events:
			return event.Instances, event.Err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := report("go-kit", follow); err != nil {
		return err
	}
	registrar.Deregister()
	fmt.Println("go-kit: deregistered")
	return nil
}

// naming does the same by endpoints, with the target prod/shop.
func naming(ctx context.Context) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}, DialTimeout: wait, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer client.Close()
	own, err := endpoints.NewManager(client, "prod/rpc")
	if err != nil {
		return err
	}
	lease, err := client.Grant(ctx, 4)
	if err != nil {
		return err
	}
	alive, err := client.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	go func() {
		for range alive {
		}
	}()
	endpoint := endpoints.Endpoint{Addr: "10.0.0.2:9090", Metadata: map[string]string{"zone": "b"}}
	if err := own.AddEndpoint(ctx, "prod/rpc/two", endpoint, clientv3.WithLease(lease.ID)); err != nil {
		return err
	}
	fmt.Println("grpc: registered")
	shop, err := endpoints.NewManager(client, "prod/shop")
	if err != nil {
		return err
	}
	updates, err := shop.NewWatchChannel(ctx)
	if err != nil {
		return err
	}
	found := map[string]string{}
	follow := func() ([]string, error) {
		select {
		case some := <-updates:
			for _, update := range some {
				if update.Op == endpoints.Add {
					found[update.Key] = update.Endpoint.Addr
				} else {
					delete(found, update.Key)
				}
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		all := []string{}
		for _, address := range found {
			all = append(all, address)
		}
		return all, nil
	}
	if err := report("grpc", follow); err != nil {
		return err
	}
	if err := own.DeleteEndpoint(ctx, "prod/rpc/two"); err != nil {
		return err
	}
	fmt.Println("grpc: deregistered")
	return nil
}

// report prints what there is each time that it changes, until there was something and is nothing any more.
func report(what string, follow func() ([]string, error)) error {
	last := ""
	for {
		all, err := follow()
		if err != nil {
			return err
		}
		sort.Strings(all)
		now := strings.Join(all, " ")
		if now != last {
			fmt.Printf("%s: found %s\n", what, now)
		}
		if now == "" && last != "" {
			return nil
		}
		last = now
	}
}

// Prometheus' own discovery of Consul against the server at the address in the first argument. Prints a line each time
// when the targets of a service are told: its name, then each target with what Consul says of its health, in order.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/consul"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(address string) error {
	config := consul.DefaultSDConfig
	config.Server = address
	config.RefreshInterval = model.Duration(100 * time.Millisecond)
	registry := prometheus.NewRegistry()
	metrics := config.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry))
	if err := metrics.Register(); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	discoverer, err := config.NewDiscoverer(discovery.DiscovererOptions{Logger: logger, Metrics: metrics, SetName: "x"})
	if err != nil {
		return err
	}
	told := make(chan []*targetgroup.Group)
	go discoverer.Run(context.Background(), told)
	for groups := range told {
		for _, group := range groups {
			show(group)
		}
	}
	return nil
}

func show(group *targetgroup.Group) {
	var targets []string
	for _, target := range group.Targets {
		targets = append(targets, fmt.Sprintf("%s=%s tags=%s node=%s meta=%s",
			target[model.AddressLabel], target["__meta_consul_health"], target["__meta_consul_tags"],
			target["__meta_consul_node"], target["__meta_consul_service_metadata_m"]))
	}
	sort.Strings(targets)
	fmt.Printf("%s: %s\n", group.Source, strings.Join(targets, "; "))
}

// consul-template as it is, but for its command line: it renders the template in the second argument into the file in the
// third, from the Consul at the address in the first, again and again. Its runner does all of it.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/consul-template/config"
	"github.com/hashicorp/consul-template/manager"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(address, source, target string) error {
	template := config.DefaultTemplateConfig()
	template.Source = &source
	template.Destination = &target
	settings := config.DefaultConfig()
	settings.Consul.Address = &address
	settings.Templates = &config.TemplateConfigs{template}
	settings.Wait = &config.WaitConfig{Min: config.TimeDuration(10 * time.Millisecond)}
	settings.Finalize()
	runner, err := manager.NewRunner(settings, false)
	if err != nil {
		return err
	}
	go runner.Start()
	return <-runner.ErrCh
}

// Calls services by gRPC as programs do that find them by xDS: `grpc-xds port`, the port of the registry. What it is to do
// comes over HTTP: `ask?service=web&times=9` answers how often who answered, `begin?service=web` goes on asking until
// `end`, which answers how often, and what failed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/xds"
)

const variable = "GRPC_XDS_BOOTSTRAP_CONFIG"

const bootstrap = `{
  "xds_servers": [
    { "server_uri": "127.0.0.1:%s", "channel_creds": [{ "type": "insecure" }], "server_features": ["xds_v3"] }
  ],
  "node": { "id": "go", "locality": {}, "metadata": { "rollcall_account": "default" } }
}`

// Messages are bytes.
type raw struct{}

func (raw) Name() string { return "raw" }

func (raw) Marshal(message any) ([]byte, error) { return message.([]byte), nil }

func (raw) Unmarshal(bytes []byte, message any) error {
	*message.(*[]byte) = append([]byte{}, bytes...)
	return nil
}

type client struct {
	mutex sync.Mutex
	lines map[string]*grpc.ClientConn
	stop  chan struct{}
	done  chan map[string]any
}

func (c *client) line(service string) *grpc.ClientConn {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.lines[service] == nil {
		line, err := grpc.NewClient("xds:///"+service, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			panic(err)
		}
		c.lines[service] = line
	}
	return c.lines[service]
}

func (c *client) say(service string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var answer []byte
	err := c.line(service).Invoke(ctx, "/echo/Say", []byte{}, &answer, grpc.ForceCodec(raw{}))
	return string(answer), err
}

func (c *client) ask(service string, times int) map[string]int {
	seen := map[string]int{}
	for asked := 0; asked < times; asked++ {
		answer, err := c.say(service)
		if err != nil {
			answer = "failed"
			fmt.Fprintln(os.Stderr, err)
		}
		seen[answer]++
	}
	return seen
}

func (c *client) goOn(service string) {
	c.stop, c.done = make(chan struct{}), make(chan map[string]any, 1)
	asked, failed := 0, []string{}
	for {
		select {
		case <-c.stop:
			c.done <- map[string]any{"asked": asked, "failed": failed}
			return
		case <-time.After(time.Millisecond):
			asked++
			if _, err := c.say(service); err != nil {
				failed = append(failed, err.Error())
			}
		}
	}
}

func main() {
	if os.Getenv(variable) == "" {
		environment := append(os.Environ(), variable+"="+fmt.Sprintf(bootstrap, os.Args[1]))
		panic(syscall.Exec("/proc/self/exe", os.Args, environment))
	}
	c := &client{lines: map[string]*grpc.ClientConn{}}
	answer := func(path string, with func(service string, times int) any) {
		http.HandleFunc(path, func(response http.ResponseWriter, request *http.Request) {
			times, _ := strconv.Atoi(request.FormValue("times"))
			_ = json.NewEncoder(response).Encode(with(request.FormValue("service"), times))
		})
	}
	answer("/ask", func(service string, times int) any { return c.ask(service, times) })
	answer("/begin", func(service string, _ int) any {
		go c.goOn(service)
		return nil
	})
	answer("/end", func(string, int) any {
		close(c.stop)
		return <-c.done
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("ready port=%d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, nil))
}

// A service with fargo, by itself and below go-kit, that does what a test tells it over HTTP.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/eureka"
	"github.com/go-kit/log"
	"github.com/hudl/fargo"
)

// service is what the commands share.
type service struct {
	connection fargo.EurekaConnection
	instance   *fargo.Instance
	registrar  *eureka.Registrar

	lock sync.Mutex
	// polled holds the latest of everything that is being polled, by the name it was asked for under.
	polled map[string]func() interface{}
}

// view is an instance as fargo has it, written without what fargo does for the wire.
type view struct{ *fargo.Instance }

func (v view) MarshalJSON() ([]byte, error) {
	i := v.Instance
	return json.Marshal(map[string]interface{}{
		"id": i.Id(), "hostName": i.HostName, "app": i.App, "ipAddr": i.IPAddr, "status": i.Status,
		"overridden": i.Overriddenstatus, "vip": i.VipAddress, "secureVip": i.SecureVipAddress,
		"port": i.Port, "portEnabled": i.PortEnabled, "securePort": i.SecurePort, "securePortEnabled": i.SecurePortEnabled,
		"homePageUrl": i.HomePageUrl, "statusPageUrl": i.StatusPageUrl, "healthCheckUrl": i.HealthCheckUrl,
		"countryId": i.CountryId, "lease": i.LeaseInfo, "dataCenter": &i.DataCenterInfo, "metadata": i.Metadata.GetMap(),
	})
}

func viewOf(i *fargo.Instance) view {
	// Reading any key has it parse them all.
	_, _ = i.Metadata.GetString("")
	return view{i}
}

func viewsOf(instances []*fargo.Instance) []view {
	views := make([]view, 0, len(instances))
	for _, i := range instances {
		views = append(views, viewOf(i))
	}
	sort.Slice(views, func(one, other int) bool { return views[one].Id() < views[other].Id() })
	return views
}

func main() {
	servers := flag.String("servers", "", "service URLs with commas between them")
	asJSON := flag.Bool("json", false, "speak JSON instead of XML")
	id := flag.String("id", "go:9001", "the instance's id")
	lease := flag.Int("lease", 15, "seconds")
	amazon := flag.Bool("amazon", false, "be in Amazon's data center")
	flag.Parse()

	s := &service{connection: fargo.NewConn(strings.Split(*servers, ",")...), polled: map[string]func() interface{}{}}
	s.connection.UseJson = *asJSON
	s.connection.PollInterval = 200 * time.Millisecond
	s.instance = newInstance(*id, int32(*lease))
	if *amazon {
		s.instance.DataCenterInfo = fargo.DataCenterInfo{
			Name:     fargo.Amazon,
			Metadata: fargo.AmazonMetadataType{InstanceID: *id, AvailabilityZone: "eu-west-1c", AmiID: "ami-7"},
		}
	}
	s.registrar = eureka.NewRegistrar(&s.connection, s.instance, log.NewLogfmtLogger(os.Stderr))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("ready port=%d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, s))
}

func newInstance(id string, lease int32) *fargo.Instance {
	i := &fargo.Instance{
		InstanceId:       id,
		HostName:         "127.0.0.1",
		App:              "GO-SHOP",
		IPAddr:           "127.0.0.1",
		VipAddress:       "go.vip,go.second",
		SecureVipAddress: "go.svip",
		Status:           fargo.UP,
		Overriddenstatus: fargo.UNKNOWN,
		Port:             9001,
		PortEnabled:      true,
		SecurePort:       9443,
		HomePageUrl:      "http://127.0.0.1:9001/",
		StatusPageUrl:    "http://127.0.0.1:9001/info",
		HealthCheckUrl:   "http://127.0.0.1:9001/health",
		CountryId:        1,
		DataCenterInfo:   fargo.DataCenterInfo{Name: fargo.MyOwn},
		LeaseInfo:        fargo.LeaseInfo{RenewalIntervalInSecs: 1, DurationInSecs: lease},
	}
	i.SetMetadataString("colour", "blue")
	i.SetMetadataString("some.key", "ö <&>")
	return i
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.do(strings.Trim(r.URL.Path, "/"), r.URL.Query())
	status := http.StatusOK
	if err != nil {
		answer, status = err.Error(), http.StatusBadGateway
	}
	text, err := json.Marshal(answer)
	if err != nil {
		text, status = []byte(err.Error()), http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// do carries out one command.
func (s *service) do(command string, query url.Values) (interface{}, error) {
	c, name := &s.connection, query.Get("name")
	switch command {
	case "register":
		return nil, c.RegisterInstance(s.instance)
	case "reregister":
		return nil, c.ReregisterInstance(s.instance)
	case "heartbeat":
		return nil, c.HeartBeatInstance(s.instance)
	case "deregister":
		return nil, c.DeregisterInstance(s.instance)
	case "status":
		return nil, c.UpdateInstanceStatus(s.instance, fargo.StatusType(query.Get("value")))
	case "metadata":
		return nil, c.AddMetadataString(s.instance, query.Get("key"), query.Get("value"))
	case "keep": // go-kit's registrar registers, beats, and registers again when it must.
		s.registrar.Register()
		return nil, nil
	case "leave":
		s.registrar.Deregister()
		return nil, nil
	case "own":
		return viewOf(s.instance), nil
	case "poll":
		return nil, s.poll(query.Get("kind"), name)
	case "latest":
		s.lock.Lock()
		defer s.lock.Unlock()
		return s.polled[query.Get("kind")+" "+name](), nil
	}
	return s.read(command, name, query)
}

// read carries out the commands that ask the registry something.
func (s *service) read(command, name string, query url.Values) (interface{}, error) {
	c := &s.connection
	switch command {
	case "apps":
		apps, err := c.GetApps()
		views := map[string][]view{}
		for key, app := range apps {
			views[key] = viewsOf(app.Instances)
		}
		return views, err
	case "app":
		app, err := c.GetApp(name)
		if err != nil {
			return nil, err
		}
		return viewsOf(app.Instances), nil
	case "instance":
		i, err := c.GetInstance(name, query.Get("id"))
		if err != nil {
			return nil, err
		}
		return viewOf(i), nil
	case "vip":
		secure, _ := strconv.ParseBool(query.Get("secure"))
		options := []fargo.InstanceQueryOption{fargo.Shuffled}
		if query.Get("up") != "" {
			options = append(options, fargo.ThatAreUp)
		}
		instances, err := c.GetInstancesByVIPAddress(name, secure, options...)
		return viewsOf(instances), err
	}
	return nil, fmt.Errorf("there is no command %s", command)
}

// poll begins to keep what `latest` shows, by each of the ways there are.
func (s *service) poll(kind, name string) error {
	c := &s.connection
	var latest func() interface{}
	switch kind {
	case "app":
		source := c.NewAppSource(name, true)
		latest = func() interface{} {
			if app := source.Latest(); app != nil {
				return viewsOf(app.Instances)
			}
			return nil
		}
	case "vip":
		source, err := c.NewInstanceSetSourceForVIPAddress(name, false, true, fargo.ThatAreUp)
		if err != nil {
			return err
		}
		latest = func() interface{} { return viewsOf(source.Latest()) }
	case "updates":
		latest = s.follow(c.ScheduleAppUpdates(name, true, make(chan struct{})))
	case "instancer":
		latest = s.subscribe(eureka.NewInstancer(c, name, log.NewLogfmtLogger(os.Stderr)))
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.polled[kind+" "+name] = latest
	return nil
}

func (s *service) follow(updates <-chan fargo.AppUpdate) func() interface{} {
	var seen interface{}
	go func() {
		for update := range updates {
			s.lock.Lock()
			if seen = nil; update.Err == nil {
				seen = viewsOf(update.App.Instances)
			}
			s.lock.Unlock()
		}
	}()
	return func() interface{} { return seen }
}

// subscribe keeps what go-kit's instancer tells: addresses.
func (s *service) subscribe(instancer *eureka.Instancer) func() interface{} {
	var seen interface{}
	events := make(chan sd.Event)
	go func() {
		for event := range events {
			s.lock.Lock()
			if seen = event.Instances; event.Err != nil {
				seen = event.Err.Error()
			}
			s.lock.Unlock()
		}
	}()
	instancer.Register(events)
	return func() interface{} { return seen }
}

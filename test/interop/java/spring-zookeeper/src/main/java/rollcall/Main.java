package rollcall;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.cloud.client.ServiceInstance;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.client.loadbalancer.LoadBalancerClient;
import org.springframework.context.event.EventListener;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** An application as people write them: all it has of ZooKeeper are the starters. It shows what it discovered. */
@SpringBootApplication
@RestController
public class Main {
  @Autowired private DiscoveryClient discovery;
  @Autowired private LoadBalancerClient balancer;

  public static void main(String[] args) {
    SpringApplication.run(Main.class, args);
  }

  @EventListener(ApplicationReadyEvent.class)
  void ready() {
    System.out.println("ready");
  }

  @GetMapping("/services")
  List<String> services() {
    return discovery.getServices();
  }

  @GetMapping("/instances")
  List<Map<String, Object>> instances(@RequestParam("name") String name) {
    return discovery.getInstances(name).stream().map(Main::show).toList();
  }

  @GetMapping("/choose")
  String choose(@RequestParam("name") String name) {
    ServiceInstance instance = balancer.choose(name);
    return instance == null ? "none" : instance.getUri().toString();
  }

  private static Map<String, Object> show(ServiceInstance instance) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("id", instance.getInstanceId());
    view.put("host", instance.getHost());
    view.put("port", instance.getPort());
    view.put("metadata", new TreeMap<>(instance.getMetadata()));
    return view;
  }
}

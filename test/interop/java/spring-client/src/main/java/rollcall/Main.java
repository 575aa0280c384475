package rollcall;

import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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

/** An application as people write them: all it has of Eureka is the starter. It shows what it discovered. */
@SpringBootApplication
@RestController
public class Main {
  private final DiscoveryClient discovery;
  private final LoadBalancerClient balancer;

  Main(DiscoveryClient discovery, LoadBalancerClient balancer) {
    this.discovery = discovery;
    this.balancer = balancer;
  }

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

  /** Calls a service by its name, at the instance that Spring's load balancer picks. */
  @GetMapping("/call")
  String call(@RequestParam("name") String name) throws Exception {
    ServiceInstance instance = balancer.choose(name);
    if (instance == null) return "none";
    HttpRequest request = HttpRequest.newBuilder(instance.getUri().resolve("/")).build();
    return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
  }

  private static Map<String, Object> show(ServiceInstance instance) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("service", instance.getServiceId());
    view.put("id", instance.getInstanceId());
    view.put("host", instance.getHost());
    view.put("port", instance.getPort());
    view.put("secure", instance.isSecure());
    view.put("uri", instance.getUri());
    view.put("metadata", new TreeMap<>(instance.getMetadata()));
    return view;
  }
}

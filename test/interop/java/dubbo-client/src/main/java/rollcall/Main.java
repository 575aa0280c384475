package rollcall;

import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.model.FrameworkModel;

/**
 * {@code provider <zookeeper> <port> <hidden port>} offers a greeter by application and by interface, and another one that
 * it tells nobody of. {@code consumer <zookeeper> <FORCE_APPLICATION or FORCE_INTERFACE>} calls again and again, and says by
 * {@code from=<ports>} which of them answered lately, whenever that changes.
 */
public final class Main {
  private static final int CALLS = 20;

  public static void main(String[] args) throws Exception {
    RegistryConfig registry = new RegistryConfig("zookeeper://" + args[1]);
    registry.setRegisterMode("all");
    registry.setTimeout(20_000);
    registry.setUseAsConfigCenter(false);
    registry.setUseAsMetadataCenter(false);
    // What was seen earlier is no answer.
    registry.setParameters(Map.of("file.cache", "false"));
    if (args[0].equals("provider")) {
      provide(registry, Integer.parseInt(args[2]));
      provide(new RegistryConfig("N/A"), Integer.parseInt(args[3]));
      say("ready");
      Thread.currentThread().join();
    } else consume(registry, args[2]);
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static DubboBootstrap start(String name, Map<String, String> parameters, RegistryConfig registry) {
    ApplicationConfig application = new ApplicationConfig(name);
    application.setQosEnable(false);
    application.setMetadataType("local");
    application.setParameters(parameters);
    return DubboBootstrap.getInstance(new FrameworkModel().newApplication()).application(application).registry(registry);
  }

  private static void provide(RegistryConfig registry, int port) {
    ServiceConfig<Greeter> service = new ServiceConfig<>();
    service.setInterface(Greeter.class);
    service.setVersion("1.2.0");
    service.setRef(name -> "hello " + name + " from " + port);
    start("shop-provider", Map.of(), registry).protocol(new ProtocolConfig("dubbo", port)).service(service).start();
  }

  private static void consume(RegistryConfig registry, String step) throws Exception {
    ReferenceConfig<Greeter> reference = new ReferenceConfig<>();
    reference.setInterface(Greeter.class);
    reference.setVersion("1.2.0");
    reference.setProvidedBy("shop-provider");
    reference.setScope("remote");
    reference.setCheck(false);
    reference.setLoadbalance("roundrobin");
    start("shop-consumer", Map.of("migration.step", step, "migration.force", "true"), registry).reference(reference).start();
    Greeter greeter = reference.get();
    String before = null;
    while (true) {
      TreeSet<String> from = new TreeSet<>();
      for (int nth = 0; nth < CALLS; nth++) {
        try {
          from.add(greeter.greet("ann").replace("hello ann from ", ""));
        } catch (RpcException error) {
          if (before == null) System.err.println(error.getMessage());
        }
      }
      String now = String.join(",", from);
      if (!now.equals(before)) say("from=" + now);
      before = now;
      TimeUnit.MILLISECONDS.sleep(200);
    }
  }
}

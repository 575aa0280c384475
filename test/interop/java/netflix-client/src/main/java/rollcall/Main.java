package rollcall;

import com.netflix.appinfo.AmazonInfo;
import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.EurekaInstanceConfig;
import com.netflix.appinfo.InstanceInfo;
import com.netflix.appinfo.InstanceInfo.InstanceStatus;
import com.netflix.appinfo.MyDataCenterInstanceConfig;
import com.netflix.appinfo.providers.EurekaConfigBasedInstanceInfoProvider;
import com.netflix.discovery.DefaultEurekaClientConfig;
import com.netflix.discovery.DiscoveryClient;
import com.netflix.discovery.EurekaClient;
import com.netflix.discovery.EurekaClientConfig;
import com.netflix.discovery.converters.wrappers.CodecWrapper;
import com.netflix.discovery.converters.wrappers.CodecWrappers;
import com.netflix.discovery.shared.Application;
import com.netflix.discovery.shared.Applications;
import java.io.ByteArrayInputStream;
import java.lang.reflect.Constructor;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/** A service that registers by Netflix's client, and does what a test tells it. It begins as STARTING. */
public final class Main {
  private final ApplicationInfoManager manager;
  private final EurekaClient client;
  private final HttpClient http = HttpClient.newHttpClient();

  private Main() throws Exception {
    EurekaInstanceConfig instance = new MyDataCenterInstanceConfig();
    InstanceInfo info = new EurekaConfigBasedInstanceInfoProvider(instance).get();
    manager = new ApplicationInfoManager(instance, info);
    client = open(manager, new DefaultEurekaClientConfig());
    client.registerEventListener(event -> System.out.println("event " + event.getClass().getSimpleName()));
  }

  public static void main(String[] args) throws Exception {
    new Main().listen();
  }

  /** The second generation wants to be told its transport; the first one brings its own. */
  private static EurekaClient open(ApplicationInfoManager manager, EurekaClientConfig config) throws Exception {
    for (Constructor<?> constructor : DiscoveryClient.class.getConstructors()) {
      Class<?>[] types = constructor.getParameterTypes();
      if (types.length < 2 || types[0] != ApplicationInfoManager.class || types[1] != EurekaClientConfig.class) continue;
      if (types.length == 2) return (EurekaClient) constructor.newInstance(manager, config);
      if (types.length == 3 && types[2].getSimpleName().equals("TransportClientFactories"))
        return (EurekaClient) constructor.newInstance(manager, config, jersey3());
    }
    throw new IllegalStateException("no constructor is known");
  }

  private static Object jersey3() throws Exception {
    String name = "com.netflix.discovery.shared.transport.jersey3.Jersey3TransportClientFactories";
    return Class.forName(name).getMethod("getInstance").invoke(null);
  }

  private void listen() throws Exception {
    Commands commands = new Commands();
    commands.on("/applications", query -> Views.of(client.getApplications()));
    commands.on("/vip", query -> Views.of(client.getInstancesByVipAddress(query.get("name"), false)));
    commands.on("/secure-vip", query -> Views.of(client.getInstancesByVipAddress(query.get("name"), true)));
    commands.on("/app", query -> {
      Application application = client.getApplication(query.get("name"));
      return application == null ? List.of() : Views.of(application.getInstancesAsIsFromEureka());
    });
    commands.on("/next", query -> Views.of(client.getNextServerFromEureka(query.get("name"), false)));
    commands.on("/remote-status", query -> client.getInstanceRemoteStatus());
    commands.on("/own", query -> Views.of(manager.getInfo()));
    commands.on("/status", query -> {
      manager.setInstanceStatus(InstanceStatus.toEnum(query.get("value")));
      return manager.getInfo().getStatus();
    });
    commands.on("/metadata", query -> {
      manager.registerAppMetadata(query);
      return query;
    });
    commands.on("/shutdown", query -> {
      client.shutdown();
      return "gone";
    });
    commands.on("/decode", this::decode);
    commands.on("/encode", this::encode);
    commands.open();
  }

  /** What one of the library's codecs reads from an answer, gzip or not. */
  private Object decode(Map<String, String> query) throws Exception {
    CodecWrapper codec = CodecWrappers.getCodec(query.get("codec"));
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(query.get("url")));
    request.header("Accept", query.get("accept"));
    if (query.containsKey("gzip")) request.header("Accept-Encoding", "gzip");
    HttpResponse<byte[]> answer = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    if (answer.statusCode() != 200) throw new IllegalStateException("status " + answer.statusCode());
    byte[] body = answer.body();
    if (query.containsKey("gzip")) body = new GZIPInputStream(new ByteArrayInputStream(body)).readAllBytes();
    ByteArrayInputStream stream = new ByteArrayInputStream(body);
    if (query.containsKey("instance")) return Views.of(codec.decode(stream, InstanceInfo.class));
    return Views.of(codec.decode(stream, Applications.class));
  }

  /** Registers another instance, as one of the library's codecs writes it; the status, and what was sent. */
  private Object encode(Map<String, String> query) throws Exception {
    CodecWrapper codec = CodecWrappers.getCodec(query.get("codec"));
    InstanceInfo.Builder builder = new InstanceInfo.Builder(new InstanceInfo(manager.getInfo()));
    builder.setInstanceId(query.get("id")).setStatus(InstanceStatus.UP);
    builder.setMetadata(new HashMap<>(Map.of(query.get("key"), query.get("value"))));
    if (query.containsKey("amazon")) builder.setDataCenterInfo(amazon(query.get("id")));
    InstanceInfo info = builder.build();
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(query.get("url") + info.getAppName()));
    request.header("Content-Type", query.get("type"));
    String body = codec.encode(info);
    request.POST(HttpRequest.BodyPublishers.ofString(body));
    int status = http.send(request.build(), HttpResponse.BodyHandlers.discarding()).statusCode();
    return Map.of("status", status, "body", body);
  }

  private static AmazonInfo amazon(String id) {
    return AmazonInfo.Builder.newBuilder()
        .addMetadata(AmazonInfo.MetaDataKey.instanceId, id)
        .addMetadata(AmazonInfo.MetaDataKey.availabilityZone, "eu-west-1c")
        .addMetadata(AmazonInfo.MetaDataKey.amiId, "ami-7")
        .build();
  }
}

package rollcall;

import com.ecwid.consul.v1.ConsulClient;
import com.ecwid.consul.v1.QueryParams;
import com.ecwid.consul.v1.Response;
import com.ecwid.consul.v1.agent.model.NewService;
import com.ecwid.consul.v1.catalog.CatalogServicesRequest;
import com.ecwid.consul.v1.catalog.model.CatalogDeregistration;
import com.ecwid.consul.v1.catalog.model.CatalogRegistration;
import com.ecwid.consul.v1.health.HealthServicesRequest;
import com.ecwid.consul.v1.health.model.Check;
import com.ecwid.consul.v1.health.model.HealthService;
import com.ecwid.consul.v1.kv.model.GetValue;
import com.ecwid.consul.v1.kv.model.PutParams;
import com.ecwid.consul.v1.session.model.NewSession;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Ecwid's client against the server at the port in the first argument. Ends with 1 at the first thing that is wrong. */
public final class Ecwid {
  private final ConsulClient client;

  private Ecwid(int port) {
    client = new ConsulClient("127.0.0.1", port);
  }

  public static void main(String[] args) throws Exception {
    Ecwid ecwid = new Ecwid(Integer.parseInt(args[0]));
    ecwid.keys();
    ecwid.sessions();
    ecwid.services();
    ecwid.catalog();
    System.out.println("all went well");
    System.exit(0);
  }

  private static void expect(boolean well, Object... found) {
    if (!well) throw new AssertionError(List.of(found));
  }

  private void keys() {
    expect(client.setKVValue("ecwid/a b", "one").getValue(), "put");
    PutParams swap = new PutParams();
    swap.setCas(0L);
    expect(!client.setKVValue("ecwid/a b", "two", swap).getValue(), "a swap of what is there");
    GetValue value = client.getKVValue("ecwid/a b").getValue();
    expect(value.getDecodedValue().equals("one") && value.getFlags() == 0, value);
    expect(client.getKVKeysOnly("ecwid/").getValue().equals(List.of("ecwid/a b")), "keys");
    expect(client.getKVValue("ecwid/none").getValue() == null, "a key that is not there");
    client.deleteKVValues("ecwid/");
    expect(client.getKVValues("ecwid/").getValue() == null, "deleted");
  }

  private void sessions() {
    NewSession wanted = new NewSession();
    wanted.setName("ecwid");
    wanted.setTtl("10s");
    String session = client.sessionCreate(wanted, QueryParams.DEFAULT).getValue();
    PutParams acquire = new PutParams();
    acquire.setAcquireSession(session);
    expect(client.setKVValue("ecwid-lock", "me", acquire).getValue(), "acquired");
    expect(client.getKVValue("ecwid-lock").getValue().getSession().equals(session), "the holder");
    expect(client.renewSession(session, QueryParams.DEFAULT).getValue().getId().equals(session), "renewed");
    client.sessionDestroy(session, QueryParams.DEFAULT);
    expect(client.getKVValue("ecwid-lock").getValue().getSession() == null, "released");
  }

  private void services() throws Exception {
    NewService service = new NewService();
    service.setId("ecwid-1");
    service.setName("ecwid");
    service.setPort(80);
    service.setTags(List.of("blue"));
    service.setMeta(Map.of("k", "v"));
    NewService.Check check = new NewService.Check();
    check.setTtl("30s");
    service.setCheck(check);
    client.agentServiceRegister(service);
    expect(passing(QueryParams.DEFAULT).getValue().isEmpty(), "it did not beat yet");
    client.agentCheckPass("service:ecwid-1", "fine");
    Response<List<HealthService>> found = passing(QueryParams.DEFAULT);
    HealthService first = found.getValue().get(0);
    expect(first.getService().getMeta().equals(Map.of("k", "v")) && first.getChecks().size() == 2, first);
    CompletableFuture<Response<List<HealthService>>> next =
        CompletableFuture.supplyAsync(() -> passing(new QueryParams(30, found.getConsulIndex())));
    client.agentCheckFail("service:ecwid-1");
    expect(next.get().getValue().isEmpty(), "the query that waited");
    expect(client.getAgentServices().getValue().containsKey("ecwid-1"), "the agent's services");
    List<Check> checks = client.getHealthChecksForService("ecwid", QueryParams.DEFAULT).getValue();
    expect(checks.get(0).getStatus() == Check.CheckStatus.CRITICAL, checks);
    client.agentServiceSetMaintenance("ecwid-1", true);
    client.agentServiceDeregister("ecwid-1");
    expect(client.getAgentSelf().getValue().getConfig().getDatacenter().equals("dc1"), "self");
  }

  private Response<List<HealthService>> passing(QueryParams query) {
    HealthServicesRequest request =
        HealthServicesRequest.newBuilder().setPassing(true).setQueryParams(query).setTag("blue").build();
    return client.getHealthServices("ecwid", request);
  }

  private void catalog() throws Exception {
    Response<Map<String, List<String>>> before = services(QueryParams.DEFAULT);
    CompletableFuture<Response<Map<String, List<String>>>> next =
        CompletableFuture.supplyAsync(() -> services(new QueryParams(30, before.getConsulIndex())));
    CatalogRegistration external = new CatalogRegistration();
    external.setNode("ecwid-node");
    external.setAddress("10.7.7.7");
    CatalogRegistration.Service service = new CatalogRegistration.Service();
    service.setService("ecwid-ext");
    service.setPort(1);
    external.setService(service);
    client.catalogRegister(external);
    expect(next.get().getValue().containsKey("ecwid-ext"), "the watch of the catalog");
    CatalogDeregistration gone = new CatalogDeregistration();
    gone.setNode("ecwid-node");
    client.catalogDeregister(gone);
    expect(!services(QueryParams.DEFAULT).getValue().containsKey("ecwid-ext"), "deregistered");
  }

  private Response<Map<String, List<String>>> services(QueryParams query) {
    return client.getCatalogServices(CatalogServicesRequest.newBuilder().setQueryParams(query).build());
  }
}

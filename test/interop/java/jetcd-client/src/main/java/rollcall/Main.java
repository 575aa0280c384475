package rollcall;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.Election;
import io.etcd.jetcd.KV;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Lease;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.election.CampaignResponse;
import io.etcd.jetcd.election.LeaderResponse;
import io.etcd.jetcd.lease.LeaseKeepAliveResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.LeaseOption;
import io.etcd.jetcd.options.PutOption;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.support.CloseableClient;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** jetcd against the server at the address in the first argument: `ready` once all is through, `all went well` at the end. */
public final class Main {
  private static final long WAIT_S = 40;

  private static ByteSequence bytes(String text) {
    return ByteSequence.from(text, UTF_8);
  }

  private static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(WAIT_S, TimeUnit.SECONDS);
  }

  private static <T> T await(BlockingQueue<T> queue) throws Exception {
    return Objects.requireNonNull(queue.poll(WAIT_S, TimeUnit.SECONDS), "nothing came");
  }

  private static void expect(String what, Object got, Object wanted) {
    if (!Objects.equals(String.valueOf(got), String.valueOf(wanted)))
      throw new IllegalStateException(what + ": " + got + " instead of " + wanted);
  }

  private static List<String> shown(List<KeyValue> kvs) {
    return kvs.stream().map(kv -> kv.getKey() + "=" + kv.getValue()).toList();
  }

  public static void main(String[] args) throws Exception {
    try (Client client = Client.builder().endpoints("http://" + args[0]).build()) {
      keys(client.getKVClient());
      System.out.println("ok: keys");
      leases(client);
      System.out.println("ok: leases");
      locks(client);
      System.out.println("ok: locks and elections");
      cluster(client);
      System.out.println("ok: the cluster");
      restart(client);
    }
    System.out.println("all went well");
    System.exit(0);
  }

  private static void keys(KV kv) throws Exception {
    await(kv.put(bytes("j/a"), bytes("1")));
    await(kv.put(bytes("j/b"), bytes("1")));
    var again = await(kv.put(bytes("j/a"), bytes("2"), PutOption.builder().withPrevKV().build()));
    expect("the value before", again.getPrevKv().getValue(), "1");
    var sorted = GetOption.builder().isPrefix(true).withSortField(GetOption.SortTarget.MOD)
        .withSortOrder(GetOption.SortOrder.DESCEND).withLimit(1).build();
    var got = await(kv.get(bytes("j/"), sorted));
    expect("the last", shown(got.getKvs()) + " " + got.getCount() + " " + got.isMore(), "[j/a=2] 2 true");
    var txn = await(kv.txn()
        .If(new Cmp(bytes("j/a"), Cmp.Op.EQUAL, CmpTarget.value(bytes("2"))),
            new Cmp(bytes("j/none"), Cmp.Op.EQUAL, CmpTarget.createRevision(0)))
        .Then(Op.put(bytes("j/t"), bytes("yes"), PutOption.DEFAULT), Op.get(bytes("j/t"), GetOption.DEFAULT))
        .Else(Op.delete(bytes("j/a"), DeleteOption.DEFAULT)).commit());
    expect("a transaction", txn.isSucceeded() + " " + shown(txn.getGetResponses().get(0).getKvs()), "true [j/t=yes]");
    var gone = await(kv.delete(bytes("j/"), DeleteOption.builder().isPrefix(true).withPrevKV(true).build()));
    expect("gone", gone.getDeleted() + " " + gone.getPrevKvs().size(), "3 3");
  }

  private static void leases(Client client) throws Exception {
    Lease leases = client.getLeaseClient();
    long id = await(leases.grant(60)).getID();
    await(client.getKVClient().put(bytes("j/l"), bytes("1"), PutOption.builder().withLeaseId(id).build()));
    BlockingQueue<Long> beats = new LinkedBlockingQueue<>();
    CloseableClient alive = leases.keepAlive(id, new StreamObserver<LeaseKeepAliveResponse>() {
      @Override public void onNext(LeaseKeepAliveResponse value) { beats.add(value.getTTL()); }
      @Override public void onError(Throwable error) { beats.add(-1L); }
      @Override public void onCompleted() { beats.add(0L); }
    });
    expect("a beat", await(beats), 60);
    alive.close();
    expect("one beat", await(leases.keepAliveOnce(id)).getTTL(), 60);
    var left = await(leases.timeToLive(id, LeaseOption.builder().withAttachedKeys().build()));
    expect("left", left.getGrantedTTL() + " " + left.getKeys(), "60 [j/l]");
    await(leases.revoke(id));
    expect("gone with it", await(client.getKVClient().get(bytes("j/l"))).getCount(), 0);
  }

  private static void locks(Client client) throws Exception {
    Lease leases = client.getLeaseClient();
    long one = await(leases.grant(30)).getID();
    long two = await(leases.grant(30)).getID();
    ByteSequence held = await(client.getLockClient().lock(bytes("j-lock"), one)).getKey();
    var other = client.getLockClient().lock(bytes("j-lock"), two);
    Thread.sleep(200);
    expect("both have it", other.isDone(), false);
    await(client.getLockClient().unlock(held));
    await(client.getLockClient().unlock(await(other).getKey()));

    Election election = client.getElectionClient();
    BlockingQueue<String> leaders = new LinkedBlockingQueue<>();
    CampaignResponse first = await(election.campaign(bytes("j-chief"), one, bytes("one")));
    election.observe(bytes("j-chief"), new Election.Listener() {
      @Override public void onNext(LeaderResponse response) { leaders.add(String.valueOf(response.getKv().getValue())); }
      @Override public void onError(Throwable error) { }
      @Override public void onCompleted() { }
    });
    expect("observed", await(leaders), "one");
    await(election.proclaim(first.getLeader(), bytes("one again")));
    expect("observed again", await(leaders), "one again");
    expect("leads", await(election.leader(bytes("j-chief"))).getKv().getValue(), "one again");
    var second = election.campaign(bytes("j-chief"), two, bytes("two"));
    await(election.resign(first.getLeader()));
    await(second);
    expect("then", await(leaders), "two");
    await(election.resign(await(second).getLeader()));
    await(leases.revoke(one));
    await(leases.revoke(two));
  }

  private static void cluster(Client client) throws Exception {
    var members = await(client.getClusterClient().listMember()).getMembers();
    expect("members", members.size(), 1);
    var maintenance = client.getMaintenanceClient();
    var status = await(maintenance.statusMember(members.get(0).getClientURIs().get(0).toString()));
    expect("leads", Long.toUnsignedString(status.getLeader()), Long.toUnsignedString(members.get(0).getId()));
    expect("alarms", await(maintenance.listAlarms()).getAlarms().size(), 0);
  }

  /** A watch that goes on where it was while the server is killed and started again. */
  private static void restart(Client client) throws Exception {
    BlockingQueue<String> events = new LinkedBlockingQueue<>();
    var all = WatchOption.builder().isPrefix(true).withPrevKV(true).build();
    try (Watch.Watcher watcher = client.getWatchClient().watch(bytes("restart/"), all, Watch.listener(
        response -> response.getEvents().forEach(event ->
            events.add(event.getEventType() + " " + event.getKeyValue().getKey() + " " + event.getKeyValue().getValue())),
        error -> events.add("error " + error)))) {
      // It is there when the first of these is heard of.
      String seen = null;
      for (int nth = 0; seen == null; nth++) {
        await(client.getKVClient().put(bytes("restart/a"), bytes("" + nth)));
        seen = events.poll(1, TimeUnit.SECONDS);
      }
      System.out.println("ready");
      for (String last = ""; !last.equals("PUT restart/started 1"); last = await(events));
    }
  }
}

package rollcall;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.retry.RetryForever;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceProvider;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** Each part says its name once it went well; the end is `all went well`. The argument is the server. */
public final class Main {
  private static final long WAIT_S = 40;

  public static void main(String[] args) throws Exception {
    plain(args[0]);
    try (CuratorFramework one = start(args[0]); CuratorFramework two = start(args[0])) {
      latch(one, two);
      selector(one, two);
      mutex(one, two);
      caches(one, two);
      ServiceDiscovery<String> discovery = discovery(one, two);
      PersistentNode node = new PersistentNode(one, CreateMode.EPHEMERAL, false, "/persistent", new byte[] {1});
      node.start();
      must(node.waitForInitialCreate(WAIT_S, TimeUnit.SECONDS), "the persistent node");
      long owner = two.checkExists().forPath("/persistent").getEphemeralOwner();
      CountDownLatch lost = new CountDownLatch(1);
      CountDownLatch back = new CountDownLatch(1);
      one.getConnectionStateListenable().addListener((client, state) -> {
        if (!state.isConnected()) lost.countDown();
        else if (lost.getCount() == 0) back.countDown();
      });
      say("ready");
      must(lost.await(WAIT_S, TimeUnit.SECONDS) && back.await(WAIT_S, TimeUnit.SECONDS), "the connection");
      until(() -> two.checkExists().forPath("/persistent").getEphemeralOwner() == owner, "the session");
      two.delete().forPath("/persistent");
      until(() -> two.checkExists().forPath("/persistent") != null, "the node to be made again");
      node.close();
      discovery.close();
    }
    say("all went well");
    System.exit(0);
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private static void must(boolean is, String what) {
    if (!is) throw new IllegalStateException("not so: " + what);
  }

  private static void until(Callable<Boolean> condition, String what) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_S);
    while (!condition.call()) {
      must(System.nanoTime() < end, what);
      Thread.sleep(10);
    }
  }

  private static CuratorFramework start(String server) throws Exception {
    CuratorFramework client = CuratorFrameworkFactory.builder().connectString(server).sessionTimeoutMs(20_000)
        .retryPolicy(new RetryForever(100)).build();
    client.start();
    must(client.blockUntilConnected((int) WAIT_S, TimeUnit.SECONDS), "a connection");
    return client;
  }

  /** The client that all others are made of. */
  private static void plain(String server) throws Exception {
    BlockingQueue<WatchedEvent> events = new LinkedBlockingQueue<>();
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper client = new ZooKeeper(server, 10_000, event -> {
      if (event.getState() == Watcher.Event.KeeperState.SyncConnected) connected.countDown();
    });
    must(connected.await(WAIT_S, TimeUnit.SECONDS), "a connection");
    Stat stat = new Stat();
    must(client.create("/java", new byte[] {1}, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat).equals("/java"), "a node");
    must(stat.getVersion() == 0 && stat.getDataLength() == 1 && stat.getCzxid() == stat.getPzxid(), "its Stat");
    client.create("/java/box", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
    client.create("/java/brief", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, stat, 60_000);
    must(client.create("/java/n-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL).equals("/java/n-0000000002"), "a number");
    must(client.getEphemerals().equals(List.of("/java/n-0000000002")), "what is ephemeral");
    must(client.getAllChildrenNumber("/java") == 3, "three below");
    must(client.whoAmI().get(0).getAuthScheme().equals("ip"), "who I am");
    client.addWatch("/java", events::add, AddWatchMode.PERSISTENT_RECURSIVE);
    List<OpResult> results = client.multi(List.of(
        Op.create("/java/m", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
        Op.create("/java/mbox", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
        Op.check("/java", 0),
        Op.setData("/java", new byte[] {2}, 0),
        Op.delete("/java/m", -1)));
    must(((OpResult.SetDataResult) results.get(3)).getStat().getVersion() == 1, "the version in a multi");
    for (String path : List.of("/java/m", "/java/mbox", "/java", "/java/m"))
      must(events.poll(WAIT_S, TimeUnit.SECONDS).getPath().equals(path), "the event of " + path);
    client.removeAllWatches("/java", Watcher.WatcherType.Any, false);
    must(client.multi(List.of(Op.getData("/java"), Op.getChildren("/java"))).size() == 2, "a multi that reads");
    try {
      client.setData("/java", null, 0);
      must(false, "a bad version");
    } catch (KeeperException.BadVersionException expected) {
      say("plain");
    }
    client.close();
  }

  private static void latch(CuratorFramework one, CuratorFramework two) throws Exception {
    LeaderLatch first = new LeaderLatch(one, "/latch", "one");
    LeaderLatch second = new LeaderLatch(two, "/latch", "two");
    first.start();
    first.await();
    second.start();
    until(() -> second.getParticipants().size() == 2, "two that want to lead");
    must(second.getLeader().getId().equals("one") && !second.hasLeadership(), "one leader");
    first.close();
    must(second.await(WAIT_S, TimeUnit.SECONDS), "another leader");
    second.close();
    say("latch");
  }

  private static void selector(CuratorFramework one, CuratorFramework two) throws Exception {
    AtomicInteger at = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    CountDownLatch led = new CountDownLatch(4);
    LeaderSelectorListenerAdapter lead = new LeaderSelectorListenerAdapter() {
      @Override
      public void takeLeadership(CuratorFramework client) throws Exception {
        most.accumulateAndGet(at.incrementAndGet(), Math::max);
        Thread.sleep(20);
        at.decrementAndGet();
        led.countDown();
      }
    };
    List<LeaderSelector> all = new ArrayList<>();
    for (CuratorFramework client : List.of(one, two)) {
      LeaderSelector selector = new LeaderSelector(client, "/selector", lead);
      selector.autoRequeue();
      selector.start();
      all.add(selector);
    }
    must(led.await(WAIT_S, TimeUnit.SECONDS) && most.get() == 1, "leaders, one after the other");
    for (LeaderSelector selector : all) selector.close();
    say("selector");
  }

  private static void mutex(CuratorFramework one, CuratorFramework two) throws Exception {
    InterProcessMutex first = new InterProcessMutex(one, "/mutex");
    InterProcessMutex second = new InterProcessMutex(two, "/mutex");
    first.acquire();
    must(!second.acquire(200, TimeUnit.MILLISECONDS), "the mutex is taken");
    first.release();
    must(second.acquire(WAIT_S, TimeUnit.SECONDS), "the mutex is free");
    second.release();
    InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(one, "/semaphore", 2);
    must(semaphore.acquire(2, WAIT_S, TimeUnit.SECONDS).size() == 2, "two leases");
    must(new InterProcessSemaphoreV2(two, "/semaphore", 2).acquire(200, TimeUnit.MILLISECONDS) == null, "no third one");
    say("mutex");
  }

  private static void caches(CuratorFramework one, CuratorFramework two) throws Exception {
    two.create().forPath("/cached", new byte[0]);
    CuratorCache cache = CuratorCache.build(one, "/cached");
    CountDownLatch loaded = new CountDownLatch(1);
    AtomicInteger created = new AtomicInteger();
    cache.listenable().addListener(CuratorCacheListener.builder().forInitialized(loaded::countDown)
        .forCreates(node -> created.incrementAndGet()).build());
    cache.start();
    must(loaded.await(WAIT_S, TimeUnit.SECONDS), "the cache");
    TreeCache tree = new TreeCache(one, "/cached");
    tree.start();
    PathChildrenCache children = new PathChildrenCache(one, "/cached", true);
    children.start();
    for (int nth = 0; nth < 20; nth++) two.create().creatingParentsIfNeeded().forPath("/cached/a" + nth + "/b", new byte[] {1});
    until(() -> cache.size() == 41 && created.get() >= 41, "all in the cache");
    until(() -> tree.getCurrentChildren("/cached") != null && tree.getCurrentChildren("/cached").size() == 20, "the tree");
    until(() -> children.getCurrentData().size() == 20, "the children");
    two.setData().forPath("/cached/a7/b", new byte[] {7});
    two.delete().deletingChildrenIfNeeded().forPath("/cached/a8");
    until(() -> cache.get("/cached/a7/b").get().getData()[0] == 7 && cache.get("/cached/a8").isEmpty(), "what changed");
    until(() -> children.getCurrentData().size() == 19, "one child less");
    children.close();
    tree.close();
    cache.close();
    say("caches");
  }

  /** The registration stays until the end. */
  private static ServiceDiscovery<String> discovery(CuratorFramework one, CuratorFramework two) throws Exception {
    ServiceInstance<String> here = ServiceInstance.<String>builder().name("shop").id("shop-1").address("10.0.0.5")
        .port(8080).payload("blue").build();
    ServiceDiscovery<String> mine = ServiceDiscoveryBuilder.builder(String.class).client(one).basePath("/services")
        .thisInstance(here).build();
    ServiceDiscovery<String> theirs = ServiceDiscoveryBuilder.builder(String.class).client(two).basePath("/services").build();
    mine.start();
    theirs.start();
    ServiceCache<String> cache = theirs.serviceCacheBuilder().name("shop").build();
    cache.start();
    until(() -> cache.getInstances().size() >= 1, "the cache of services");
    ServiceProvider<String> provider = theirs.serviceProviderBuilder().serviceName("shop").build();
    provider.start();
    until(() -> provider.getInstance() != null, "an instance");
    must(provider.getInstance().getPort() == 8080 || provider.getAllInstances().size() > 1, "its port");
    for (ServiceInstance<String> instance : theirs.queryForInstances("shop"))
      say("instance " + instance.getId() + " " + instance.getAddress() + " " + instance.getPort());
    say("names " + theirs.queryForNames());
    provider.close();
    cache.close();
    say("discovery");
    return mine;
  }
}

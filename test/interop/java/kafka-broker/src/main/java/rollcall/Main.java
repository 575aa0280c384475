package rollcall;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Uses a cluster before and after it loses its controller: says who that is by `controller=<id>`, and after each part its
 * name. The arguments are the brokers' addresses, and a file that is there once it is to go on after that.
 */
public final class Main {
  private static final int MESSAGES = 200;
  private static final Duration STEP = Duration.ofMillis(200);
  private static final long WAIT_MS = 60_000;

  public static void main(String[] args) throws Exception {
    Map<String, Object> common =
        Map.of("bootstrap.servers", args[0], "reconnect.backoff.max.ms", 500, "metadata.max.age.ms", 1000);
    try (Admin admin = Admin.create(common);
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(
                with(common, Map.of("acks", "all")), new StringSerializer(), new StringSerializer());
        KafkaConsumer<String, String> consumer =
            new KafkaConsumer<>(
                with(common, Map.of("group.id", "readers", "auto.offset.reset", "earliest")),
                new StringDeserializer(),
                new StringDeserializer())) {
      create(admin, "orders");
      say("created");
      consumer.subscribe(List.of("orders"));
      Set<String> seen = new HashSet<>();
      send(producer, "before");
      read(consumer, seen, MESSAGES);
      int controller = controllerOf(admin);
      say("controller=" + controller);
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WAIT_MS);
      int next;
      while ((next = controllerOf(admin)) == controller || next < 0) {
        if (System.nanoTime() > end) throw new IllegalStateException("no other controller");
        Thread.sleep(100);
      }
      say("elected=" + next);
      send(producer, "after");
      read(consumer, seen, 2 * MESSAGES);
      say("went on");
      // Meanwhile the registry is killed, and is back.
      while (!Files.exists(Path.of(args[1]))) Thread.sleep(50);
      create(admin, "more");
      say("all went well");
    }
    System.exit(0);
  }

  private static Map<String, Object> with(Map<String, Object> common, Map<String, Object> more) {
    Map<String, Object> all = new HashMap<>(common);
    all.putAll(more);
    return all;
  }

  private static void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  /** With as many copies as there are brokers. */
  private static void create(Admin admin, String topic) throws Exception {
    short copies = (short) admin.describeCluster().nodes().get().size();
    admin.createTopics(List.of(new NewTopic(topic, 4, copies))).all().get(WAIT_MS, TimeUnit.MILLISECONDS);
  }

  /** -1 while nobody is. */
  private static int controllerOf(Admin admin) throws InterruptedException {
    try {
      var controller = admin.describeCluster().controller().get();
      return controller == null ? -1 : controller.id();
    } catch (ExecutionException error) {
      return -1;
    }
  }

  private static void send(KafkaProducer<String, String> producer, String word) throws Exception {
    List<Future<?>> sent = new ArrayList<>();
    for (int nth = 0; nth < MESSAGES; nth++)
      sent.add(producer.send(new ProducerRecord<>("orders", String.valueOf(nth), word + " " + nth)));
    for (var one : sent) one.get(WAIT_MS, TimeUnit.MILLISECONDS);
    say("sent " + word);
  }

  private static void read(KafkaConsumer<String, String> consumer, Set<String> seen, int count) {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WAIT_MS);
    while (seen.size() < count) {
      if (System.nanoTime() > end) throw new IllegalStateException("only " + seen.size() + " messages came");
      for (var record : consumer.poll(STEP)) seen.add(record.value());
    }
    say("read " + count);
  }
}

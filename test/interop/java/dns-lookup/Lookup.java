import java.net.InetAddress;
import java.util.Hashtable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.naming.Context;
import javax.naming.directory.DirContext;
import javax.naming.directory.InitialDirContext;

/**
 * What Java finds by DNS. Arguments are `<how>:<name>`: `all`, `name` and `list` by InetAddress and JNDI, else a type of
 * records by JNDI. One line each: what was asked, and what was found, sorted, with commas between, or the exception.
 */
public class Lookup {
  public static void main(String[] questions) throws Exception {
    Hashtable<String, String> environment = new Hashtable<>();
    environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.dns.DnsContextFactory");
    // The servers of /etc/resolv.conf.
    environment.put(Context.PROVIDER_URL, "dns:");
    DirContext context = new InitialDirContext(environment);
    for (String question : questions) {
      String[] words = question.split(":", 2);
      String found;
      try {
        found = find(context, words[0], words[1]).sorted().collect(Collectors.joining(","));
      } catch (Exception error) {
        found = error.getClass().getSimpleName();
      }
      System.out.println(question + " = " + found);
    }
  }

  private static Stream<String> find(DirContext context, String how, String name) throws Exception {
    switch (how) {
      case "all":
        return Stream.of(InetAddress.getAllByName(name)).map(InetAddress::getHostAddress);
      case "name":
        return Stream.of(InetAddress.getByName(name).getCanonicalHostName());
      case "list":
        return java.util.Collections.list(context.list(name)).stream().map(pair -> pair.getName());
      default:
        var attribute = context.getAttributes(name, new String[] {how}).get(how);
        if (attribute == null) return Stream.of();
        return java.util.Collections.list(attribute.getAll()).stream().map(String::valueOf);
    }
  }
}

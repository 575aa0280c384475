package rollcall;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Lets a test tell this program what to do, by HTTP on a port of 127.0.0.1. Answers are JSON; a failure is its stack. */
final class Commands {
  /** What a path does with the request's query. */
  interface Command {
    Object run(Map<String, String> query) throws Exception;
  }

  private final ObjectMapper mapper = new ObjectMapper();
  private final HttpServer server;

  Commands() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  void on(String path, Command command) {
    server.createContext(path, exchange -> answer(exchange, command));
  }

  /** Begins to listen, and says where on a line of its own. */
  void open() {
    server.start();
    System.out.println("ready port=" + server.getAddress().getPort());
  }

  private void answer(HttpExchange exchange, Command command) throws IOException {
    int status = 200;
    byte[] body;
    try {
      body = mapper.writeValueAsBytes(command.run(parse(exchange.getRequestURI().getRawQuery())));
    } catch (Throwable failure) {
      StringWriter stack = new StringWriter();
      failure.printStackTrace(new PrintWriter(stack));
      status = 500;
      body = stack.toString().getBytes(StandardCharsets.UTF_8);
    }
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private static Map<String, String> parse(String query) {
    Map<String, String> values = new LinkedHashMap<>();
    if (query == null || query.isEmpty()) return values;
    for (String pair : query.split("&")) {
      int at = pair.indexOf('=');
      values.put(decode(pair.substring(0, at)), decode(pair.substring(at + 1)));
    }
    return values;
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}

/*
 * What musl's resolver finds. `find NAME…`: the canonical name and the addresses of each, or the error. `services
 * NAME…`: how many SRV records came. `name ADDRESS…`: the host. One line each.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

static void find(const char *name) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME}, *first, *each;
  int error = getaddrinfo(name, NULL, &hints, &first);
  if (error) {
    puts(gai_strerror(error));
    return;
  }
  fputs(first->ai_canonname, stdout);
  for (each = first; each; each = each->ai_next) {
    char text[INET6_ADDRSTRLEN];
    getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    printf(" %s", text);
  }
  puts("");
}

static void count_services(const char *name) {
  static unsigned char answer[NS_MAXMSG];
  ns_msg message;
  int length = res_query(name, ns_c_in, ns_t_srv, answer, sizeof answer);
  if (length < 0)
    printf("h_errno %d\n", h_errno);
  else
    printf("%d\n", ns_initparse(answer, length, &message) ? -1 : ns_msg_count(message, ns_s_an));
}

static void find_name(const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  char host[256];
  inet_pton(AF_INET, text, &address.sin_addr);
  int error = getnameinfo((void *)&address, sizeof address, host, sizeof host, NULL, 0, NI_NAMEREQD);
  puts(error ? gai_strerror(error) : host);
}

int main(int count, char **words) {
  for (int i = 2; i < count; i++) {
    if (!strcmp(words[1], "find")) find(words[i]);
    if (!strcmp(words[1], "services")) count_services(words[i]);
    if (!strcmp(words[1], "name")) find_name(words[i]);
  }
}

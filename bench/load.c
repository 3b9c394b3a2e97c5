/* Load of submission over SMTP: sessions side by side, each sending one message after the other.
 *
 *   load PORT SESSIONS MESSAGES PER_CONNECTION USERNAME:PASSWORD|- CONTENTS SECONDS
 *
 * MESSAGES are shared by all sessions; a connection carries at most PER_CONNECTION of them and is then made anew. With a
 * login every connection is put under TLS by STARTTLS and logs in by AUTH PLAIN; with "-" it does neither. CONTENTS is a file
 * of contents as they go over the wire, each with its final dot; they are taken in turn. Every command waits for its reply.
 *
 * One JSON object says how many were accepted, in what time, and what a message took to its 250: from MAIL on, the
 * first of a connection from connecting on.
 *
 * The server is always on 127.0.0.1. Bounded: the run ends after SECONDS whatever happens, and with the first error.
 * Build: cc -O2 -o load load.c -lssl -lcrypto -lpthread
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct session {
    SSL *tls; /* NULL without TLS */
    int socket, used, filled;
    char input[16384];
};

struct content {
    const char *data;
    size_t length;
};

static int port, sessions, messages, per_connection;
static char login[1024]; /* empty: neither TLS nor AUTH */
static struct content *contents;
static int count_of_contents;
static atomic_int taken, accepted, failed;
static double *latencies;
static char complaint[400];
static double end;
static SSL_CTX *context;
static pthread_barrier_t start;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* The first error is the one that is told of; it ends the run. */
static int fail(const char *what, const char *said)
{
    if (!atomic_exchange(&failed, 1))
        snprintf(complaint, sizeof complaint, "%.*s: %.300s", (int)strcspn(what, " \r"), what, said);
    return -1;
}

static int put(struct session *s, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = s->tls ? SSL_write(s->tls, data, (int)length) : send(s->socket, data, length, 0);
        if (sent <= 0)
            return fail("write", "connection lost");
        data += sent;
        length -= (size_t)sent;
    }
    return 0;
}

static int get(struct session *s)
{
    if (s->used == s->filled) {
        s->used = 0;
        s->filled = s->tls ? SSL_read(s->tls, s->input, sizeof s->input)
                           : (int)recv(s->socket, s->input, sizeof s->input, 0);
        if (s->filled <= 0) {
            s->filled = 0;
            return -1;
        }
    }
    return (unsigned char)s->input[s->used++];
}

/* Reads one reply, all its lines; its first digit must be the wanted one. */
static int expect(struct session *s, char wanted, const char *to)
{
    char line[600];
    do {
        size_t length = 0;
        int octet;
        while ((octet = get(s)) != '\n') {
            if (octet < 0)
                return fail(to, "connection lost or no reply");
            if (length < sizeof line - 1)
                line[length++] = octet == '\r' || octet == '"' || octet == '\\' ? ' ' : (char)octet;
        }
        line[length] = 0;
    } while (line[0] && line[3] == '-');
    return line[0] == wanted ? 0 : fail(to, line);
}

static int ask(struct session *s, const char *command, char wanted)
{
    return put(s, command, strlen(command)) || expect(s, wanted, command);
}

static int start_tls(struct session *s)
{
    if (ask(s, "STARTTLS\r\n", '2'))
        return -1;
    SSL *tls = SSL_new(context);
    SSL_set_fd(tls, s->socket);
    if (SSL_connect(tls) != 1) {
        SSL_free(tls);
        return fail("STARTTLS", "no handshake");
    }
    s->tls = tls;
    return ask(s, "EHLO load.example\r\n", '2') || ask(s, login, '2');
}

static int open_connection(struct session *s)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct timeval patience = {30, 0};
    int yes = 1;

    memset(s, 0, sizeof *s);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->socket = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(s->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(s->socket, (struct sockaddr *)&server, sizeof server) < 0)
        return fail("connect", "refused");
    if (expect(s, '2', "greeting") || ask(s, "EHLO load.example\r\n", '2'))
        return -1;
    return login[0] ? start_tls(s) : 0;
}

/* QUIT is said, its reply not waited for: what a server does to say goodbye is no part of what is measured. */
static void close_connection(struct session *s)
{
    if (!atomic_load(&failed))
        put(s, "QUIT\r\n", 6);
    if (s->tls)
        SSL_free(s->tls);
    close(s->socket);
}

static int send_message(struct session *s, const struct content *content)
{
    return ask(s, "MAIL FROM:<sender@src.example>\r\n", '2') || ask(s, "RCPT TO:<rcpt@dest.example>\r\n", '2') ||
           ask(s, "DATA\r\n", '3') || put(s, content->data, content->length) || expect(s, '2', "content");
}

/* The messages of one connection, the first of which is `mine`; gives the one that is next. */
static int send_connection(struct session *s, int mine)
{
    double begun = now();

    if (open_connection(s) == 0)
        for (int sent = 0; sent < per_connection && mine < messages; sent++) {
            if (send_message(s, &contents[mine % count_of_contents]))
                break;
            double done = now();
            latencies[atomic_fetch_add(&accepted, 1)] = done - begun;
            begun = done;
            mine = atomic_fetch_add(&taken, 1);
        }
    close_connection(s);
    return mine;
}

static void *run(void *unused)
{
    struct session *s = malloc(sizeof *s);

    pthread_barrier_wait(&start);
    for (int mine = atomic_fetch_add(&taken, 1); mine < messages && !atomic_load(&failed);) {
        mine = send_connection(s, mine);
        if (now() > end)
            fail("run", "took too long");
    }
    free(s);
    return unused;
}

/* Splits the file behind each final dot. */
static int read_contents(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *data = malloc(size + 1);
    if (fread(data, 1, size, file) != size)
        return -1;
    fclose(file);
    for (char *at = data, *last = data + size; at < last;) {
        char *dot = memmem(at, (size_t)(last - at), "\r\n.\r\n", 5);
        if (!dot)
            return -1;
        contents = realloc(contents, (size_t)(count_of_contents + 1) * sizeof *contents);
        contents[count_of_contents++] = (struct content){at, (size_t)(dot + 5 - at)};
        at = dot + 5;
    }
    return count_of_contents ? 0 : -1;
}

static int make_login(const char *pair)
{
    unsigned char plain[500];
    unsigned char encoded[700];
    const char *colon = strchr(pair, ':');
    size_t length = strlen(pair);

    if (strcmp(pair, "-") == 0)
        return 0;
    if (!colon || length > sizeof plain - 2)
        return -1;
    plain[0] = 0;
    memcpy(plain + 1, pair, length);
    plain[1 + (colon - pair)] = 0;
    EVP_EncodeBlock(encoded, plain, (int)length + 1);
    snprintf(login, sizeof login, "AUTH PLAIN %s\r\n", encoded);
    return 0;
}

static int by_size(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void report(double took)
{
    int count = atomic_load(&accepted);

    qsort(latencies, (size_t)count, sizeof *latencies, by_size);
    printf("{\"accepted\": %d, \"seconds\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"error\": \"%s\"}\n", count, took,
           count ? latencies[count / 2] * 1e3 : 0, count ? latencies[(int)(count * 0.99)] * 1e3 : 0, complaint);
}

int main(int argc, char **argv)
{
    if (argc != 8 || make_login(argv[5]) || read_contents(argv[6])) {
        fprintf(stderr, "usage: load PORT SESSIONS MESSAGES PER_CONNECTION USERNAME:PASSWORD|- CONTENTS SECONDS\n");
        return 2;
    }
    port = atoi(argv[1]);
    sessions = atoi(argv[2]);
    messages = atoi(argv[3]);
    per_connection = atoi(argv[4]);
    signal(SIGPIPE, SIG_IGN);
    latencies = calloc((size_t)messages + 1, sizeof *latencies);
    context = SSL_CTX_new(TLS_client_method());
    pthread_barrier_init(&start, NULL, (unsigned)sessions + 1);
    pthread_t *threads = calloc((size_t)sessions, sizeof *threads);
    for (int i = 0; i < sessions; i++)
        pthread_create(&threads[i], NULL, run, NULL);
    double begun = now();
    end = begun + atof(argv[7]);
    pthread_barrier_wait(&start);
    for (int i = 0; i < sessions; i++)
        pthread_join(threads[i], NULL);
    report(now() - begun);
    return atomic_load(&failed) || atomic_load(&accepted) < messages;
}

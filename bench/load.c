/* Load of submission: sessions under TLS and with a login that stay open, as in a mailing program's pool.
 *
 *   load PORT SESSIONS MESSAGES OCTETS lock-step|pipelined USERNAME:PASSWORD SECONDS
 *
 * Each session logs in over STARTTLS. Then "ready" is printed and a line on standard input awaited, so that whoever
 * measures sees nothing of the handshakes. Then MESSAGES are sent, shared by all sessions, and one JSON object says
 * how many were accepted and in what time. Sessions end when standard input does.
 *
 * lock-step: every command waits for its reply. pipelined (RFC 2920): each content goes out with the MAIL, RCPT and
 * DATA of the next message behind it, so that a message costs one round trip.
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

#define ENVELOPE "MAIL FROM:<sender@src.example>\r\nRCPT TO:<rcpt@dest.example>\r\nDATA\r\n"
#define HEADER "From: <sender@src.example>\r\nTo: <rcpt@dest.example>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n" \
               "Message-ID: <load@load.example>\r\nSubject: load\r\n\r\n"

struct session {
    SSL *tls; /* NULL before STARTTLS */
    int socket, used, filled;
    char input[16384];
};

static int port, sessions, messages, octets, pipelined;
static double seconds;
static char login[1024];
static char *content; /* with its final dot */
static size_t content_length;
static atomic_int taken, accepted, failed;
static double *latencies;
static char complaint[400];
static double end;
static SSL_CTX *context;
static pthread_barrier_t logged_in, measured, quitting;

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
        int n = s->tls ? SSL_write(s->tls, data, (int)length) : (int)send(s->socket, data, length, MSG_NOSIGNAL);
        if (n <= 0)
            return fail("cannot send", "connection lost");
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static int next_octet(struct session *s)
{
    if (s->used == s->filled) {
        s->used = 0;
        s->filled = s->tls ? SSL_read(s->tls, s->input, sizeof s->input)
                           : (int)recv(s->socket, s->input, sizeof s->input, 0);
        if (s->filled <= 0)
            return s->filled = -1;
    }
    return (unsigned char)s->input[s->used++];
}

/* Read one reply, all its lines; 0 if its code begins with `wanted`. */
static int expect(struct session *s, char wanted, const char *to)
{
    char line[1024];
    do {
        size_t length = 0;
        int octet;
        while ((octet = next_octet(s)) != '\n') {
            if (octet < 0)
                return fail(to, "no reply");
            if (length < sizeof line - 1 && octet >= ' ' && octet != '"' && octet != '\\')
                line[length++] = (char)octet;
        }
        line[length] = 0;
    } while (line[0] && line[3] == '-');
    return line[0] == wanted ? 0 : fail(to, line);
}

static int ask(struct session *s, const char *command, char wanted)
{
    return put(s, command, strlen(command)) || expect(s, wanted, command);
}

static int open_session(struct session *s)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct timeval patience = {30, 0};
    int yes = 1;

    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->socket = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(s->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(s->socket, (struct sockaddr *)&server, sizeof server) < 0)
        return fail("connect", "refused");
    if (expect(s, '2', "greeting") || ask(s, "EHLO load.example\r\n", '2') || ask(s, "STARTTLS\r\n", '2'))
        return -1;
    SSL *tls = SSL_new(context);
    SSL_set_fd(tls, s->socket);
    if (SSL_connect(tls) != 1)
        return fail("STARTTLS", "no handshake");
    s->tls = tls;
    return ask(s, "EHLO load.example\r\n", '2') || ask(s, login, '2');
}

static int lock_step(struct session *s)
{
    return ask(s, "MAIL FROM:<sender@src.example>\r\n", '2') || ask(s, "RCPT TO:<rcpt@dest.example>\r\n", '2') ||
           ask(s, "DATA\r\n", '3') || put(s, content, content_length) || expect(s, '2', "content");
}

static int expect_go_ahead(struct session *s)
{
    return expect(s, '2', "MAIL") || expect(s, '2', "RCPT") || expect(s, '3', "DATA");
}

/* One content; behind it, while there are more, the next envelope. */
static int with_next(struct session *s, char *group, int more)
{
    size_t length = content_length + (more ? sizeof ENVELOPE - 1 : 0);
    return put(s, group, length) || expect(s, '2', "content") || (more && expect_go_ahead(s));
}

static int is_over(void) { return atomic_load(&failed) || now() > end; }

static void send_messages(struct session *s)
{
    char *group = malloc(content_length + sizeof ENVELOPE);
    int mine = atomic_fetch_add(&taken, 1);

    memcpy(group, content, content_length);
    memcpy(group + content_length, ENVELOPE, sizeof ENVELOPE);
    if (pipelined && mine < messages && (put(s, ENVELOPE, sizeof ENVELOPE - 1) || expect_go_ahead(s)))
        mine = messages;
    while (mine < messages && !is_over()) {
        double begun = now();
        int next = atomic_fetch_add(&taken, 1);
        if (pipelined ? with_next(s, group, next < messages) : lock_step(s))
            break;
        latencies[atomic_fetch_add(&accepted, 1)] = now() - begun;
        mine = next;
    }
    free(group);
}

static void *run(void *unused)
{
    struct session s = {0};
    int ready = open_session(&s) == 0;

    pthread_barrier_wait(&logged_in);
    pthread_barrier_wait(&logged_in);
    if (ready && !atomic_load(&failed))
        send_messages(&s);
    pthread_barrier_wait(&measured);
    pthread_barrier_wait(&quitting);
    if (s.tls) {
        put(&s, "QUIT\r\n", 6);
        SSL_free(s.tls);
    }
    close(s.socket);
    return unused;
}

/* A header and lines of 78 octets; no line begins with a dot. */
static void make_content(void)
{
    content = malloc((size_t)octets + sizeof HEADER + 100);
    content_length = sizeof HEADER - 1;
    memcpy(content, HEADER, content_length);
    while (content_length < (size_t)octets) {
        size_t left = (size_t)octets - content_length;
        size_t line = left < 80 ? left : 78;
        line = line < 3 ? 3 : line;
        memset(content + content_length, 'x', line - 2);
        memcpy(content + content_length + line - 2, "\r\n", 2);
        content_length += line;
    }
    memcpy(content + content_length, ".\r\n", 3);
    content_length += 3;
}

static int make_login(const char *pair)
{
    unsigned char plain[500];
    unsigned char encoded[700];
    const char *colon = strchr(pair, ':');
    size_t length = strlen(pair);

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
    printf("{\"accepted\": %d, \"seconds\": %.6f, \"median_ms\": %.3f, \"p99_ms\": %.3f, \"error\": \"%s\"}\n", count, took,
           count ? latencies[count / 2] * 1e3 : 0, count ? latencies[(int)(count * 0.99)] * 1e3 : 0, complaint);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[16];

    if (argc != 8 || make_login(argv[6])) {
        fprintf(stderr, "usage: load PORT SESSIONS MESSAGES OCTETS lock-step|pipelined USERNAME:PASSWORD SECONDS\n");
        return 2;
    }
    port = atoi(argv[1]);
    sessions = atoi(argv[2]);
    messages = atoi(argv[3]);
    octets = atoi(argv[4]);
    pipelined = strcmp(argv[5], "pipelined") == 0;
    seconds = atof(argv[7]);
    signal(SIGPIPE, SIG_IGN);
    make_content();
    latencies = calloc((size_t)messages + 1, sizeof *latencies);
    context = SSL_CTX_new(TLS_client_method());
    pthread_barrier_init(&logged_in, NULL, (unsigned)sessions + 1);
    pthread_barrier_init(&measured, NULL, (unsigned)sessions + 1);
    pthread_barrier_init(&quitting, NULL, (unsigned)sessions + 1);

    pthread_t *threads = calloc((size_t)sessions, sizeof *threads);
    for (int i = 0; i < sessions; i++)
        pthread_create(&threads[i], NULL, run, NULL);
    pthread_barrier_wait(&logged_in);
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 1;
    double begun = now();
    end = begun + seconds;
    pthread_barrier_wait(&logged_in);
    pthread_barrier_wait(&measured);
    report(now() - begun);
    while (fgets(line, sizeof line, stdin))
        ;
    pthread_barrier_wait(&quitting);
    for (int i = 0; i < sessions; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&failed) || atomic_load(&accepted) < messages;
}

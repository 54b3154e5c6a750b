/* The limit: every file of a tree opened relative to its folder, read and hashed, by threads that share a
 * queue of folders. Prints the XOR of the digests, the files and the bytes.
 *
 *     limit THREADS FOLDER         open, fstat, read, SHA-256
 *     limit -s THREADS FOLDER      fstatat alone
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (512 * 1024)
#define LARGE (1024 * 1024)

struct task {
    struct task *next;
    int is_file; /* a large one: hashed by whoever is free */
    char path[];
};

static struct task *queue;
static int busy, is_stat_only, threads;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned char sum[32];
static unsigned long long files, bytes;

struct worker {
    unsigned char sum[32], *buffer;
    unsigned long long files, bytes;
    EVP_MD_CTX *context;
    EVP_MD *sha256;
};

static void fail(const char *what, const char *path) {
    fprintf(stderr, "limit: %s: ", what);
    perror(path);
    exit(1);
}

static void push(const char *folder, const char *name, int is_file) {
    struct task *task = malloc(sizeof *task + strlen(folder) + strlen(name) + 2);
    task->is_file = is_file;
    sprintf(task->path, "%s/%s", folder, name);
    pthread_mutex_lock(&lock);
    task->next = queue;
    queue = task;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void hash(struct worker *worker, int folder, const char *name) {
    struct stat status;
    unsigned char digest[32];
    ssize_t got;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) < 0) fail("open", name);
    EVP_DigestInit_ex2(worker->context, worker->sha256, NULL);
    unsigned long long size = 0;
    while ((got = read(file, worker->buffer, BUFFER)) > 0) {
        EVP_DigestUpdate(worker->context, worker->buffer, got);
        size += got;
        if (size >= (unsigned long long)status.st_size && got < BUFFER) break;
    }
    EVP_DigestFinal_ex(worker->context, digest, NULL);
    close(file);
    for (int i = 0; i < 32; i++) worker->sum[i] ^= digest[i];
    worker->files++;
    worker->bytes += size;
}

static void scan(struct worker *worker, const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) fail("open", path);
    DIR *entries = fdopendir(folder);
    struct dirent *entry;
    struct stat status;
    while ((entry = readdir(entries))) {
        const char *name = entry->d_name;
        if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]))) continue;
        if (entry->d_type == DT_DIR) {
            push(path, name, 0);
        } else if (is_stat_only) {
            fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW);
            worker->files++;
            worker->bytes += status.st_size;
        } else if (entry->d_type == DT_REG) {
            /* Only where there are few files is one so large that it is worth a task. */
            if (threads > 1 && worker->files < 64 && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                status.st_size >= LARGE)
                push(path, name, 1);
            else
                hash(worker, folder, name);
        }
    }
    closedir(entries);
}

static void *work(void *unused) {
    struct worker worker = {.buffer = malloc(BUFFER), .context = EVP_MD_CTX_new()};
    worker.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!queue && busy) pthread_cond_wait(&changed, &lock);
        if (!queue) break;
        struct task *task = queue;
        queue = task->next;
        busy++;
        pthread_mutex_unlock(&lock);
        if (task->is_file) hash(&worker, AT_FDCWD, task->path);
        else scan(&worker, task->path);
        free(task);
        pthread_mutex_lock(&lock);
        busy--;
        if (!busy) pthread_cond_broadcast(&changed);
    }
    for (int i = 0; i < 32; i++) sum[i] ^= worker.sum[i];
    files += worker.files;
    bytes += worker.bytes;
    pthread_mutex_unlock(&lock);
    return unused;
}

int main(int count, char **arguments) {
    if (count == 4 && !strcmp(arguments[1], "-s")) {
        is_stat_only = 1;
        arguments++;
        count--;
    }
    if (count != 3) return 2;
    threads = atoi(arguments[1]);
    pthread_t running[64];
    if (threads < 1 || threads > 64) return 2;
    push(arguments[2], ".", 0);
    for (int i = 0; i < threads; i++) pthread_create(&running[i], NULL, work, NULL);
    for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
    for (int i = 0; i < 32; i++) printf("%02x", sum[i]);
    printf(" %llu files %llu bytes\n", files, bytes);
    return 0;
}

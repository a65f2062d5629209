/* A QEMU plugin that counts executed guest instructions, firmware included and idle time excluded.
 *
 * When the guest executes the mark `nopl 0x5a5aNNNN(%rax)` (bytes 0f 1f 80 NN NN 5a 5a, see guest/bench/mark.h) it prints `MARK NNNN COUNT` on
 * standard error, and `TOTAL COUNT` at the end. With `socket=PATH` it listens there too, and tells everyone who connects the count so far.
 *
 * Build: gcc -O2 -shared -fPIC -o mark.so mark.c        Use: qemu-system-x86_64 -accel tcg … -plugin ./mark.so[,socket=PATH]
 *
 * The declarations below are those of version 1 of QEMU's plugin interface, which its shared object resolves at load time: the package that
 * carries the header is not needed. */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGISTERS = 0, ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *, uint64_t);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *), int, void *);

EXPORT int qemu_plugin_version = 1;

static uint64_t count;

static void on_mark(unsigned cpu, void *number) {
    (void)cpu;
    fprintf(stderr, "MARK %" PRIuPTR " %" PRIu64 "\n", (uintptr_t)number, count);
    fflush(stderr);
}

static bool is_mark(struct qemu_plugin_insn *instruction) {
    const unsigned char *byte = qemu_plugin_insn_data(instruction);
    return qemu_plugin_insn_size(instruction) == 7 && byte[0] == 0x0f && byte[1] == 0x1f && byte[2] == 0x80 && byte[5] == 0x5a && byte[6] == 0x5a;
}

/* Called once for each block of guest code when it is translated: adds the counting to every instruction in it. */
static void on_translation(plugin_id id, struct qemu_plugin_tb *block) {
    (void)id;
    size_t length = qemu_plugin_tb_n_insns(block);
    for (size_t at = 0; at < length; at++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, at);
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &count, 1);
        if (is_mark(instruction)) {
            const unsigned char *byte = qemu_plugin_insn_data(instruction);
            uintptr_t number = (uintptr_t)byte[3] | (uintptr_t)byte[4] << 8;
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, NO_REGISTERS, (void *)number);
        }
    }
}

static void on_exit(plugin_id id, void *nothing) {
    (void)id;
    (void)nothing;
    fprintf(stderr, "TOTAL %" PRIu64 "\n", count);
}

/* Tells the count to one after the other. */
static void *tell(void *listener) {
    for (;;) {
        int one = accept((int)(intptr_t)listener, 0, 0);
        if (one < 0) continue;
        dprintf(one, "%" PRIu64 "\n", *(volatile uint64_t *)&count);
        close(one);
    }
    return 0;
}

static bool listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return false;
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t teller;
    return listener >= 0 && !bind(listener, (struct sockaddr *)&address, sizeof address) && !listen(listener, 4) &&
           !pthread_create(&teller, 0, tell, (void *)(intptr_t)listener);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int at = 0; at < argc; at++) {
        if (strncmp(argv[at], "socket=", 7) || !listen_at(argv[at] + 7)) {
            fprintf(stderr, "mark: no use for %s\n", argv[at]);
            return 1;
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit, 0);
    return 0;
}

/* What a program has to do when it is a Linux kernel's first process, with nothing but itself in the root file system: give itself the device
 * files, and switch the machine off at the end. The benchmark asks for it with CHITON_BENCH_INIT in the environment; without it, as on Chiton
 * or in a shell, both functions do nothing. */
#ifndef CHITON_INIT_H
#define CHITON_INIT_H

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((unused)) static void init_begin(void) {
    if (!getenv("CHITON_BENCH_INIT")) return;
    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
    mkdir("/dev/pts", 0755);
    mount("devpts", "/dev/pts", "devpts", 0, 0);
    /* Background threads of the Linux kernel are busy for about a second after boot and would be counted. */
    if (getenv("CHITON_BENCH_SETTLE")) sleep(5);
}

__attribute__((unused)) static void init_end(void) {
    if (!getenv("CHITON_BENCH_INIT")) return;
    reboot(RB_AUTOBOOT);
}

#endif

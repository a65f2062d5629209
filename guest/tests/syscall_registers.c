// A system call keeps every register but rax, rcx and r11, and the flags.
#include "../include/t.h"

int main(void) {
  unsigned long out[16];
  __asm__ volatile(
    "push %%rbp\n push %%rbx\n"
    "mov %0, %%rsi\n push %%rsi\n"
    "mov $0x1111, %%rbx\n mov $0x2222, %%rdx\n mov $0x3333, %%r8\n mov $0x4444, %%r9\n mov $0x5555, %%r10\n mov $0x6666, %%r12\n"
    "mov $0x7777, %%r13\n mov $0x8888, %%r14\n mov $0x9999, %%r15\n mov $0xaaaa, %%rbp\n mov $0xbbbb, %%rdi\n mov $0xcccc, %%rsi\n"
    "mov $39, %%eax\n stc\n syscall\n"
    "setc %%al\n movzbl %%al, %%eax\n"
    "mov (%%rsp), %%rcx\n"
    "mov %%rbx, (%%rcx)\n mov %%rdx, 8(%%rcx)\n mov %%r8, 16(%%rcx)\n mov %%r9, 24(%%rcx)\n mov %%r10, 32(%%rcx)\n mov %%r12, 40(%%rcx)\n"
    "mov %%r13, 48(%%rcx)\n mov %%r14, 56(%%rcx)\n mov %%r15, 64(%%rcx)\n mov %%rbp, 72(%%rcx)\n mov %%rdi, 80(%%rcx)\n mov %%rsi, 88(%%rcx)\n"
    "mov %%rax, 96(%%rcx)\n"
    "pop %%rsi\n pop %%rbx\n pop %%rbp\n"
    : : "r"(out) : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
  for (int i = 0; i < 13; i++) printf("%lx ", out[i]);
  putchar('\n');
  return done();
}

// A boot loader that hands over as Firecracker does: 64-bit mode, the first GiB mapped one to one, rsi at a boot_params. QEMU starts it by its PVH note with what is
// meant for the kernel (command line, initrd), and loads the kernel beside it. ENTRY is the kernel's entry, given when this is compiled.
//
// It lies at 64 MiB, and leaves its tables where Firecracker leaves its own: boot_params at 0x7000, page tables at 0x9000, the command line at 0x20000.
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

struct start_info { u32 magic, version, flags, modules; u64 module_list, command_line, rsdp, memory_map; u32 ranges, reserved; };
struct module { u64 address, size, command_line, reserved; };
struct range { u64 address, size; u32 kind, reserved; };

#define PARAMS 0x7000
#define TABLES 0x9000
#define COMMAND_LINE 0x20000

__asm__(
  ".section .note.pvh, \"a\", @note\n"
  ".align 4\n"
  ".long 4, 4, 18\n"
  ".asciz \"Xen\"\n"
  ".long start\n"
  ".text\n"
  ".globl start\n"
  "start:\n"
  "cld\n"
  "movl $stack_end, %esp\n"
  "pushl %ebx\n"
  "call translate\n"
  // Page tables are on from here: 4 levels, 2 MiB pages, PAE.
  "movl $0x20, %eax\n"
  "movl %eax, %cr4\n"
  "movl $0x9000, %eax\n"
  "movl %eax, %cr3\n"
  "movl $0xc0000080, %ecx\n"
  "movl $0x100, %eax\n"
  "xorl %edx, %edx\n"
  "wrmsr\n"
  "movl $0x80000011, %eax\n"
  "movl %eax, %cr0\n"
  "lgdt pointer\n"
  "ljmp $8, $long_mode\n"
  ".code64\n"
  "long_mode:\n"
  "movl $0x10, %eax\n"
  "movl %eax, %ds\n"
  "movl %eax, %es\n"
  "movl %eax, %ss\n"
  "movq $0x8ff0, %rsp\n"
  "movq %rsp, %rbp\n"
  "movq $0x7000, %rsi\n"
  "movq $" ENTRY ", %rax\n"
  "jmp *%rax\n"
  ".code32\n"
  ".data\n"
  ".align 8\n"
  "table: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff\n"
  "pointer: .word 23\n"
  ".long table\n"
  ".bss\n"
  ".skip 4096\n"
  "stack_end:\n"
  ".text\n");

static void put(u32 at, u64 value, int bytes) {
  for (int i = 0; i < bytes; i++) *(volatile u8 *)(at + i) = (u8)(value >> 8 * i);
}

// Called by the code above.
__attribute__((used)) static void translate(struct start_info *info) {
  // The firmware's list may lie where the parameters go.
  struct module initrd = {0};
  if (info->modules) initrd = *(struct module *)(u32)info->module_list;

  for (u32 at = 0; at < 4096; at++) put(PARAMS + at, 0, 1);
  put(PARAMS + 0x1fe, 0xaa55, 2);
  put(PARAMS + 0x202, 0x53726448, 4);
  put(PARAMS + 0x210, 0xff, 1);
  put(PARAMS + 0x070, info->rsdp, 8);
  put(PARAMS + 0x230, 0x1000000, 4);

  const u8 *line = (const u8 *)(u32)info->command_line;
  u32 length = 0;
  do put(COMMAND_LINE + length, line[length], 1); while (line[length++]);
  put(PARAMS + 0x228, COMMAND_LINE, 4);
  put(PARAMS + 0x238, length, 4);

  put(PARAMS + 0x218, initrd.address, 4);
  put(PARAMS + 0x21c, initrd.size, 4);

  struct range *ranges = (struct range *)(u32)info->memory_map;
  u32 count = info->ranges < 128 ? info->ranges : 128;
  put(PARAMS + 0x1e8, count, 1);
  for (u32 i = 0; i < count; i++) {
    put(PARAMS + 0x2d0 + 20 * i, ranges[i].address, 8);
    put(PARAMS + 0x2d8 + 20 * i, ranges[i].size, 8);
    put(PARAMS + 0x2e0 + 20 * i, ranges[i].kind, 4);
  }

  for (u32 at = 0; at < 2 * 4096; at += 8) put(TABLES + at, 0, 8);
  put(TABLES, (TABLES + 0x1000) | 3, 8);
  put(TABLES + 0x1000, (TABLES + 0x2000) | 3, 8);
  for (u32 i = 0; i < 512; i++) put(TABLES + 0x2000 + 8 * i, (u64)i << 21 | 0x83, 8);
}

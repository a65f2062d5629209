/* Marks that the instruction-counting plugin (bench/mark.c) recognises: a `nopl` with a number that nothing else would use. On any other
 * machine it does nothing. */
#ifndef CHITON_MARK_H
#define CHITON_MARK_H

#define MARK_MAIN __asm__ volatile(".byte 0x0f,0x1f,0x80,1,0,0x5a,0x5a" ::: "memory")
#define MARK_END __asm__ volatile(".byte 0x0f,0x1f,0x80,2,0,0x5a,0x5a" ::: "memory")

#endif

/* What the generated functions of test_c_compiler.py run in: no library, and handlers of UBSan's that end the call at
 * hand. So it works for 32 bits, too, where no 32-bit library is installed. */
static void *undefined[5];
#define HANDLER(name) void __ubsan_handle_##name(void) { __builtin_longjmp(undefined, 1); }
#include "../stepdown/bare.h"

typedef unsigned char u8;
typedef short s16;
typedef unsigned int u32;
typedef long long s64;
typedef unsigned long long u64;

static char out[1 << 20];
static unsigned int used;

static void flush(void)
{
	for (unsigned int at = 0; at < used;)
		at += call_kernel(WRITE, 1, out + at, used - at);
	used = 0;
}

static void tell(u64 value)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		out[used++] = "0123456789abcdef"[value >> shift & 15];
	out[used++] = '\n';
	if (used > sizeof(out) - 64)
		flush();
}

static void tell_undefined(void)
{
	out[used++] = 'u';
	out[used++] = '\n';
}

#define CALL(expression) \
	do { if (__builtin_setjmp(undefined)) tell_undefined(); else tell((u64)(expression)); } while (0)

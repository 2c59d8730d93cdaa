/* A C program without a library: three system calls, what libgcc has for 32 bits, and handlers of UBSan's for whoever
 * defines HANDLER(name). So a 32-bit program runs where no 32-bit library is installed. Linux on x86. Ours, MIT. */
typedef _Bool bool;
typedef __SIZE_TYPE__ size_t;

#ifdef HANDLER
HANDLER(add_overflow) HANDLER(sub_overflow) HANDLER(mul_overflow) HANDLER(negate_overflow) HANDLER(divrem_overflow)
HANDLER(shift_out_of_bounds) HANDLER(out_of_bounds) HANDLER(load_invalid_value) HANDLER(type_mismatch_v1)
HANDLER(pointer_overflow) HANDLER(builtin_unreachable) HANDLER(missing_return) HANDLER(nonnull_arg)
HANDLER(vla_bound_not_positive) HANDLER(invalid_builtin)
#endif

#ifndef __x86_64__ /* what libgcc has for 32 bits */
unsigned long long __udivmoddi4(unsigned long long one, unsigned long long other, unsigned long long *rest)
{
	unsigned long long quotient = 0, left = 0;

	for (int at = 63; at >= 0; at--) {
		_Bool out_of_it = left >> 63;

		left = left << 1 | (one >> at & 1);
		if (out_of_it || left >= other) {
			left -= other;
			quotient |= 1ULL << at;
		}
	}
	*rest = left;
	return quotient;
}

unsigned long long __udivdi3(unsigned long long one, unsigned long long other) { unsigned long long rest; return __udivmoddi4(one, other, &rest); }
unsigned long long __umoddi3(unsigned long long one, unsigned long long other) { unsigned long long rest; __udivmoddi4(one, other, &rest); return rest; }
static unsigned long long size_of(long long value) { return value < 0 ? 0 - (unsigned long long)value : value; }
long long __divdi3(long long one, long long other)
{
	unsigned long long size = __udivdi3(size_of(one), size_of(other));

	return (one < 0) != (other < 0) ? 0 - size : size;
}
long long __moddi3(long long one, long long other)
{
	unsigned long long size = __umoddi3(size_of(one), size_of(other));

	return one < 0 ? 0 - size : size;
}
#endif

static long call_kernel(long number, long one, const void *two, long three)
{
	long result;
#ifdef __x86_64__
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(one), "S"(two), "d"(three) : "rcx", "r11", "memory");
#else
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(one), "c"(two), "d"(three) : "memory");
#endif
	return result;
}

#ifdef __x86_64__
enum { READ = 0, WRITE = 1, EXIT = 60 };
#else
enum { READ = 3, WRITE = 4, EXIT = 1 };
#endif
